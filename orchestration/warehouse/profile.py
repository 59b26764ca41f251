"""What a person wants to see of a table at a glance: its size, its columns and a few rows, without personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

PREVIEW_ROWS = 5
HIDDEN = "•••"


@dataclass(frozen=True)
class TableProfile:
    """rows: number of rows. columns: (name, type, description). preview: a Markdown table of the first rows."""

    rows: int
    columns: tuple[tuple[str, str, str | None], ...]
    preview: str


def profile_tables(
    connection: duckdb.DuckDBPyConnection, nodes: Sequence[Mapping[str, Any]]
) -> dict[str, TableProfile]:
    """Per node (by unique_id), its profile. nodes: models or seeds of dbt's manifest that stand in the warehouse."""
    types: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, data_type in connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " order by ordinal_position"
    ).fetchall():
        types.setdefault((schema, table), {})[column] = data_type
    profiles = {}
    for node in nodes:
        columns = types.get((node["schema"], node["name"]))
        if not columns:
            continue
        relation = f'"{node["schema"]}"."{node["name"]}"'
        row = connection.execute(f"select count(*) from {relation}").fetchone()
        profiles[node["unique_id"]] = TableProfile(
            rows=row[0] if row else 0,
            columns=tuple((name, data_type, _note(node, name)) for name, data_type in columns.items()),
            preview=preview(connection, relation, list(columns), [c for c in columns if is_showable(node, c)]),
        )
    return profiles


def profile_relation(connection: duckdb.DuckDBPyConnection, relation: str, *, shown: Sequence[str]) -> TableProfile:
    """The profile of anything that DuckDB can read; only the columns in `shown` are shown."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = {name: data_type for name, data_type, *_ in described}
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return TableProfile(
        rows=row[0] if row else 0,
        columns=tuple((name, data_type, None) for name, data_type in columns.items()),
        preview=preview(connection, relation, list(columns), [column for column in shown if column in columns]),
    )


def _note(node: Mapping[str, Any], column: str) -> str | None:
    return node["columns"].get(column, {}).get("description") or None


def is_showable(node: Mapping[str, Any], column: str) -> bool:
    """Whether the values of a column may be shown: it is described, and not tagged as personal data."""
    documented = node["columns"].get(column)
    if documented is None:
        return node["resource_type"] == "seed"
    return not documented["config"]["meta"].get("personal_data")


def preview(connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], shown: Sequence[str]) -> str:
    """The first rows of a relation as a Markdown table; the values of columns that are not in `shown` are hidden."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    if not shown:
        return "\n".join([*lines, "", "No column of this table may be shown."])
    selected = ", ".join(f'"{column}"::varchar' for column in shown)
    for values in connection.execute(f"select {selected} from {relation} limit {PREVIEW_ROWS}").fetchall():
        known = dict(zip(shown, values, strict=True))
        cells = [_cell(known[column]) if column in known else HIDDEN for column in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    text = value.replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"
