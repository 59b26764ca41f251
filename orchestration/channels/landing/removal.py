"""Taking rows out of landing, for good: each data file is read once and, where rows go, replaced in one step.

Landing is append-only but for this: rows of erased people, and rows that are older than their stream is kept. What was
taken out is counted per file in `removed/` of the stream, so that every delivered row stays accounted for.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from orchestration.channels.connectors import INCOMING, REJECTS, days_of
from orchestration.channels.landing.folder import DECLARED_FILE, HELD, REMOVED, ROWS, StreamFolder

if TYPE_CHECKING:
    import pyarrow as pa

# What a text that named a person becomes, in a row that stays. It is no identifier (firm/placeholders.yml).
BLANK = "removed"
PARTS = (ROWS, INCOMING, HELD, REJECTS)
REMOVED_COLUMNS = {"original_rows": "BIGINT", "erased_rows": "BIGINT", "expired_rows": "BIGINT"}


@dataclass
class Verdict:
    """What becomes of the rows of one file, by their position in it.

    erased, expired: rows that go. blanked: position -> columns whose value goes (see BLANK). changed: column ->
    position -> text that replaces the value.
    """

    erased: set[int] = field(default_factory=set)
    expired: set[int] = field(default_factory=set)
    blanked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    changed: dict[str, dict[int, str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the file stays as it is."""
        return not (self.erased or self.expired or self.blanked or self.changed)


@dataclass(frozen=True)
class DataFile:
    """A data file of a stream: its part of the stream's folder, its name, and a local path where it can be read."""

    part: str
    name: str
    path: Path


@dataclass
class Removed:
    """Rows that were taken out of a stream, and rows that stay without what identifies."""

    erased: int = 0
    expired: int = 0
    blanked: int = 0
    changed: int = 0
    files: int = 0

    def __iadd__(self, other: Removed) -> Removed:
        self.erased += other.erased
        self.expired += other.expired
        self.blanked += other.blanked
        self.changed += other.changed
        self.files += other.files
        return self


def data_files(folder: StreamFolder, seen: Mapping[str, int] | None = None) -> Iterator[DataFile]:
    """The data files of a stream that are not in `seen` (part/name -> size in bytes), each while it is looked at.

    A file of an object store is copied to a temporary folder meanwhile.
    """
    for part in PARTS:
        for label, size in folder.sizes(part):
            name = label.rsplit("/", 1)[-1]
            if not name.endswith(".parquet") or name == DECLARED_FILE or (seen or {}).get(label) == size:
                continue
            if folder.is_local:
                yield DataFile(part, name, Path(folder.path(part, name)))
            else:
                with TemporaryDirectory() as scratch:
                    copy = Path(scratch, name)
                    folder.fs.get_file(folder.path(part, name), str(copy))
                    yield DataFile(part, name, copy)


def rewrite(folder: StreamFolder, file: DataFile, verdict: Verdict) -> Removed:
    """Carry out a verdict on a file, in one step; what goes is counted first, so that a kill loses no count."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if verdict.is_empty:
        return Removed()
    with pq.ParquetFile(file.path) as opened:
        table = opened.read()
    rows = table.num_rows
    for column, texts in verdict.changed.items():
        table = _with_values(table, column, texts)
    for column in {name for names in verdict.blanked.values() for name in names}:
        is_text = pa.types.is_string(table.schema.field(column).type)
        filled = table.column(column).is_valid().to_pylist()
        rows_to_blank = [row for row, names in verdict.blanked.items() if column in names and filled[row]]
        table = _with_values(table, column, dict.fromkeys(rows_to_blank, BLANK if is_text else None))
    expired = verdict.expired - verdict.erased
    gone = verdict.erased | expired
    if gone:
        table = table.filter(pa.array([row not in gone for row in range(rows)], pa.bool_()))
        if file.part != REJECTS:
            _count(folder, file.name, rows, len(verdict.erased), len(expired))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    folder.write(buffer.getvalue(), file.part, file.name)
    return Removed(len(verdict.erased), len(expired), len(verdict.blanked), len(verdict.changed), 1)


def _with_values(table: pa.Table, column: str, values: Mapping[int, str | None]) -> pa.Table:
    import pyarrow as pa

    place = table.schema.get_field_index(column)
    cells = table.column(place).to_pylist()
    for row, value in values.items():
        cells[row] = value
    return table.set_column(place, table.schema.field(place), pa.array(cells, table.schema.field(place).type))


def _count(folder: StreamFolder, name: str, rows: int, erased: int, expired: int) -> None:
    """Adds to the count of a file. What it has lost is what it once had less what is left: so a repeated attempt and a
    file that came back from a backup do not count twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    original, erased_before, expired_before = rows, 0, 0
    if name in folder.names(REMOVED):
        with folder.fs.open(folder.path(REMOVED, name), "rb") as opened:
            (known,) = pq.read_table(io.BytesIO(opened.read())).to_pylist()
        original = max(known["original_rows"], rows)
        if rows < original:
            expired_before = min(known["expired_rows"], original - rows)
            erased_before = original - rows - expired_before
    counts = {
        "original_rows": original,
        "erased_rows": erased_before + erased,
        "expired_rows": expired_before + expired,
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table({key: pa.array([value], pa.int64()) for key, value in counts.items()}), buffer)
    folder.write(buffer.getvalue(), REMOVED, name)


def removed_rows(folder: StreamFolder) -> Removed:
    """What was taken out of a stream so far."""
    import pyarrow.parquet as pq

    total = Removed()
    for name in folder.names(REMOVED):
        if name != DECLARED_FILE:
            with folder.fs.open(folder.path(REMOVED, name), "rb") as opened:
                (counts,) = pq.read_table(io.BytesIO(opened.read())).to_pylist()
            total += Removed(counts["erased_rows"], counts["expired_rows"], files=1)
    return total


def expire(folder: StreamFolder, day: str, before: date) -> Removed:
    """Takes out the rows of a stream whose day is earlier than `before`, waiting and held ones, too.

    day: the column with the day or moment of a row: a date, a moment, or text that begins with a date (2026-01-31). A
    row without it has the day of its file or cursor; without either it stays.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = Removed()
    for file in data_files(folder):
        with pq.ParquetFile(file.path) as opened:
            named = [name for name in (day, "_source_day") if name in opened.schema_arrow.names]
            days = [days_of(opened.read(columns=[name]).column(0)) for name in named]
            if not days:
                continue
            is_old = pc.less(pc.coalesce(*days), before).to_pylist()
        old = {row for row, gone in enumerate(is_old) if gone}
        total += rewrite(folder, file, Verdict(erased=old) if file.part == REJECTS else Verdict(expired=old))
    return total
