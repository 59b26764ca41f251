"""What the tables of the warehouse were made from, kept in the warehouse itself: a run builds what has changed.

The record stands beside the tables, so that a warehouse that is moved away or damaged takes its record along.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.warehouse.connection import table_exists

SCHEMA, TABLE = "build", "made_from"
_RECORD = f"{SCHEMA}.{TABLE}"


@dataclass(frozen=True)
class Made:
    """One thing that a run made: a table, a view, the verdict of a test or of a suite, or what a Python step wrote.

    inputs: the fingerprint of all that it was made from. content: the version of a table's rows; empty for what has
    no rows of its own. run_id: the run that made it.
    """

    inputs: str
    content: str
    run_id: str


def read_record(connection: duckdb.DuckDBPyConnection) -> dict[str, Made]:
    """Everything on record, by name; empty where nothing was kept yet."""
    if not table_exists(connection, SCHEMA, TABLE):
        return {}
    rows = connection.execute(f"select name, inputs, content, run_id from {_RECORD}").fetchall()
    return {name: Made(*made) for name, *made in rows}


def forget(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
    """Takes names off the record. Called before they are made again: an interrupted build must not count as made."""
    if names and table_exists(connection, SCHEMA, TABLE):
        connection.execute(f"delete from {_RECORD} where name in (select unnest(?::varchar[]))", [list(names)])


def forget_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Empties the record, after tables were made in another way than by a run: the next run builds all of them."""
    if table_exists(connection, SCHEMA, TABLE):
        connection.execute(f"delete from {_RECORD}")


def keep(connection: duckdb.DuckDBPyConnection, made: Mapping[str, Made]) -> None:
    """Puts on record what was made, in one transaction."""
    if not made:
        return
    if not table_exists(connection, SCHEMA, TABLE):
        connection.execute(f"create schema if not exists {SCHEMA}")
        connection.execute(
            f"create table {_RECORD} (name varchar, inputs varchar, content varchar, run_id varchar);"
            f"comment on table {_RECORD} is "
            "'One row per table, view, test and step: the fingerprint of what it was made from, and the run.'"
        )
    rows = [
        {"name": name, "inputs": one.inputs, "content": one.content, "run_id": one.run_id} for name, one in made.items()
    ]
    fresh = (
        '(select unnest(from_json(?, \'[{"name": "varchar", "inputs": "varchar", "content": "varchar", '
        '"run_id": "varchar"}]\'), max_depth := 2))'
    )
    text = json.dumps(rows)
    connection.execute("begin")
    try:
        connection.execute(f"delete from {_RECORD} where name in (select name from {fresh})", [text])
        connection.execute(f"insert into {_RECORD} select name, inputs, content, run_id from {fresh}", [text])
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise


def content_of(connection: duckdb.DuckDBPyConnection, schema: str, table: str, *, without: Sequence[str] = ()) -> str:
    """The version of a table's rows and columns: equal content has the same version, in any order of rows.

    without: columns that do not count. A table that does not exist has the version of nothing, "".
    """
    if not table_exists(connection, schema, table):
        return ""
    relation = f'"{schema}"."{table}"'
    columns = connection.execute(f"select column_name, column_type from (describe {relation})").fetchall()
    left_out = [name for name, _ in columns if name in without]
    counted = f"(select * exclude ({', '.join(left_out)}) from {relation})" if left_out else relation
    row = connection.execute(
        f"select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from {counted} as t"
    ).fetchone()
    return digest([columns, row])


def existing(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Schema and name of all tables and views of the warehouse."""
    return set(
        connection.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
        ).fetchall()
    )


def digest(parts: Any) -> str:
    """A short fingerprint of anything that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def digest_of_files(files: Iterable[Any]) -> str:
    """A fingerprint of the names and bytes of files (paths). Files that do not exist count as absent."""
    known = [path for path in sorted(files) if path.is_file()]
    return digest([(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in known])
