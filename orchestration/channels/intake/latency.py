"""How long events take from the moment at which they happen to landing, and to the published marts.

A latency counts only where the delivery itself was observed:

- Rows that a run finds new, after the first load of their stream, were delivered by the `as of` of that run at the
  latest (basis `runs`).
- A first load brings years at once. Of its rows only those count whose file names the day or the month it was made for
  (basis `file names`): the file was not complete before that period was over, so that the end of the period is the
  earliest moment of delivery.

Everything else stays unknown: rows older than the first of these files, full copies (snapshots), which do not say since
when a row has been in them, days that were loaded again, rows that an earlier load brought, and rows that claim to be
later than their delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from orchestration.channels.intake.freshness import moment_of
from orchestration.channels.periods import period_of

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.catalog import Stream

Basis = Literal["runs", "file names"]


@dataclass(frozen=True)
class Latencies:
    """How long the rows of one load took until they landed.

    basis: how the moment of delivery is known; None where it is not. rows_by_seconds: seconds -> number of rows; the
    seconds are rounded to three significant digits, so that a load needs few entries.
    """

    basis: Basis | None = None
    rows_by_seconds: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamLatency:
    """Seconds within which half (p50) and 95 % (p95) of the rows of a stream arrive; None where unknown."""

    basis: Basis | None
    rows: int
    landing_p50: float | None
    landing_p95: float | None
    mart_rows: int
    mart_p50: float | None
    mart_p95: float | None


# Runs before dbt, on rows that staging does not read yet. `latencies_of` fills in the expressions.
_LATENCIES = """
    with files as (select unnest(?::varchar[]) as _source_file, unnest(?::timestamp[]) as delivered_at),
    fresh as (
        select {moment} as moment, {delivered} as delivered_at{keys}
        from ({query}) as landed left join files using (_source_file)
    ),
    waits as (
        select date_diff('second', moment, delivered_at) as seconds from fresh
        where moment <= delivered_at and moment >= coalesce(?::timestamp, moment) {is_new}
    ),
    digits as (select seconds, pow(10, greatest(0, floor(log10(greatest(seconds, 1))) - 2)) as unit from waits)
    select (round(seconds / unit) * unit)::bigint as seconds, count(*) from digits group by all order by all
"""


def latencies_of(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    query: str,
    source_files: Collection[str],
    *,
    delivered_at: datetime | None,
    earlier: str,
    as_of: datetime,
) -> Latencies:
    """The latencies of one load.

    query: select that yields its rows. source_files: the files they came from. delivered_at: as of of the run that
    found them new, None if no run did. earlier: from-clause of the rows of all other loads. as_of: of this run.
    The moment of a row is its cursor, where that holds moments (a change counts from when it was made), else the
    catalog's `day` column; a row that names only its day counts from the end of it.
    """
    columns = {name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()}
    moments = [
        _end_of_moment(name, columns[name])
        for name in (stream.cursor, stream.day)
        # A cursor may also be a growing number.
        if name and columns.get(name, "").startswith(("TIMESTAMP", "DATE", "VARCHAR"))
    ]
    if stream.delivery == "snapshot" or not moments:
        return Latencies()
    periods = {file: period for file in source_files if (period := period_of(file))}
    if delivered_at is None and not periods:
        return Latencies()
    ends = [min(datetime.combine(last, time.min) + timedelta(days=1), as_of) for _, last in periods.values()]
    # Rows older than the first file came along with it.
    since = None if delivered_at else datetime.combine(min(first for first, _ in periods.values()), time.min)
    keys = [name for name in stream.key if name in columns]
    moment = f"coalesce({', '.join(moments)})"
    counted = connection.execute(
        _LATENCIES.format(
            moment=moment,
            delivered="?::timestamp" if delivered_at else "files.delivered_at",
            keys="".join(f', "{name}"' for name in keys),
            query=query,
            is_new=_is_new(moment, keys, earlier) if delivered_at and keys else "",
        ),
        [list(periods), ends, *([delivered_at] if delivered_at else []), since],
    ).fetchall()
    return Latencies("runs" if delivered_at else "file names", dict(counted)) if counted else Latencies()


def _is_new(moment: str, keys: Collection[str], earlier: str) -> str:
    """The condition for rows that no earlier load brought with the same key and moment."""
    columns = "".join(f', "{name}"' for name in keys)
    same_key = "".join(f' and old."{name}" = fresh."{name}"' for name in keys)
    return f"""
        and not exists (
            from (select {moment} as moment{columns} {earlier}) as old
            where old.moment = fresh.moment {same_key}
        )"""


def stream_latency(connection: duckdb.DuckDBPyConnection, system: str, stream: str) -> StreamLatency:
    """The latency of a stream over its accepted loads in `quality.load`.

    Latencies that runs observed take precedence over those from file names. To the marts, a load counts if a run
    observed its delivery and it was published: its latency until landing plus its wait from landing to publication.
    """
    row = connection.execute(
        """
        with loads as (
            select
                latency_basis, date_diff('second', landed_at, published_at) as wait, unnest(map_entries(latencies)) as e
            from quality.load
            where source_system = ? and stream = ? and state = 'accepted' and latency_basis is not null
        ),
        chosen as (
            select latency_basis, e.key as seconds, e.value as row_count, e.key + wait as mart_seconds
            from loads
            where latency_basis = (select max(latency_basis) from loads)  -- runs before file names
        ),
        landing as (
            select
                seconds, sum(row_count) over (order by seconds) as rows_so_far, sum(row_count) over () as all_rows
            from chosen
        ),
        marts as (
            select
                mart_seconds as seconds, sum(row_count) over (order by mart_seconds) as rows_so_far,
                sum(row_count) over () as all_rows
            from chosen
            where latency_basis = 'runs' and mart_seconds is not null
        )
        select
            (select max(latency_basis) from chosen),
            (select coalesce(max(all_rows), 0)::bigint from landing),
            (select min(seconds) from landing where rows_so_far >= 0.50 * all_rows),
            (select min(seconds) from landing where rows_so_far >= 0.95 * all_rows),
            (select coalesce(max(all_rows), 0)::bigint from marts),
            (select min(seconds) from marts where rows_so_far >= 0.50 * all_rows),
            (select min(seconds) from marts where rows_so_far >= 0.95 * all_rows)
        """,
        [system, stream],
    ).fetchone()
    assert row is not None
    return StreamLatency(*row)


def _end_of_moment(column: str, kind: str) -> str:
    """SQL for the moment in a column; for a day without a time, its end."""
    moment = moment_of(column, kind)
    if kind == "DATE":
        return f"{moment} + interval 1 day"
    if kind == "VARCHAR":
        quoted = '"' + column.replace('"', '""') + '"'
        return f"{moment} + case when length({quoted}) <= 10 then interval 1 day else interval 0 day end"
    return moment
