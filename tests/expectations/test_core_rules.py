"""Rules of core and of landing: on which side of each bound a table, a contribution or a delivery is trusted."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from expectations.core import core_suites
from expectations.landing import landing_suites
from expectations.validation import validate


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Ten customers, fourteen bookings for 140, and no row in quarantine."""
    with duckdb.connect() as opened:
        opened.execute("""
            create schema core; create schema intermediate; create schema quality;
            create table core.dim_customer as select range as customer_key from range(1, 11);
            create table intermediate.int_booking as select range as booking_id, 10 as net_amount from range(14);
            create table core.fct_booking as from intermediate.int_booking;
            create table intermediate.int_quarantined_row (
                source_system varchar, canonical_stream varchar, quarantine_rule varchar, quarantine_reason varchar
            );
            create table intermediate.int_contribution_ledger (
                source_system varchar, canonical_stream varchar, contributed_rows bigint, quarantined_rows bigint
            );
            create table quality.published_table (table_name varchar, row_count bigint);
        """)
        yield opened


def failed(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Rule -> severity, of those that the table breaks."""
    outcomes = validate(connection, core_suites(compare_sizes=True)[table], run_id="test")
    return {outcome.rule: outcome.severity for outcome in outcomes if not outcome.success}


@pytest.mark.parametrize(("published", "is_trusted"), [(9, True), (20, True), (21, False), (150, False)])
def test_table_may_lose_half_its_rows_overnight_and_no_more(
    connection: duckdb.DuckDBPyConnection, published: int, is_trusted: bool
) -> None:
    connection.execute("insert into quality.published_table values ('core.dim_customer', ?)", [published])
    found = failed(connection, "core.dim_customer")
    assert found == ({} if is_trusted else {"the table has not shrunk by half": "error"})


@pytest.mark.parametrize(
    ("quarantined", "contributed", "is_trusted"),
    [
        (25, 30, True),  # a small delivery: its bad rows wait
        (26, 520, True),  # 5 % of a larger one
        (26, 519, False),
        (600, 20_000, True),  # 3 %
    ],
)
def test_contribution_is_distrusted_where_many_rows_and_a_large_share_are_wrong(
    connection: duckdb.DuckDBPyConnection, quarantined: int, contributed: int, is_trusted: bool
) -> None:
    connection.execute(
        "insert into intermediate.int_quarantined_row select 'till', 'order_line', 'currency_is_unknown', 'no code'"
        " from range(?)",
        [quarantined],
    )
    connection.execute(
        "insert into intermediate.int_contribution_ledger values ('till', 'order_line', ?, ?)",
        [contributed, quarantined],
    )
    found = failed(connection, "core.dim_customer")
    assert found == ({} if is_trusted else {"few contributed rows are in quarantine": "error"})


def test_row_or_amount_that_is_lost_on_the_way_to_a_fact_stops_it(connection: duckdb.DuckDBPyConnection) -> None:
    assert failed(connection, "core.fct_booking") == {}
    connection.execute("update core.fct_booking set net_amount = 11 where booking_id = 0")
    assert failed(connection, "core.fct_booking") == {"missing_amount is zero": "error"}
    connection.execute("delete from core.fct_booking where booking_id = 0")
    assert failed(connection, "core.fct_booking") == {
        "missing_rows is zero": "error",
        "missing_amount is zero": "error",
    }


def test_warehouse_without_customers_stops(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update core.dim_customer set customer_key = -1")
    assert failed(connection, "core.dim_customer") == {"there are customers": "error"}


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ("select range::varchar as id, 'x' as name from range(10)", {}),
        # A column that no one has declared is news, not a fault of the delivery; an empty one is neither.
        ("select range::varchar as id, 'x' as name, 42 as size from range(10)", {"size is not delivered": "warn"}),
        ("select range::varchar as id, 'x' as name, null::int as size from range(10)", {}),
        # Without the column, whether its text is readable cannot be judged.
        ("select range::varchar as id from range(10)", {"name is delivered": "error", "text is readable": "error"}),
        # Of twelve rows in the last full copy, six are left, and then five.
        ("select range::varchar as id, 'x' as name from range(6)", {}),
        ("select range::varchar as id, 'x' as name from range(5)", {"the copy is whole": "error"}),
        # Five rows without a key are strays, six of ten are the delivery.
        ("select case when range > 4 then 'k' end as id, 'x' as name from range(10)", {}),
        ("select case when range > 5 then 'k' end as id, 'x' as name from range(10)", {"id is filled": "error"}),
    ],
)
def test_delivery_is_held_for_its_shape(
    connection: duckdb.DuckDBPyConnection, rows: str, faults: dict[str, str]
) -> None:
    suites = landing_suites(
        "shop/contacts",
        rows,
        {"id": "varchar", "name": "varchar"},
        delivered={name: kind for name, kind, *_ in connection.execute(f"describe {rows}").fetchall()},
        key=["id"],
        personal_columns=frozenset(),
        rejected_rows=0,
        last_snapshot_rows=12,
    )
    outcomes = validate(connection, suites, run_id="test")
    assert {outcome.rule: outcome.severity for outcome in outcomes if not outcome.success} == faults
