"""What a load says about time: up to when it reaches, which days it brings, how long its rows took to arrive."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.channels.intake.freshness import Reach, reach_of
from orchestration.channels.intake.latency import Latencies, latencies_of
from orchestration.channels.landing.loads import accepted_rows

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.intake.stream_source import StreamSource


@dataclass(frozen=True)
class LoadRows:
    """The rows of a load. query: a select that yields them. source_files: the files they came from."""

    load_id: str
    query: str
    source_files: Collection[str]


@dataclass(frozen=True)
class Measures:
    """The reach of a load and its latencies."""

    reach: Reach
    latencies: Latencies


def measure(
    connection: duckdb.DuckDBPyConnection,
    source: StreamSource,
    rows: LoadRows,
    delivered_at: datetime | None,
    as_of: datetime,
) -> Measures:
    """The measures of a load. delivered_at: as of of the run that found it new, None if no run did (naive UTC)."""
    stream = source.stream
    accepted = accepted_rows(source.landing_url, stream.system_name, stream.name)
    return Measures(
        reach_of(connection, stream, rows.query, rows.source_files, as_of),
        latencies_of(
            connection,
            stream,
            rows.query,
            rows.source_files,
            delivered_at=delivered_at,
            earlier=f"from {accepted} where _dlt_load_id <> '{rows.load_id}'",
            as_of=as_of,
        ),
    )
