"""A run as of the past publishes what was known then: by hand up to core, and against a firm without what is later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from golden import files_digest, home_of
from pipeline import past_firm
from pipeline.installation import Installation, WarmCommand
from pipeline.past_firm import LATER_ROWS, PAST


def _new_firm(folder: Path, warm: WarmCommand, *, whole: bool) -> Installation:
    assert warm("init", folder / "firm", variables={}).code == 0
    past_firm.write_firm(folder / "firm")
    past_firm.deliver(folder / "firm", whole=whole)
    return Installation(folder / "firm", warm=warm)


@pytest.fixture(scope="module")
def core(warm: WarmCommand) -> Callable[[str], list[tuple]]:
    """Asks the whole firm after a run as of PAST up to core."""

    def make(folder: Path) -> None:
        said = _new_firm(folder, warm, whole=True).run("--as-of", PAST, "--until", "core")
        assert said.code == 0, said.text

    folder = home_of("past_moment", make, inputs=files_digest(Path(past_firm.__file__)))
    return Installation(folder / "firm", warm=warm).built


def test_records_that_came_later_are_unknown_and_attributes_are_those_of_then(core) -> None:  # type: ignore[no-untyped-def]
    people = "select display_name from core.dim_customer where customer_key > 0 order by 1"
    assert core(people) == [("Ann Lee",), ("Bob Ray",)]
    records = "select source_record_id, city from intermediate.int_source_record order by 1"
    assert core(records) == [("P1", "Utrecht"), ("P2", "Gent")]
    versions = "select source_record_id, city, known_to from intermediate.int_source_record_version order by 1"
    assert core(versions) == [("P1", "Utrecht", None), ("P2", "Gent", None)]
    assert core("select count(*) from core.bridge_source_record") == [(2,)]
    assert core(
        "select distinct identifier_value from core.bridge_customer_identifier where identifier_kind = 'card_no'"
    ) == [("K1",)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("source_order_line_id from core.fct_order_line", ["L1", "L2"]),
        ("source_consent_id from core.fct_consent", ["C1"]),
        ("campaign_id from core.dim_campaign where campaign_key > 0", ["M1"]),
        ("offer_id from core.dim_offer where offer_key > 0", ["F1"]),
        ("offer_made_id from intermediate.int_delivered_offer_made", ["X1", "X2"]),
        ("coupon_code from intermediate.int_coupon", ["Q1"]),
        ("offer_id from intermediate.int_offer_product", ["F1"]),
        ("reading_id from intermediate.int_device_reading", ["V1"]),
        ("survey_answer_id from intermediate.int_survey_answer", ["N1"]),
        ("source_interaction_id from intermediate.int_delivered_interaction", ["I1", "I2", "I3"]),
        ("source_relation_id from intermediate.int_delivered_relation", ["W1"]),
        ("rate from intermediate.int_delivered_exchange_rate", [0.9]),
        ("transaction_id from intermediate.int_loyalty_transaction", ["Y1"]),
        ("booking_id from intermediate.int_booking", ["S1"]),
        ("position_id from intermediate.int_position", ["G1"]),
        ("redemption_id from intermediate.int_coupon_redemption", []),
    ],
)
def test_later_rows_are_left_out(core, query: str, expected: list) -> None:  # type: ignore[no-untyped-def, type-arg]
    assert [
        float(found) if isinstance(expected[0], float) else found for (found,) in core(f"select {query} order by 1")
    ] == (expected)


def test_states_are_those_of_then(core) -> None:  # type: ignore[no-untyped-def]
    assert core("select appointment_id, status, changed_at from intermediate.int_appointment order by 1") == [
        ("A1", "planned", None), ("A2", "kept", datetime(2025, 6, 5, 11)),
    ]  # fmt: skip
    complaints = "select complaint_id, state, resolved_at, reopened_count from intermediate.int_complaint order by 1"
    assert core(complaints) == [
        ("K1", "answered", None, 0), ("K2", "resolved", datetime(2025, 5, 20, 10), 0),
    ]  # fmt: skip
    assert core("select cart_id, state, state_since from intermediate.int_cart_line") == [
        ("U1", "open", datetime(2025, 6, 29, 10))
    ]
    offers = "select offer_made_id, coupon_code, redeemed_at from intermediate.int_delivered_offer_made order by 1"
    assert core(offers) == [
        ("X1", None, None), ("X2", None, None),
    ]  # fmt: skip
    assert core("select device_id, last_seen_at from intermediate.int_device") == [("D1", datetime(2025, 7, 1))]


def test_every_row_left_out_is_counted(core) -> None:  # type: ignore[no-untyped-def]
    # The version of P3 is left out beside its record, and that of P1 from July.
    assert core("select sum(later_rows), sum(abs(difference)) from intermediate.int_contribution_ledger") == [
        (LATER_ROWS + 2, 0)
    ]
    assert core("select sum(abs(difference)) from quality.row_ledger") == [(0,)]


@pytest.mark.long
def test_run_as_of_the_past_is_that_of_a_firm_without_what_is_later(warm: WarmCommand, tmp_path: Path) -> None:
    young = _new_firm(tmp_path / "young", warm, whole=False)
    said = young.run("--as-of", PAST)
    assert said.code == 0, said.text

    grown = _new_firm(tmp_path / "grown", warm, whole=True)
    assert grown.run().code == 0
    present, kept = grown.content(), _kept(grown)
    said = grown.run("--as-of", PAST)
    assert said.code == 0, said.text
    assert f"Left out, as later than 2025-07-01 00:00 UTC: {LATER_ROWS + 2} rows" in said.text
    assert {table: found for table, found in grown.content().items() if found != young.content()[table]} == {}
    # What cannot be computed again stays as the present has written it, and the present comes back.
    assert _kept(grown) == kept
    assert "cannot train" in grown.run("--as-of", PAST, "--train").text
    assert grown.run().code == 0
    assert grown.content() == present


def _kept(company: Installation) -> dict[str, str]:
    return {name: files_digest(company.home / name) for name in ("identity", "predictions")}
