"""The published warehouse, open for the pages: one query at a time, always in the newest publication."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import duckdb

from orchestration.live.problems import unavailable
from orchestration.warehouse.connection import WarehouseError, bound_engine

Found = TypeVar("Found")


class PublishedWarehouse:
    """The file that readers see. DuckDB keeps one database per path and process, so an old one is closed first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def ask(self, question: Callable[[duckdb.DuckDBPyConnection], Found]) -> Found:
        """What a function finds in it. Call it in a thread. Raises Problem 503 where nothing is published."""
        with self._lock:
            try:
                return question(self._newest())
            except WarehouseError as error:
                raise unavailable(str(error), 60) from error
            except duckdb.CatalogException as error:
                raise unavailable("A table is not published yet: start `context360 run`.", 60) from error

    def _newest(self) -> duckdb.DuckDBPyConnection:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise unavailable("Nothing has been published yet: start `context360 run`.", 60) from None
        stamp = (found.st_ino, found.st_mtime_ns)
        if self._connection is None or stamp != self._stamp:
            self.close()
            try:
                self._connection = duckdb.connect(str(self._path), read_only=True)
            except duckdb.Error:
                raise unavailable("The published warehouse is damaged: start `context360 run`.", 60) from None
            bound_engine(self._connection)
            self._stamp = stamp
        return self._connection

    def close(self) -> None:
        """Closes the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
