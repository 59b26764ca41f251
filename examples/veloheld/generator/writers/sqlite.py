"""SQLite databases whose bytes depend on nothing but the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

_PAGE_BYTES = 4096
_VERSION_AT = 92  # header: "version-valid-for" and the number of the library that wrote last
_VERSION = (1).to_bytes(4, "big") + (3_045_000).to_bytes(4, "big")
_CHANGE_COUNTER_AT = 24


def write(path: Path, tables: Mapping[str, tuple[str, Iterable[pa.Table]]]) -> None:
    """Write the tables: name → (definition of its columns, its rows in order)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for setting in (f"page_size = {_PAGE_BYTES}", "journal_mode = OFF", "synchronous = OFF", "auto_vacuum = NONE"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("BEGIN")
        for name, (definition, parts) in tables.items():
            connection.execute(f"CREATE TABLE {name} ({definition})")
            for part in parts:
                marks = ", ".join("?" * part.num_columns)
                rows = zip(*(column.to_pylist() for column in part.columns), strict=True)
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
    with path.open("r+b") as file:
        file.seek(_CHANGE_COUNTER_AT)
        file.write((1).to_bytes(4, "big"))
        file.seek(_VERSION_AT)
        file.write(_VERSION)
