"""Files that hold one JSON document, or objects over several lines, where JSON lines are expected: made into lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.connectors._sources import LONGEST_RECORD_CHARS, Source, arrow_tables, literal, open_text
from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Iterator

# DuckDB keeps one object in memory; larger documents than this are no delivery of rows.
_MOST_BYTES = 1 << 30
_LEAST_BYTES = 1 << 24


def as_lines(source: Source) -> Path | None:
    """A file with one JSON value per line, made of a file that is no JSON lines; None if it is, or is no JSON at all.

    An array gives its items. A single object that lacks the columns of a row gives the items of its one array of
    objects. Raises ChannelError for an array that is cut off, and for an object in which no rows are found.
    """
    start, is_single = _start(source)
    if start.startswith("["):
        return _written(source, _values(source, "array"))
    if not start.startswith("{"):
        return None
    is_line = _object_in(start) is not None
    if is_line and not is_single:
        return None
    import duckdb

    if not is_line:
        try:
            path = _written(source, _values(source, "unstructured"))
        except (duckdb.Error, ChannelError):
            return None  # the lines that are no objects become rejects
        with path.open(encoding="utf-8") as lines:
            start, is_single = lines.readline(), not lines.readline()
        if not is_single:
            return path
    else:
        path = source.path
    document = _object_in(start)
    if document is None or _is_row(source, document):
        return None if is_line else path
    return _written(source, _items(source, path, _array_of_rows(source, document)))


def _start(source: Source) -> tuple[str, bool]:
    """The first line that is not blank, and whether it is the only one."""
    start = ""
    with open_text(source, "replace") as text:
        while line := text.readline(LONGEST_RECORD_CHARS):
            if not line.strip():
                continue
            if start:
                return start, False
            start = line.strip()
    return start, True


def _object_in(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _values(source: Source, layout: str, path: Path | None = None) -> Iterator[str]:
    """The JSON values of the file, each in one line of text."""
    import duckdb

    size = min(max(_LEAST_BYTES, 2 * (len(source.content) if source.content else _MOST_BYTES // 2)), _MOST_BYTES)
    query = (
        f"SELECT json(json)::VARCHAR AS raw FROM read_json_objects({literal(str(path or source.path))}, "
        f"format = '{layout}', maximum_object_size = {size})"
    )
    try:
        for table in arrow_tables(source.connection, query):
            yield from (value or "null" for value in table["raw"].to_pylist())
    except duckdb.InvalidInputException as error:
        raise ChannelError(
            f"{source.where} is a JSON array that cannot be read to its end; deliver it again, whole and in UTF-8"
        ) from error


def _items(source: Source, path: Path, array: str) -> Iterator[str]:
    """The items of one array of a single object."""
    pointer = literal("/" + array.replace("~", "~0").replace("/", "~1"))
    query = (
        f"SELECT json(unnest(json_extract(json, {pointer})::JSON[]))::VARCHAR AS raw "
        f"FROM read_json_objects({literal(str(path))}, format = 'unstructured', maximum_object_size = {_MOST_BYTES})"
    )
    for table in arrow_tables(source.connection, query):
        yield from (value or "null" for value in table["raw"].to_pylist())


def _wanted(source: Source) -> tuple[str, ...]:
    return source.stream.key or tuple(column for column in source.declared if not column.startswith("_"))


def _is_row(source: Source, found: dict[str, Any]) -> bool:
    """Whether an object is a row: it has the key or, where the catalog names none, a declared column."""
    wanted, columns = _wanted(source), source.columns(found)
    has = [column in columns for column in wanted]
    return not wanted or (all(has) if source.stream.key else any(has))


def _array_of_rows(source: Source, document: dict[str, Any]) -> str:
    """The field of a single object that holds the rows. Raises ChannelError if there is not exactly one."""
    arrays = [
        name
        for name, value in document.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
        if _is_row(source, value[0])
    ]
    if len(arrays) == 1:
        return arrays[0]
    raise ChannelError(
        f"{source.where} is one JSON object without the columns of a row ({', '.join(_wanted(source)[:5])}); deliver "
        "one object per line, an array of objects, or an object with one array of objects"
    )


def _written(source: Source, values: Iterator[str]) -> Path:
    path = source.scratch / "lines-of-document.jsonl"
    draft = source.scratch / "lines-of-document.part"
    with draft.open("w", encoding="utf-8", newline="") as out:
        for value in values:
            out.write(value + "\n")
    return draft.replace(path)
