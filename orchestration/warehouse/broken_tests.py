"""What a broken dbt test expects, in words, and a few of the values that break it: never personal ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.warehouse.dbt import NodeResult

SAMPLE_SIZE = 5
WITHHELD = "withheld: the table holds personal values"


@dataclass(frozen=True)
class BrokenTest:
    """A test that rows break. sample: values as text, why there are none, or empty where the test has no values."""

    name: str
    expected: str
    observed: str
    sample: str


def explain(
    connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any], results: Sequence[NodeResult]
) -> dict[str, BrokenTest]:
    """The broken ones among dbt's results, by unique id. nodes: models, tests and sources of dbt's manifest."""
    broken = [result for result in results if result.is_test and result.status not in ("pass", "skipped")]
    return {result.unique_id: _explained(connection, nodes, result) for result in broken}


def _explained(connection: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any], result: NodeResult) -> BrokenTest:
    test = nodes[result.unique_id]
    metadata = test.get("test_metadata") or {}
    name, arguments = metadata.get("name"), metadata.get("kwargs") or {}
    table = nodes.get(test.get("attached_node") or "")
    columns = arguments.get("columns") or [column for column in [arguments.get("column_name")] if column]
    other = _other_table(test, nodes)
    expected = _expectation(name, columns, arguments, other)
    query = _failing_values(name, columns, arguments, table, other)
    sample = ""
    if query and table and result.failures:
        sample = _sample(connection, query) if _may_be_shown(table, columns) else WITHHELD
    return BrokenTest(result.name, expected or test.get("description") or result.name, result.message or "", sample)


def _expectation(
    name: str | None, columns: Sequence[str], arguments: Mapping[str, Any], other: Mapping[str, Any] | None
) -> str:
    """What the test claims; empty for a test of a firm's own."""
    named = ", ".join(columns)
    match name:
        case "not_null":
            return f"{named} is never empty"
        case "unique" | "unique_combination":
            return f"{named} occurs once" if len(columns) == 1 else f"{named} together occur once"
        case "accepted_values":
            return f"{named} is one of {', '.join(map(str, arguments['values']))}"
        case "relationships" | "joins" if other:
            never = "never empty, and " if name == "joins" else ""
            return f"{named} is {never}a {arguments['field']} of {other['schema']}.{other['name']}"
    return ""


def _failing_values(
    name: str | None,
    columns: Sequence[str],
    arguments: Mapping[str, Any],
    table: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
) -> str | None:
    """SQL for values that break a test of dbt or the package; None where they would show nothing."""
    if not table or not columns:
        return None
    listed, relation = ", ".join(columns), table["relation_name"]
    match name:
        case "unique" | "unique_combination":
            filled = " and ".join(f"{column} is not null" for column in columns)
            return f"select {listed} from {relation} where {filled} group by all having count(*) > 1"
        case "accepted_values":
            values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in arguments["values"])
            return f"select distinct {listed} from {relation} where cast({listed} as varchar) not in ({values})"
        case "relationships" | "joins" if other:
            field = arguments["field"]
            known = f"select {field} from {other['relation_name']} where {field} is not null"
            return f"select distinct {listed} from {relation} where {listed} is not null and {listed} not in ({known})"
    return None


def _other_table(test: Mapping[str, Any], nodes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The table that a relationship leads to; a model's own where it refers to itself."""
    read = test["depends_on"]["nodes"]
    others = [name for name in read if name != test.get("attached_node")] or read
    return nodes.get(others[0]) if others else None


def _may_be_shown(table: Mapping[str, Any], columns: Sequence[str]) -> bool:
    """Whether the values are numbers of ours, or stand in a table without personal columns."""
    if all(column.endswith("_key") for column in columns):
        return True
    return not any(
        ((column.get("config") or {}).get("meta") or {}).get("personal_data") for column in table["columns"].values()
    )


def _sample(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    try:
        rows = connection.execute(f"select * from ({query}) order by all limit {SAMPLE_SIZE}").fetchall()
    except duckdb.Error:  # the test itself could not be judged: its message says why
        return ""
    return "; ".join(", ".join(map(str, row)) for row in rows)
