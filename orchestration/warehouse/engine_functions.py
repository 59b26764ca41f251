"""Functions that models call and DuckDB lacks, on a connection to the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.contact_details import e164_column

# Warehouses that this process holds open with the functions.
_HELD: set[str] = set()


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Adds `e164(phone, country)`. It ends with this connection, though other connections of the process see it."""

    # Without annotations: DuckDB would evaluate them where their names are unknown.
    def function(phones, countries):  # type: ignore[no-untyped-def]
        return e164_column(phones, countries)

    added: Any = connection
    added.create_function("e164", function, ["VARCHAR", "VARCHAR"], "VARCHAR", type="arrow", null_handling="special")


@contextmanager
def held_warehouse(path: Path) -> Iterator[None]:
    """Holds the warehouse open, with the functions: what opens it meanwhile in this process shares it at once.

    Raises WarehouseError where the file is locked by another process, corrupt, or its disk is full.
    """
    with open_warehouse(path) as connection:
        add_functions(connection)
        _HELD.add(str(path))
        try:
            yield
        finally:
            _HELD.discard(str(path))


def is_held(path: str) -> bool:
    """Whether `held_warehouse` holds this file in this process; then its functions are there."""
    return path in _HELD
