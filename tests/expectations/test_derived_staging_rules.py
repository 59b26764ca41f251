"""Rules derived from names and types of columns: they catch implausible values and fit every type."""

from datetime import datetime

import duckdb
import pytest

from expectations.staging import staging_suites
from expectations.validation import validate

LANDED = datetime(2026, 1, 1)


def derived(query: str, key: tuple[str, ...] = ("id",)) -> dict[str, bool]:
    """Derived rule -> whether it holds, for a staging view with these rows."""
    with duckdb.connect() as connection:
        connection.execute("create schema staging")
        connection.execute(f"create table staging.stg_shop__orders as {query}")
        rows = connection.execute("describe staging.stg_shop__orders").fetchall()
        columns = {row[0]: row[1] for row in rows}
        suites = staging_suites("shop", "orders", {"columns": {}}, LANDED, key=key, columns=columns)
        suites = [suite for suite in suites if suite.table.endswith("(derived)")]
        return {outcome.rule: outcome.success for outcome in validate(connection, suites, run_id="r")}


def test_derived_rule_depends_on_type_and_name() -> None:
    found = derived("select 1 as id, true as has_phone, 3 as count_mobile, '+31612345678' as home_phone")
    assert found == {"id names one row": True, "home_phone is plausible": True}


def test_many_implausible_values_fail_and_a_few_stray_ones_pass() -> None:
    rows = "select i as id, case when i < {} then 'none' else 'a@b.nl' end as email from range(100) t(i)"
    assert derived(rows.format(6))["email is plausible"] is False
    assert derived(rows.format(5))["email is plausible"] is True


def test_key_may_have_reserved_words_as_names() -> None:
    found = derived("""select unnest([1, 1, 2]) as "select", unnest([1, 2, 2]) as "order" """, ("select", "order"))
    assert found == {"select, order names one row": True}


def test_repeated_key_fails() -> None:
    assert derived("select unnest([1, 1, 2]) as id")["id names one row"] is False


@pytest.mark.parametrize(
    ("rows", "bad", "failed"),
    [
        (7, 6, {"most rows of the newest load are readable": "warn"}),
        (20, 10, {}),
        (400, 25, {}),
        (400, 26, {"few rows of the newest load are in quarantine": "error"}),
        (520, 26, {}),
        (
            1_000, 1_000,
            {
                "few rows of the newest load are in quarantine": "error",
                "most rows of the newest load are readable": "warn",
            },
        ),
    ],
)  # fmt: skip
def test_load_is_held_for_many_bad_rows_and_a_large_share_of_them(rows: int, bad: int, failed: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema staging")
        connection.execute(f"""
            create table staging.base_shop__orders as
            select if(i < {bad}, 'quarantined', 'staged') as row_fate, '2.0' as _dlt_load_id from range({rows}) as t(i)
            union all
            select 'quarantined', '1.0' from range(500)
        """)
        suites = staging_suites("shop", "orders", {"columns": {}}, LANDED)
        newest = [suite for suite in suites if suite.table.endswith("(newest load)")]
        outcomes = validate(connection, newest, run_id="r")
    assert {outcome.rule: outcome.severity for outcome in outcomes if not outcome.success} == failed
