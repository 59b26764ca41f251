"""JSON lines. Every value lands as text: a string as it is, any other value as JSON text.

A file that is one JSON array, or one object with the rows in an array, is read as well (`_json_documents`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.connectors import REJECTS, Batch
from orchestration.channels.connectors._json_documents import as_lines
from orchestration.channels.connectors._sources import (
    LONGEST_RECORD_CHARS,
    PATH_COLUMN,
    Source,
    Together,
    arrow_tables,
    identifier,
    is_undecodable,
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

# Cannot occur in a line of valid JSON, where control characters are escaped.
_NO_DELIMITER = "\x1f"
_IS_OBJECT = "coalesce(CASE WHEN json_valid(raw) THEN json_type(raw) = 'OBJECT' END, false)"


def shape(source: Source) -> Hashable:
    """What small files must share to be read together; None if this file must be read alone."""
    return None if source.content is None else ("packed" if source.is_packed else "plain")


def read(source: Source) -> Iterator[Batch]:
    """The rows of one file, and its lines that are not JSON objects as rejects."""
    import duckdb

    path, condition = as_lines(source) or source.path, "raw IS NOT NULL"
    try:
        keys = _keys(source, path)
    except (duckdb.InvalidInputException, _NotAnObject):
        condition = _IS_OBJECT
        try:
            keys = _keys_of_objects(source, path)
        except duckdb.InvalidInputException:
            path = source.scratch / "decodable.jsonl"  # what was made of a document is decodable
            if bad := list(_write_decodable_lines(source, path)):
                yield Batch(rejects(source, bad), REJECTS)
            keys = _keys_of_objects(source, path)
    day = f"CAST({literal(str(source.day))} AS DATE)" if source.day else "CAST(NULL AS DATE)"
    origin = f"{literal(source.name)} AS _source_file, _line AS _source_row, {day} AS _source_day"
    if keys is not None:
        columns = source.columns(keys)
        source.require(columns, declared=False)
        for table in arrow_tables(
            source.connection,
            f"SELECT {_picked(columns)}, {origin} FROM (SELECT _line, {_fields(keys)} AS fields "
            f"FROM ({_lines(literal(str(path)))}) WHERE {condition})",
        ):
            yield Batch(table)
    if condition == _IS_OBJECT:
        for table in arrow_tables(
            source.connection,
            f"SELECT {origin}, raw, CASE WHEN json_valid(raw) THEN 'not a JSON object' ELSE 'not valid JSON' END "
            f"AS reason FROM ({_lines(literal(str(path)))}) WHERE raw IS NOT NULL AND NOT {_IS_OBJECT}",
        ):
            if table.num_rows:
                yield Batch(table, REJECTS)


def read_together(sources: list[Source]) -> Together | None:
    """The rows of small files of one shape; None if one of them must be read alone."""
    import duckdb

    connection = sources[0].connection
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE lines AS {_lines(literals(sources), f', filename = {literal(PATH_COLUMN)}')}"
        )
        found = connection.execute(
            f"SELECT {PATH_COLUMN}, json_keys(raw) AS keys, min(_line) FROM lines WHERE raw IS NOT NULL "
            "GROUP BY ALL ORDER BY min(_line)"
        ).fetchall()
        by_path = {str(source.path): source for source in sources}
        keys_of: dict[str, dict[str, None]] = {}
        for path, keys, _ in found:
            if not keys:
                return None  # {}, or not an object
            keys_of.setdefault(path, {}).update(dict.fromkeys(keys))
        for path, keys in keys_of.items():
            columns = by_path[path].columns(keys)
            by_path[path].require(columns, declared=False)
            if not set(columns) & set(sources[0].declared or columns):
                return None  # an object that holds the rows, perhaps
        keys = list(dict.fromkeys(key for keys in keys_of.values() for key in keys))
        if not keys:
            return None
        columns = sources[0].columns(keys)
        rows = connection.execute(
            f"SELECT {_picked(columns)}, {PATH_COLUMN}, _number FROM ("
            f"SELECT _line, {PATH_COLUMN}, _line - min(_line) OVER (PARTITION BY {PATH_COLUMN}) + 1 AS _number, raw, "
            f"{_fields(keys)} AS fields FROM lines) WHERE raw IS NOT NULL ORDER BY _line"
        ).to_arrow_table()
    except (duckdb.InvalidInputException, ChannelError):
        return None
    finally:
        connection.execute("DROP TABLE IF EXISTS lines")
    return with_origins(rows, sources, "_number")


class _NotAnObject(Exception):
    """A line that may not be a JSON object."""


def _lines(paths: str, options: str = "") -> str:
    return (
        f"SELECT *, row_number() OVER () AS _line FROM read_csv({paths}, "
        "columns = {'raw': 'VARCHAR'}, header = false, auto_detect = false, "
        f"delim = {literal(_NO_DELIMITER)}, quote = '', escape = ''{options})"
    )


def _fields(keys: Iterable[str]) -> str:
    # One pass over the line for all fields. Semantics of `->>`: a string as it is, any other value as JSON text.
    pointers = ", ".join(literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
    return f"json_extract_string(raw, [{pointers}])"


def _picked(columns: list[str]) -> str:
    return ", ".join(f"fields[{position}] AS {identifier(column)}" for position, column in enumerate(columns, start=1))


def _keys(source: Source, path: Path) -> list[str] | None:
    """All fields in order of first appearance, None without lines. Raises _NotAnObject for other lines than objects."""
    lines = f"SELECT json_keys(raw) AS keys, _line FROM ({_lines(literal(str(path)))}) WHERE raw IS NOT NULL"
    first = source.connection.execute(f"{lines} LIMIT 1").fetchall()
    if not first:
        return None
    # Most lines have the same fields, and comparing lists takes half as long as grouping them.
    others = source.connection.execute(
        f"SELECT keys, min(_line) FROM ({lines}) WHERE keys <> ?::VARCHAR[] GROUP BY keys", [first[0][0]]
    ).fetchall()
    found = sorted([*first, *others], key=lambda line: line[1])
    if any(not keys for keys, _ in found):
        raise _NotAnObject
    return list(dict.fromkeys(key for keys, _ in found for key in keys))


def _keys_of_objects(source: Source, path: Path) -> list[str] | None:
    """As `_keys`, over the lines that are objects."""
    found = source.connection.execute(
        f"SELECT json_keys(raw) AS keys, min(_line) FROM ({_lines(literal(str(path)))}) WHERE {_IS_OBJECT} "
        "GROUP BY keys ORDER BY min(_line)"
    ).fetchall()
    keys = list(dict.fromkeys(key for keys, _ in found for key in keys))
    return keys or None


def _write_decodable_lines(source: Source, path: Path) -> Iterator[tuple[int, str, str]]:
    """Copy the file without lines that DuckDB cannot read (bad encoding, too long), and yield those.

    A blank line replaces each, so that line numbers stay correct.
    """
    with open_text(source, "surrogateescape") as text, path.open("w", encoding="utf-8", newline="") as out:
        for number, line in enumerate(text, start=1):
            content = line.rstrip("\r\n")
            if is_undecodable(content, "surrogateescape"):
                yield number, printable(content), "bytes that are not valid utf-8"
                content = ""
            elif len(content) >= LONGEST_RECORD_CHARS:
                yield number, content, "longer than 1 MiB"
                content = ""
            out.write(content + "\n")
