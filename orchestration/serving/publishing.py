"""Publishing: a complete new copy of what readers may see, put in place of the old one in a single step.

A reader that has the old file open goes on reading the old warehouse; one that opens the path afterwards gets the new
one. There is no moment at which the path is missing or half written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import readable_failures, table_exists

PUBLISHED_SCHEMAS = ("core", "marts", "quality")
# Raw rows in quarantine are personal data of unknown kind: they stay in the warehouse.
WITHHELD_COLUMNS = {"quality.quarantine": ("raw_row",)}


@dataclass(frozen=True)
class PublishedTable:
    """A table of core or marts as published. previous_rows is None where it was not published before."""

    name: str
    rows: int
    previous_rows: int | None
    is_changed: bool


def publish(
    connection: duckdb.DuckDBPyConnection, target: Path, *, run_id: str, as_of: datetime
) -> list[PublishedTable]:
    """Publish core, marts and quality of the open warehouse into the file `target`, atomically.

    Returns the tables of core and marts with what changed since the last time (by content, not by date). Raises
    WarehouseError where the disk is full; the file that readers see is then untouched.
    """
    tables = _compare_with_last(connection, run_id, as_of)
    connection.execute(
        "create or replace table quality.publication as select ? as run_id, ?::timestamp as as_of", [run_id, as_of]
    )
    connection.execute("comment on table quality.publication is 'One row: the run that made this copy, and its as of.'")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    _remove(fresh)
    with readable_failures(target):
        try:
            _copy(connection, fresh)
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(target)
            _sync_folder(target.parent)
        finally:
            _remove(fresh)
    return tables


def _compare_with_last(connection: duckdb.DuckDBPyConnection, run_id: str, as_of: datetime) -> list[PublishedTable]:
    """Rows and content of each table against what was last published, and the new state written down."""
    if not table_exists(connection, "quality", "published_table"):
        connection.execute("""
            create table quality.published_table (
                table_name varchar, row_count bigint, content_hash varchar, changed_as_of timestamp,
                changed_by_run varchar
            );
            comment on table quality.published_table is
                'One row per published table of core and marts: its size, and when its content last changed.';
        """)
    last = {
        name: (rows, content)
        for name, rows, content in connection.execute(
            "select table_name, row_count, content_hash from quality.published_table"
        ).fetchall()
    }
    tables = []
    for schema, table in _tables(connection, ("core", "marts")):
        name = f"{schema}.{table}"
        # The sum of the rows' hashes does not depend on their order.
        row = connection.execute(
            f'select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from "{schema}"."{table}" as t'
        ).fetchone()
        assert row is not None
        rows, content = row
        previous = last.get(name)
        is_changed = previous is None or previous != (rows, content)
        tables.append(PublishedTable(name, rows, previous[0] if previous else None, is_changed))
        if is_changed:
            connection.execute("delete from quality.published_table where table_name = ?", [name])
            connection.execute(
                "insert into quality.published_table values (?, ?, ?, ?, ?)", [name, rows, content, as_of, run_id]
            )
    return tables


def _tables(connection: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> list[tuple[str, str]]:
    return connection.execute(
        """
        select schema_name, table_name from duckdb_tables()
        where database_name = current_database() and schema_name in (select unnest(?::varchar[]))
            and not temporary and table_name not like '%\\_\\_dbt\\_tmp' escape '\\'
        order by 1, 2
        """,
        [list(schemas)],
    ).fetchall()


def _copy(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    with _attached(connection, target):
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f'create schema published."{schema}"')
        for schema, table in _tables(connection, PUBLISHED_SCHEMAS):
            withheld = WITHHELD_COLUMNS.get(f"{schema}.{table}", ())
            columns = f"* exclude ({', '.join(withheld)})" if withheld else "*"
            connection.execute(
                f'create table published."{schema}"."{table}" as select {columns} from "{schema}"."{table}"'
            )
        for statement in _comments(connection):
            connection.execute(statement)
        connection.execute("checkpoint published")


def _comments(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Statements that give the published tables the descriptions of the originals."""

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    statements = [
        f'comment on table published."{schema}"."{table}" is {quoted(comment)}'
        for schema, table, comment in connection.execute(
            """
            select schema_name, table_name, comment from duckdb_tables()
            where database_name = current_database() and schema_name in (select unnest(?::varchar[]))
                and comment is not null
            """,
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
    ]
    statements += [
        f'comment on column published."{schema}"."{table}"."{column}" is {quoted(comment)}'
        for schema, table, column, comment in connection.execute(
            """
            select schema_name, table_name, column_name, comment from duckdb_columns()
            where database_name = current_database() and schema_name in (select unnest(?::varchar[]))
                and comment is not null
            """,
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        if column not in WITHHELD_COLUMNS.get(f"{schema}.{table}", ())
    ]
    return statements


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[None]:
    path = str(target).replace("'", "''")
    connection.execute(f"attach '{path}' as published")
    try:
        yield
    finally:
        connection.execute("detach published")


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.with_name(file.name + ".wal").unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name survives a power cut only when the folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
