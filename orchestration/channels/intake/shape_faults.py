"""What is wrong with the shape of a load, in words: all of a kind at once, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from expectations.landing import MISSING_SHARE
from orchestration.channels.landing.loads import rejected_rows

if TYPE_CHECKING:
    import duckdb

    from expectations.outcomes import Outcome
    from orchestration.channels.intake.stream_source import StreamSource

_SHOWN_REASONS = 3
# Start of a connector's reason -> the usual remedy.
_REMEDIES = {
    "bytes that are not valid": "write the encoding of the file, such as cp1252, as `encoding` in {catalog}",
    "a quote": "correct the quotes in the export, or `delimiter` in {catalog}",
    "a line break outside": "quote values with line breaks in the export",
    "not ": "deliver one JSON object per line",
}
_OF_FIELDS = "correct `delimiter` in {catalog}, or quote values that hold it"


def shape_fault(
    connection: duckdb.DuckDBPyConnection, source: StreamSource, problems: Sequence[Outcome]
) -> tuple[str, str]:
    """What is wrong with a held load, and the remedy. problems: the failed rules. Empty where their words suffice."""
    sources_file = f"models/staging/{source.system.staging_folder}/_{source.system.staging_folder}__sources.yml"
    missing = [str(problem.column) for problem in problems if problem.expectation == "ExpectColumnToExist"]
    if missing:
        return (
            f"the delivery lacks the {_columns(missing)} {', '.join(missing)}, which staging reads",
            f"deliver it again with all columns, map a renamed one with `columns` in "
            f"{source.system.catalog_file.name}, or correct {sources_file}",
        )
    types = [
        (problem.column, str(problem.observed_value).lower())
        for problem in problems
        if problem.expectation == "ExpectColumnValuesToBeOfType"
    ]
    if types:
        written = ", ".join(f"{column}: {kind}" for column, kind in types)
        return (
            f"the {_columns(types)} {', '.join(str(column) for column, _ in types)} landed with another type than "
            "staging reads",
            f"write what is delivered as `data_type` in {sources_file} ({written}), or cast it with `types` in "
            f"{source.system.catalog_file.name}",
        )
    if any(problem.column == "unreadable_share" for problem in problems):
        return _unreadable_rows(connection, source)
    empty = [problem for problem in problems if str(problem.column).endswith(MISSING_SHARE)]
    if empty:
        column = str(empty[0].column).removesuffix(MISSING_SHARE)
        share = json.loads(empty[0].sample or "[1]")[0]
        return (
            f"{share:.0%} of the rows have no {column}, the key of the stream",
            f"deliver it again with its keys, or correct `key` in {source.system.catalog_file.name}",
        )
    return "", ""


def _columns(found: Sequence[object]) -> str:
    return "column" if len(found) == 1 else "columns"


def _unreadable_rows(connection: duckdb.DuckDBPyConnection, source: StreamSource) -> tuple[str, str]:
    """The unreadable rows of the newest load that has some."""
    rejects = rejected_rows(source.landing_url, source.system.name, source.stream.name)
    newest = f"from {rejects} where _dlt_load_id = (select max(_dlt_load_id) from {rejects})"
    found = connection.execute(f"select reason, count(*) {newest} group by all order by 2 desc, 1").fetchall()
    if not found:
        return "", ""
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in found[:_SHOWN_REASONS])
    more = ", …" if len(found) > _SHOWN_REASONS else ""
    first = str(found[0][0])
    remedy = next((remedy for start, remedy in _REMEDIES.items() if first.startswith(start)), "")
    remedy = _OF_FIELDS if "fields instead of" in first else remedy
    total = sum(count for _, count in found)
    what = f"{total:,} rows cannot be read" if total > 1 else "one row cannot be read"
    remedy = remedy.format(catalog=source.system.catalog_file.name)
    return f"{what}: {reasons}{more}", f"{remedy}, or deliver it again corrected" if remedy else ""
