"""CSV files. Every value lands as text.

A file that DuckDB rejects is read a second time, record by record, so that only its unreadable records become rejects:
DuckDB's own `store_rejects` also drops good rows when a quote stays open.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.catalog import WHITESPACE
from orchestration.channels.connectors import REJECTS, Batch, with_source
from orchestration.channels.connectors._csv_header import with_header
from orchestration.channels.connectors._csv_hints import MOST_LINES_ABOVE_HEADER, encoding_hint, header_hint
from orchestration.channels.connectors._sources import (
    CHUNK_BYTES,
    LONGEST_RECORD_CHARS,
    PATH_COLUMN,
    Source,
    Together,
    arrow_tables,
    identifier,
    is_undecodable,
    is_utf8,
    literal,
    literals,
    open_text,
    printable,
    rejects,
    with_origins,
)
from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pyarrow as pa

# A quoted value may contain line breaks. A quote that is still open after this many lines is a stray one.
_LONGEST_RECORD_LINES = 1_000
_CAREFUL_BATCH_ROWS = 50_000
_LEAST_HEADER_COLUMNS = 2
_LONGEST_FIELD_CHARS = 1 << 24


def shape(source: Source) -> Hashable:
    """What small files must share to be read together; None if this file must be read alone."""
    stream = source.stream
    if source.content is None or not is_utf8(stream.encoding) or stream.header or stream.delimiter == WHITESPACE:
        return None
    header = source.content.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].removesuffix(b"\r")
    return None if b'"' in header or not header.strip() else (header, source.is_packed)


def read(source: Source) -> Iterator[Batch]:
    """The rows of one file, and its unreadable records as rejects."""
    yield from with_header(source, _read)


def _read(source: Source) -> Iterator[Batch]:
    import duckdb

    header = _header(source)
    if header is None:
        return
    columns = source.columns(header)
    _require(source, header, columns)
    path = _as_utf8(source)
    if path is not None:
        scan = _scan(source, literal(str(path)), columns)
        # The whole file must be readable before the first row is delivered: one pass over every value.
        try:
            counted = source.connection.execute(
                f"SELECT count(*), count(*) FILTER (WHERE {_is_header(header, columns)}), count(COLUMNS(*)) FROM {scan}"
            ).fetchone()
        except duckdb.InvalidInputException:
            counted = None
        if counted is not None and not counted[1]:
            rows = 0
            for table in arrow_tables(source.connection, f"SELECT * FROM {scan}"):
                yield Batch(with_source(table, source.name, rows + 1, source.day))
                rows += table.num_rows
            if rows != counted[0]:
                raise ChannelError(
                    f"{source.where} was changed while it was read; run again once it is complete", transient=True
                )
            return
    yield from _record_by_record(source, header, columns)


def read_together(sources: list[Source]) -> Together | None:
    """The rows of small files of one shape; None if one of them must be read alone."""
    import duckdb

    first = sources[0]
    try:
        header = _header(first)
        columns = first.columns(header or [])
        first.require(columns)
        scan = _scan(first, literals(sources), columns, f", filename = {literal(PATH_COLUMN)}")
        rows = first.connection.execute(f"SELECT * FROM {scan}").to_arrow_table()
        if _has_header(rows, header or [], columns):
            return None
    except (duckdb.InvalidInputException, ChannelError):
        return None
    return with_origins(rows, sources)


def _is_header(header: list[str], columns: list[str]) -> str:
    """The condition for a row that is the header again: exports were written one after the other into one file."""
    if len(header) < _LEAST_HEADER_COLUMNS:
        return "false"  # one word may be a value
    pairs = zip(columns, header, strict=True)
    return " AND ".join(f"ltrim({identifier(column)}, '\ufeff') = {literal(name)}" for column, name in pairs)


def _has_header(rows: pa.Table, header: list[str], columns: list[str]) -> bool:
    import pyarrow.compute as pc

    if len(header) < _LEAST_HEADER_COLUMNS:
        return False
    for column, name in zip(columns, header, strict=True):
        rows = rows.filter(pc.equal(pc.utf8_ltrim(rows[column], "\ufeff"), name))
    return rows.num_rows > 0


def _scan(source: Source, paths: str, columns: list[str], options: str = "") -> str:
    typed = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f"read_csv({paths}, columns = {{{typed}}}, header = true, auto_detect = false, "
        f"delim = {literal(source.stream.delimiter)}, quote = '\"', escape = '\"', strict_mode = true{options})"
    )


def _undecodable(source: Source) -> str:
    """The error handler that keeps undecodable bytes recognisable; wide encodings support only `replace`."""
    is_wide = source.stream.encoding.lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    return "replace" if is_wide else "surrogateescape"


def _header(source: Source) -> list[str] | None:
    errors = _undecodable(source)
    with open_text(source, errors) as text:
        records = _records(text, source.stream.delimiter)
        _, _, raw, header, _ = next(records, (0, 0, "", None, ""))
    if not raw:
        return None
    if header is None or is_undecodable(raw, errors):
        remedy = encoding_hint(source) or (
            f"correct `encoding` (such as cp1252) or `delimiter` in {source.system.catalog_file.name}"
        )
        raise ChannelError(
            f"{source.where}: the header cannot be read as {source.stream.encoding} with the delimiter "
            f"{source.stream.delimiter!r}; {remedy}"
        )
    return header


def _require(source: Source, header: list[str], columns: list[str]) -> None:
    """As `Source.require`; the message says what the header looks like, if that explains it."""
    try:
        source.require(columns)
    except ChannelError as error:
        with open_text(source, "replace") as text:
            records = islice(_records(text, source.stream.delimiter), 1, MOST_LINES_ABOVE_HEADER)
            following = [fields for *_, fields, _ in records if fields is not None]
        hint = header_hint(source, header, following)
        if hint:
            raise ChannelError(f"{str(error).split(';', 1)[0]}; {hint}") from error
        raise


def _as_utf8(source: Source) -> Path | None:
    """A UTF-8 file with the same text; None if some bytes are invalid in the declared encoding."""
    if is_utf8(source.stream.encoding):
        return source.path
    copy = source.scratch / "as-utf8.csv"
    try:
        with open_text(source, "strict") as text, copy.open("w", encoding="utf-8", newline="") as out:
            while chunk := text.read(CHUNK_BYTES):
                out.write(chunk)
    except UnicodeDecodeError:
        return None
    return copy


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, int, str, list[str] | None, str]]:
    """(record number, line number, text, fields or None, problem) of each record, without blank lines.

    A quote that is never closed costs its own line only: the record ends with the line, and reading continues with the
    next one.
    """
    csv.field_size_limit(_LONGEST_FIELD_CHARS)
    ahead: list[str] = []
    record = line = 0
    fields: list[str] | None

    def next_line() -> str | None:
        return ahead.pop(0) if ahead else next(lines, None)

    while (text := next_line()) is not None:
        line += 1
        if not text.strip("\r\n"):
            continue
        record += 1
        fields, problem = _fields(text, delimiter)
        taken: list[str] = []
        size = len(text)
        while problem == _OPEN_QUOTE and len(taken) < _LONGEST_RECORD_LINES and size < LONGEST_RECORD_CHARS:
            more = next_line()
            if more is None:
                break
            taken.append(more)
            size += len(more)
            if '"' in more:
                fields, problem = _fields("".join((text, *taken)), delimiter)
        if fields is None:
            ahead[:0] = taken
            taken = []
            problem = _BAD_QUOTE if problem == _OPEN_QUOTE else problem
        yield record, line, "".join((text, *taken)), fields, problem
        line += len(taken)


_OPEN_QUOTE = "a quote is not closed"
# The text after a stray quote decides which of the two it looks like, so both have one message.
_BAD_QUOTE = "a quote is not closed, or closed too early"


def _fields(text: str, delimiter: str) -> tuple[list[str] | None, str]:
    try:
        records = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        # The csv module distinguishes its errors by their text only.
        return None, _OPEN_QUOTE if "unexpected end of data" in str(error) else _BAD_QUOTE
    return (records[0], "") if len(records) == 1 else (None, "a line break outside quotes")


def _record_by_record(source: Source, header: list[str], columns: list[str]) -> Iterator[Batch]:
    import pyarrow as pa

    errors = _undecodable(source)
    width = len(columns)
    good: list[list[str | None]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str, str]] = []

    def flush() -> Iterator[Batch]:
        if good:
            rows = pa.table(
                [pa.array(values, pa.string()) for values in zip(*good, strict=True)]
                + [
                    pa.array([source.name] * len(good), pa.string()),
                    pa.array(numbers, pa.int64()),
                    pa.array([source.day] * len(good), pa.date32()),
                ],
                names=[*columns, "_source_file", "_source_row", "_source_day"],
            )
            yield Batch(rows)
        if bad:
            yield Batch(rejects(source, bad), REJECTS)
        good.clear()
        numbers.clear()
        bad.clear()

    with open_text(source, errors) as text:
        for record, line, raw, fields, problem in _records(text, source.stream.delimiter):
            if record == 1:
                continue
            if fields is not None:
                if len(fields) == width + 1 and fields[-1] == "":
                    fields.pop()  # a delimiter at the end of the line, which DuckDB accepts, too
                if len(fields) != width:
                    problem = f"{len(fields)} fields instead of {width}"
                    fields = None
            if fields and width >= _LEAST_HEADER_COLUMNS and [fields[0].lstrip("\ufeff"), *fields[1:]] == header:
                fields, problem = None, "the header again"
            if is_undecodable(raw, errors):
                fields, problem = None, f"bytes that are not valid {source.stream.encoding}"
            if fields is None:
                bad.append((line, printable(raw), problem))
            else:
                good.append([value or None for value in fields])
                numbers.append(record - 1)
            if len(good) + len(bad) >= _CAREFUL_BATCH_ROWS:
                yield from flush()
    yield from flush()
