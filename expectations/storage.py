"""Outcomes in the warehouse: the table quality.validation_result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from expectations.outcomes import Outcome
from expectations.sql import literal

if TYPE_CHECKING:
    import duckdb

# column, type, comment
_STORED: tuple[tuple[str, str, str], ...] = (
    ("run_id", "varchar not null", "The run in which the rule was judged"),
    ("as_of", "timestamp not null", "The moment the run's data stand for"),
    (
        "layer",
        "varchar not null",
        "landing, staging, identity, core, marts, or the schema that a firm's check names",
    ),
    ("table_name", "varchar not null", "The judged table or stream, e.g. core.fct_order_line"),
    ("rule", "varchar not null", "The rule's claim; unique per table and run"),
    ("expectation", "varchar not null", "The Great Expectations class that judged it"),
    ("column_name", "varchar", "The column or columns the rule is about; empty for rules about the whole table"),
    ("severity", "varchar not null", "error stops the steps below; warn is shown and recorded"),
    ("success", "boolean not null", "Whether the rule held"),
    ("observed_value", "varchar", "The measured value, for rules about an aggregate; empty for personal columns"),
    ("unexpected_count", "bigint", "Rows that break the rule"),
    ("unexpected_share", "double", "Their share of the rows that could break it, 0 to 1"),
    ("sample", "varchar", "JSON list of at most five unexpected values; empty if the table holds personal columns"),
    ("reason", "varchar not null", "Why the rule and its threshold exist, with the date of the measurement"),
    ("sentence", "varchar not null", "The result, for people"),
    ("failing_rows_query", "varchar", "SQL that lists the failing rows; empty for rules about the table as a whole"),
)
# Columns that cannot have the name of their field, an SQL keyword.
_FIELDS = {"table_name": "table", "column_name": "column"}


def store(
    connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome], *, run_id: str, as_of: datetime | date
) -> None:
    """Write `outcomes` to quality.validation_result; storing the same run again replaces its rows rule by rule."""
    if not outcomes:
        return
    _create_result_table(connection)
    kept = {name: type_.split()[0] for name, type_, _ in _STORED[2:]}
    rows = [{name: getattr(outcome, _FIELDS.get(name, name)) for name in kept} for outcome in outcomes]
    fresh = "(select unnest(from_json($rows, $types), max_depth := 2)) as fresh"
    parameters = {"rows": json.dumps(rows), "types": json.dumps([kept]), "run_id": run_id}
    connection.execute(
        f"""
        delete from quality.validation_result as kept using {fresh}
        where kept.run_id = $run_id and kept.table_name = fresh.table_name and kept.rule = fresh.rule
        """,
        parameters,
    )
    names = ", ".join(kept)
    connection.execute(
        f"""
        insert into quality.validation_result (run_id, as_of, {names})
        select $run_id, $as_of::timestamp, {names} from {fresh}
        """,
        {**parameters, "as_of": as_of},
    )


def carry_over(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[str],
    *,
    from_run: str,
    run_id: str,
    as_of: datetime | date,
) -> None:
    """Give the run `run_id` the outcomes that `from_run` has for `tables`, which have not changed since."""
    if from_run == run_id:
        return
    connection.execute(
        """
        insert into quality.validation_result
        select * replace ($run_id as run_id, $as_of::timestamp as as_of) from quality.validation_result
        where run_id = $from_run and list_contains($tables, table_name)
        """,
        {"run_id": run_id, "as_of": as_of, "from_run": from_run, "tables": list(tables)},
    )


def _create_result_table(connection: duckdb.DuckDBPyConnection) -> None:
    exists = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'quality' and table_name = 'validation_result'"
    ).fetchone()
    if exists:
        return
    definition = ", ".join(f"{name} {type_}" for name, type_, _ in _STORED)
    connection.execute("create schema if not exists quality")
    connection.execute(f"create table quality.validation_result ({definition})")
    connection.execute("comment on table quality.validation_result is 'One row per run, table and rule'")
    for name, _, comment in _STORED:
        connection.execute(f"comment on column quality.validation_result.{name} is {literal(comment)}")
