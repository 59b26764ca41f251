"""Compares two published warehouses: columns, row counts and rows of every table of core, marts and quality.

Run by `make compare BEFORE=old.duckdb AFTER=new.duckdb`. It shows that a change of the code left the content alone.
Exceptions stand with their reasons in `compare_published.yaml` beside it. Exit code: 0 where all is equal, 1 where
anything differs, 2 where there is nothing to compare.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import duckdb
import yaml
from rich.console import Console
from rich.table import Table

SCHEMAS = ("core", "marts", "quality")
EXCEPTIONS = Path(__file__).with_suffix(".yaml")
FLOATS = ("DOUBLE", "FLOAT")
Columns = dict[str, str]  # name -> data type


class ExceptionsError(ValueError):
    """The file of exceptions cannot be used."""


@dataclass(frozen=True)
class Exceptions:
    """What may differ. Tables are named as schema.table, columns as schema.table.column; `*` stands for any text.

    float_digits: decimals to which floating-point numbers are rounded. skipped, added, removed: patterns. renamed: old
    column -> its new name. left_out: table -> condition of rows that are neither counted nor compared.
    """

    float_digits: int = 6
    skipped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def skips(self, name: str) -> bool:
        return _matches(name, self.skipped)


@dataclass(frozen=True)
class Outcome:
    """How one table compares. only_before, only_after: rows that the other side lacks. differs: why, or nothing."""

    table: str
    rows_before: int | None
    rows_after: int | None
    only_before: int = 0
    only_after: int = 0
    skipped: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def load_exceptions(path: Path) -> Exceptions:
    """The exceptions in a YAML file. Raises ExceptionsError for an entry without a reason, and for unknown keys."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    unknown = set(entries) - {"float_digits", "skipped", "added", "removed", "renamed", "left_out"}
    if unknown:
        raise ExceptionsError(f"{path.name}: unknown key {', '.join(sorted(unknown))}.")
    for kind in ("skipped", "added", "removed", "renamed", "left_out"):
        for entry in entries.get(kind) or []:
            if not entry.get("reason"):
                raise ExceptionsError(f"{path.name}: an entry of `{kind}` has no reason: {entry}. Add one.")
    return Exceptions(
        float_digits=int(entries.get("float_digits", 6)),
        skipped=_names(entries, "skipped"),
        added=_names(entries, "added"),
        removed=_names(entries, "removed"),
        renamed={entry["from"]: entry["to"] for entry in entries.get("renamed") or []},
        left_out={entry["table"]: entry["where"] for entry in entries.get("left_out") or []},
    )


def compare(before: Path, after: Path, exceptions: Exceptions) -> list[Outcome]:
    """One outcome per table of either warehouse, in the order of their names."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{before}' as old (read_only)")
        connection.execute(f"attach '{after}' as new (read_only)")
        old, new = _tables(connection, "old"), _tables(connection, "new")
        return [
            _compare_table(connection, table, old.get(table), new.get(table), exceptions)
            for table in sorted({*old, *new})
            if not exceptions.skips(table)
        ]


def _compare_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    old: Columns | None,
    new: Columns | None,
    exceptions: Exceptions,
) -> Outcome:
    rows_before = _value(connection, f"select count(*) from {_rows('old', table, exceptions)}") if old else None
    rows_after = _value(connection, f"select count(*) from {_rows('new', table, exceptions)}") if new else None
    if old is None or new is None:
        allowed, word = (exceptions.added, "new table") if old is None else (exceptions.removed, "table is missing")
        differs = () if _matches(table, allowed) else (word,)
        return Outcome(table, rows_before, rows_after, differs=differs)
    pairs, skipped, differs = _match_columns(table, old, new, exceptions)
    only_before = only_after = 0
    if pairs:
        sides = [
            _hashes("old", table, [(a, old[a]) for a, _ in pairs], exceptions),
            _hashes("new", table, [(b, new[b]) for _, b in pairs], exceptions),
        ]
        only_before, only_after = (
            _value(connection, f"select count(*) from ({one} except all {other})")
            for one, other in (sides, sides[::-1])
        )
    if rows_before != rows_after:
        differs.append(f"{rows_before:,} rows became {rows_after:,}")
    if only_before or only_after:
        differs.append(_where(connection, table, pairs, old, new, exceptions))
    return Outcome(table, rows_before, rows_after, only_before, only_after, tuple(skipped), tuple(differs))


def _match_columns(
    table: str, old: Columns, new: Columns, exceptions: Exceptions
) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Pairs of columns to compare, the columns that are skipped, and what differs in the columns themselves."""
    pairs, skipped, differs, seen = [], [], [], set()
    for name, data_type in old.items():
        renamed = exceptions.renamed.get(f"{table}.{name}", name)
        seen.add(renamed)
        if renamed not in new:
            if not _matches(f"{table}.{name}", exceptions.removed):
                differs.append(f"column {name} is missing")
        elif exceptions.skips(f"{table}.{name}"):
            skipped.append(name)
        else:
            pairs.append((name, renamed))
            if new[renamed] != data_type:
                differs.append(f"column {renamed} is {new[renamed]}, was {data_type}")
    differs += [
        f"new column {name}" for name in new if name not in seen and not _matches(f"{table}.{name}", exceptions.added)
    ]
    return pairs, skipped, differs


def _where(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    pairs: list[tuple[str, str]],
    old: Columns,
    new: Columns,
    exceptions: Exceptions,
) -> str:
    """Names the columns whose own values differ; where there is none, the values are combined in another way."""
    columns = [
        a
        for a, b in pairs
        if _value(
            connection,
            f"select count(*) from ({_hashes('old', table, [(a, old[a])], exceptions)}"
            f" except all {_hashes('new', table, [(b, new[b])], exceptions)})",
        )
        or _value(
            connection,
            f"select count(*) from ({_hashes('new', table, [(b, new[b])], exceptions)}"
            f" except all {_hashes('old', table, [(a, old[a])], exceptions)})",
        )
    ]
    return f"values of {', '.join(columns)}" if columns else "the same values stand in other rows"


def _hashes(side: str, table: str, columns: list[tuple[str, str]], exceptions: Exceptions) -> str:
    """A query of one hash per row over these columns (name, data type). An empty value has a hash of its own."""
    values = [
        # Adding zero makes one zero of the two that floating-point numbers have.
        f'round("{column}", {exceptions.float_digits}) + 0.0' if data_type in FLOATS else f'cast("{column}" as varchar)'
        for column, data_type in columns
    ]
    return f"select hash({', '.join(values)}) from {_rows(side, table, exceptions)}"


def _rows(side: str, table: str, exceptions: Exceptions) -> str:
    """The rows of a table that count, as a relation."""
    schema, name = table.split(".")
    condition = exceptions.left_out.get(table, "false")
    return f'(select * from {side}."{schema}"."{name}" where not coalesce(({condition}), false)) as rows'


def _tables(connection: duckdb.DuckDBPyConnection, side: str) -> dict[str, Columns]:
    tables: dict[str, Columns] = {}
    for schema, table, column, data_type in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where database_name = ? and list_contains(?, schema_name) order by 1, 2, column_index",
        [side, list(SCHEMAS)],
    ).fetchall():
        tables.setdefault(f"{schema}.{table}", {})[column] = data_type
    return tables


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _names(entries: dict[str, Any], kind: str) -> tuple[str, ...]:
    return tuple(name for entry in entries.get(kind) or [] for name in entry["names"])


def show(outcomes: list[Outcome], console: Console) -> None:
    """Prints the tables that differ, or all of them where none does, and a line of totals."""
    differing = [outcome for outcome in outcomes if outcome.differs]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("table", "rows before", "after", "only before", "only after"):
        table.add_column(heading, justify="left" if heading == "table" else "right", no_wrap=True)
    table.add_column("difference", overflow="fold")
    for outcome in differing or outcomes:
        counts = (outcome.rows_before, outcome.rows_after, outcome.only_before, outcome.only_after)
        table.add_row(
            outcome.table,
            *("" if count is None else f"{count:,}" for count in counts),
            "; ".join(outcome.differs) or (f"not compared: {', '.join(outcome.skipped)}" if outcome.skipped else ""),
        )
    console.print(table)
    rows = sum(outcome.rows_after or 0 for outcome in outcomes)
    console.print(f"{len(outcomes)} tables with {rows:,} rows compared: {len(differing)} differ.")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare two published warehouses table by table.")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--exceptions", type=Path, default=EXCEPTIONS, help="YAML file of what may differ, and why")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    for path in (options.before, options.after):
        if not path.is_file():
            console.print(f"There is no warehouse at {path}. Pass the path of a published warehouse.", soft_wrap=True)
            return 2
    try:
        exceptions = load_exceptions(options.exceptions)
    except ExceptionsError as error:
        console.print(str(error), soft_wrap=True)
        return 2
    outcomes = compare(options.before, options.after, exceptions)
    if not outcomes:
        console.print("Neither warehouse has a table in core, marts or quality.")
        return 2
    show(outcomes, console)
    return 1 if any(outcome.differs for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
