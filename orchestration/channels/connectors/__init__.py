"""Connectors: one module per way of reaching a source system, each with a function `extract`.

    extract(system, stream, request) -> Delivery

A connector copies: it never interprets a value, and it does not know landing. The one exception stands in the catalog:
`types` casts a column, and a row whose value does not fit goes to the rejects.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    import pyarrow as pa

INCOMING = "incoming"
REJECTS = "rejects"
# Rows per Arrow table: dlt needs some 3 ms for each table, and 200,000 rows rarely take more than 50 MB.
BATCH_ROWS = 200_000


@dataclass(frozen=True)
class Request:
    """What landing asks a connector for.

    seen: what the last delivery remembered. scratch: an empty folder for temporary copies. declared: landed columns
    that files and tables must have. days: load what belongs to these days (first and last) again, landed or not. skip:
    files that proved faulty in the middle, with their faults. changed_type: returns the column of an Arrow schema whose
    type differs from the landed one, if there is one. events: the log of the live service, for its connector.
    """

    seen: Mapping[str, Any]
    scratch: Path
    declared: Collection[str] = ()
    days: tuple[date, date] | None = None
    skip: Mapping[str, ChannelError] = field(default_factory=dict)
    changed_type: Callable[[pa.Schema], str | None] = lambda _: None
    events: Path | None = None


@dataclass(frozen=True)
class Batch:
    """Rows for one of the two tables of a stream: INCOMING or REJECTS."""

    rows: pa.Table
    table: str = INCOMING


@dataclass
class Delivery:
    """What a source has and landing does not; batches is None if there is nothing new.

    All fields but remark are complete once batches is exhausted. seen: what the next request must know. files: the
    files, table or endpoint that the rows come from. repeats: files that were left out because another file had
    delivered the same content. faults: what is wrong with the other files that were left out. remark: a note for a user
    who asked for days.
    """

    batches: Iterator[Batch] | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    faults: list[ChannelError] = field(default_factory=list)
    remark: str = ""


class FileFault(ChannelError):
    """A fault of some files that was found after some of their rows were delivered: read the others again."""

    def __init__(self, names: Collection[str], fault: ChannelError) -> None:
        super().__init__(str(fault), fault.transient)
        self.names = tuple(names)
        self.fault = fault


def landed_names(names: Iterable[str], where: str, renamed: Mapping[str, str] | None = None) -> list[str]:
    """Column names as they land: snake_case by dlt's convention, so that dlt renames nothing afterwards.

    where: opens the message of errors. renamed: snake_case name -> landed name. Raises ChannelError if two columns
    would get the same name.
    """
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    convention = NamingConvention()
    landed: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        column = convention.normalize_identifier(name.strip()) if name.strip() else f"column_{position}"
        column = (renamed or {}).get(column, column)
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

    wanted: why columns are wanted (`key`, `cursor`, `declared`) -> their landed names.
    """
    for reason, columns in wanted.items():
        missing = [column for column in columns if column not in delivered]
        if missing:
            names = ", ".join(missing)
            remedy = (
                "deliver it with all columns that staging reads, map a renamed one with `columns` in "
                f"{catalog_file}, or correct the sources file of its staging folder"
                if reason == "declared"
                else "deliver it with that column, map a renamed one with `columns`, or correct "
                f"`{reason}` in {catalog_file}"
            )
            raise ChannelError(f"{where}: has no column {names} ({reason}); {remedy}")


def changed_type(where: str, column: str, catalog_file: str) -> ChannelError:
    """The fault of a column whose type differs from the landed one."""
    return ChannelError(
        f"{where}: the type of column {column} has changed at the source; deliver it as before, or map it with `types` "
        f"in {catalog_file}"
    )


def with_source(rows: pa.Table, source: str, first_row: int, day: date | pa.ChunkedArray | None = None) -> pa.Table:
    """`rows` with their origin: `_source_file`, `_source_row` (counted from `first_row`) and `_source_day`.

    day: one day for all rows, or a column of days.
    """
    import numpy as np
    import pyarrow as pa

    count = rows.num_rows
    days = pa.repeat(pa.scalar(day, pa.date32()), count) if day is None or isinstance(day, date) else day
    return (
        rows.append_column(pa.field("_source_file", pa.string()), pa.repeat(pa.scalar(source, pa.string()), count))
        .append_column(
            pa.field("_source_row", pa.int64()), pa.array(np.arange(first_row, first_row + count, dtype=np.int64))
        )
        .append_column(pa.field("_source_day", pa.date32()), days)
    )


def days_of(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The days of a column of dates, timestamps, or text that starts with a date; null for other values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return values.cast(pa.date32(), safe=False) if not pa.types.is_date32(kind) else values
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        moments = pc.strptime(pc.utf8_slice_codeunits(values, 0, 10), "%Y-%m-%d", "s", error_is_null=True)
        return moments.cast(pa.date32(), safe=False)
    return pa.chunked_array([pa.nulls(len(values), pa.date32())])
