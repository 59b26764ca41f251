"""Records for the tests of linking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import duckdb
import pytest
from splink.internals.comparison_level import ComparisonLevel

from orchestration.identity import model
from orchestration.identity.linking import LinkResult, link_records

COLUMNS = (
    "source_system varchar, source_record_id varchar, given_name varchar, family_name varchar, birth_date date, "
    "gender varchar, email varchar, phone varchar, street varchar, house_number varchar, postal_code varchar, "
    "city varchar, region varchar, country varchar, national_id varchar, loyalty_number varchar"
)
Given = Callable[..., LinkResult]


def warehouse() -> duckdb.DuckDBPyConnection:
    """An empty warehouse with one thread: tables as small as those of these tests are slower with more."""
    return duckdb.connect(config={"threads": 1})


@pytest.fixture(scope="session", autouse=True)
def known_levels() -> Iterator[None]:
    """Splink asks 150 times per model whether a level is an exact match, and parses its SQL each time: now once."""
    asked, known = ComparisonLevel._is_exact_match, {}

    def is_exact_match(level: ComparisonLevel) -> bool:
        key = level.sql_condition, level.sqlglot_dialect
        if key not in known:
            known[key] = asked.fget(level)
        return known[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ComparisonLevel, "_is_exact_match", property(is_exact_match))
        yield


@pytest.fixture
def fewer_random_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance agreement is counted in a quarter of the pairs: less exact than in a run, and no claim rests on it."""
    monkeypatch.setattr(model, "_RANDOM_PAIRS", 250_000)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return warehouse()


def linked(
    connection: duckdb.DuckDBPyConnection,
    *records: dict[str, str],
    as_of: datetime = datetime(2026, 1, 1),
    **options: Any,
) -> LinkResult:
    """Links exactly these records: each a dictionary with at least `key`, as system/id."""
    connection.execute(f"create or replace table records ({COLUMNS})")
    for record in records:
        system, record_id = record["key"].split("/")
        row = {"source_system": system, "source_record_id": record_id}
        row |= {column: value for column, value in record.items() if column != "key"}
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into records ({', '.join(row)}) values ({marks})", list(row.values()))
    return link_records(connection, "records", as_of=as_of, **options)


@pytest.fixture
def given(connection: duckdb.DuckDBPyConnection) -> Given:
    """`linked` in the warehouse of the test."""
    return partial(linked, connection)


def customers(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The customer number of each record, by system/id."""
    return dict(
        connection.execute(
            "select source_system || '/' || source_record_id, customer_id from identity.assignment"
        ).fetchall()
    )


def groups(connection: duckdb.DuckDBPyConnection) -> set[frozenset[str]]:
    """The records of each customer."""
    found: dict[int, set[str]] = {}
    for record, customer in customers(connection).items():
        found.setdefault(customer, set()).add(record)
    return {frozenset(records) for records in found.values()}
