"""Faults of source systems: a fault stops its own stream, is reported in one sentence, loses no row, and recovers.

Several streams are broken at once, each in its own way: that is quicker, and shows that no fault hides another. Wrong
shapes come first, wrong contents on top of them, and then good files. Runs stop at the layer on which the claim is
settled: staging judges a load, core shows what readers would see. One run publishes beside faults; the rest is `long`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline import little_company
from pipeline.installation import Installation
from pipeline.little_company import Rows, deliver, rows_of
from pipeline.personal_data import places_with
from pipeline.stories import Story, about_deliveries

# What lands of each stream when it is good.
GOOD_ROWS = {
    "crm/contacts": 300, "hotel/stays": 1_000, "loyalty/members": 300, "loyalty/pos_purchases": 1_000,
    "shop/contacts": 300, "shop/online_purchases": 1_000, "shop/reviews": 1_000,
}  # fmt: skip


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
def deliveries(company_copy: Callable[[], Installation]) -> Story:
    """Every stream is delivered in a wrong shape, then with wrong values, and then as it should be."""
    company = company_copy()
    story = Story(company, company.content(), company.core())
    deliver_wrong_shapes(company.source)
    story.run("wrong shapes", "--until", "staging")
    company.show_to_readers()
    deliver_wrong_contents(company.source)
    story.run("wrong contents", "--until", "core")
    little_company.deliver_all(company.source)
    story.run("repaired", "--until", "core")
    return story


def deliver_wrong_shapes(source: Path) -> None:
    """Seven streams, each in another shape than agreed."""
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
    deliveries: Story, stream: str, state: str, words: list[str]
) -> None:
    broken = deliveries.runs["wrong shapes"]
    (sentence,) = broken.sentences_about(stream)
    assert [word for word in words if word not in sentence] == [], sentence
    assert broken.states[stream] == state
    assert f"{stream}" in broken.status.text
    assert f"landing/{stream}" in broken.failed_in_dagster


def test_wrong_shapes_leave_what_readers_see_as_it_was(deliveries: Story) -> None:
    assert deliveries.runs["wrong shapes"].content == deliveries.before
    # Core as the next run builds it, on top of what the wrong shapes have left in landing and staging.
    assert deliveries.runs["wrong contents"].core == deliveries.core_before


def test_wrong_shapes_end_the_run_with_1_and_no_traceback(deliveries: Story) -> None:
    said = deliveries.runs["wrong shapes"].said
    assert said.code == 1
    assert said.has_no_traceback()
    assert len(about_deliveries(said)) == 7


def test_wrong_shapes_lose_no_landed_row(deliveries: Story) -> None:
    broken = deliveries.runs["wrong shapes"]
    # The contacts with their new column have landed beside the old ones; of the rest nothing new could be used.
    assert broken.landed == GOOD_ROWS | {"shop/contacts": 600}
    assert broken.held["loyalty/members"] == 90
    assert set(broken.differences) == {0}


# --- faults of content -----------------------------------------------------------------------------------------------


def deliver_wrong_contents(source: Path) -> None:
    """Seven streams in their agreed shape, each with other wrong values."""
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
    deliveries: Story, stream: str, state: str, words: list[str], asset: str
) -> None:
    broken = deliveries.runs["wrong contents"]
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
def test_a_few_bad_rows_wait_in_quarantine_and_the_rest_flows(deliveries: Story, stream: str, rows: int) -> None:
    broken = deliveries.runs["wrong contents"]
    assert broken.quarantined[stream] == rows
    assert broken.states[stream] == "current"
    assert broken.sentences_about(stream) == []
    assert f"{rows} row" in next(line for line in broken.said.text.splitlines() if f"of {stream} (" in line)


def test_wrong_contents_leave_what_readers_see_as_it_was(deliveries: Story) -> None:
    # The bad rows are newer versions of rows that were good: the last good version stays.
    assert deliveries.runs["wrong contents"].content == deliveries.before
    assert deliveries.runs["wrong contents"].core == deliveries.core_before


def test_wrong_contents_lose_no_landed_row(deliveries: Story) -> None:
    broken = deliveries.runs["wrong contents"]
    assert {stream: rows for stream, rows in broken.held.items() if rows} == {
        "shop/online_purchases": 1_000, "loyalty/pos_purchases": 1_000, "shop/contacts": 300, "loyalty/members": 90,
    }  # fmt: skip
    assert broken.landed == GOOD_ROWS | {
        "shop/contacts": 600, "shop/reviews": 2_000, "hotel/stays": 1_997, "crm/contacts": 599,
    }  # fmt: skip
    assert set(broken.differences) == {0}


def test_what_was_found_in_a_held_load_stays_in_the_validation_results(deliveries: Story) -> None:
    found = deliveries.installation.built_value("""
        select count(*) from quality.validation_result
        where not success and severity = 'error' and table_name like '%shop__online_purchases%'
    """)
    assert found >= 1


@pytest.fixture(scope="module")
def second_bad_delivery(company_copy: Callable[[], Installation]) -> Story:
    """A stream is bad twice in a row, while another brings a row more. The second run is whole."""
    company = company_copy()
    story = Story(company, company.content(), company.core())
    purchases, stays = rows_of("shop/online_purchases"), rows_of("hotel/stays")
    deliver(company.source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abc"))
    story.run("broken", "--until", "staging")
    deliver(company.source, "shop/online_purchases", little_company.with_column(purchases, "TotalPrice", "abcd"))
    deliver(company.source, "hotel/stays", [*stays, ["A000001", "S999999", *stays[2][2:]]])
    story.run("broken again")
    return story


@pytest.mark.long
def test_a_second_bad_delivery_stops_no_other_system(second_bad_delivery: Story) -> None:
    again = second_bad_delivery.runs["broken again"]
    assert again.said.code == 1
    assert "Published" in again.said.text
    assert again.states["shop/online_purchases"] == "held"
    assert again.states["hotel/stays"] == "current"
    assert again.content["core.fct_booking"][0] == 1_001
    assert again.content["core.fct_order_line"] == second_bad_delivery.before["core.fct_order_line"]


def test_faults_are_forgotten_once_all_is_delivered_again(deliveries: Story) -> None:
    repaired = deliveries.runs["repaired"]
    assert repaired.said.code == 0, repaired.said.text
    assert about_deliveries(repaired.said) == []
    assert set(repaired.states.values()) == {"current"}
    assert repaired.quarantined == {}
    assert set(repaired.differences) == {0}
    assert repaired.core == deliveries.core_before
    assert repaired.failed_in_dagster == set()


def test_faulty_deliveries_bring_no_personal_data_into_text_logs_or_results(deliveries: Story) -> None:
    texts = {f"text of run {name}": run.said.text + run.status.text for name, run in deliveries.runs.items()}
    assert places_with(little_company.personal_values(), deliveries.installation, texts) == {}
