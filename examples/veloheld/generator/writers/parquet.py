"""Parquet whose bytes depend on nothing but the rows: one thread, fixed settings, no time of writing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_ROW_GROUP_ROWS = 1 << 20


def write(parts: Iterable[pa.Table], path: Path) -> None:
    """Writes tables of one schema into one file, one at a time.

    Columns that are dictionaries in memory are dictionaries in the file, all others are plain.
    """
    parts = iter(parts)
    first = next(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = [field.name for field in first.schema if pa.types.is_dictionary(field.type)]
    plain = pa.schema(
        pa.field(field.name, field.type.value_type if field.name in coded else field.type) for field in first.schema
    )
    with pq.ParquetWriter(
        path,
        plain,
        compression="zstd",
        compression_level=1,
        use_dictionary=coded or False,
        write_statistics=True,
        store_schema=False,
        version="2.6",
    ) as writer:
        for part in chain([first], parts):
            writer.write_table(part.cast(plain) if coded else part, row_group_size=_ROW_GROUP_ROWS)
