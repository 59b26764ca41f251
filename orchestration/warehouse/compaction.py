"""Keeps the warehouse file from growing: DuckDB reuses the space of what was built anew, but seldom returns it."""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.warehouse.connection import open_warehouse, readable_failures

# A file that is less full is written anew. Each night frees the space of what it builds again, and the next one fills
# it: a higher share would copy the warehouse every night, a lower one would leave most of the disk unused.
LEAST_USED_SHARE = 0.6
# Below it, a copy costs more than the space is worth.
LEAST_FREE_BYTES = 50_000_000


def write_anew(path: Path) -> None:
    """Writes the warehouse anew, so that nothing is left of what was deleted in it: DuckDB keeps old blocks.

    Nothing else may have the file open. Raises WarehouseError as `compact` does.
    """
    compact(path, least_free_bytes=-1)


def compact(path: Path, *, least_free_bytes: int = LEAST_FREE_BYTES) -> int:
    """Writes the warehouse anew where much of it is free space; returns the bytes by which it has shrunk.

    Nothing else may have the file open. A failure leaves it as it was. Raises WarehouseError where the disk is full or
    the file cannot be used.
    """
    fresh = path.with_name(f".{path.name}.new")
    _remove(fresh)  # of an attempt that was interrupted
    before = path.stat().st_size if path.exists() else 0
    if before < least_free_bytes:
        return 0
    with readable_failures(path):
        try:
            if not _write_anew(path, fresh, least_free_bytes):
                return 0
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            _remove(fresh)
    return before - path.stat().st_size


def _write_anew(path: Path, fresh: Path, least_free_bytes: int) -> bool:
    """Copies the warehouse to another file; False where it is full enough."""
    with open_warehouse(path) as connection:
        connection.execute("checkpoint")  # what was dropped counts as free from here on
        name, used, total, block = connection.execute("""
            select database_name, used_blocks, total_blocks, block_size from pragma_database_size()
            where database_name = current_database()
        """).fetchall()[0]
        is_full = used >= LEAST_USED_SHARE * total or (total - used) * block < least_free_bytes
        if is_full and least_free_bytes >= 0:
            return False
        quoted = str(fresh).replace("'", "''")
        connection.execute(f"attach '{quoted}' as compacted")
        connection.execute(f'copy from database "{name}" to compacted')
        connection.execute("detach compacted")  # which writes its log into the file
    return True


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
