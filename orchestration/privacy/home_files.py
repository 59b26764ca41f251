"""The files of a state folder by what they are, whoever wrote them; and the values in them."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestration.privacy.tables import with_text
from orchestration.privacy.values import Finder

if TYPE_CHECKING:
    import duckdb

Kind = Literal["duckdb", "parquet", "sqlite", "text", "other"]
_CHUNK, _OVERLAP = 64_000_000, 1_000
_PACKED = re.compile(rb"[A-Za-z0-9+/]{80,}={0,2}")


def kind_of(file: Path) -> Kind:
    """What a file is, by its content."""
    with file.open("rb") as opened:
        start = opened.read(4_096)
    if start[8:12] == b"DUCK":
        return "duckdb"
    if start[:4] == b"PAR1":
        return "parquet"
    if start.startswith(b"SQLite format 3\0"):
        return "sqlite"
    if b"\0" in start:
        return "other"
    with suppress(UnicodeDecodeError):
        start[:-4].decode() if len(start) > 4 else start.decode()
        return "text"
    return "other"


def files_below(folder: Path, leave_out: tuple[Path, ...] = ()) -> Iterator[Path]:
    """All files of a folder, in order, but those below some others."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and not any(file.is_relative_to(other) for other in leave_out):
            yield file


def contents(file: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces that overlap, and what they are once decompressed."""
    with file.open("rb") as opened:
        last = b""
        while piece := opened.read(_CHUNK):
            yield last + piece
            last = piece[-_OVERLAP:]
    if file.stat().st_size <= _CHUNK:
        yield from decompressed(file.read_bytes())


def decompressed(content: bytes) -> Iterator[bytes]:
    """What gzip, zlib, bzip2, xz and zip have compressed in these bytes, also in base64."""
    for start, unpack in (
        (b"\x1f\x8b", gzip.decompress), (b"x", zlib.decompress), (b"BZh", bz2.decompress),
        (b"\xfd7zXZ", lzma.decompress),
    ):  # fmt: skip
        if content.startswith(start):
            with suppress(OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
                yield unpack(content)
    if content.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    if b"\0" in content[:4_096]:
        return
    for packed in _PACKED.findall(content):
        with suppress(ValueError, zlib.error):
            yield zlib.decompress(base64.b64decode(packed))


def hits_in(file: Path, finder: Finder, personal_columns: frozenset[str], connection: duckdb.DuckDBPyConnection) -> int:
    """How many values stand in a file: in its bytes, in what is compressed in it, and in its columns.

    connection: any, to read Parquet and DuckDB files with.
    """
    found = sum(sum(1 for _ in finder.spans(content, any_encoding=True)) for content in contents(file))
    kind = kind_of(file) if file.stat().st_size else "text"
    if kind in ("parquet", "duckdb"):
        return found + _hits_in_columns(connection, file, finder, kind, personal_columns)
    if kind == "sqlite":
        return found + sum(1 for _ in _sqlite_cells(file, finder))
    return found


def _hits_in_columns(
    connection: duckdb.DuckDBPyConnection, file: Path, finder: Finder, kind: Kind, personal_columns: frozenset[str]
) -> int:
    quoted = str(file).replace("'", "''")
    if kind == "parquet":
        schema = "identity" if "identity" in file.parts else "main"
        return _hits_in_table(connection, finder, f"read_parquet('{quoted}')", schema, personal_columns)
    connection.execute(f"attach '{quoted}' as looked_at (read_only)")
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'looked_at'"
        ).fetchall()
        return sum(
            _hits_in_table(connection, finder, f'looked_at."{schema}"."{table}"', schema, personal_columns)
            for schema, table in tables
        )
    finally:
        connection.execute("detach looked_at")


def _hits_in_table(
    connection: duckdb.DuckDBPyConnection, finder: Finder, name: str, schema: str, personal_columns: frozenset[str]
) -> int:
    import pyarrow as pa

    columns = {row[0]: row[1] for row in connection.execute(f"describe select * from {name}").fetchall()}
    texts = [column for column, kind in columns.items() if with_text(kind)]
    if not texts:
        return 0
    cast = ", ".join(f'cast("{column}" as varchar) as "{column}"' for column in texts)
    found = 0
    for batch in connection.execute(f"select {cast} from {name}").to_arrow_reader(200_000):
        table = pa.Table.from_batches([batch])
        for column in texts:
            whole = schema == "identity" or column in personal_columns
            found += len(finder.rows(table.column(column), whole_cells=whole))
    return found


def _sqlite_cells(file: Path, finder: Finder) -> Iterator[tuple[str, str, int, str | bytes]]:
    """(table, column, rowid, value) of the cells of an SQLite file that hold a value, also compressed."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f'pragma table_info("{table}")')]
            quoted = ", ".join(f'"{column}"' for column in columns)
            with suppress(sqlite3.OperationalError):  # a table without rowid
                for row in connection.execute(f'select rowid, {quoted} from "{table}"'):
                    for column, value in zip(columns, row[1:], strict=True):
                        if (
                            isinstance(value, str)
                            and finder.is_in(value.encode())
                            or isinstance(value, bytes)
                            and any(finder.is_in(part) for part in (value, *decompressed(value)))
                        ):
                            yield table, column, row[0], value


def scrub_sqlite(file: Path, finder: Finder) -> int:
    """Replaces values in an SQLite file; rows whose value is compressed go. Returns the cells that changed."""
    cells = list(_sqlite_cells(file, finder))
    if not cells:
        return 0
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for table, column, rowid, value in cells:
            if isinstance(value, str):
                changed = finder.without(value)
                connection.execute(f'update "{table}" set "{column}" = ? where rowid = ?', [changed, rowid])
            else:
                connection.execute(f'delete from "{table}" where rowid = ?', [rowid])
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)")
    return len(cells)


def scrub_text(file: Path, finder: Finder) -> int:
    """Replaces values in a text file, in one step. Returns how many."""
    with suppress(UnicodeDecodeError):
        text = file.read_bytes().decode()
        changed = finder.without(text)
        if changed != text:
            fresh = file.with_name(f".{file.name}.new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(changed.encode())
            fresh.replace(file)
            return sum(1 for _ in finder.spans(text.encode()))
    return 0


def mask_text(file: Path, finder: Finder) -> int:
    """Overwrites values in a text file in place, byte for byte: others append to it, and remember places in it."""
    spans = list(finder.spans(file.read_bytes()))
    with file.open("r+b") as opened:
        for start, end in spans:
            opened.seek(start)
            opened.write(b"*" * (end - start))
    return len(spans)
