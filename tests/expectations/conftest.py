"""A small table with counts that can be checked by hand, and a way to judge one rule on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from expectations.outcomes import Outcome
from expectations.rules import Rule, Suite
from expectations.validation import validate

# id, status, amount, quantity, placed_on, paid_at, email, order_id, line
LINES = """
    select * from (values
        (1, 'paid',    10.00::decimal(18,2), 1, date '2026-01-01', timestamp '2026-01-01 08:00', 'ana@a.example', 1, 1),
        (2, 'paid',    20.00::decimal(18,2), 2, date '2026-01-02', timestamp '2026-01-02 08:00', 'bo@b.example',  1, 2),
        (3, 'open',    30.00::decimal(18,2), 3, date '2026-01-03', null,                         'cy@c.example',  2, 1),
        (4, 'refused', 40.00::decimal(18,2), 4, date '2026-01-04', null,                         'not-an-email',  2, 1),
        (5, null,      50.00::decimal(18,2), 9, date '2026-01-05', timestamp '2026-01-05 08:00', 'ana@a.example', 3, 1)
    ) as lines(id, status, amount, quantity, placed_on, paid_at, email, order_id, line)
"""

Judge = Callable[..., Outcome]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the five lines in `shop.line`."""
    with duckdb.connect() as opened:
        opened.execute("create schema shop")
        opened.execute(f"create table shop.line as {LINES}")
        yield opened


@pytest.fixture
def judge(connection: duckdb.DuckDBPyConnection) -> Judge:
    """Judge one rule on the five lines, or on the rows of another query."""

    def outcome(
        expectation: str,
        arguments: dict[str, Any],
        *,
        query: str = "select * from shop.line",
        personal: frozenset[str] = frozenset(),
        keys: tuple[str, ...] = (),
        **rule: Any,
    ) -> Outcome:
        one = Rule(expectation, arguments, "set by hand, 2026-11-21", **rule)
        suite = Suite("staging", "shop.line", query, (one,), personal, keys)
        (only,) = validate(connection, [suite], run_id="test")
        return only

    return outcome
