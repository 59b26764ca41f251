"""Rules of identity: healthy figures pass, and each fault fails its own rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from expectations.identity import identity_suites
from expectations.validation import validate

HEALTHY = {
    "run_id": "r", "source_systems": 3, "unassigned_records": 0, "records_assigned_twice": 0,
    "largest_customer_records": 5, "most_given_names": 3, "most_birth_dates": 2,
    "customers_with_several_national_ids": 0, "moved_share": 0.001, "linked_share": 0.5,
    "linked_across_systems_share": 0.48,
}  # fmt: skip


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create schema quality")
        yield opened


def _failed(connection: duckdb.DuckDBPyConnection, *runs: dict[str, Any]) -> dict[str, str]:
    """Failing rule -> severity, after these runs."""
    first = ", ".join(f"{_literal(value)} as {name}" for name, value in runs[0].items())
    connection.execute(f"create or replace table quality.identity_health as select {first}")
    for run in runs[1:]:
        connection.execute(f"insert into quality.identity_health values ({', '.join(map(_literal, run.values()))})")
    outcomes = validate(connection, identity_suites(compare_sizes=True)["quality.identity_health"][:1], run_id="test")
    assert len(outcomes) == 9
    return {outcome.rule: outcome.severity for outcome in outcomes if not outcome.success}


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value}::double"


def test_linked_share_is_not_compared_with_a_run_of_other_systems(connection) -> None:
    """The first system of a firm beside the sample: half of the records were linked, then a fifth."""
    assert _failed(connection, HEALTHY | {"source_systems": 1}, HEALTHY | {"linked_share": 0.2}) == {}


def test_healthy_figures_pass_in_the_first_run_and_later(connection) -> None:
    assert _failed(connection, HEALTHY) == {}
    assert _failed(connection, HEALTHY, HEALTHY | {"linked_share": 0.55}) == {}


@pytest.mark.parametrize(
    ("fault", "rule", "severity"),
    [
        ({"unassigned_records": 1}, "unassigned_records is zero", "error"),
        ({"records_assigned_twice": 1}, "records_assigned_twice is zero", "error"),
        ({"largest_customer_records": 51}, "no customer swallows others", "error"),
        ({"most_given_names": 5}, "a customer has one given name", "warn"),
        ({"most_birth_dates": 4}, "a customer has one birth date", "warn"),
        ({"customers_with_several_national_ids": 1}, "a customer has one national number", "warn"),
        ({"moved_share": 0.03}, "customers keep their numbers", "warn"),
        ({"linked_share": 0.3}, "as many records are linked as before", "warn"),
        ({"linked_across_systems_share": 0.0}, "systems share some of their customers", "warn"),
    ],
)
def test_fault_fails_its_own_rule(connection, fault: dict[str, Any], rule: str, severity: str) -> None:
    assert _failed(connection, HEALTHY, HEALTHY | fault) == {rule: severity}


def test_earlier_faults_are_ignored_and_a_single_system_shares_no_customers(connection) -> None:
    assert _failed(connection, HEALTHY | {"unassigned_records": 7}, HEALTHY) == {}
    assert _failed(connection, HEALTHY | {"source_systems": 1, "linked_across_systems_share": 0.0}) == {}
