"""How new a stream is, and which days it brings: read from its rows and file names, not from the clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from orchestration.channels.periods import period_of

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.catalog import Stream

# Share of its cadence by which a delivery may be late before it is reported: deliveries are rarely punctual.
_GRACE_SHARE = 0.25
# Notations of a day that are unambiguous, and how ISO 8601 writes them. A column in another notation is not read; file
# names stand in for it. DuckDB's strptime is not used: it reads past the end of a text that is shorter than its format,
# which crashes the process where the memory ends there.
_NOTATIONS = (
    (r"^(\d{1,2})\.(\d{1,2})\.(\d{4})", r"\3-\2-\1"),
    (r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3"),
)


@dataclass(frozen=True)
class Reach:
    """What a load brings. newest_at: up to when its rows reach (naive UTC). days: the days that they belong to.

    newest_at is None where neither a column nor a file name says it.
    """

    newest_at: datetime | None
    days: tuple[date, ...]


def reach_of(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    query: str,
    source_files: Collection[str],
    as_of: datetime,
) -> Reach:
    """The reach of one load.

    query: select that yields its rows. source_files: the files they came from. as_of: rows that claim to be later are
    ignored. The catalog's `day` column comes first, then the periods in the file names, then the day of the cursor.
    """
    columns = {name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()}
    if stream.day and stream.day in columns:
        moment = moment_of(stream.day, columns[stream.day])
        newest, found = _newest_and_days(connection, query, moment, as_of)
        if found:
            return Reach(newest, found)
    periods = [period for period in map(period_of, source_files) if period]
    if periods:
        last = min(max(last for _, last in periods), as_of.date())
        days = sorted(
            {first + timedelta(n) for first, end in periods for n in range((min(end, last) - first).days + 1)}
        )
        return Reach(min(_end_of(last), as_of), tuple(days))
    if "_source_day" in columns:
        newest, found = _newest_and_days(connection, query, "_source_day::timestamp", as_of)
        if newest is not None:
            return Reach(min(_end_of(newest.date()), as_of), found)
    return Reach(None, ())


def expected_by(stream: Stream, newest_at: datetime | None) -> datetime | None:
    """When the stream becomes late (naive UTC): its cadence and a quarter after its newest row; None without either."""
    if stream.cadence is None or newest_at is None:
        return None
    return newest_at + stream.cadence * (1 + _GRACE_SHARE)


def _newest_and_days(
    connection: duckdb.DuckDBPyConnection, query: str, moment: str, as_of: datetime
) -> tuple[datetime | None, tuple[date, ...]]:
    rows = connection.execute(
        f"select (moment)::date as day, max(moment) from (select {moment} as moment from ({query}))"
        " where moment <= ? group by day order by day",
        [as_of],
    ).fetchall()
    return (rows[-1][1] if rows else None), tuple(day for day, _ in rows)


def moment_of(column: str, kind: str) -> str:
    """SQL that reads a landed column of the DuckDB type `kind` as a timestamp (naive UTC); null where it is none."""
    quoted = '"' + column.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        moment = f"timezone('UTC', {quoted})"
    elif kind.startswith("TIMESTAMP") or kind == "DATE":
        moment = f"{quoted}::timestamp"
    else:
        text = f"trim({quoted}::varchar)"
        iso = text
        for notation, written in _NOTATIONS:
            iso = f"regexp_replace({iso}, '{notation}', '{written}')"
        moment = (
            f"case when {text} like '%:%+%' or {text} like '%:%-%'"
            f" then timezone('UTC', try_cast({text} as timestamptz))"
            f" else coalesce(try_cast(left({text}, 19) as timestamp), try_cast({iso} as timestamp)) end"
        )
    # As the macros of staging: other years, and infinity, are no moments.
    return f"case when year({moment}) between 1800 and 2199 then {moment} end"


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min)
