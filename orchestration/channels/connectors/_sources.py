"""What the readers of file formats share: a verified local file, and DuckDB to read it."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import BATCH_ROWS, landed_names, require_columns

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

CHUNK_BYTES = 1 << 20
# A record that DuckDB rejects is read in Python up to this length.
LONGEST_RECORD_CHARS = 1 << 20
# The column in which DuckDB returns the path of the file that a row comes from.
PATH_COLUMN = "_source_path"


@dataclass(frozen=True)
class Source:
    """One verified local file, its stream, and what reading it needs. where: opens the message of errors."""

    name: str
    path: Path
    where: str
    system: FilesSystem
    stream: FileStream
    scratch: Path
    declared: Collection[str]
    connection: duckdb.DuckDBPyConnection
    day: date | None = None
    # The uncompressed content of a small file.
    content: bytes | None = None

    @property
    def is_packed(self) -> bool:
        """Whether the file is compressed with gzip."""
        return self.path.name.endswith(".gz")

    def columns(self, names: Collection[str]) -> list[str]:
        """The delivered `names` as they land."""
        return landed_names(names, self.where, self.stream.columns)

    def require(self, columns: Collection[str], declared: bool = True) -> None:
        """Raise a ChannelError if the landed `columns` lack one that the catalog or, if `declared`, staging names."""
        wanted: dict[str, Collection[str]] = {
            "key": self.stream.key,
            "cursor": (self.stream.cursor,) if self.stream.cursor else (),
            "day": (self.stream.day,) if self.stream.day else (),
        }
        if declared:
            wanted["declared"] = tuple(column for column in self.declared if not column.startswith("_"))
        require_columns(columns, wanted, self.where, self.system.catalog_file.name)


@dataclass(frozen=True)
class Together:
    """The rows of several files. counts: file -> number of its rows."""

    rows: pa.Table
    counts: Mapping[str, int]


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that spills to `scratch`."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(scratch), "autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def literal(text: str) -> str:
    """`text` as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literals(sources: Collection[Source]) -> str:
    """The paths of `sources` as a SQL list."""
    return "[" + ", ".join(literal(str(source.path)) for source in sources) + "]"


def arrow_tables(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.Table]:
    """The rows of `query` as tables of bounded size."""
    import pyarrow as pa

    for batch in connection.execute(query).to_arrow_reader(BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def with_origins(rows: pa.Table, sources: Collection[Source], row_column: str = "") -> Together:
    """The rows of several files, with their origin in place of `PATH_COLUMN`. The rows of a file are consecutive.

    row_column: the column with the number of a row in its file; without it, the rows of a file are counted from 1.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    by_path = {str(source.path): source for source in sources}
    encoded = pc.run_end_encode(rows[PATH_COLUMN].combine_chunks()) if rows.num_rows else None
    runs = [] if encoded is None else _chunk(encoded).values.to_pylist()
    ends = np.array([] if encoded is None else _chunk(encoded).run_ends.to_numpy(), dtype=np.int64)
    lengths = np.diff(ends, prepend=0)
    found = [by_path[path] for path in runs]

    def repeated(values: list[object], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(pa.array(np.repeat(np.arange(len(found)), lengths)))

    if row_column:
        numbers = rows[row_column].cast(pa.int64())
    else:
        numbers = pa.array(np.arange(rows.num_rows) - np.repeat(ends - lengths, lengths) + 1, pa.int64())
    counts = {source.name: 0 for source in sources}
    for source, length in zip(found, lengths.tolist(), strict=True):
        counts[source.name] += length
    landed = rows.drop_columns([PATH_COLUMN, *([row_column] if row_column else [])])
    for name, column in (
        ("_source_file", repeated([source.name for source in found], pa.string())),
        ("_source_row", numbers),
        ("_source_day", repeated([source.day for source in found], pa.date32())),
    ):
        landed = landed.append_column(name, column)
    return Together(landed, counts)


def _chunk(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.chunk(0) if hasattr(array, "chunk") else array


def rejects(source: Source, bad: list[tuple[int, str, str]]) -> pa.Table:
    """Unreadable records as rejects. bad: (line number, text, reason) of each."""
    import pyarrow as pa

    lines, raws, reasons = zip(*bad, strict=True)
    return pa.table(
        {
            "_source_file": pa.array([source.name] * len(bad), pa.string()),
            "_source_row": pa.array(lines, pa.int64()),
            "_source_day": pa.array([source.day] * len(bad), pa.date32()),
            "raw": pa.array(raws, pa.string()),
            "reason": pa.array(reasons, pa.string()),
        }
    )


# --- Text ------------------------------------------------------------------------------------------------------------


def open_text(source: Source, errors: str) -> io.TextIOWrapper:
    """The file as text in its declared encoding, line ends unchanged."""
    opener = gzip.open if source.is_packed else open
    encoding = source.stream.encoding
    # A byte order mark is not part of the first column's name.
    if is_utf8(encoding):
        encoding = "utf-8-sig"
    return opener(source.path, "rt", encoding=encoding, errors=errors, newline="")  # type: ignore[return-value]


def is_utf8(encoding: str) -> bool:
    """Whether text in this encoding can be read as UTF-8."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def is_undecodable(text: str, errors: str) -> bool:
    """Whether `text`, read with the error handler `errors`, contains bytes that are invalid in its encoding."""
    if text.isascii():
        return False
    return "\ufffd" in text if errors == "replace" else any("\udc80" <= letter <= "\udcff" for letter in text)


def printable(text: str) -> str:
    """`text` in a form that can be stored: without line end, undecodable bytes replaced."""
    return text.encode("utf-8", errors="replace").decode("utf-8").rstrip("\r\n")
