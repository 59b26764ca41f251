"""The tables of the register, `quality.load` and `quality.stream_status`: their columns, and how older ones are read.

Shapes of older versions that this module brings up to date, all without loss:

- no tables: a new or a rebuilt warehouse. They are created empty; `take_in` fills quality.load from landing.
- quality.load with its first eight columns (before freshness and latency): the others are added and stay null for old
  loads. A null `newest_at` counts as the moment of landing, a null `latency_basis` as an unknown latency.
- quality.stream_status with its first ten columns: the others are added and stay null until the next intake.

Landing itself has had one layout so far (`channels/landing`). Its dlt state keeps what a connector must remember; the
one older shape there, a boundary that is text, is read by `connectors/database.py`, the only one that knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_TABLES = """
    create schema if not exists quality;
    create table if not exists quality.load (
        source_system varchar, stream varchar, load_id varchar, landed_at timestamp, row_count bigint,
        unreadable_rows bigint, state varchar, published_by_run varchar
    );
    create table if not exists quality.stream_status (
        source_system varchar, stream varchar, state varchar, sentence varchar, new_rows bigint,
        unreadable_rows bigint, held_loads bigint, unknown_columns varchar[], run_id varchar, last_landed_at timestamp
    );
"""
# Columns that came later, in the order in which they came.
_ADDED_COLUMNS = {
    "quality.load": {
        "newest_at": "timestamp",
        "delivered_at": "timestamp",
        "latency_basis": "varchar",
        "latencies": "map(bigint, bigint)",
        "published_at": "timestamp",
        "decimal_styles": "map(varchar, varchar)",
    },
    "quality.stream_status": {
        "newest_at": "timestamp",
        "cadence_hours": "double",
        "expected_by": "timestamp",
        "system_title": "varchar",
        "latency_basis": "varchar",
        "latency_row_count": "bigint",
        "landing_p50_seconds": "double",
        "landing_p95_seconds": "double",
        "mart_row_count": "bigint",
        "mart_p50_seconds": "double",
        "mart_p95_seconds": "double",
    },
}
_COMMENTS = """
    comment on table quality.load is
        'One row per load, with its state: incoming, accepted (staging reads it) or held (staging does not).';
    comment on column quality.load.delivered_at is
        'The as of of the run that found the load new; null for a first load and for days that were loaded again.';
    comment on column quality.load.latencies is
        'Seconds from event to delivery (three significant digits) -> number of rows.';
    comment on column quality.load.decimal_styles is
        'Column -> decimal separator of its texts (point or comma), for columns that show one.';
    comment on table quality.stream_status is
        'One row per stream: current, drifted (its columns changed), held or failed (the last good rows stay in use).';
"""


def prepare_register(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of the register where they are missing, and add the columns that older versions lack."""
    added = "".join(
        f"alter table {table} add column if not exists {column} {kind};\n"
        for table, columns in _ADDED_COLUMNS.items()
        for column, kind in columns.items()
    )
    connection.execute(_TABLES + added + _COMMENTS)
