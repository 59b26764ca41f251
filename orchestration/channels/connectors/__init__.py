"""Connectors: one module per way of reaching a source system, each with a function `extract`.

    extract(system, stream, seen, scratch, declared) -> Delivery | None

`seen` is what the last delivery told to remember; None says that the source has nothing new. A connector copies: it
never interprets a value, and it knows nothing of landing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    import pyarrow as pa

INCOMING = "incoming"
REJECTS = "rejects"
# Rows per Arrow table: what dlt was measured with, and some 100 MB at most.
BATCH_ROWS = 500_000


@dataclass(frozen=True)
class Batch:
    """Rows for one of the two tables of a stream: INCOMING or REJECTS."""

    rows: pa.Table
    table: str = INCOMING


@dataclass
class Delivery:
    """What a source has that landing does not. `seen` and `files` are complete once `batches` is exhausted."""

    batches: Iterator[Batch]
    seen: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def landed_names(names: Iterable[str], where: str) -> list[str]:
    """Column names as they land: snake_case by dlt's convention, so that dlt renames nothing afterwards.

    `where` opens the message of the ChannelError that two equal names raise.
    """
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    convention = NamingConvention()
    landed: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        column = convention.normalize_identifier(name.strip()) if name.strip() else f"column_{position}"
        if column in landed:
            raise ChannelError(
                f"{where}: the columns {landed[column]!r} and {name!r} would both land as {column}; rename one of them"
            )
        landed[column] = name
    return list(landed)


def require_columns(
    delivered: Collection[str], wanted: Mapping[str, Collection[str]], where: str, catalog_file: str
) -> None:
    """Raise a ChannelError if `delivered` lacks one of the wanted columns.

    `wanted`: what asks for columns (`key`, `cursor`, `declared`) -> their landed names.
    """
    for reason, columns in wanted.items():
        missing = [column for column in columns if column not in delivered]
        if missing:
            names = ", ".join(missing)
            remedy = (
                "deliver it with all columns that staging reads, or correct the sources file of its staging folder"
                if reason == "declared"
                else f"deliver it with that column, or correct `{reason}` in {catalog_file}"
            )
            raise ChannelError(f"{where}: has no column {names} ({reason}); {remedy}")


def with_source(rows: pa.Table, source: str, first_row: int) -> pa.Table:
    """`rows` plus where each came from: `_source_file`, and `_source_row` counted from `first_row`."""
    import numpy as np
    import pyarrow as pa

    count = rows.num_rows
    return rows.append_column(
        pa.field("_source_file", pa.string()), pa.repeat(pa.scalar(source, pa.string()), count)
    ).append_column(
        pa.field("_source_row", pa.int64()), pa.array(np.arange(first_row, first_row + count, dtype=np.int64))
    )
