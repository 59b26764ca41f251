"""Different rows of one key in one delivery, in words: which key, how many rows, and the form of two of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestration.channels.landing.loads import accepted_rows

if TYPE_CHECKING:
    import duckdb

_ORIGIN = ("_dlt_load_id", "_source_file", "_source_row", "_source_day")
# Of a row, at most so many columns that differ, and so many characters of each.
_SHOWN_COLUMNS = 3
_SHOWN_CHARACTERS = 24


def conflicting_rows(
    connection: duckdb.DuckDBPyConnection, landing_url: str, system: str, stream: str, staging_folder: str
) -> str:
    """What a user reads about the rows of a stream that share a key and differ; empty if there are none.

    Values are shown by their form only (`masked`): a key, too, may be an address.
    """
    base = f"staging.base_{staging_folder}__{stream}"
    found = connection.execute(
        f"select conflicting_key, count(*) from {base} where conflicting_key is not null group by all"
    ).fetchone()
    if found is None:
        return ""
    key, rows = found
    columns = ", ".join(f'"{column}"' for column in key.split(", "))
    groups = connection.execute(
        f"select count(*) from (select 1 from {base} where conflicting_key is not null group by {columns})"
    ).fetchone()
    count = groups[0] if groups else 0
    values = f"{count:,} values" if count > 1 else "one value"
    return (
        f"{values} of the key {key} {'stand' if count > 1 else 'stands'} for rows that differ, within one delivery "
        f"({rows:,} rows){_example(connection, accepted_rows(landing_url, system, stream), base, columns)}"
    )


def _example(connection: duckdb.DuckDBPyConnection, landed: str, base: str, columns: str) -> str:
    """Two landed rows of one key: their places, and the form of what differs."""
    result = connection.execute(
        f"""
        with of_one_key as (
            select _dlt_load_id, _source_file, _source_row
            from {base}
            where conflicting_key is not null
            qualify dense_rank() over (order by {columns}) = 1
        )
        select landed.*
        from {landed} as landed
        inner join of_one_key using (_dlt_load_id, _source_file, _source_row)
        order by landed._source_file, landed._source_row
        limit 100
        """
    )
    names = [name for name, *_ in result.description]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    for other in rows[1:]:
        differing = [name for name in names if name not in _ORIGIN and rows[0][name] != other[name]]
        if differing:
            return f", such as {_shown(rows[0], differing)} and {_shown(other, differing)}"
    return ""


def _shown(row: dict[str, Any], differing: list[str]) -> str:
    values = ", ".join(f"{name} {masked(row[name])}" for name in differing[:_SHOWN_COLUMNS])
    more = ", …" if len(differing) > _SHOWN_COLUMNS else ""
    return f"row {row['_source_row']} of {row['_source_file']} ({values}{more})"


def masked(value: Any) -> str:
    """The form of a value, without the value: digits as 9, letters as A and a; `empty` for null."""
    if value is None:
        return "empty"
    text = str(value)
    form = "".join("9" if sign.isdigit() else _letter(sign) if sign.isalpha() else sign for sign in text)
    form = re.sub(r"\s+", " ", form[: _SHOWN_CHARACTERS + 1])
    return f"“{form[:_SHOWN_CHARACTERS]}…”" if len(text) > _SHOWN_CHARACTERS else f"“{form}”"


def _letter(sign: str) -> str:
    return "A" if sign.isupper() else "a"
