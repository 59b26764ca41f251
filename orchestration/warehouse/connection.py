"""Opening the warehouse: one configuration for all connections, one run at a time, one sentence per failure."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.settings import engine_bounds


class WarehouseError(Exception):
    """The warehouse cannot be used; the message says why and what to do."""


@contextmanager
def open_warehouse(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse file, closed at the end so that the next step can have it.

    Raises WarehouseError where the file is locked by another process, corrupt, or its disk is full.
    """
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    with readable_failures(path):
        connection = duckdb.connect(str(path), read_only=read_only)
        bound_engine(connection)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def without_pandas() -> Iterator[None]:
    """Keeps DuckDB from importing pandas, for a command that looks something up and ends.

    DuckDB compares each parameter of a query with pandas' missing values, and imports pandas for it: 0.5 s of
    processor. Only for one thread: others cannot import pandas meanwhile.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # Python's way to say: there is no such module
    try:
        yield
    finally:
        del sys.modules["pandas"]


def bound_engine(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets the engine use of this machine what the settings say: threads and memory."""
    for name, value in engine_bounds().items():
        connection.execute(f"set {name} = '{value}'")


@contextmanager
def readable_failures(path: Path) -> Iterator[None]:
    """Turns the engine's and the system's ways of failing on this file into one sentence with a remedy."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        sentence = failure_sentence(path, error)
        if sentence is None:
            raise
        raise WarehouseError(sentence) from error


def failure_sentence(path: Path, error: BaseException | str) -> str | None:
    """What a user should read about a failure on the file, or None where it is not about the file."""
    text = str(error).lower()
    code = error.errno if isinstance(error, OSError) else None
    full = ("no space left", "disk quota", "file too large", "disk is full")
    if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(sign in text for sign in full):
        return (
            f"The disk that holds {path.parent} is full: free space and run again; "
            "nothing was lost and readers still see the last good warehouse."
        )
    if "could not set lock" in text or "conflicting lock" in text:
        return f"{path} is in use by another program: close it there, or wait until it is done, and run again."
    corrupt = (
        "not a valid duckdb database", "corrupt", "checksum", "serialization error", "deserializ", "magic bytes",
        "failed to read", "could not read enough bytes",
    )  # fmt: skip
    if any(sign in text for sign in corrupt):
        return (
            f"{path} is damaged: move it away and run again; the warehouse is rebuilt from landing "
            "and readers still see the last good warehouse."
        )
    if "permission denied" in text or "read-only file system" in text or "not a directory" in text:
        return f"{path} cannot be written: correct the rights of the folder, or choose another with --home."
    if "disk i/o error" in text:
        return (
            f"The disk that holds {path.parent} does not take what is written: free space or repair it, and run again."
        )
    return None


@contextmanager
def only_run(lock_path: Path) -> Iterator[None]:
    """Holds the warehouse for one run. Raises WarehouseError where another run has it."""
    import filelock

    # One lock per process and file: the command holds it, and so does the run that it starts.
    lock = filelock.FileLock(lock_path, is_singleton=True, thread_local=False)
    try:
        with readable_failures(lock_path):
            lock_path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise WarehouseError(
            "Another run is using this warehouse: wait until it is done (see `context360 status`), and run again."
        ) from error
    try:
        yield
    finally:
        lock.release()


def table_exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the warehouse has this table or view."""
    try:
        # The list of all tables takes 20 ms where there are hundreds, this less than one.
        connection.execute("select name from pragma_table_info(?) limit 1", [f'"{schema}"."{table}"'])
    except duckdb.Error:  # it is not there, or it is a view of something that is not there
        row = connection.execute(
            "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
        ).fetchone()
        return bool(row and row[0])
    return True
