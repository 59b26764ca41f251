"""Where linking works: the warehouse's connection, the schema of the results, and a scratch database in memory.

Nothing in here knows what is computed. Tables for one call only are in the scratch database, so that a killed run
leaves nothing behind in the warehouse.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb


@dataclass
class Workspace:
    """One call of the linking.

    schema: the warehouse's schema for results. scratch: the prefix of tables in the scratch database. notes: sentences
    on what was ignored or could not be done; they never contain values of records. alerts: the notes that a person
    should read after every run. today: SQL of all records of today
    (record_number, keys, comparable columns).
    """

    connection: duckdb.DuckDBPyConnection
    schema: str
    scratch: str
    notes: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    today: str = "{work}.clean_record"

    def run(self, query: str, parameters: list[Any] | dict[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Runs a query; `{work}` and `{kept}` in it are the scratch database and the results' schema."""
        return self.connection.execute(
            query.replace("{work}", self.scratch).replace("{kept}", self.schema), parameters or []
        )

    def value(self, query: str, parameters: list[Any] | dict[str, Any] | None = None) -> Any:
        """The first value of the first row, or None."""
        row = self.run(query, parameters).fetchone()
        return row[0] if row else None

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[Any]:
        """All rows of a small result."""
        return self.run(query, parameters).fetchall()

    def exists(self, *tables: str) -> bool:
        """Whether the results' schema holds all of these tables."""
        found = self.value(
            "select count(*) from duckdb_tables() where schema_name = ? and list_contains(?, table_name) "
            "and database_name = current_database()",
            [self.schema, list(tables)],
        )
        return bool(found == len(tables))

    def note(self, sentence: str, *, alert: bool = False) -> None:
        """Adds a sentence, once. alert: the summary of the run shows it."""
        if sentence not in self.notes:
            self.notes.append(sentence)
            if alert:
                self.alerts.append(sentence)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """A transaction: the block's writes to the results' schema all count or, if it fails or is killed, none.

        The block must not write to the scratch database: a transaction writes to one database only.
        """
        self.connection.begin()
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()


@contextmanager
def workspace(connection: duckdb.DuckDBPyConnection, schema: str) -> Iterator[Workspace]:
    """A workspace whose scratch database exists for the duration of the block."""
    scratch = f"linking_{schema}"
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"detach database if exists {scratch}")
    connection.execute(f"attach ':memory:' as {scratch}")
    connection.create_function("nfkc", _nfkc, ["VARCHAR"], "VARCHAR")  # type: ignore[list-item, arg-type]
    try:
        yield Workspace(connection, schema, f"{scratch}.main")
    finally:
        connection.remove_function("nfkc")
        connection.execute(f"detach database if exists {scratch}")


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
