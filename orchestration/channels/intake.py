"""Taking in one stream: land what is new, judge every load that waits, and let staging see only what is good.

A load is the unit of trust. One that breaks a blocking rule is held: it stays in landing, staging does not read it, and
the last good rows stay where they are, so one bad stream stops nothing else. Held loads are judged again in every run,
and so return by themselves when the rule is corrected; a newer good delivery of the same files replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from expectations.landing import landing_suites
from expectations.validation import Outcome, validate
from orchestration.channels.errors import ChannelError
from orchestration.channels.landing import accept, ensure_declared_columns, hold, land_stream, pending_loads

if TYPE_CHECKING:
    import duckdb

    from expectations.data_docs import DataDocs
    from orchestration.channels.catalog import DatabaseSystem, FilesSystem, RestApiSystem, Stream

State = Literal["current", "drifted", "held", "failed"]


@dataclass(frozen=True)
class StreamState:
    """How a stream stands after its intake.

    state: `current`; `drifted` (its rows flow, but its shape has changed); `held` (a load was stopped, the last good
    rows stay); `failed` (nothing could be fetched, the last good rows stay). sentence: what is wrong and what to do.
    """

    system: str
    stream: str
    state: State
    sentence: str
    new_rows: int = 0
    unreadable_rows: int = 0
    held_loads: int = 0

    @property
    def label(self) -> str:
        return f"{self.system}/{self.stream}"

    @property
    def needs_attention(self) -> bool:
        return self.state != "current"


def take_in(
    connection: duckdb.DuckDBPyConnection,
    system: FilesSystem | DatabaseSystem | RestApiSystem,
    stream: Stream,
    *,
    landing_url: str,
    working_dir: Path,
    declared: Mapping[str, str],
    personal_columns: frozenset[str],
    run_id: str,
    docs: DataDocs | None = None,
) -> tuple[StreamState, list[Outcome]]:
    """Land and judge one stream.

    connection: any DuckDB connection; the loads are judged on it, and the sizes of earlier loads are kept in its
    `quality.load`. declared: landed column -> type that staging reads. Raises ChannelError only where trying again soon
    may help (`transient`); every other failure is a state.
    """
    _prepare(connection)
    fault: ChannelError | None = None
    new_rows = unreadable_rows = 0
    try:
        ensure_declared_columns(landing_url, system.name, stream.name, declared)
        landing = land_stream(
            system, stream, landing_url=landing_url, working_dir=working_dir, declared_columns=declared
        )
        new_rows, unreadable_rows = landing.rows, landing.rejected_rows
        if landing.load_id:
            _record(connection, system.name, stream.name, landing.load_id, landing.rows, landing.rejected_rows)
    except ChannelError as error:
        if error.transient:
            raise
        fault = error
    outcomes, accepted, held = _judge_waiting_loads(
        connection, system.name, stream, landing_url, declared, personal_columns, run_id, docs
    )
    problems = [outcome for outcome in outcomes if not outcome.success]
    if fault:
        state, sentence = "failed", str(fault)
    elif held:
        state, sentence = "held", held_sentence(stream.label, [o for o in problems if o.severity == "error"])
    elif problems:
        state, sentence = "drifted", _drift_sentence(stream.label, problems)
    else:
        state, sentence = "current", ""
    return (
        StreamState(system.name, stream.name, state, sentence, new_rows, unreadable_rows, held),  # type: ignore[arg-type]
        outcomes,
    )


def hold_newest_load(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, *, landing_url: str
) -> str | None:
    """Takes the newest accepted load back, because staging found it wrong. Returns its id, or None if there is none."""
    row = connection.execute(
        "select max(load_id) from quality.load where source_system = ? and stream = ? and state = 'accepted'",
        [system, stream],
    ).fetchone()
    if row is None or row[0] is None:
        return None
    hold(landing_url, system, stream, row[0])
    _set_state(connection, system, stream, row[0], "held")
    return str(row[0])


def held_sentence(label: str, problems: Sequence[Outcome]) -> str:
    """What a user reads about a held load."""
    first = problems[0].sentence.rstrip(".") if problems else "a blocking rule failed"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (
        f"{label}: {first}{more}. The delivery is held and the last good rows stay; "
        "deliver it again corrected, or correct the rule, and run again."
    )


def record_state(connection: duckdb.DuckDBPyConnection, state: StreamState, *, run_id: str) -> None:
    """Keeps the state of the stream in `quality.stream_status`, one row per stream."""
    _prepare(connection)
    connection.execute(
        "delete from quality.stream_status where source_system = ? and stream = ?", [state.system, state.stream]
    )
    connection.execute(
        """
        insert into quality.stream_status
        select
            ?, ?, ?, ?, ?, ?, ?, ?,
            (select max(landed_at) from quality.load where source_system = ? and stream = ? and state = 'accepted')
        """,
        [
            state.system, state.stream, state.state, state.sentence, state.new_rows, state.unreadable_rows,
            state.held_loads, run_id, state.system, state.stream,
        ],
    )  # fmt: skip


def landed_at(load_id: str) -> datetime:
    """When a load landed (naive UTC): dlt's load ids are the seconds of its start."""
    return datetime.fromtimestamp(float(load_id), UTC).replace(tzinfo=None)


def _judge_waiting_loads(
    connection: duckdb.DuckDBPyConnection,
    system: str,
    stream: Stream,
    landing_url: str,
    declared: Mapping[str, str],
    personal_columns: frozenset[str],
    run_id: str,
    docs: DataDocs | None,
) -> tuple[list[Outcome], int, int]:
    """Accepts or holds every load that waits, oldest first: (outcomes, accepted loads, held loads)."""
    outcomes: list[Outcome] = []
    accepted = held = 0
    for load in pending_loads(landing_url, system, stream.name):
        if load.superseded:
            continue
        files = ", ".join("'" + file.replace("'", "''") + "'" for file in load.files)
        found = validate(
            connection,
            landing_suites(
                stream.label,
                f"select * from read_parquet([{files}], union_by_name = true)",
                declared,
                key=stream.key,
                personal_columns=personal_columns,
                rejected_rows=_rejected_rows(connection, system, stream.name, load.load_id),
                last_snapshot_rows=_last_snapshot_rows(connection, system, stream),
            ),
            run_id=run_id,
            docs=docs,
        )
        outcomes += found
        if any(not outcome.success and outcome.severity == "error" for outcome in found):
            hold(landing_url, system, stream.name, load.load_id)
            _set_state(connection, system, stream.name, load.load_id, "held", rows=load.rows)
            held += 1
        else:
            accept(landing_url, system, stream.name, load.load_id)
            _set_state(connection, system, stream.name, load.load_id, "accepted", rows=load.rows)
            accepted += 1
    return outcomes, accepted, held


def _drift_sentence(label: str, problems: Sequence[Outcome]) -> str:
    first = problems[0].sentence.rstrip(".")
    return (
        f"{label}: {first}. The rows were taken in all the same; "
        "add the column to the sources file of the staging folder, or ask the source about it."
    )


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""
        create schema if not exists quality;
        create table if not exists quality.load (
            source_system varchar, stream varchar, load_id varchar, landed_at timestamp, row_count bigint,
            unreadable_rows bigint, state varchar
        );
        create table if not exists quality.stream_status (
            source_system varchar, stream varchar, state varchar, sentence varchar, new_rows bigint,
            unreadable_rows bigint, held_loads bigint, run_id varchar, last_landed_at timestamp
        );
    """)


def _record(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, load_id: str, rows: int, unreadable_rows: int
) -> None:
    connection.execute(
        "insert into quality.load values (?, ?, ?, ?, ?, ?, 'incoming')",
        [system, stream, load_id, landed_at(load_id), rows, unreadable_rows],
    )


def _set_state(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, load_id: str, state: str, rows: int = 0
) -> None:
    """Writes the state down; a load that another run landed before it was stopped is written down now."""
    known = connection.execute(
        "update quality.load set state = ? where source_system = ? and stream = ? and load_id = ?",
        [state, system, stream, load_id],
    ).fetchone()
    if not known or not known[0]:
        connection.execute(
            "insert into quality.load values (?, ?, ?, ?, ?, 0, ?)",
            [system, stream, load_id, landed_at(load_id), rows, state],
        )


def _rejected_rows(connection: duckdb.DuckDBPyConnection, system: str, stream: str, load_id: str) -> int:
    row = connection.execute(
        "select unreadable_rows from quality.load where source_system = ? and stream = ? and load_id = ?",
        [system, stream, load_id],
    ).fetchone()
    return int(row[0] or 0) if row else 0


def _last_snapshot_rows(connection: duckdb.DuckDBPyConnection, system: str, stream: Stream) -> int | None:
    if stream.delivery != "snapshot":
        return None
    row = connection.execute(
        """
        select max_by(row_count, load_id) from quality.load
        where source_system = ? and stream = ? and state = 'accepted'
        """,
        [system, stream.name],
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else None
