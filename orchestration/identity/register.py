"""The register: every customer number that was ever published, to which source record it belongs, and the model.

Everything else can be rebuilt from landing; numbers that other systems have stored cannot, and a model that is learned
anew may decide otherwise about a few records. Of the records' values the register holds no more than hashes and given
names. It stands outside
the warehouse and is written just before a run publishes, so that no number is ever seen that it does not hold. What a
run decided that never got so far is forgotten. Each state is a folder of its own, and the file `current` names the one
that counts: a run that dies in between leaves the state before, in whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import readable_failures

NUMBERS = ("known_number", "customer_id_change", "assignment_history")
# What makes a rebuilt warehouse decide as the one before; a warehouse that has it uses its own.
MODEL = ("linkage_model", "term_frequency", "name_root", "common_block", "record_number")
_CURRENT = "current"


def keep_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Writes the present numbers to `folder`, all of them or none. Raises WarehouseError where it cannot."""
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
    """Makes the register's numbers the ones that count in the warehouse. Where it is missing, the warehouse's count.

    Raises FileNotFoundError where a part of the register is gone: numbers that others have stored must not be given
    to somebody else without a word.
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
            f"The register of customer numbers in {folder} has lost {', '.join(missing)}: restore it from a backup, or "
            f"remove {pointer} to number all customers anew."
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
    """What is not on the disk does not survive a power cut; of a folder, that is its names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
