"""Publishing: a complete new copy of what readers may see, put in place of the old one in a single step.

A reader that has the old file open goes on reading the old warehouse; one that opens the path afterwards gets the new
one. There is no moment at which the path is missing or half written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.settings import readers_are_the_group
from orchestration.warehouse.connection import failure_sentence, readable_failures, table_exists

PUBLISHED_SCHEMAS = ("core", "marts", "quality")
# A copy that is less full is written anew, so that the file does not grow from run to run.
LEAST_USED_SHARE = 0.5
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
            _write(connection, target, fresh)
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            _open_to_readers(fresh, target.parent)
            fresh.replace(target)
            _sync_folder(target.parent)
        finally:
            _remove(fresh)
    return tables


def _open_to_readers(file: Path, folder: Path) -> None:
    """Lets the group of readers read the published warehouse, and no other file, where the settings say so."""
    group = readers_are_the_group()
    file.chmod(0o640 if group else 0o600)
    folder.chmod(0o750 if group else 0o700)


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


def _write(connection: duckdb.DuckDBPyConnection, target: Path, fresh: Path) -> None:
    """Writes the file `fresh`: the last published file with the tables that have changed since, or all tables anew."""
    if target.exists():
        shutil.copyfile(target, fresh)
        try:
            with _attached(connection, fresh):
                if _bring_up_to_date(connection):
                    connection.execute("checkpoint published")
                    return
        except duckdb.Error as error:
            if failure_sentence(target, error) is None:
                raise
            # The last published file is damaged: it is written anew.
        _remove(fresh)
    with _attached(connection, fresh):
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f'create schema published."{schema}"')
        for name in _tables(connection, PUBLISHED_SCHEMAS):
            _copy_table(connection, *name)
        _describe(connection)
        connection.execute("checkpoint published")


def _bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> bool:
    """Replaces what has changed in the attached copy. False where most of it has, or where the copy is mostly free
    space: then it is cheaper to write it anew."""
    there = _columns(connection, "published")
    if ("quality", "published_table") not in there:
        return False
    wanted = _columns(connection, None)
    unchanged = {
        (schema, table)
        for schema, table in connection.execute("""
            select string_split(mine.table_name, '.')[1], string_split(mine.table_name, '.')[2]
            from quality.published_table as mine
            join published.quality.published_table as theirs using (table_name, content_hash, row_count)
        """).fetchall()
        if there.get((schema, table)) == wanted.get((schema, table))
    }
    sizes = "select schema_name, table_name, estimated_size from duckdb_tables()"
    rows = {
        (schema, table): size
        for schema, table, size in connection.execute(
            f"{sizes} where database_name = current_database() and not temporary"
        ).fetchall()
    }
    total = sum(rows[name] for name in wanted)
    used = connection.execute(
        "select used_blocks / greatest(total_blocks, 1) from pragma_database_size() where database_name = 'published'"
    ).fetchone()
    if sum(rows[name] for name in wanted.keys() - unchanged) > total / 2 or (used and used[0] < LEAST_USED_SHARE):
        return False
    for schema, table in there.keys() - unchanged:
        connection.execute(f'drop table published."{schema}"."{table}"')
    for name in sorted(wanted.keys() - unchanged):
        _copy_table(connection, *name)
    _describe(connection)
    return True


def _columns(
    connection: duckdb.DuckDBPyConnection, database: str | None
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The published tables of the warehouse, or those of the attached file, with their columns and types."""
    here = set(_tables(connection, PUBLISHED_SCHEMAS)) if database is None else None
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, type_ in connection.execute(
        """
        select schema_name, table_name, column_name, data_type from duckdb_columns()
        where database_name = coalesce(?, current_database()) and list_contains(?, schema_name)
        order by column_index
        """,
        [database, list(PUBLISHED_SCHEMAS)],
    ).fetchall():
        if here is not None and (schema, table) not in here:
            continue
        if database is None and column in WITHHELD_COLUMNS.get(f"{schema}.{table}", ()):
            continue
        found.setdefault((schema, table), []).append((column, type_))
    return found


def _copy_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    withheld = WITHHELD_COLUMNS.get(f"{schema}.{table}", ())
    columns = f"* exclude ({', '.join(withheld)})" if withheld else "*"
    connection.execute(f'create table published."{schema}"."{table}" as select {columns} from "{schema}"."{table}"')


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    """Gives the published tables and columns the descriptions of the originals, where they differ."""

    def quoted(text: str | None) -> str:
        return "null" if text is None else "'" + text.replace("'", "''") + "'"

    tables = connection.execute(
        """
        select schema_name, table_name, mine.comment
        from duckdb_tables() as mine join duckdb_tables() as theirs using (schema_name, table_name)
        where mine.database_name = current_database() and theirs.database_name = 'published'
            and mine.comment is distinct from theirs.comment
        """
    ).fetchall()
    for schema, table, comment in tables:
        connection.execute(f'comment on table published."{schema}"."{table}" is {quoted(comment)}')
    columns = connection.execute(
        """
        select schema_name, table_name, column_name, mine.comment
        from duckdb_columns() as mine join duckdb_columns() as theirs using (schema_name, table_name, column_name)
        where mine.database_name = current_database() and theirs.database_name = 'published'
            and mine.comment is distinct from theirs.comment
        """
    ).fetchall()
    for schema, table, column, comment in columns:
        connection.execute(f'comment on column published."{schema}"."{table}"."{column}" is {quoted(comment)}')


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
