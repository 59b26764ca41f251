"""The page of a firm's own tables: what is filled, how tables join, and what no system delivers.

Everything is read from the published warehouse, which holds the descriptions too: no dbt is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.serving.coverage import Coverage
from orchestration.serving.report_page import put_in_place, rendered, rows_of

if TYPE_CHECKING:
    import duckdb

_SCHEMAS = ("marts", "core", "quality")
_BOX_WIDTH, _BOX_HEIGHT, _STEP, _GAP = 230, 24, 32, 300
_UNKNOWN_ROWS = 1  # each dimension has a row for the unknown member


@dataclass(frozen=True)
class Field:
    """A column that has values. joins: `dim_customer.customer_key`, or ''."""

    name: str
    type: str
    description: str
    joins: str


@dataclass(frozen=True)
class Table:
    """A table with rows. empty: its columns without any value."""

    name: str
    rows: int
    description: str
    fields: tuple[Field, ...]
    empty: tuple[str, ...]


def write_tables_page(connection: duckdb.DuckDBPyConnection, page: Path, coverage: Sequence[Coverage]) -> int:
    """Writes the page of the published tables, and returns how many it describes. Raises WarehouseError."""
    described = _described(connection)
    keys = _keys_of_dimensions(described)
    filled: list[Table] = []
    without_rows: list[str] = []
    for name, table in described.items():
        one = _table(connection, name, table, keys)
        if one is None:
            without_rows.append(name)
        else:
            filled.append(one)
    text = rendered(
        "tables.html.j2",
        {},
        tables=filled,
        without_rows=without_rows,
        diagram=_diagram(filled),
        joins=[(table, field) for table in filled for field in table.fields if field.joins],
        coverage=coverage,
    )
    put_in_place(text, page)
    return len(filled)


def _described(connection: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Table, with schema -> its columns, each with the description of the table and its own."""
    schemas = ", ".join(f"'{schema}'" for schema in _SCHEMAS)
    rows = rows_of(
        connection,
        "select schema_name || '.' || tables.table_name as table_name, tables.comment as about, column_name, "
        "data_type, columns.comment as description "
        "from duckdb_tables() as tables inner join duckdb_columns() as columns "
        f"using (schema_name, table_name) where schema_name in ({schemas}) "
        f"order by list_position([{schemas}], schema_name), tables.table_name, column_index",
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["table_name"], []).append(row)
    return found


def _keys_of_dimensions(described: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Name of a key -> its dimension."""
    found = {}
    for name, columns in described.items():
        dimension = re.fullmatch(r"core\.dim_(\w+)", name)
        key = f"{dimension[1]}_key" if dimension else ""
        if key in {column["column_name"] for column in columns}:
            found[key] = name
    return found


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Mapping[str, Any]], keys: Mapping[str, str]
) -> Table | None:
    counted = ", ".join(f'count("{column["column_name"]}")' for column in columns)
    rows, *filled = connection.execute(f"select count(*), {counted} from {name}").fetchone() or (0,)
    if not rows or (name in keys.values() and rows <= _UNKNOWN_ROWS):
        return None
    fields = tuple(
        Field(
            column["column_name"],
            column["data_type"].lower(),
            (column["description"] or "").strip(),
            _joined(name, column["column_name"], keys),
        )
        for column, count in zip(columns, filled, strict=True)
        if count
    )
    empty = tuple(column["column_name"] for column, count in zip(columns, filled, strict=True) if not count)
    return Table(name, rows, (columns[0]["about"] or "").strip(), fields, empty)


def _joined(table: str, column: str, keys: Mapping[str, str]) -> str:
    """The dimension that a key leads to: the longest name that its own ends with."""
    ends = [key for key in keys if (column == key or column.endswith(f"_{key}")) and keys[key] != table]
    return f"{keys[max(ends, key=len)]}.{max(ends, key=len)}" if ends else ""


def _diagram(tables: Sequence[Table]) -> Any:
    """Facts at the left, dimensions at the right, and a line for each join."""
    from markupsafe import Markup

    names = {table.name for table in tables}
    facts = [table for table in tables if table.name.startswith("core.fct_")]
    joins = {
        (fact.name, field.joins.rsplit(".", 1)[0])
        for fact in facts
        for field in fact.fields
        if field.joins and field.joins.rsplit(".", 1)[0] in names
    }
    dimensions = sorted({dimension for _, dimension in joins})
    left = {fact.name: 10 + index * _STEP for index, fact in enumerate(facts)}
    right = {name: 10 + index * _STEP for index, name in enumerate(dimensions)}
    x = _BOX_WIDTH + _GAP
    lines = [
        f'<line x1="{_BOX_WIDTH}" y1="{left[fact] + _BOX_HEIGHT / 2}" '
        f'x2="{x}" y2="{right[dimension] + _BOX_HEIGHT / 2}" stroke="#c9d1d6"/>'
        for fact, dimension in sorted(joins)
    ]
    boxes = [(0, y, name, "#eef4f6") for name, y in left.items()] + [(x, y, name, "#fff") for name, y in right.items()]
    drawn = [
        f'<rect x="{at}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="5" fill="{fill}" stroke="#1f6f8b"/>'
        f'<text x="{at + 10}" y="{y + 17}" font-size="13" fill="#22303a">{escape(name.split(".")[1])}</text>'
        for at, y, name, fill in boxes
    ]
    height = 20 + _STEP * max(len(left), len(right), 1)
    return Markup(  # noqa: S704 (our own drawing of our own names)
        f'<svg viewBox="0 0 {x + _BOX_WIDTH + 2} {height}" width="{x + _BOX_WIDTH + 2}" role="img" '
        f'aria-label="Facts and the dimensions that they join">{"".join(lines + drawn)}</svg>'
    )
