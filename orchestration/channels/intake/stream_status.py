"""The status of streams, `quality.stream_status`: one row per stream of the catalog."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from orchestration.channels.intake.latency import stream_latency
from orchestration.channels.intake.register_tables import prepare_register

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.catalog import Stream

State = Literal["current", "drifted", "held", "failed"]


@dataclass(frozen=True)
class StreamState:
    """The state of a stream after its intake.

    state: `current`; `drifted` (its rows are accepted, but its columns changed); `held` (a load was stopped, the last
    good rows stay in use); `failed` (nothing could be fetched, or some files were left out; the last good rows stay in
    use). sentence: what is wrong and what to do. days: days of the accepted rows. newest_at: up to when the rows reach,
    expected_by: when the next delivery is due (both naive UTC). remark: a note that needs no action.
    """

    system: str
    stream: str
    state: State
    sentence: str
    new_rows: int = 0
    unreadable_rows: int = 0
    held_loads: int = 0
    unknown_columns: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    newest_at: datetime | None = None
    expected_by: datetime | None = None
    cadence: timedelta | None = None
    remark: str = ""

    @property
    def label(self) -> str:
        """The stream in messages: `shop/contacts`."""
        return f"{self.system}/{self.stream}"

    def lateness(self, as_of: datetime) -> str:
        """A sentence if the stream is late at `as_of` (naive UTC); empty if it is in time or nothing is expected."""
        if self.newest_at is None or self.expected_by is None or as_of <= self.expected_by:
            return ""
        return (
            f"{self.label} is late: its newest rows are of {self.newest_at:%Y-%m-%d %H:%M}, and newer ones were "
            f"expected by {self.expected_by:%Y-%m-%d %H:%M} (UTC). Ask the owner of the source, or correct `cadence` "
            "in the catalog."
        )

    @property
    def needs_attention(self) -> bool:
        """Whether a user has to act now. A drift is reported by the run that finds it; the status keeps showing it."""
        return bool(self.sentence)


def record_state(
    connection: duckdb.DuckDBPyConnection, state: StreamState, *, run_id: str, system_title: str = ""
) -> None:
    """Replace the row of the stream in quality.stream_status, with its latency.

    system_title: the name of the source system for readers. A drift that an earlier run reported keeps its row.
    """
    prepare_register(connection)
    if state.state == "drifted" and not state.sentence:
        return
    latency = stream_latency(connection, state.system, state.stream)
    connection.execute("begin")
    connection.execute(
        "delete from quality.stream_status where source_system = ? and stream = ?", [state.system, state.stream]
    )
    connection.execute(
        """
        insert into quality.stream_status (
            source_system, stream, state, sentence, new_rows, unreadable_rows, held_loads, unknown_columns, run_id,
            last_landed_at, newest_at, cadence_hours, expected_by, system_title, latency_basis, latency_row_count,
            landing_p50_seconds, landing_p95_seconds, mart_row_count, mart_p50_seconds, mart_p95_seconds
        )
        select
            ?, ?, ?, ?, ?, ?, ?, ?, ?,
            (select max(landed_at) from quality.load where source_system = ? and stream = ? and state = 'accepted'),
            ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
        """,
        [
            state.system, state.stream, state.state, state.sentence, state.new_rows, state.unreadable_rows,
            state.held_loads, list(state.unknown_columns), run_id, state.system, state.stream, state.newest_at,
            state.cadence.total_seconds() / 3600 if state.cadence else None, state.expected_by,
            system_title or None, latency.basis, latency.rows, latency.landing_p50, latency.landing_p95,
            latency.mart_rows, latency.mart_p50, latency.mart_p95,
        ],
    )  # fmt: skip
    connection.execute("commit")


def recorded_state(connection: duckdb.DuckDBPyConnection, stream: Stream) -> StreamState | None:
    """The state of a stream as its last intake has recorded it; None where there has been none."""
    prepare_register(connection)
    row = connection.execute(
        "select state, sentence, newest_at, expected_by from quality.stream_status"
        " where source_system = ? and stream = ?",
        [stream.system_name, stream.name],
    ).fetchone()
    if row is None:
        return None
    state, sentence, newest_at, expected_by = row
    return StreamState(
        stream.system_name, stream.name, state, sentence, newest_at=newest_at, expected_by=expected_by,
        cadence=stream.cadence,
    )  # fmt: skip


def still_drifts(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, declared_columns: Collection[str]
) -> bool:
    """Whether an earlier run found columns that are still not declared."""
    row = connection.execute(
        "select unknown_columns from quality.stream_status"
        " where source_system = ? and stream = ? and state = 'drifted'",
        [system, stream],
    ).fetchone()
    return bool(row and set(row[0] or ()) - set(declared_columns))


def forget_other_streams(connection: duckdb.DuckDBPyConnection, streams: Sequence[tuple[str, str]]) -> None:
    """Delete the status of streams that the catalog no longer has. streams: (system, stream) of those that it has."""
    prepare_register(connection)
    connection.execute(
        "delete from quality.stream_status where source_system || '/' || stream not in (select unnest(?::varchar[]))",
        [["/".join(names) for names in streams]],
    )
