"""The register: every customer number that was ever published, to which source record it belongs, and the model.

Everything else can be rebuilt from landing; numbers that other systems have stored cannot, and a newly learned model
may decide otherwise about a few records. Of the records' values, the register holds hashes and given names only. It is
outside of the warehouse and written just before a run publishes, so every published number is in it; the decisions of a
run that fails before are dropped. Each state is a folder of its own, and the file `current` names the valid one: a run
that dies in between leaves the whole state before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import readable_failures

NUMBERS = ("known_number", "customer_id_change", "assignment_history")
# With it a rebuilt warehouse decides as the one before; a warehouse that has a model uses its own.
MODEL = ("linkage_model", "term_frequency", "name_root", "common_block", "record_number")
_CURRENT = "current"


def keep_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Writes the present numbers to `folder`, all of them or none. Raises WarehouseError if that fails."""
    with readable_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        before = [state for state in folder.glob("state-*") if state.is_dir()]
        number = max((int(state.name.removeprefix("state-")) for state in before), default=0) + 1
        fresh = folder / f"state-{number}"
        fresh.mkdir()
        for table in (*NUMBERS, *MODEL):
            connection.execute(f"copy (from {schema}.{table}) to '{_quoted(fresh / table)}.parquet' (format parquet)")
            _sync(fresh / f"{table}.parquet")
        _sync(fresh)
        pointer = folder / f"{_CURRENT}.new"
        pointer.write_text(fresh.name, encoding="utf-8")
        _sync(pointer)
        pointer.replace(folder / _CURRENT)
        _sync(folder)
        for state in before:
            shutil.rmtree(state)
        for table in NUMBERS:  # as an earlier version kept them
            (folder / f"{table}.parquet").unlink(missing_ok=True)


def restore_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Copies the register's numbers into the warehouse; without a register, the warehouse keeps its own.

    Raises FileNotFoundError if a part of the register is missing: stored numbers must never be silently assigned to
    another person.
    """
    connection.execute(f"create schema if not exists {schema}")
    pointer = folder / _CURRENT
    if pointer.is_file():
        folder = folder / pointer.read_text(encoding="utf-8").strip()
    elif not any((folder / f"{table}.parquet").is_file() for table in NUMBERS):
        return
    missing = [table for table in NUMBERS if not (folder / f"{table}.parquet").is_file()]
    if missing:
        raise FileNotFoundError(
            f"The register of customer numbers in {folder} lacks {', '.join(missing)}: restore it from a backup, or "
            f"remove {pointer} to renumber all customers."
        )
    with connection.cursor() as cursor:
        cursor.begin()
        restored = list(NUMBERS)
        if not _has_model(cursor, schema) and all((folder / f"{table}.parquet").is_file() for table in MODEL):
            restored += MODEL
        for table in restored:
            file = _quoted(folder / f"{table}.parquet")
            cursor.execute(f"create or replace table {schema}.{table} as from read_parquet('{file}')")
        cursor.commit()


def _has_model(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and list_contains(?, table_name) "
        "and database_name = current_database()",
        [schema, [*MODEL]],
    ).fetchone()
    return found is not None and found[0] > 0


def _sync(path: Path) -> None:
    """Forces a file, or a folder's list of names, to disk: it must survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
