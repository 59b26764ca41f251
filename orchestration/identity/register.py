"""The register of customer numbers outside the warehouse, so that a rebuilt warehouse gives everybody their number.

Everything else can be rebuilt from landing; numbers that other systems have stored cannot.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

TABLES = ("assignment", "customer_id_change")


def keep_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Writes the present numbers to `folder`, each file put in place at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        target = folder / f"{table}.parquet"
        fresh = target.with_suffix(".new")
        connection.execute(f"copy (from {schema}.{table}) to '{_quoted(fresh)}' (format parquet)")
        fresh.replace(target)


def restore_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Takes the numbers from `folder` where the warehouse has none."""
    connection.execute(f"create schema if not exists {schema}")
    for table in TABLES:
        file = folder / f"{table}.parquet"
        if file.is_file():
            connection.execute(f"create table if not exists {schema}.{table} as from read_parquet('{_quoted(file)}')")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
