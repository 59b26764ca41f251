"""What lasts: numbers, the history of the assignment, reviewed decisions, and the model that new records meet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from identity.conftest import customers, groups
from identity.datasets import synthetic

from orchestration.identity import assignment_as_of, explain, link_records, present_customer

ANN = {"key": "crm/ann", "given_name": "Ann", "family_name": "Lee", "email": "ann@example.com"}
ANN_SHOP = {"key": "shop/ann", "given_name": "Ann", "family_name": "Lee", "email": "ann@example.com"}
BOB = {"key": "crm/bob", "given_name": "Bob", "family_name": "Ray", "email": "bob@example.com"}


def decisions(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "decisions.yml"
    file.write_text(text)
    return file


def test_a_forbidden_link_is_undone_and_nobody_else_moves(connection, given, tmp_path: Path) -> None:
    given(ANN, ANN_SHOP, BOB)
    before = customers(connection)
    file = decisions(tmp_path, "not_same: [{records: [crm/ann, [shop, ann]], reason: two people, asked by phone}]")
    given(ANN, ANN_SHOP, BOB, decisions=file)
    after = customers(connection)
    assert after["crm/ann"] != after["shop/ann"]
    assert after["crm/bob"] == before["crm/bob"]
    given(ANN, ANN_SHOP, BOB)
    assert len(groups(connection)) == 2


def test_a_declared_link_is_made_whatever_speaks_against_it(connection, given, tmp_path: Path) -> None:
    file = decisions(tmp_path, "same: [{records: [crm/ann, crm/bob], reason: took another name}]")
    given(ANN, ANN_SHOP, BOB, decisions=file)
    assert len(groups(connection)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "same: [{records: [crm/ann], reason: one record only}]",
        "same: [{records: [crm/ann, crm/bob]}]",
        "never: [{records: [crm/ann, crm/bob], reason: unknown list}]",
        "{same: [{records: [a/1, b/1], reason: x}], not_same: [{records: [b/1, a/1], reason: y}]}",
    ],
)
def test_decisions_that_cannot_be_understood_are_refused(given, tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="decisions.yml"):
        given(ANN, decisions=decisions(tmp_path, text))


def test_the_assignment_can_be_asked_as_known_on_a_day(connection, given) -> None:
    given(ANN, BOB, as_of=datetime(2026, 1, 1))
    early = customers(connection)
    given(
        ANN, BOB | {"email": "ann@example.com", "given_name": "Ann", "family_name": "Lee"}, as_of=datetime(2026, 2, 1)
    )
    late = customers(connection)
    assert late["crm/ann"] == late["crm/bob"]

    def known(moment: datetime) -> dict[str, int]:
        return {
            f"{system}/{record}": number for system, record, number in assignment_as_of(connection, moment).fetchall()
        }

    assert known(datetime(2026, 1, 15)) == early
    assert known(datetime(2026, 2, 2)) == late
    assert known(datetime(2025, 12, 31)) == {}


def test_every_number_ever_given_resolves(connection, given) -> None:
    given(ANN, BOB)
    early = customers(connection)
    given(ANN, BOB | {"email": "ann@example.com", "given_name": "Ann", "family_name": "Lee"})
    present = customers(connection)["crm/ann"]
    assert {present_customer(connection, number) for number in early.values()} == {present}
    with pytest.raises(KeyError, match="never given"):
        present_customer(connection, 10_000)


def test_an_explanation_names_records_rules_weights_and_what_was_refused(connection, given) -> None:
    other = ANN | {"key": "till/tom", "given_name": "Tom"}
    given(ANN, ANN_SHOP, other, BOB)
    found = explain(connection, customers(connection)["crm/ann"])
    assert found.records == (("crm", "ann"), ("shop", "ann"))
    assert [(link.first, link.second, link.rule) for link in found.links] == [
        (("crm", "ann"), ("shop", "ann"), "email")
    ]
    weights = {weight.comparison: weight for weight in found.links[0].weights}
    assert weights["given_name"].outcome == "exact" and weights["given_name"].bits > 0
    assert {link.second for link in found.refused} == {("till", "tom")}
    assert {link.reason for link in found.refused} == {"given name differs"}


@pytest.fixture(scope="module")
def grown() -> duckdb.DuckDBPyConnection:
    """2,500 records linked at once, and then 2 % more and some that have changed, been removed or returned."""
    connection = duckdb.connect()
    synthetic(connection, 2_600, seed=7)
    connection.execute("alter table records rename to everyone")
    connection.execute("create table records as from everyone where hash(source_record_id) % 50 > 0")
    link_records(connection, "records", as_of=datetime(2026, 1, 1))
    connection.execute("create table first_assignment as from identity.assignment")
    connection.execute("""
        create or replace table records as
        select * replace (if(hash(source_record_id) % 97 = 5, null, phone) as phone) from everyone
        where hash(source_record_id) % 83 > 0
    """)
    link_records(connection, "records", as_of=datetime(2026, 1, 2))
    return connection


def test_new_records_meet_the_model_that_was_learned(grown: duckdb.DuckDBPyConnection) -> None:
    learned = grown.execute("select learned_as_of from identity.linkage_model").fetchone()
    assert learned == (datetime(2026, 1, 1),)


def test_linking_new_records_gives_what_a_full_run_with_the_same_model_gives(grown: duckdb.DuckDBPyConnection) -> None:
    full = duckdb.connect()
    full.execute("create schema identity")
    learned = [f"identity.{table}" for table in ("linkage_model", "term_frequency", "name_root", "common_block")]
    for table in ("records", *learned):
        full.register("copied", grown.execute(f"from {table}").to_arrow_table())
        full.execute(f"create table {table} as from copied")
        full.unregister("copied")
    link_records(full, "records", relearn=False)
    assert groups(grown) == groups(full)


def test_an_unchanged_delivery_changes_no_number_and_no_history(grown: duckdb.DuckDBPyConnection) -> None:
    before, periods = customers(grown), grown.execute("select count(*) from identity.assignment_history").fetchone()
    result = link_records(grown, "records", as_of=datetime(2026, 1, 3))
    assert customers(grown) == before
    assert (result.new_customers, result.merged_customers) == (0, 0)
    assert grown.execute("select count(*) from identity.assignment_history").fetchone() == periods


def test_a_record_has_one_customer_at_any_moment(grown: duckdb.DuckDBPyConnection) -> None:
    overlapping = grown.execute("""
        select count(*) from identity.assignment_history
        where valid_to is null group by source_system, source_record_id having count(*) > 1
    """).fetchall()
    assert overlapping == []
