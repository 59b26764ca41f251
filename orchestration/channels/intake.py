"""Taking in one stream: land what is new, judge every load that waits, and let staging see only what is good.

A load is the unit of trust. One that breaks a blocking rule is held: it stays in landing, staging does not read it, and
the last good rows stay where they are, so one bad stream stops nothing else. Held loads are judged again in every run,
and so return by themselves when the rule is corrected; a newer good delivery of the same files replaces them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from expectations.landing import landing_suites, unknown_column_rule
from expectations.outcomes import Outcome
from expectations.validation import validate
from orchestration.channels.errors import ChannelError, several
from orchestration.channels.freshness import expected_by, reach_of
from orchestration.channels.landing import (
    accept,
    accepted_loads,
    ensure_declared_columns,
    hold,
    land_stream,
    pending_loads,
)
from orchestration.channels.latency import Latencies, latencies_of, stream_latency

if TYPE_CHECKING:
    import duckdb

    from expectations.data_docs import DataDocs
    from orchestration.channels.catalog import DatabaseSystem, FilesSystem, RestApiSystem, Stream
    from orchestration.channels.landing import Landing, PendingLoad

State = Literal["current", "drifted", "held", "failed"]


@dataclass(frozen=True)
class StreamState:
    """How a stream stands after its intake.

    state: `current`; `drifted` (its rows flow, but its shape has changed); `held` (a load was stopped, the last good
    rows stay); `failed` (nothing could be fetched, or some files were left out; the last good rows stay). sentence:
    what is wrong and what to do. remark: what is not wrong and yet worth knowing.
    """

    system: str
    stream: str
    state: State
    sentence: str
    new_rows: int = 0
    unreadable_rows: int = 0
    held_loads: int = 0
    unknown_columns: tuple[str, ...] = ()
    # Days that the accepted rows belong to.
    days: tuple[date, ...] = ()
    # When something new is expected at the latest (naive UTC), and up to when the rows reach.
    newest_at: datetime | None = None
    expected_by: datetime | None = None
    cadence: timedelta | None = None
    remark: str = ""

    @property
    def label(self) -> str:
        return f"{self.system}/{self.stream}"

    def lateness(self, as_of: datetime) -> str:
        """That the stream is late as of a moment, in a sentence; empty where it is in time or nothing is expected."""
        if self.newest_at is None or self.expected_by is None or as_of <= self.expected_by:
            return ""
        return (
            f"{self.label} reaches to {self.newest_at:%Y-%m-%d %H:%M} only; something new was expected by "
            f"{self.expected_by:%Y-%m-%d %H:%M} (UTC). Ask the source about it, or correct `cadence` in the catalog."
        )

    @property
    def needs_attention(self) -> bool:
        """Whether somebody has to look now. A drift is told by the run that finds it; the status shows it on."""
        return bool(self.sentence)


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
    as_of: datetime,
    docs: DataDocs | None = None,
    days: tuple[date, date] | None = None,
) -> tuple[StreamState, list[Outcome]]:
    """Land and judge one stream. days: fetch these days again, first and last, whatever was landed before.

    connection: any DuckDB connection; the loads are judged on it, and the sizes of earlier loads are kept in its
    `quality.load`. declared: landed column -> type that staging reads. Raises ChannelError only where trying again soon
    may help (`transient`); every other failure is a state.
    """
    prepare_tables(connection)
    _remember_loads(connection, landing_url, stream, as_of)
    # What the first load brings was not watched as it came, and what is fetched again has been there before.
    delivered_at = None if days or not _has_loads(connection, stream) else as_of
    fault = remark = ""
    new_rows = unreadable_rows = 0
    try:
        ensure_declared_columns(landing_url, system.name, stream.name, declared)
        landing = land_stream(
            system,
            stream,
            landing_url=landing_url,
            working_dir=working_dir,
            declared_columns=declared,
            days=days,
        )
        fault, remark = several(landing.faults), _remark(stream.label, landing)
        new_rows, unreadable_rows = landing.rows, landing.rejected_rows
        if landing.load_id:
            _record(connection, stream, landing.load_id, landing.rows, landing.rejected_rows, delivered_at)
    except ChannelError as error:
        if error.transient:
            raise
        fault = str(error)
    outcomes, accepted, held, brought = _judge_waiting_loads(
        connection, stream, landing_url, declared, personal_columns, run_id, as_of, docs
    )
    newest_at = _newest_at(connection, stream, as_of)
    problems = [outcome for outcome in outcomes if not outcome.success]
    if fault:
        state, sentence = "failed", fault
    elif held:
        state, sentence = "held", held_sentence(stream.label, [o for o in problems if o.severity == "error"])
    elif problems:
        state, sentence = "drifted", _drift_sentence(stream.label, system.staging_folder, problems)
    elif not accepted and _drifts_still(connection, system.name, stream.name, declared):
        state, sentence = "drifted", ""
    else:
        state, sentence = "current", ""
    return (
        StreamState(
            system.name,
            stream.name,
            state,  # type: ignore[arg-type]
            sentence,
            new_rows,
            unreadable_rows,
            held,
            tuple(problem.column for problem in problems if _is_unknown_column(problem) and problem.column),
            tuple(sorted(brought)),
            newest_at,
            expected_by(stream, newest_at),
            stream.cadence,
            remark,
        ),
        outcomes,
    )


def _remark(label: str, landing: Landing) -> str:
    if not landing.repeats:
        return landing.remark
    more = f" and {len(landing.repeats) - 1} more" if len(landing.repeats) > 1 else ""
    return f"{label}: {landing.repeats[0]}{more} repeats what another file has delivered; it did not land again"


def failed_state(connection: duckdb.DuckDBPyConnection, stream: Stream, sentence: str, as_of: datetime) -> StreamState:
    """The state of a stream that could not be fetched: how new its last good rows are is still known."""
    newest_at = _newest_at(connection, stream, as_of)
    return StreamState(
        stream.system_name,
        stream.name,
        "failed",
        sentence,
        newest_at=newest_at,
        expected_by=expected_by(stream, newest_at),
        cadence=stream.cadence,
    )


def landed_rows(landing_url: str, system: str, stream: str) -> str:
    """What staging reads of a stream, as a relation for DuckDB."""
    folder = f"{landing_url}/{system}/{stream}/rows".replace("'", "''")
    return f"read_parquet('{folder}/*.parquet', union_by_name = true)"


def hold_unpublished_loads(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, *, landing_url: str
) -> list[str]:
    """Takes back the loads that were accepted but never published, because staging found them wrong. Returns their ids.

    They are those of this run, and of runs that were interrupted. Where there are none, what is wrong is older, or the
    rule is new: then nothing can be put aside.
    """
    loads = connection.execute(
        "select load_id from quality.load"
        " where source_system = ? and stream = ? and state = 'accepted' and published_by_run is null order by 1",
        [system, stream],
    ).fetchall()
    for (load_id,) in loads:
        hold(landing_url, system, stream, load_id)
        _set_state(connection, system, stream, load_id, "held")
    return [load_id for (load_id,) in loads]


def broken_row_rules(connection: duckdb.DuckDBPyConnection, staging_folder: str, stream: str) -> str:
    """How many rows of the newest load are in quarantine and by which rules, in words; empty where none are."""
    base = f"staging.base_{staging_folder}__{stream}"
    newest = f"{base} where _dlt_load_id = (select max(_dlt_load_id) from {base})"
    rules = connection.execute(
        f"select quarantine_rule, count(*) from {newest} and row_fate = 'quarantined' group by all order by 2 desc, 1"
    ).fetchall()
    if not rules:
        return ""
    row = connection.execute(f"select count(*) from {newest}").fetchone()
    named = ", ".join(f"{rule} ({count:,})" for rule, count in rules)
    return f"{sum(count for _, count in rules):,} of {row[0] if row else 0:,} rows cannot be used: {named}"


def held_sentence(label: str, problems: Sequence[Outcome], broken: str = "") -> str:
    """What a user reads about a held load. broken: the row rules that it breaks, in words."""
    first = "a blocking rule failed"
    if broken and problems and problems[0].column == "quarantined_share":
        first = broken
    elif problems:
        first = problems[0].sentence.removeprefix(f"{problems[0].table}: ").rstrip(".")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (
        f"{label}: {first}{more}. The delivery is held and the last good rows stay; "
        "deliver it again corrected, or correct the rule, and run again."
    )


def record_state(
    connection: duckdb.DuckDBPyConnection, state: StreamState, *, run_id: str, system_title: str = ""
) -> None:
    """Keeps the state of the stream in `quality.stream_status`, one row per stream, with its latency.

    system_title: the source system for readers.
    """
    prepare_tables(connection)
    if state.state == "drifted" and not state.sentence:
        return  # nothing has arrived since the drift was told
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


def forget_other_streams(connection: duckdb.DuckDBPyConnection, streams: Sequence[tuple[str, str]]) -> None:
    """Drops the states of streams that are not in the catalog any more. streams: (system, stream) of those that are."""
    prepare_tables(connection)
    connection.execute(
        "delete from quality.stream_status where source_system || '/' || stream not in (select unnest(?::varchar[]))",
        [["/".join(names) for names in streams]],
    )


def mark_published(connection: duckdb.DuckDBPyConnection, run_id: str, published_at: datetime) -> None:
    """Writes down that readers see the accepted loads: from now on they are the last good rows.

    published_at: the time of the clock (naive UTC), as the loads' landed_at.
    """
    prepare_tables(connection)
    connection.execute(
        "update quality.load set published_by_run = ?, published_at = ?"
        " where state = 'accepted' and published_by_run is null",
        [run_id, published_at],
    )


def landed_at(load_id: str) -> datetime:
    """When a load landed (naive UTC): dlt's load ids are the seconds of its start."""
    return datetime.fromtimestamp(float(load_id), UTC).replace(tzinfo=None)


def _judge_waiting_loads(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    landing_url: str,
    declared: Mapping[str, str],
    personal_columns: frozenset[str],
    run_id: str,
    as_of: datetime,
    docs: DataDocs | None,
) -> tuple[list[Outcome], int, int, set[date]]:
    """Accepts or holds every load that waits: (outcomes, accepted loads, held loads, days of the accepted rows).

    What has just arrived comes first: it may replace what is held.
    """
    outcomes: list[Outcome] = []
    counts = {"accepted": 0, "held": 0}
    days: set[date] = set()
    for waiting in ("incoming", "held"):
        for load in pending_loads(landing_url, stream.system_name, stream.name):
            if load.state != waiting or load.superseded:
                continue
            found = _judge(connection, stream, load, declared, personal_columns, run_id, docs)
            is_bad = any(not outcome.success and outcome.severity == "error" for outcome in found)
            verdict = "held" if is_bad else "accepted"
            reach = reach_of(connection, stream, _rows_of(load), load.source_files, as_of)
            latencies = (
                Latencies()
                if is_bad
                else _latencies(connection, stream, load.load_id, _rows_of(load), load.source_files, landing_url, as_of)
            )
            (hold if is_bad else accept)(landing_url, stream.system_name, stream.name, load.load_id)
            _set_state(connection, stream.system_name, stream.name, load.load_id, verdict, rows=load.rows)
            if not is_bad:
                days.update(reach.days)
                _keep_reach(connection, stream, load.load_id, reach.newest_at)
                _keep_latencies(connection, stream, load.load_id, latencies)
            # A load held just now is met again in the second round: it counts once.
            if waiting == "held" or not is_bad:
                counts[verdict] += 1
                outcomes += found
    return outcomes, counts["accepted"], counts["held"], days


def _judge(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    load: PendingLoad,
    declared: Mapping[str, str],
    personal_columns: frozenset[str],
    run_id: str,
    docs: DataDocs | None,
) -> list[Outcome]:
    query = _rows_of(load)
    suites = landing_suites(
        stream.label,
        query,
        declared,
        delivered=[name for name, *_ in connection.execute(f"describe {query}").fetchall()],
        key=stream.key,
        personal_columns=personal_columns,
        rejected_rows=_rejected_rows(connection, stream.system_name, stream.name, load.load_id),
        last_snapshot_rows=_last_snapshot_rows(connection, stream),
    )
    return validate(connection, suites, run_id=run_id, docs=docs)


def _rows_of(load: PendingLoad) -> str:
    files = ", ".join("'" + file.replace("'", "''") + "'" for file in load.files)
    return f"select * from read_parquet([{files}], union_by_name = true)"


def _is_unknown_column(outcome: Outcome) -> bool:
    return outcome.column is not None and outcome.rule == unknown_column_rule(outcome.column)


def _drift_sentence(label: str, staging_folder: str, problems: Sequence[Outcome]) -> str:
    unknown = [str(problem.column) for problem in problems if _is_unknown_column(problem)]
    if not unknown:
        first = problems[0].sentence.removeprefix(f"landing/{label}: ").rstrip(".")
        return f"{label}: {first}. The rows were taken in all the same; ask the source about it."
    columns = "the column " + unknown[0] if len(unknown) == 1 else "the columns " + ", ".join(unknown)
    return (
        f"{label}: delivers {columns}, which nobody reads. The rows were taken in all the same; "
        f"add it to models/staging/{staging_folder}/_{staging_folder}__sources.yml, or ask the source about it."
    )


def _drifts_still(connection: duckdb.DuckDBPyConnection, system: str, stream: str, declared: Mapping[str, str]) -> bool:
    """Whether an earlier run found columns that are still not declared."""
    row = connection.execute(
        "select unknown_columns from quality.stream_status"
        " where source_system = ? and stream = ? and state = 'drifted'",
        [system, stream],
    ).fetchone()
    return bool(row and set(row[0] or ()) - set(declared))


def prepare_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables in which intake writes down loads and states, where they are missing."""
    connection.execute("""
        create schema if not exists quality;
        create table if not exists quality.load (
            source_system varchar, stream varchar, load_id varchar, landed_at timestamp, row_count bigint,
            unreadable_rows bigint, state varchar, published_by_run varchar
        );
        alter table quality.load add column if not exists newest_at timestamp;
        alter table quality.load add column if not exists delivered_at timestamp;
        alter table quality.load add column if not exists latency_basis varchar;
        alter table quality.load add column if not exists latencies map(bigint, bigint);
        alter table quality.load add column if not exists published_at timestamp;
        create table if not exists quality.stream_status (
            source_system varchar, stream varchar, state varchar, sentence varchar, new_rows bigint,
            unreadable_rows bigint, held_loads bigint, unknown_columns varchar[], run_id varchar,
            last_landed_at timestamp
        );
        alter table quality.stream_status add column if not exists newest_at timestamp;
        alter table quality.stream_status add column if not exists cadence_hours double;
        alter table quality.stream_status add column if not exists expected_by timestamp;
        alter table quality.stream_status add column if not exists system_title varchar;
        alter table quality.stream_status add column if not exists latency_basis varchar;
        alter table quality.stream_status add column if not exists latency_row_count bigint;
        alter table quality.stream_status add column if not exists landing_p50_seconds double;
        alter table quality.stream_status add column if not exists landing_p95_seconds double;
        alter table quality.stream_status add column if not exists mart_row_count bigint;
        alter table quality.stream_status add column if not exists mart_p50_seconds double;
        alter table quality.stream_status add column if not exists mart_p95_seconds double;
        comment on table quality.load is
            'One row per load: what was delivered at once, and whether staging may read it (accepted) or not (held).';
        comment on column quality.load.delivered_at is
            'As of of the run that found the load new; null for a first load and for days that were fetched again.';
        comment on column quality.load.latencies is
            'Seconds from event to delivery (three significant digits) and the rows that took so long.';
        comment on table quality.stream_status is
            'One row per stream: current, drifted (its shape has changed), held or failed (the last good rows stay).';
    """)


def _remember_loads(connection: duckdb.DuckDBPyConnection, landing_url: str, stream: Stream, as_of: datetime) -> None:
    """A warehouse that was rebuilt learns from landing what was accepted before."""
    names = [stream.system_name, stream.name]
    row = connection.execute(
        "select count(*) from quality.load where source_system = ? and stream = ?", names
    ).fetchone()
    if row and row[0] == 0:
        loads = accepted_loads(landing_url, *names)
        for load_id, rows in loads:
            connection.execute(
                "insert into quality.load (source_system, stream, load_id, landed_at, row_count, unreadable_rows,"
                " state, published_by_run) values (?, ?, ?, ?, ?, 0, 'accepted', 'before this warehouse')",
                [*names, load_id, landed_at(load_id), rows],
            )
        if loads:
            query = f"select * from {landed_rows(landing_url, *names)}"
            files = [file for (file,) in connection.execute(f"select distinct _source_file from ({query})").fetchall()]
            reach = reach_of(connection, stream, query, files, as_of)
            _keep_reach(connection, stream, loads[-1][0], reach.newest_at)
            latencies = _latencies(connection, stream, loads[-1][0], query, files, landing_url, as_of)
            _keep_latencies(connection, stream, loads[-1][0], latencies)


def _has_loads(connection: duckdb.DuckDBPyConnection, stream: Stream) -> bool:
    return bool(
        connection.execute(
            "select 1 from quality.load where source_system = ? and stream = ? limit 1",
            [stream.system_name, stream.name],
        ).fetchone()
    )


def _record(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    load_id: str,
    rows: int,
    unreadable_rows: int,
    delivered_at: datetime | None,
) -> None:
    connection.execute(
        "insert into quality.load (source_system, stream, load_id, landed_at, row_count, unreadable_rows, state,"
        " delivered_at) values (?, ?, ?, ?, ?, ?, 'incoming', ?)",
        [stream.system_name, stream.name, load_id, landed_at(load_id), rows, unreadable_rows, delivered_at],
    )


def _set_state(
    connection: duckdb.DuckDBPyConnection,
    system: str,
    stream: str,
    load_id: str,
    state: str,
    rows: int = 0,
) -> None:
    """Writes the state down; a load that another run landed before it was stopped is written down now."""
    known = connection.execute(
        "update quality.load set state = ? where source_system = ? and stream = ? and load_id = ?",
        [state, system, stream, load_id],
    ).fetchone()
    if not known or not known[0]:
        connection.execute(
            "insert into quality.load (source_system, stream, load_id, landed_at, row_count, unreadable_rows, state)"
            " values (?, ?, ?, ?, ?, 0, ?)",
            [system, stream, load_id, landed_at(load_id), rows, state],
        )


def _keep_reach(
    connection: duckdb.DuckDBPyConnection, stream: Stream, load_id: str, newest_at: datetime | None
) -> None:
    connection.execute(
        "update quality.load set newest_at = ? where source_system = ? and stream = ? and load_id = ?",
        [newest_at, stream.system_name, stream.name, load_id],
    )


def _latencies(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    load_id: str,
    query: str,
    source_files: Collection[str],
    landing_url: str,
    as_of: datetime,
) -> Latencies:
    names = [stream.system_name, stream.name, load_id]
    row = connection.execute(
        "select delivered_at from quality.load where source_system = ? and stream = ? and load_id = ?", names
    ).fetchone()
    return latencies_of(
        connection,
        stream,
        query,
        source_files,
        delivered_at=row[0] if row else None,
        earlier=f"from {landed_rows(landing_url, stream.system_name, stream.name)} where _dlt_load_id <> '{load_id}'",
        as_of=as_of,
    )


def _keep_latencies(connection: duckdb.DuckDBPyConnection, stream: Stream, load_id: str, latencies: Latencies) -> None:
    names = [stream.system_name, stream.name, load_id]
    connection.execute(
        "update quality.load set latency_basis = ?, latencies = map(?::bigint[], ?::bigint[])"
        " where source_system = ? and stream = ? and load_id = ?",
        [latencies.basis, list(latencies.rows_by_seconds), list(latencies.rows_by_seconds.values()), *names],
    )


def _newest_at(connection: duckdb.DuckDBPyConnection, stream: Stream, as_of: datetime) -> datetime | None:
    """Up to when the accepted rows of a stream reach; where neither rows nor files say so, when they landed. Nothing
    reaches beyond the `as of`."""
    row = connection.execute(
        "select least(coalesce(max(newest_at), max(landed_at)), ?) from quality.load"
        " where source_system = ? and stream = ? and state = 'accepted' having count(*) > 0",
        [as_of, stream.system_name, stream.name],
    ).fetchone()
    return row[0] if row else None


def _rejected_rows(connection: duckdb.DuckDBPyConnection, system: str, stream: str, load_id: str) -> int:
    row = connection.execute(
        "select unreadable_rows from quality.load where source_system = ? and stream = ? and load_id = ?",
        [system, stream, load_id],
    ).fetchone()
    return int(row[0] or 0) if row else 0


def _last_snapshot_rows(connection: duckdb.DuckDBPyConnection, stream: Stream) -> int | None:
    if stream.delivery != "snapshot":
        return None
    row = connection.execute(
        """
        select max_by(row_count, load_id) from quality.load
        where source_system = ? and stream = ? and state = 'accepted'
        """,
        [stream.system_name, stream.name],
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else None
