"""The register: every customer number that was ever published, and to which source record it belongs.

Everything else can be rebuilt from landing; numbers that other systems have stored cannot. The register stands outside
the warehouse and is written when a run has published: what a run decided that readers never saw is forgotten.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.warehouse.connection import readable_failures

TABLES = ("known_number", "customer_id_change", "assignment_history")


def keep_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Writes the present numbers to `folder`, each file put in place at once. Raises WarehouseError where it cannot."""
    with readable_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for table in TABLES:
            target = folder / f"{table}.parquet"
            fresh = target.with_suffix(".new")
            connection.execute(f"copy (from {schema}.{table}) to '{_quoted(fresh)}' (format parquet)")
            fresh.replace(target)


def restore_register(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity") -> None:
    """Makes the register's numbers the ones that count in the warehouse. Where it is missing, the warehouse's count."""
    connection.execute(f"create schema if not exists {schema}")
    for table in TABLES:
        file = folder / f"{table}.parquet"
        if file.is_file():
            connection.execute(f"create or replace table {schema}.{table} as from read_parquet('{_quoted(file)}')")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
