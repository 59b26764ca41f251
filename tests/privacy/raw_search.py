"""Finds values in all files of a folder, whoever wrote them. Knows none of context360's formats and none of its code.

What it knows of files: text encodings, what gzip, zlib, bzip2, xz and zip compress, also in base64, and that Parquet,
DuckDB and SQLite files have columns.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path

import duckdb
from ahocorasick_rs import BytesAhoCorasick

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{60,}={0,2}")


def places_with(values: Iterable[str], folder: Path) -> dict[str, list[str]]:
    """File -> the values that stand in it, at most three. A value counts wherever it stands, also within a word."""
    spelled = {
        form.encode(encoding).lower(): value
        for value in values
        for form in (value, value.lower(), value.upper())
        for encoding in ("utf-8", "utf-16-le", "utf-16-be")
    }
    patterns = list(spelled)
    search = BytesAhoCorasick(patterns)
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            hits = {
                spelled[patterns[number]]
                for content in _contents(file)
                for number, _, _ in search.find_matches_as_indexes(content.lower())
            }
            if hits:
                found[str(file.relative_to(folder))] = sorted(hits)[:3]
    return found


def _contents(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    yield content
    yield from _unpacked(content)
    if content[:4] == b"PAR1":
        with duckdb.connect() as connection:
            yield from _columns(connection, f"select columns(*)::varchar from read_parquet('{file}')")
    if content[8:12] == b"DUCK":
        with duckdb.connect(str(file), read_only=True) as connection:
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                yield from _columns(connection, f'select columns(*)::varchar from "{schema}"."{table}"')
    if content.startswith(b"SQLite format 3\0"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in connection.execute(f'select * from "{table}"'):
                    for cell in row:
                        if isinstance(cell, bytes):
                            yield from (cell, *_unpacked(cell))
                        elif isinstance(cell, str):
                            yield cell.encode()


def _columns(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[bytes]:
    """The values of each column, one behind the other."""
    for batch in connection.execute(query).to_arrow_reader(100_000):
        for column in batch.columns:
            data = column.cast("large_string").buffers()[-1]
            if data is not None:
                yield data.to_pybytes()


def _unpacked(content: bytes) -> Iterator[bytes]:
    for unpack in (gzip.decompress, zlib.decompress, bz2.decompress, lzma.decompress):
        with suppress(OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
            yield unpack(content)
    if content.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if b"\0" not in content[:1_000]:
        for packed in _BASE64.findall(content):
            with suppress(ValueError, zlib.error):
                yield zlib.decompress(base64.b64decode(packed))
