"""Batches of rows on their way to dlt: fewer and larger ones, read ahead, without the rows of faulty files."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from orchestration.channels.connectors import BATCH_ROWS, Batch

if TYPE_CHECKING:
    import pyarrow as pa


def merged(batches: Iterator[Batch]) -> Generator[Batch]:
    """The same rows in fewer batches, because each costs dlt some milliseconds."""
    import pyarrow as pa

    waiting: dict[str, list[pa.Table]] = {}
    for batch in batches:
        held = waiting.setdefault(batch.table, [])
        rows = sum(table.num_rows for table in held) + batch.rows.num_rows
        if held and (held[0].schema != batch.rows.schema or rows > BATCH_ROWS):
            yield Batch(pa.concat_tables(held), batch.table)
            held.clear()
        held.append(batch.rows)
    for table, held in waiting.items():
        if held:
            yield Batch(pa.concat_tables(held), table)


def read_ahead(batches: Generator[Batch]) -> Generator[Batch]:
    """The same batches; while one is written, the next is read."""
    with contextlib.closing(batches), ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, batches, None)
            yield batch


def without_files(batch: Batch, names: Collection[str]) -> Iterator[Batch]:
    """The rows of `batch` that do not come from the files `names`, if there are any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.rows
    if names and rows.num_rows:
        rows = rows.filter(pc.invert(pc.is_in(rows["_source_file"], pa.array(list(names), pa.string()))))
    if rows.num_rows:
        yield Batch(rows, batch.table)
