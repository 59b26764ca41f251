"""Faults of source systems: a fault stops its own stream, is reported in one sentence, loses no row, and recovers.

Several streams are broken at once, each in its own way: that is quicker, and shows that no fault hides another. Faults
are settled by the time that core is built: runs stop there, where publishing is not what is claimed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pipeline import little_company
from pipeline.installation import QUARANTINED, STATES, Content, Installation, Said, environment
from pipeline.little_company import Rows, deliver, rows_of
from pipeline.personal_data import places_with

# What lands of each stream when it is good.
GOOD_ROWS = {
    "crm/contacts": 300, "hotel/stays": 1_000, "loyalty/members": 300, "loyalty/pos_purchases": 1_000,
    "shop/contacts": 300, "shop/online_purchases": 1_000, "shop/reviews": 1_000,
}  # fmt: skip


@dataclass
class Run:
    """A run, and what could be seen after it."""

    said: Said
    content: Content
    core: Content
    states: dict[str, str]
    quarantined: dict[str, int]
    landed: dict[str, int]
    held: dict[str, int]
    failed_in_dagster: set[str]
    status: Said
    differences: list[int]

    def sentences_about(self, stream: str) -> list[str]:
        return [fault for fault in self.said.faults if fault.startswith(f"{stream}:")]


@dataclass
class Story:
    """A good installation, broken, and repaired."""

    installation: Installation
    before: Content
    core_before: Content
    runs: dict[str, Run] = field(default_factory=dict)

    def run(self, name: str, *arguments: str) -> None:
        said = self.installation.run("--no-train", *arguments)
        self.runs[name] = Run(
            said,
            self.installation.content(),
            self.installation.core(),
            dict(self.installation.built(STATES)),
            dict(self.installation.built(QUARANTINED)),
            {stream: self.installation.landed(stream) for stream in little_company.STREAMS},
            {stream: self.installation.landed(stream, "held") for stream in little_company.STREAMS},
            self.installation.failed_in_dagster(),
            self.installation.status(),
            [difference for (difference,) in self.installation.built("select difference from quality.row_ledger")],
        )


def about_deliveries(said: Said) -> list[str]:
    """The sentences about what is wrong, without what every run says of this company."""
    return [fault for fault in said.faults if not fault.startswith(little_company.KNOWN_WARNING)]


def us_dates(rows: Rows, column: str) -> Rows:
    """The rows with the ISO dates of a column as Americans write them."""
    position = rows[0].index(column)
    fresh = [rows[0]]
    for row in rows[1:]:
        year, month, day = row[position].split("-")
        fresh.append([*row[:position], f"{int(month)}/{int(day)}/{year}", *row[position + 1 :]])
    return fresh


# --- faults of shape -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shapes(company_copy: Callable[[], Installation]) -> Story:
    """Every stream is delivered in a wrong shape; then all are delivered again as they should be."""
    company = company_copy()
    source = company.source
    story = Story(company, company.content(), company.core())
    (source / "crm_contacts.csv").unlink()
    (source / "reviews.csv").write_bytes(b"")
    deliver(source, "hotel/stays", rows_of("hotel/stays")[:1])
    deliver(source, "loyalty/members", rows_of("loyalty/members")[:91])
    till_purchases = source / "till_purchases.csv.gz"
    till_purchases.write_bytes(till_purchases.read_bytes()[:2_000])
    contacts = rows_of("shop/contacts")
    deliver(source, "shop/contacts", [[*contacts[0], "Shoe Size"], *([*row, "42"] for row in contacts[1:])])
    purchases = rows_of("shop/online_purchases")
    deliver(source, "shop/online_purchases", [[*purchases[0][:4], "Price", *purchases[0][5:]], *purchases[1:]])
    story.run("broken", "--until", "core")
    little_company.deliver_all(source)
    story.run("repaired", "--until", "core")
    return story


@pytest.mark.parametrize(
    ("stream", "state", "words"),
    [
        pytest.param("crm/contacts", "failed", ["no file matches crm_contacts.csv", "deliver"], id="missing file"),
        pytest.param("shop/reviews", "failed", ["reviews.csv is empty (0 bytes)", "deliver"], id="empty file"),
        pytest.param("hotel/stays", "failed", ["stays.csv holds no rows", "deliver"], id="header only"),
        pytest.param("loyalty/members", "held", ["90", "150", "deliver it again"], id="copy cut to 30 %"),
        pytest.param(
            "loyalty/pos_purchases", "failed", ["till_purchases.csv.gz", "cut off", "deliver it again"],
            id="truncated gz",
        ),
        pytest.param("shop/contacts", "drifted", ["shoe_size", "sources.yml"], id="unknown column"),
        pytest.param(
            "shop/online_purchases", "failed", ["online_purchases.csv", "total_price", "deliver it"],
            id="renamed column",
        ),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_told_in_one_sentence_that_names_stream_and_remedy(
    shapes: Story, stream: str, state: str, words: list[str]
) -> None:
    broken = shapes.runs["broken"]
    (sentence,) = broken.sentences_about(stream)
    assert [word for word in words if word not in sentence] == [], sentence
    assert broken.states[stream] == state
    assert f"{stream}" in broken.status.text
    assert f"landing/{stream}" in broken.failed_in_dagster


def test_wrong_shapes_leave_what_readers_see_as_it_was(shapes: Story) -> None:
    assert shapes.runs["broken"].content == shapes.before
    assert shapes.runs["broken"].core == shapes.core_before


def test_wrong_shapes_end_the_run_with_1_and_no_traceback(shapes: Story) -> None:
    said = shapes.runs["broken"].said
    assert said.code == 1
    assert said.has_no_traceback()
    assert len(about_deliveries(said)) == 7


def test_wrong_shapes_lose_no_landed_row(shapes: Story) -> None:
    broken = shapes.runs["broken"]
    # The contacts with their new column have landed beside the old ones; of the rest nothing new could be used.
    assert broken.landed == GOOD_ROWS | {"shop/contacts": 600}
    assert broken.held["loyalty/members"] == 90
    assert set(broken.differences) == {0}


def test_wrong_shapes_are_forgotten_once_all_is_delivered_again(shapes: Story) -> None:
    repaired = shapes.runs["repaired"]
    assert repaired.said.code == 0, repaired.said.text
    assert about_deliveries(repaired.said) == []
    assert set(repaired.states.values()) == {"current"}
    assert repaired.core == shapes.core_before
    assert repaired.failed_in_dagster == set()


# --- faults of content -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contents(company_copy: Callable[[], Installation]) -> Story:
    """Every stream is delivered with wrong values; once more so; and then as they should be."""
    company = company_copy()
    source = company.source
    story = Story(company, company.content(), company.core())
    purchases = rows_of("shop/online_purchases")
    deliver(source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abc"))
    deliver(source, "loyalty/pos_purchases", us_dates(rows_of("loyalty/pos_purchases"), "PurchasedOn"))
    deliver(
        source, "shop/reviews",
        little_company.with_column(rows_of("shop/reviews"), "ReviewDate", "some day", only=(10, 20, 30, 40, 50)),
    )  # fmt: skip
    stays = little_company.as_csv(rows_of("hotel/stays")).decode().splitlines()
    stays[100] += ",surplus"
    stays[200] = "A000001,too short"
    stays[300] = '"' + stays[300]
    (source / "stays.csv").write_text("\n".join(stays) + "\n")
    deliver(
        source, "shop/contacts",
        little_company.with_swapped_columns(rows_of("shop/contacts"), "Loyalty Tier", "FullName"),
    )  # fmt: skip
    deliver(source, "loyalty/members", little_company.without_column(rows_of("loyalty/members"), "EMail"))
    crm = little_company.as_csv(rows_of("crm/contacts"))
    (source / "crm_contacts.csv").write_bytes(crm.replace(b"Aldwyne", "Aldwyné".encode("latin-1"), 1))
    story.run("broken", "--until", "core")
    deliver(source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abcd"))
    stays = rows_of("hotel/stays")
    deliver(source, "hotel/stays", [*stays, ["A000001", "S999999", *stays[2][2:]]])
    story.run("broken again")
    little_company.deliver_all(source)
    story.run("repaired", "--until", "core")
    return story


@pytest.mark.parametrize(
    ("stream", "state", "words", "asset"),
    [
        pytest.param(
            "shop/online_purchases", "held", ["1,000", "total_price", "deliver it again"],
            "staging/stg_shop__online_purchases", id="prices that are no numbers",
        ),
        pytest.param(
            "loyalty/pos_purchases", "held", ["1,000", "purchased_on", "deliver it again"],
            "staging/stg_loyalty__pos_purchases", id="dates of another country",
        ),
        pytest.param(
            "shop/contacts", "held", ["loyalty_tier", "deliver it again"],
            "staging/stg_shop__contacts", id="swapped columns",
        ),
        pytest.param(
            "loyalty/members", "failed", ["members.csv", "e_mail", "deliver it"],
            "landing/loyalty/members", id="removed column",
        ),
    ],
)  # fmt: skip
def test_a_wrong_content_is_told_in_one_sentence_that_names_stream_and_remedy(
    contents: Story, stream: str, state: str, words: list[str], asset: str
) -> None:
    broken = contents.runs["broken"]
    (sentence,) = broken.sentences_about(stream)
    assert [word for word in words if word not in sentence] == [], sentence
    assert broken.states[stream] == state
    assert asset in broken.failed_in_dagster


@pytest.mark.parametrize(
    ("stream", "rows"),
    [
        pytest.param("shop/reviews", 5, id="five bad dates"),
        pytest.param("hotel/stays", 3, id="three unreadable rows"),
        pytest.param("crm/contacts", 1, id="a row in another encoding"),
    ],
)
def test_a_few_bad_rows_wait_in_quarantine_and_the_rest_flows(contents: Story, stream: str, rows: int) -> None:
    broken = contents.runs["broken"]
    assert broken.quarantined[stream] == rows
    assert broken.states[stream] == "current"
    assert broken.sentences_about(stream) == []
    assert f"{rows} row" in next(line for line in broken.said.text.splitlines() if f"of {stream} (" in line)


def test_wrong_contents_leave_what_readers_see_as_it_was(contents: Story) -> None:
    # The bad rows are newer versions of rows that were good: the last good version stays.
    assert contents.runs["broken"].content == contents.before
    assert contents.runs["broken"].core == contents.core_before


def test_wrong_contents_lose_no_landed_row(contents: Story) -> None:
    broken = contents.runs["broken"]
    assert {stream: rows for stream, rows in broken.held.items() if rows} == {
        "shop/online_purchases": 1_000, "loyalty/pos_purchases": 1_000, "shop/contacts": 300,
    }  # fmt: skip
    assert broken.landed == GOOD_ROWS | {"shop/reviews": 2_000, "hotel/stays": 1_997, "crm/contacts": 599}
    assert set(broken.differences) == {0}


def test_what_was_found_in_a_held_load_stays_in_the_validation_results(contents: Story) -> None:
    found = contents.installation.value("""
        select count(*) from quality.validation_result
        where not success and severity = 'error' and table_name like '%shop__online_purchases%'
    """)
    assert found >= 1


def test_a_second_bad_delivery_stops_no_other_system(contents: Story) -> None:
    again = contents.runs["broken again"]
    assert again.said.code == 1
    assert "Published" in again.said.text
    assert again.states["shop/online_purchases"] == "held"
    # The hotel has corrected its file and delivers a stay more.
    assert again.states["hotel/stays"] == "current"
    assert again.content["core.fct_booking"][0] == 1_001
    assert again.content["core.fct_order_line"] == contents.before["core.fct_order_line"]


def test_wrong_contents_are_forgotten_once_all_is_delivered_again(contents: Story) -> None:
    repaired = contents.runs["repaired"]
    assert repaired.said.code == 0, repaired.said.text
    assert about_deliveries(repaired.said) == []
    assert set(repaired.states.values()) == {"current"}
    assert repaired.quarantined == {}
    assert set(repaired.differences) == {0}
    unchanged = ("core.fct_order_line", "core.fct_survey_answer", "core.dim_customer")
    assert {table: repaired.core[table] for table in unchanged} == {t: contents.core_before[t] for t in unchanged}
    assert repaired.core["core.fct_booking"][0] == 1_001  # a stay that was delivered stays


def test_faulty_deliveries_bring_no_personal_data_into_text_logs_or_results(shapes: Story, contents: Story) -> None:
    for story in (shapes, contents):
        texts = {f"text of run {name}": run.said.text + run.status.text for name, run in story.runs.items()}
        assert places_with(little_company.personal_values(), story.installation, texts) == {}


# --- broken from the start -------------------------------------------------------------------------------------------


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
    story.run("repaired", "--until", "core")
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


def test_what_was_broken_from_the_start_comes_by_itself_once_it_is_delivered(
    from_the_start: Story, good_company: Installation
) -> None:
    repaired = from_the_start.runs["repaired"]
    assert repaired.said.code == 0, repaired.said.text
    assert {table: rows for table, (rows, _) in repaired.core.items()} == {
        table: rows for table, (rows, _) in good_company.core().items()
    }
    company = from_the_start.installation
    assert company.built_value("select sum(net_amount) from core.fct_order_line") == 15_000
    assert company.built_value("select count(distinct customer_key) from core.fct_order_line") == 300


# --- interrupted -----------------------------------------------------------------------------------------------------


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
    story.run("next", "--until", "core")
    return story


def test_a_delivery_that_an_interrupted_run_let_in_is_held_by_the_next_one(interrupted: Story) -> None:
    run = interrupted.runs["next"]
    assert run.said.code == 1
    assert len(about_deliveries(run.said)) == 1, run.said.text
    assert run.states["shop/online_purchases"] == "held"
    assert (run.landed["shop/online_purchases"], run.held["shop/online_purchases"]) == (1_000, 1_000)
    assert run.core == interrupted.core_before


def test_an_interrupted_run_is_not_left_as_running(interrupted: Story) -> None:
    """Dagster starts no queued run while it believes that one is running: the nightly run would wait for ever."""
    assert "STARTED" not in interrupted.installation.run_states_in_dagster()
