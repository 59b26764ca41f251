"""Files of a folder or an object store: CSV, JSON lines and Parquet.

DuckDB reads them, as Arrow tables of bounded size. A CSV file that DuckDB does not accept as a whole is read a second
time, record by record, so that only its unreadable records are set aside: DuckDB's own `store_rejects` takes good rows
along when a quote stays open.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import hashlib
import io
import posixpath
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import (
    BATCH_ROWS,
    REJECTS,
    Batch,
    Delivery,
    landed_names,
    require_columns,
    with_source,
)
from orchestration.channels.errors import ChannelError, causes, store_client_errors

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from fsspec import AbstractFileSystem

_CHUNK_BYTES = 1 << 20
# A quoted value may hold line breaks. A quote that is still open after this much text is a stray one.
_LONGEST_RECORD_LINES = 1_000
_LONGEST_RECORD_CHARS = 1 << 20
_CAREFUL_BATCH_ROWS = 50_000
_LONGEST_FIELD_CHARS = 1 << 24
# Cannot occur in a line of valid JSON, where control characters are escaped.
_NO_DELIMITER = "\x1f"


@dataclass(frozen=True)
class _File:
    path: str  # relative to the location of the system: how people know the file
    full_path: str
    size: int
    stamp: str  # changes when the file is written: modification time, or the store's etag


def extract(
    system: FilesSystem, stream: FileStream, seen: Mapping[str, Any], scratch: Path, declared: Collection[str] = ()
) -> Delivery | None:
    """What lies in the folder and has not been landed, or None.

    `seen`: relative path -> {size, stamp, hash} of landed files. `scratch`: an empty folder for temporary copies.
    `declared`: landed columns that each CSV and Parquet file must have.
    """
    file_system = _file_system(system, stream)
    files = _matching_files(file_system, system, stream)
    if all(_is_known(file, seen) for file in files):
        return None
    delivery = Delivery(iter(()), seen=dict(seen))
    delivery.batches = _batches(delivery, file_system, files, system, stream, scratch, declared)
    return delivery


def list_files(system: FilesSystem, stream: FileStream) -> list[tuple[str, int, str]]:
    """The files of a stream as (relative path, size in bytes, stamp); nothing is opened. Raises ChannelError."""
    return [
        (file.path, file.size, file.stamp) for file in _matching_files(_file_system(system, stream), system, stream)
    ]


def _is_known(file: _File, seen: Mapping[str, Any]) -> bool:
    known = seen.get(file.path)
    return known is not None and known["size"] == file.size and known["stamp"] == file.stamp


def _file_system(system: FilesSystem, stream: FileStream) -> AbstractFileSystem:
    import fsspec

    protocol = system.location.split("://", 1)[0] if "://" in system.location else "file"
    try:
        return fsspec.filesystem(protocol, **system.storage_options)
    except (ImportError, ValueError) as error:
        raise ChannelError(
            f"{stream.label}: locations of the kind {protocol}:// cannot be read here; install the fsspec package for "
            f"it or correct `location` in {system.catalog_file.name}"
        ) from error


def _matching_files(file_system: AbstractFileSystem, system: FilesSystem, stream: FileStream) -> list[_File]:
    root = file_system._strip_protocol(system.location)  # noqa: SLF001 (fsspec documents it for this use)
    nothing = (
        f"{stream.label}: no file matches {stream.path} in {system.location}; deliver the file or correct `path` in "
        f"{system.catalog_file.name}"
    )
    try:
        # An object store answers from a listing that fsspec keeps; a new file must be seen.
        file_system.invalidate_cache()
        found = file_system.glob(posixpath.join(root, stream.path), detail=True)
        if not found and not file_system.exists(root):
            raise ChannelError(
                f"{stream.label}: the folder {system.location} does not exist; create it or correct `location` in "
                f"{system.catalog_file.name}"
            )
    except FileNotFoundError as error:
        raise ChannelError(nothing) from error
    except PermissionError as error:
        raise ChannelError(
            f"{stream.label}: {system.location} may not be read with the present rights; grant them or renew the "
            f"credentials, see {system.field_to_renew('storage_options')}"
        ) from error
    except OSError as error:
        raise ChannelError(f"{stream.label}: {system.location} does not answer; run again later", True) from error
    except store_client_errors() as error:
        silent = any("onnect" in type(cause).__name__ or "imeout" in type(cause).__name__ for cause in causes(error))
        raise ChannelError(
            f"{stream.label}: {system.location} "
            + ("does not answer; run again later" if silent else "refuses access; renew the credentials"),
            transient=silent,
        ) from error
    files = [_described(root, info) for info in found.values() if info["type"] == "file"]
    if not files:
        raise ChannelError(nothing)
    return sorted(files, key=lambda file: file.path)


def _described(root: str, info: Mapping[str, Any]) -> _File:
    stamp = info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("LastModified") or info.get("created")
    full_path = info["name"]
    return _File(posixpath.relpath(full_path, root), full_path, int(info["size"] or 0), str(stamp).strip('"'))


def _batches(
    delivery: Delivery,
    file_system: AbstractFileSystem,
    files: list[_File],
    system: FilesSystem,
    stream: FileStream,
    scratch: Path,
    declared: Collection[str],
) -> Iterator[Batch]:
    for file in files:
        if _is_known(file, delivery.seen):
            continue
        where = f"{stream.label}: {file.path}"
        if file.size == 0 and not stream.allow_empty:
            raise ChannelError(
                f"{where} is empty (0 bytes); deliver it again, or set `allow_empty: true` in "
                f"{system.catalog_file.name}"
            )
        local, digest = _verified_copy(file_system, file, where, scratch)
        known = delivery.seen.get(file.path)
        if known is None or known["hash"] != digest:
            rows = 0
            if file.size:
                reader = _READERS[stream.format]
                source = _Source(file.path, local, where, system, stream, scratch, declared)
                for batch in reader(source):
                    rows += batch.rows.num_rows
                    yield batch
            if rows == 0 and not stream.allow_empty:
                raise ChannelError(
                    f"{where} holds no rows; deliver it again, or set `allow_empty: true` in {system.catalog_file.name}"
                )
            delivery.files.append(file.path)
        _refuse_moving_file(file_system, file, where)
        delivery.seen[file.path] = {"size": file.size, "stamp": file.stamp, "hash": digest}
        if local != Path(file.full_path):
            local.unlink()


@dataclass(frozen=True)
class _Source:
    """One verified local file and all that is known about it."""

    name: str
    path: Path
    where: str
    system: FilesSystem
    stream: FileStream
    scratch: Path
    declared: Collection[str]

    def require(self, columns: Collection[str], declared: bool = True) -> None:
        wanted = {"key": self.stream.key, "cursor": (self.stream.cursor,) if self.stream.cursor else ()}
        if declared:
            wanted["declared"] = tuple(column for column in self.declared if not column.startswith("_"))
        require_columns(columns, wanted, self.where, self.system.catalog_file.name)


def _verified_copy(file_system: AbstractFileSystem, file: _File, where: str, scratch: Path) -> tuple[Path, str]:
    """A local path with the content of `file`, and its SHA-256.

    A file of an object store is fetched once, so that what was hashed is what lands. A compressed one is read to its
    end before a row leaves it.
    """
    is_local = file_system.protocol == "file" or "file" in file_system.protocol
    local = (
        Path(file.full_path) if is_local else scratch / f"copy-{hashlib.sha256(file.path.encode()).hexdigest()[:16]}"
    )
    if not is_local and file.path.endswith(".gz"):
        local = local.with_suffix(".gz")
    digest = hashlib.sha256()
    try:
        with contextlib.ExitStack() as stack:
            original = stack.enter_context(file_system.open(file.full_path, "rb"))
            copy = None if is_local else stack.enter_context(local.open("wb"))
            while chunk := original.read(_CHUNK_BYTES):
                digest.update(chunk)
                if copy is not None:
                    copy.write(chunk)
    except FileNotFoundError as error:
        raise ChannelError(f"{where} was removed while it was read; run again", transient=True) from error
    except PermissionError as error:
        raise ChannelError(f"{where} may not be read with the present rights; grant them and run again") from error
    if file.path.endswith(".gz") and file.size:
        try:
            with gzip.open(local) as unpacked:
                while unpacked.read(_CHUNK_BYTES):
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ChannelError(f"{where} is cut off or damaged (gzip); deliver it again") from error
    return local, digest.hexdigest()


def _refuse_moving_file(file_system: AbstractFileSystem, file: _File, where: str) -> None:
    file_system.invalidate_cache()
    try:
        info = file_system.info(file.full_path)
    except FileNotFoundError as error:
        raise ChannelError(f"{where} was removed while it was read; run again", transient=True) from error
    now = _described(posixpath.dirname(file.full_path), info)
    if (now.size, now.stamp) != (file.size, file.stamp):
        raise ChannelError(f"{where} was changed while it was read; run again once it is complete", transient=True)


def _connection(scratch: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(scratch), "autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _arrow_tables(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.Table]:
    import pyarrow as pa

    for batch in connection.execute(query).to_arrow_reader(BATCH_ROWS):
        yield pa.Table.from_batches([batch])


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(source: _Source) -> Iterator[Batch]:
    import duckdb

    header = _csv_header(source)
    if header is None:
        return
    columns = landed_names(header, source.where)
    source.require(columns)
    path = _as_utf8(source)
    if path is not None:
        typed = ", ".join(f"{_literal(column)}: 'VARCHAR'" for column in columns)
        scan = (
            f"read_csv({_literal(str(path))}, columns = {{{typed}}}, header = true, auto_detect = false, "
            f"delim = {_literal(source.stream.delimiter)}, quote = '\"', escape = '\"', strict_mode = true)"
        )
        with contextlib.closing(_connection(source.scratch)) as connection:
            # The whole file must be readable before the first row leaves: one pass that looks at every value.
            try:
                counted = connection.execute(f"SELECT count(*), count(COLUMNS(*)) FROM {scan}").fetchone()
            except duckdb.InvalidInputException:
                counted = None
            if counted is not None:
                rows = 0
                for table in _arrow_tables(connection, f"SELECT * FROM {scan}"):
                    yield Batch(with_source(table, source.name, rows + 1))
                    rows += table.num_rows
                if rows != counted[0]:
                    raise ChannelError(
                        f"{source.where} was changed while it was read; run again once it is complete", transient=True
                    )
                return
    yield from _csv_record_by_record(source, columns)


def _open_text(source: _Source, errors: str) -> io.TextIOWrapper:
    opener = gzip.open if source.path.name.endswith(".gz") else open
    encoding = source.stream.encoding
    # A byte order mark is no part of the first column's name.
    if _is_utf8(encoding):
        encoding = "utf-8-sig"
    return opener(source.path, "rt", encoding=encoding, errors=errors, newline="")  # type: ignore[return-value]


def _undecodable(source: _Source) -> str:
    """How undecodable bytes are let through, to be found again in the text: wide encodings know only one way."""
    is_wide = source.stream.encoding.lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    return "replace" if is_wide else "surrogateescape"


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")


def _is_undecodable(text: str, errors: str) -> bool:
    if text.isascii():
        return False
    return "\ufffd" in text if errors == "replace" else any("\udc80" <= letter <= "\udcff" for letter in text)


def _printable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8").rstrip("\r\n")


def _csv_header(source: _Source) -> list[str] | None:
    errors = _undecodable(source)
    with _open_text(source, errors) as text:
        records = _csv_records(text, source.stream.delimiter)
        _, _, raw, header, _ = next(records, (0, 0, "", None, ""))
    if not raw:
        return None
    if header is None or _is_undecodable(raw, errors):
        raise ChannelError(
            f"{source.where}: the header cannot be read as {source.stream.encoding} with the delimiter "
            f"{source.stream.delimiter!r}; correct `encoding` or `delimiter` in {source.system.catalog_file.name}"
        )
    return header


def _as_utf8(source: _Source) -> Path | None:
    """A UTF-8 file with the same text, or None if some bytes are not valid in the declared encoding."""
    if _is_utf8(source.stream.encoding):
        return source.path
    copy = source.scratch / "as-utf8.csv"
    try:
        with _open_text(source, "strict") as text, copy.open("w", encoding="utf-8", newline="") as out:
            while chunk := text.read(_CHUNK_BYTES):
                out.write(chunk)
    except UnicodeDecodeError:
        return None
    return copy


def _csv_records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, int, str, list[str] | None, str]]:
    """(record number, line number, text, fields or None, what is wrong) of each record, blank lines left out.

    A quote that is never closed costs its own line only: the record is closed again at the end of the line, and reading
    goes on with the next one.
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
        fields, problem = _csv_fields(text, delimiter)
        taken: list[str] = []
        size = len(text)
        while problem == _OPEN_QUOTE and len(taken) < _LONGEST_RECORD_LINES and size < _LONGEST_RECORD_CHARS:
            more = next_line()
            if more is None:
                break
            taken.append(more)
            size += len(more)
            if '"' in more:
                fields, problem = _csv_fields("".join((text, *taken)), delimiter)
        if fields is None:
            ahead[:0] = taken
            taken = []
            problem = _BAD_QUOTE if problem == _OPEN_QUOTE else problem
        yield record, line, "".join((text, *taken)), fields, problem
        line += len(taken)


_OPEN_QUOTE = "a quote is not closed"
# What follows decides how a stray quote is seen, so both are told alike.
_BAD_QUOTE = "a quote is not closed, or closed too early"


def _csv_fields(text: str, delimiter: str) -> tuple[list[str] | None, str]:
    try:
        records = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        # The only way in which the csv module tells its errors apart.
        return None, _OPEN_QUOTE if "unexpected end of data" in str(error) else _BAD_QUOTE
    return (records[0], "") if len(records) == 1 else (None, "a line break outside quotes")


def _csv_record_by_record(source: _Source, columns: list[str]) -> Iterator[Batch]:
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
                + [pa.array([source.name] * len(good), pa.string()), pa.array(numbers, pa.int64())],
                names=[*columns, "_source_file", "_source_row"],
            )
            yield Batch(rows)
        if bad:
            yield Batch(_rejects(source, bad), REJECTS)
        good.clear()
        numbers.clear()
        bad.clear()

    with _open_text(source, errors) as text:
        for record, line, raw, fields, problem in _csv_records(text, source.stream.delimiter):
            if record == 1:
                continue
            if fields is not None:
                if len(fields) == width + 1 and fields[-1] == "":
                    fields.pop()  # a delimiter at the end of the line: DuckDB takes it, too
                if len(fields) != width:
                    problem = f"{len(fields)} fields instead of {width}"
                    fields = None
            if _is_undecodable(raw, errors):
                fields, problem = None, f"bytes that are not {source.stream.encoding}"
            if fields is None:
                bad.append((line, _printable(raw), problem))
            else:
                good.append([value or None for value in fields])
                numbers.append(record - 1)
            if len(good) + len(bad) >= _CAREFUL_BATCH_ROWS:
                yield from flush()
    yield from flush()


def _rejects(source: _Source, bad: list[tuple[int, str, str]]) -> pa.Table:
    import pyarrow as pa

    lines, raws, reasons = zip(*bad, strict=True)
    return pa.table(
        {
            "_source_file": pa.array([source.name] * len(bad), pa.string()),
            "_source_row": pa.array(lines, pa.int64()),
            "raw": pa.array(raws, pa.string()),
            "reason": pa.array(reasons, pa.string()),
        }
    )


# --- JSON lines ------------------------------------------------------------------------------------------------------


def _jsonl(source: _Source) -> Iterator[Batch]:
    import duckdb

    with contextlib.closing(_connection(source.scratch)) as connection:
        try:
            rows, keys = _json_keys(connection, source.path)
            path = source.path
        except duckdb.InvalidInputException:
            path = source.scratch / "decodable.jsonl"
            if bad := list(_write_decodable_lines(source, path)):
                yield Batch(_rejects(source, bad), REJECTS)
            rows, keys = _json_keys(connection, path)
        columns = landed_names(keys, source.where)
        if rows:
            source.require(columns, declared=False)
            # One look at the line for all fields. `->>` semantics: a text as it is, anything else as its JSON text.
            pointers = ", ".join(_literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
            picked = ", ".join(
                f"fields[{position}] AS {_identifier(column)}" for position, column in enumerate(columns, start=1)
            )
            for table in _arrow_tables(
                connection,
                f"SELECT {picked}, {_literal(source.name)} AS _source_file, line AS _source_row "
                f"FROM (SELECT line, json_extract_string(raw, [{pointers}]) AS fields "
                f"FROM ({_lines(path)}) WHERE {_IS_OBJECT})",
            ):
                yield Batch(table)
        for table in _arrow_tables(
            connection,
            f"SELECT {_literal(source.name)} AS _source_file, line AS _source_row, raw, "
            "CASE WHEN json_valid(raw) THEN 'not a JSON object' ELSE 'not valid JSON' END AS reason "
            f"FROM ({_lines(path)}) WHERE raw IS NOT NULL AND NOT {_IS_OBJECT}",
        ):
            if table.num_rows:
                yield Batch(table, REJECTS)


_IS_OBJECT = "coalesce(CASE WHEN json_valid(raw) THEN json_type(raw) = 'OBJECT' END, false)"


def _lines(path: Path) -> str:
    return (
        f"SELECT raw, row_number() OVER () AS line FROM read_csv({_literal(str(path))}, "
        "columns = {'raw': 'VARCHAR'}, header = false, auto_detect = false, "
        f"delim = {_literal(_NO_DELIMITER)}, quote = '', escape = '')"
    )


def _json_keys(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, list[str]]:
    """Number of JSON objects in the file, and all their fields in the order in which they first appear."""
    found = connection.execute(
        f"SELECT key, min(line), count(*) FROM (SELECT unnest(json_keys(raw)) AS key, line FROM ({_lines(path)}) "
        f"WHERE {_IS_OBJECT}) GROUP BY key ORDER BY min(line), key"
    ).fetchall()
    return max((count for _, _, count in found), default=0), [key for key, _, _ in found]


def _write_decodable_lines(source: _Source, path: Path) -> Iterator[tuple[int, str, str]]:
    """Copy the file without lines that DuckDB cannot take (bad encoding, too long), and yield those.

    A blank line takes their place, so that line numbers stay.
    """
    with _open_text(source, "surrogateescape") as text, path.open("w", encoding="utf-8", newline="") as out:
        for number, line in enumerate(text, start=1):
            content = line.rstrip("\r\n")
            if _is_undecodable(content, "surrogateescape"):
                yield number, _printable(content), "bytes that are not utf-8"
                content = ""
            elif len(content) >= _LONGEST_RECORD_CHARS:
                yield number, content, "longer than 1 MiB"
                content = ""
            out.write(content + "\n")


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(source: _Source) -> Iterator[Batch]:
    import duckdb

    scan = f"read_parquet({_literal(str(source.path))}, hive_partitioning = false)"
    with contextlib.closing(_connection(source.scratch)) as connection:
        try:
            names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
            columns = landed_names(names, source.where)
            source.require(columns)
            rows = 0
            for table in _arrow_tables(connection, f"SELECT * FROM {scan}"):
                yield Batch(with_source(table.rename_columns(columns), source.name, rows + 1))
                rows += table.num_rows
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            raise ChannelError(f"{source.where} is cut off or damaged (Parquet); deliver it again") from error


_READERS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
