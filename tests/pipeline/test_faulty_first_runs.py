"""Faults of the very first run, or of a load that a killed run has accepted: the run reports them and recovers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from pipeline import little_company
from pipeline.installation import Installation, environment
from pipeline.little_company import deliver, rows_of
from pipeline.stories import Story, about_deliveries, staged

# Two whole runs and two to staging: each fault by itself is in test_faulty_deliveries and in tests/channels.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def from_the_start(new_company: Callable[..., Installation], tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The first run of all meets faults, one of them a folder in place of a file. Its own folder has a strange name."""
    company = new_company(folder=tmp_path_factory.mktemp("strange") / "O'Brien & sons ü")
    source = company.source
    (source / "crm_contacts.csv").unlink()
    (source / "crm_contacts.csv").mkdir()
    purchases = rows_of("shop/online_purchases")
    deliver(source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abc"))
    deliver(
        source, "shop/reviews",
        little_company.with_column(rows_of("shop/reviews"), "ReviewDate", "some day", only=(1, 2, 3, 4, 5)),
    )  # fmt: skip
    story = Story(company, {}, {})
    story.run("broken")
    little_company.deliver_all(source)
    story.run("repaired", "--until", "staging")
    return story


def test_what_is_good_is_published_although_a_stream_is_broken_from_the_start(from_the_start: Story) -> None:
    broken = from_the_start.runs["broken"]
    assert broken.said.code == 1
    assert len(about_deliveries(broken.said)) == 2, broken.said.text
    (missing,) = broken.sentences_about("crm/contacts")
    assert "no file matches crm_contacts.csv" in missing
    assert broken.states["crm/contacts"] == "failed"
    assert broken.states["shop/online_purchases"] == "held"
    assert broken.content["core.fct_order_line"][0] == 1_000  # those of the tills
    assert broken.content["core.fct_survey_answer"][0] == 995
    assert broken.content["core.fct_booking"][0] == 1_000
    assert broken.content["marts.customer_360"][0] == little_company.CUSTOMERS


def test_what_was_broken_from_the_start_is_staged_once_it_is_delivered(
    from_the_start: Story, good_company: Installation
) -> None:
    repaired = from_the_start.runs["repaired"]
    assert repaired.said.code == 0, repaired.said.text
    assert set(repaired.states.values()) == {"current"}
    assert repaired.quarantined == {}
    assert staged(from_the_start.installation) == staged(good_company)


def test_what_was_broken_from_the_start_comes_by_itself_once_it_is_delivered(
    from_the_start: Story, good_company: Installation
) -> None:
    from_the_start.run("repaired to core", "--until", "core")
    repaired = from_the_start.runs["repaired to core"]
    assert repaired.said.code == 0, repaired.said.text
    assert {table: rows for table, (rows, _) in repaired.core.items()} == {
        table: rows for table, (rows, _) in good_company.core().items()
    }
    company = from_the_start.installation
    assert company.built_value("select sum(net_amount) from core.fct_order_line") == 15_000
    assert company.built_value("select count(distinct customer_key) from core.fct_order_line") == 300


@pytest.fixture(scope="module")
def interrupted(company_copy: Callable[[], Installation]) -> Story:
    """A run is killed after landing has accepted a bad delivery and before staging could judge it; another follows."""
    company = company_copy()
    story = Story(company, company.content(), company.core())
    purchases = rows_of("shop/online_purchases")
    deliver(company.source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abc"))
    with subprocess.Popen(
        company.cold_command(*company.run_arguments()), cwd=company.folder, env=environment(company.variables),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        for line in process.stdout:
            if "landing shop/online_purchases" in line:
                process.kill()
    assert company.landed("shop/online_purchases") == 2_000
    story.run("next", "--until", "staging")
    return story


def test_a_delivery_that_an_interrupted_run_let_in_is_held_by_the_next_one(
    interrupted: Story, good_company: Installation
) -> None:
    run = interrupted.runs["next"]
    assert run.said.code == 1
    assert len(about_deliveries(run.said)) == 1, run.said.text
    assert run.states["shop/online_purchases"] == "held"
    assert (run.landed["shop/online_purchases"], run.held["shop/online_purchases"]) == (1_000, 1_000)
    assert staged(interrupted.installation) == staged(good_company)


def test_an_interrupted_run_is_not_left_as_running(interrupted: Story) -> None:
    """Dagster starts no queued run while it believes that one is running: the nightly run would wait for ever."""
    assert "STARTED" not in interrupted.installation.run_states_in_dagster()
