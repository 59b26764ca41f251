"""Memory: numbers, the history of the assignment, reviewed decisions, and the model for new records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import pytest
from identity.conftest import customers, groups, warehouse
from identity.datasets import synthetic

from orchestration.identity import linking
from orchestration.identity.decisions import read_decisions
from orchestration.identity.explain import assignment_as_of, explain, present_customer
from orchestration.identity.linking import LinkResult, link_records
from orchestration.identity.memory import count_frequencies
from orchestration.identity.records import WITH_FREQUENCY
from orchestration.identity.register import NUMBERS, keep_register, register_moment, restore_register
from orchestration.identity.workspace import Workspace
from orchestration.warehouse.connection import WarehouseError

ANN = {"key": "crm/ann", "given_name": "Ann", "family_name": "Lee", "email": "ann@example.com"}
ANN_SHOP = {"key": "shop/ann", "given_name": "Ann", "family_name": "Lee", "email": "ann@example.com"}
BOB = {"key": "crm/bob", "given_name": "Bob", "family_name": "Ray", "email": "bob@example.com"}


def decisions(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "decisions.yml"
    file.write_text(text)
    return file


def test_not_same_decision_splits_a_customer_and_moves_no_other(connection, given, tmp_path: Path) -> None:
    given(ANN, ANN_SHOP, BOB)
    before = customers(connection)
    file = decisions(tmp_path, "not_same: [{records: [crm/ann, [shop, ann]], reason: two people, asked by phone}]")
    given(ANN, ANN_SHOP, BOB, decisions=file)
    after = customers(connection)
    assert after["crm/ann"] != after["shop/ann"]
    assert after["crm/bob"] == before["crm/bob"]
    given(ANN, ANN_SHOP, BOB)
    assert len(groups(connection)) == 2


def test_same_decision_overrules_the_evidence(connection, given, tmp_path: Path) -> None:
    file = decisions(tmp_path, "same: [{records: [crm/ann, crm/bob], reason: took another name}]")
    given(ANN, ANN_SHOP, BOB, decisions=file)
    assert len(groups(connection)) == 1


def test_id_in_a_decision_may_contain_a_slash(tmp_path: Path) -> None:
    (found,) = read_decisions(decisions(tmp_path, "same: [{records: [crm/2024/7, shop/ann], reason: asked by phone}]"))
    assert (found.first, found.second) == (("crm", "2024/7"), ("shop", "ann"))


@pytest.mark.parametrize(
    "text",
    [
        "same: [{records: [crm/ann], reason: one record only}]",
        "same: [{records: [crm/ann, crm/bob]}]",
        "never: [{records: [crm/ann, crm/bob], reason: unknown list}]",
        "{same: [{records: [a/1, b/1], reason: x}], not_same: [{records: [b/1, a/1], reason: y}]}",
    ],
)
def test_malformed_decisions_are_rejected(given, tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="decisions.yml"):
        given(ANN, decisions=decisions(tmp_path, text))


def test_assignment_as_of_a_day_is_as_known_then(connection, given) -> None:
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


def test_every_assigned_number_resolves(connection, given) -> None:
    given(ANN, BOB)
    early = customers(connection)
    given(ANN, BOB | {"email": "ann@example.com", "given_name": "Ann", "family_name": "Lee"})
    present = customers(connection)["crm/ann"]
    assert {present_customer(connection, number) for number in early.values()} == {present}
    with pytest.raises(KeyError, match="never assigned"):
        present_customer(connection, 10_000)


def test_explanation_has_records_rules_weights_and_refusals(connection, given) -> None:
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
def link_grown(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LinkResult]:
    """link_records, which keeps a learned model for 500 records already: fewer records show the same."""
    file = tmp_path_factory.mktemp("rules") / "identity_rules.yml"
    file.write_text("learning: {least_records: 50, always_below_records: 500, most_changed_share: 0.05}")
    return partial(link_records, rules_files=[file])


@pytest.fixture(scope="module")
def grown(link_grown: Callable[..., LinkResult]) -> duckdb.DuckDBPyConnection:
    """800 records linked at once, and then 2 % more and some that have changed, been removed or returned."""
    connection = warehouse()
    synthetic(connection, 830, seed=7)
    connection.execute("alter table records rename to everyone")
    connection.execute("create table records as from everyone where hash(source_record_id) % 50 > 0")
    link_grown(connection, "records", as_of=datetime(2026, 1, 1))
    connection.execute("create table first_assignment as from identity.assignment")
    connection.execute("""
        create or replace table records as
        select * replace (if(hash(source_record_id) % 97 = 5, null, phone) as phone) from everyone
        where hash(source_record_id) % 83 > 0
    """)
    link_grown(connection, "records", as_of=datetime(2026, 1, 2))
    return connection


def test_new_records_use_the_learned_model(grown: duckdb.DuckDBPyConnection) -> None:
    learned = grown.execute("select learned_as_of from identity.linkage_model").fetchone()
    assert learned == (datetime(2026, 1, 1),)


def test_incremental_linking_equals_a_full_run_with_the_same_model(
    grown: duckdb.DuckDBPyConnection, link_grown
) -> None:
    full = warehouse()
    full.execute("create schema identity")
    learned = [f"identity.{table}" for table in ("linkage_model", "term_frequency", "name_root", "common_block")]
    for table in ("records", *learned):
        full.register("copied", grown.execute(f"from {table}").to_arrow_table())
        full.execute(f"create table {table} as from copied")
        full.unregister("copied")
    link_grown(full, "records", relearn=False)
    assert groups(grown) == groups(full)


def test_unchanged_delivery_changes_no_number_and_no_history(grown: duckdb.DuckDBPyConnection, link_grown) -> None:
    before, periods = customers(grown), grown.execute("select count(*) from identity.assignment_history").fetchone()
    result = link_grown(grown, "records", as_of=datetime(2026, 1, 3))
    assert customers(grown) == before
    assert (result.new_customers, result.merged_customers) == (0, 0)
    assert grown.execute("select count(*) from identity.assignment_history").fetchone() == periods


def test_record_has_one_customer_at_any_moment(grown: duckdb.DuckDBPyConnection) -> None:
    overlapping = grown.execute("""
        select count(*) from identity.assignment_history
        where valid_to is null group by source_system, source_record_id having count(*) > 1
    """).fetchall()
    assert overlapping == []


def rebuilt_from(connection: duckdb.DuckDBPyConnection, register: Path) -> duckdb.DuckDBPyConnection:
    """Another warehouse, with the same records and the register."""
    other = warehouse()
    other.register("delivered", connection.execute("from records").to_arrow_table())
    other.execute("create table records as from delivered")
    restore_register(other, register)
    return other


def everything(connection: duckdb.DuckDBPyConnection, *tables: str) -> dict[str, list[tuple]]:
    return {table: connection.execute(f"select * from identity.{table} order by all").fetchall() for table in tables}


def test_deleted_warehouse_is_rebuilt_with_the_same_numbers(
    grown: duckdb.DuckDBPyConnection, link_grown, tmp_path: Path
) -> None:
    keep_register(grown, tmp_path)
    rebuilt = rebuilt_from(grown, tmp_path)
    result = link_grown(rebuilt, "records", as_of=datetime(2026, 1, 4))
    tables = (*NUMBERS, "assignment", "link", "refused_link")
    assert everything(rebuilt, *tables) == everything(grown, *tables)
    assert (result.new_customers, result.merged_customers) == (0, 0)
    assert rebuilt.execute("select learned_as_of from identity.linkage_model").fetchone() == (datetime(2026, 1, 1),)


def test_past_moment_has_the_numbers_of_then_and_leaves_the_register_alone(connection, given, tmp_path: Path) -> None:
    given(ANN, BOB, as_of=datetime(2026, 1, 1))
    before = customers(connection)
    same = decisions(tmp_path, "same: [{records: [crm/bob, crm/ann], reason: took another name}]")
    given(ANN, BOB, as_of=datetime(2026, 2, 1), decisions=same)
    assert len(set(customers(connection).values())) == 1
    register = tmp_path / "register"
    keep_register(connection, register, as_of=datetime(2026, 2, 1))
    assert register_moment(register) == datetime(2026, 2, 1)
    kept = {file: file.read_bytes() for file in register.rglob("*") if file.is_file()}

    restore_register(connection, register, known_until=datetime(2026, 1, 15))
    result = link_records(connection, "records", as_of=datetime(2026, 1, 15), relearn=False)
    assert customers(connection) == before
    assert (result.new_customers, result.merged_customers) == (0, 0)
    assert everything(connection, "customer_id_change") == {"customer_id_change": []}
    assert {file: file.read_bytes() for file in register.rglob("*") if file.is_file()} == kept

    restore_register(connection, register)
    result = link_records(connection, "records", as_of=datetime(2026, 3, 1), decisions=same)
    assert len(set(customers(connection).values())) == 1
    assert result.merged_customers == 0
    assert len(everything(connection, "customer_id_change")["customer_id_change"]) == 1


def test_register_of_an_earlier_version_knows_its_last_change(connection, given, tmp_path: Path) -> None:
    given(ANN, BOB, as_of=datetime(2026, 1, 1))
    keep_register(connection, tmp_path)
    assert register_moment(tmp_path) == datetime(2026, 1, 1)
    assert register_moment(tmp_path / "none") is None


def test_history_changes_and_reviewed_decisions_outlive_the_warehouse(connection, given, tmp_path: Path) -> None:
    given(ANN, ANN_SHOP, BOB, as_of=datetime(2026, 1, 1))
    before = customers(connection)
    file = decisions(tmp_path, """
        same: [{records: [crm/bob, crm/ann], reason: took another name}]
        not_same: [{records: [crm/ann, shop/ann], reason: two people}, {records: [crm/bob, shop/ann], reason: likewise}]
    """)  # fmt: skip
    given(ANN, ANN_SHOP, BOB, as_of=datetime(2026, 2, 1), decisions=file)
    keep_register(connection, tmp_path / "register")
    rebuilt = rebuilt_from(connection, tmp_path / "register")
    link_records(rebuilt, "records", as_of=datetime(2026, 3, 1), decisions=file)
    assert groups(rebuilt) == {frozenset({"crm/ann", "crm/bob"}), frozenset({"shop/ann"})}
    assert customers(rebuilt) == customers(connection)
    changes = rebuilt.execute("select cause, changed_at from identity.customer_id_change").fetchall()
    assert changes and {moment for _, moment in changes} == {datetime(2026, 2, 1)}
    known = assignment_as_of(rebuilt, datetime(2026, 1, 15)).fetchall()
    assert {f"{system}/{record}": number for system, record, number in known} == before
    for number in set(before.values()):
        assert present_customer(rebuilt, number) in set(customers(rebuilt).values())


def test_split_is_recorded_with_time_and_cause(connection, given) -> None:
    given(ANN, ANN_SHOP, ANN | {"key": "till/ann"}, as_of=datetime(2026, 1, 1))
    whole = customers(connection)["crm/ann"]
    other = {"given_name": "Eve", "family_name": "Moss", "email": "eve@example.com"}
    given(ANN, ANN_SHOP, {"key": "till/ann"} | other, as_of=datetime(2026, 2, 1))
    assert everything(connection, "customer_id_change")["customer_id_change"] == [
        (whole, customers(connection)["till/ann"], "split", datetime(2026, 2, 1))
    ]


def test_failed_write_keeps_the_previous_register(connection, given, tmp_path: Path) -> None:
    given(ANN, BOB)
    before = everything(connection, *NUMBERS)
    keep_register(connection, tmp_path)
    given(ANN, BOB | {"email": "ann@example.com", "given_name": "Ann", "family_name": "Lee"})
    connection.execute("drop table identity.assignment_history")
    with pytest.raises((duckdb.Error, WarehouseError)):
        keep_register(connection, tmp_path)
    restore_register(connection, tmp_path)
    assert everything(connection, *NUMBERS) == before


def test_incomplete_register_is_an_error_not_an_empty_one(connection, given, tmp_path: Path) -> None:
    given(ANN)
    keep_register(connection, tmp_path)
    next(tmp_path.glob("state-*/known_number.parquet")).unlink()
    with pytest.raises(FileNotFoundError, match="known_number"):
        restore_register(warehouse(), tmp_path)


def test_killed_call_leaves_all_tables_unchanged(
    grown: duckdb.DuckDBPyConnection, link_grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (*NUMBERS, "assignment", "link", "refused_link", "cluster", "component")
    before = everything(grown, *tables)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    grown.execute("create table shorter as from records where hash(source_record_id) % 7 > 0")
    with monkeypatch.context() as patched:
        patched.setattr(linking, "remember", dies)  # the last write
        with pytest.raises(KeyboardInterrupt):
            link_grown(grown, "shorter", as_of=datetime(2026, 1, 5))
    assert everything(grown, *tables) == before


def test_equal_records_of_one_system_do_not_make_a_name_common() -> None:
    """Two people are called Lee and two Ray; one Lee has five equal records, of which the first counts."""
    with duckdb.connect() as connection:
        others = ", ".join(f"null::varchar as {column}" for column in WITH_FREQUENCY if column != "family_name")
        connection.execute("create schema kept; create schema work")
        connection.execute(f"""
            create table work.clean_record as
            select family_name, copy, {others}
            from (values ('lee', 1), ('lee', 2), ('lee', 3), ('lee', 4), ('lee', 5), ('lee', 1), ('ray', 1), ('ray', 1))
                as records (family_name, copy)
        """)
        count_frequencies(Workspace(connection, "kept", "work"))
        shares = connection.execute("""
            select share from kept.term_frequency
            where column_name = 'family_name' and value in (hash('lee'), hash('ray'))
        """).fetchall()
    assert shares == [(0.5,), (0.5,)]
