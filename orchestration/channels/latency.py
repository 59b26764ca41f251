"""How long events take from the moment at which they happen to landing, and to the published marts.

A latency is only counted where the delivery itself was seen. Rows that a run finds new, after the first load of their
stream, were delivered by the `as of` of that run at the latest. A first load brings years at once: of its rows only
those count whose file names the day or month for which it was made; that file was not complete before the period was
over, so the end of the period is the earliest moment of delivery. Everything else stays unknown: what is older than
the first of these files, full copies (snapshots), which do not say since when a row has been in them, days that were
fetched again, rows that an earlier load has brought, and rows that claim to be later than their delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from orchestration.channels.freshness import moment_of
from orchestration.channels.periods import period_of

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.catalog import Stream

Basis = Literal["runs", "file names"]


@dataclass(frozen=True)
class Latencies:
    """How long the rows of one load took until they landed.

    basis: what tells when they were delivered; None where nothing does. rows_by_seconds: seconds, rounded to three
    significant digits so that a load needs few of them, and the rows that took so long.
    """

    basis: Basis | None = None
    rows_by_seconds: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamLatency:
    """Seconds within which half (p50) and 95 % (p95) of the rows of a stream arrive; None where it is not known."""

    basis: Basis | None
    rows: int
    landing_p50: float | None
    landing_p95: float | None
    mart_rows: int
    mart_p50: float | None
    mart_p95: float | None


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
    found them new, or None where no run did. earlier: from-clause of the rows of all other loads. as_of: of this run.
    The moment of a row is its cursor, where that holds moments (a change counts from when it was made), else the
    catalog's `day` column; a row that only names its day counts from the end of it.
    """
    columns = {name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()}
    moments = [
        _end_of_moment(name, columns[name])
        for name in (stream.cursor, stream.day)
        # A cursor may also be a number that grows.
        if name and columns.get(name, "").startswith(("TIMESTAMP", "DATE", "VARCHAR"))
    ]
    if stream.delivery == "snapshot" or not moments:
        return Latencies()
    periods = {file: period for file in source_files if (period := period_of(file))}
    if delivered_at is None and not periods:
        return Latencies()
    ends = [min(datetime.combine(last, time.min) + timedelta(days=1), as_of) for _, last in periods.values()]
    delivered = "?::timestamp" if delivered_at else "files.delivered_at"
    # What is older than the first file was brought along by it.
    since = None if delivered_at else datetime.combine(min(first for first, _ in periods.values()), time.min)
    keys = "".join(f', "{name}"' for name in stream.key if name in columns)
    moment = f"coalesce({', '.join(moments)})"
    is_new = (
        f"""
        and not exists (
            from (select {moment} as moment{keys} {earlier}) as old
            where old.moment = fresh.moment
                {"".join(f' and old."{name}" = fresh."{name}"' for name in stream.key if name in columns)}
        )"""
        if delivered_at and keys
        else ""
    )
    counted = connection.execute(
        f"""
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
        """,
        [list(periods), ends, *([delivered_at] if delivered_at else []), since],
    ).fetchall()
    return Latencies("runs" if delivered_at else "file names", dict(counted)) if counted else Latencies()


def stream_latency(connection: duckdb.DuckDBPyConnection, system: str, stream: str) -> StreamLatency:
    """The latency of a stream over its accepted loads, as `quality.load` holds them.

    What runs have seen speaks before what file names say. To the marts counts a load whose delivery a run has seen and
    that was published: its latency until landing, and its wait from landing to publication.
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
    """The moment in a column; of a day without a time, its end."""
    moment = moment_of(column, kind)
    if kind == "DATE":
        return f"{moment} + interval 1 day"
    if kind == "VARCHAR":
        quoted = '"' + column.replace('"', '""') + '"'
        return f"{moment} + case when length({quoted}) <= 10 then interval 1 day else interval 0 day end"
    return moment
