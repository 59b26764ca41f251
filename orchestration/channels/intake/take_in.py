"""Taking in one stream: land what is new, judge every waiting load, record the state of the stream."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING

from expectations.outcomes import Outcome
from expectations.storage import store
from orchestration.channels.errors import ChannelError, several
from orchestration.channels.intake.freshness import expected_by
from orchestration.channels.intake.held_loads import held_sentence
from orchestration.channels.intake.judging import Verdicts, drift_sentence, judge_waiting_loads, unknown_columns
from orchestration.channels.intake.load_register import LoadRegister
from orchestration.channels.intake.measures import LoadRows, measure
from orchestration.channels.intake.shape_faults import shape_fault
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.stream_status import State, StreamState, record_state, still_drifts
from orchestration.channels.landing.declared_columns import ensure_declared_columns
from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.land import Landing, land_stream
from orchestration.channels.landing.loads import accepted_loads, accepted_rows
from orchestration.channels.landing.removal import Removed, expire
from orchestration.channels.landing.row_owners import has_held_out, keep_out
from orchestration.counts import counted
from orchestration.warehouse.engine_functions import add_functions

if TYPE_CHECKING:
    import duckdb


def take_in(
    connection: duckdb.DuckDBPyConnection, source: StreamSource, run: IntakeRun, days: tuple[date, date] | None = None
) -> tuple[StreamState, list[Outcome]]:
    """Land and judge one stream; record its loads, outcomes and state in the schema quality of `connection`.

    connection: any DuckDB connection. days: load these days again, first and last, whatever has landed before.
    Returns the state of the stream and the outcomes of the rules. Raises ChannelError, and records nothing, only where
    another try soon may help (`transient`); every other failure is a state.
    """
    register = LoadRegister(connection, source.system.name, source.stream.name)
    _restore_register(connection, source, run, register)
    landing, fault = _landed(source, run, register, days)
    held_out = _keep_out(source, run)
    held_out += _expire(source, run)
    verdicts = judge_waiting_loads(connection, source, run, register)
    state = _state(connection, source, run, register, landing, fault, verdicts, held_out)
    _record(connection, source, run, state, verdicts.outcomes)
    return state, verdicts.outcomes


def record_failure(
    connection: duckdb.DuckDBPyConnection, source: StreamSource, run: IntakeRun, sentence: str
) -> StreamState:
    """Record a stream that could not be fetched as failed. sentence: what is wrong and what to do."""
    register = LoadRegister(connection, source.system.name, source.stream.name)
    newest_at = register.newest_at(run.as_of)
    stream = source.stream
    state = StreamState(
        source.system.name,
        stream.name,
        "failed",
        sentence,
        newest_at=newest_at,
        expected_by=expected_by(stream, newest_at),
        cadence=stream.cadence,
    )
    _record(connection, source, run, state, [])
    return state


def _record(
    connection: duckdb.DuckDBPyConnection,
    source: StreamSource,
    run: IntakeRun,
    state: StreamState,
    outcomes: list[Outcome],
) -> None:
    store(connection, outcomes, run_id=run.run_id, as_of=run.as_of)
    record_state(connection, state, run_id=run.run_id, system_title=source.system.title)


def _restore_register(
    connection: duckdb.DuckDBPyConnection, source: StreamSource, run: IntakeRun, register: LoadRegister
) -> None:
    """Register the accepted loads of landing in a rebuilt warehouse. The newest one carries the measures of all."""
    names = (source.system.name, source.stream.name)
    loads = accepted_loads(source.landing_url, *names) if register.is_empty() else []
    for load_id, rows in loads:
        register.add(load_id, "accepted", rows, published_by_run="before this warehouse")
    if loads:
        newest, _ = loads[-1]
        query = f"select * from {accepted_rows(source.landing_url, *names)}"
        files = [file for (file,) in connection.execute(f"select distinct _source_file from ({query})").fetchall()]
        register.set_measures(newest, measure(connection, source, LoadRows(newest, query, files), None, run.as_of))


def _landed(
    source: StreamSource, run: IntakeRun, register: LoadRegister, days: tuple[date, date] | None
) -> tuple[Landing, str]:
    """Land the stream and register the load: (what landed, what went wrong). Raises transient ChannelErrors."""
    system, stream = source.system, source.stream
    # No run watched the rows of a first load arrive, days that are loaded again were there before, and what a run of a
    # past moment finds has arrived later.
    delivered_at = None if days or run.is_past or register.is_empty() else run.as_of
    try:
        ensure_declared_columns(source.landing_url, system.name, stream.name, source.declared_columns)
        landing = land_stream(
            system,
            stream,
            landing_url=source.landing_url,
            working_dir=source.working_dir,
            declared_columns=source.declared_columns,
            days=days,
            event_log=source.event_log,
        )
    except ChannelError as error:
        if error.transient:
            raise
        return Landing(system.name, stream.name), str(error)
    if landing.load_id:
        register.add(
            landing.load_id,
            "incoming",
            landing.rows,
            unreadable_rows=landing.rejected_rows,
            delivered_at=delivered_at,
        )
    return landing, several(landing.faults)


def _state(
    connection: duckdb.DuckDBPyConnection,
    source: StreamSource,
    run: IntakeRun,
    register: LoadRegister,
    landing: Landing,
    fault: str,
    verdicts: Verdicts,
    held_out: Removed,
) -> StreamState:
    system, stream, problems = source.system, source.stream, verdicts.problems
    state: State
    if fault:
        state, sentence = "failed", fault
    elif verdicts.held:
        errors = [problem for problem in problems if problem.severity == "error"]
        sentence = held_sentence(stream.label, errors, shape_fault(connection, source, errors))
        state = "held"
    elif problems:
        state, sentence = "drifted", drift_sentence(stream.label, system.staging_folder, problems)
    elif not verdicts.accepted and still_drifts(connection, system.name, stream.name, source.declared_columns):
        state, sentence = "drifted", ""
    else:
        state, sentence = "current", ""
    newest_at = register.newest_at(run.as_of)
    return StreamState(
        system.name,
        stream.name,
        state,
        sentence,
        landing.rows,
        landing.rejected_rows,
        verdicts.held,
        unknown_columns(problems),
        tuple(sorted(verdicts.days)),
        newest_at,
        expected_by(stream, newest_at),
        stream.cadence,
        _remark(stream.label, landing, held_out),
    )


def _keep_out(source: StreamSource, run: IntakeRun) -> Removed:
    """Takes the rows of erased people out of what has just landed, before anything reads it."""
    if source.privacy_path is None or not has_held_out(source.privacy_path):
        return Removed()
    import duckdb

    folder = StreamFolder(source.landing_url, source.system.name, source.stream.name)
    with duckdb.connect() as connection:
        add_functions(connection)
        return keep_out(connection, source.privacy_path, folder, source.stream.label, run.as_of)


def _expire(source: StreamSource, run: IntakeRun) -> Removed:
    """Takes out what is older than the stream is kept. A run of a past moment ends nothing."""
    if source.stream.keep is None or source.stream.day is None or run.is_past:
        return Removed()
    months = run.as_of.year * 12 + run.as_of.month - 1 - source.stream.keep
    last_day = calendar.monthrange(months // 12, months % 12 + 1)[1]
    before = date(months // 12, months % 12 + 1, min(run.as_of.day, last_day))
    folder = StreamFolder(source.landing_url, source.system.name, source.stream.name)
    return expire(folder, source.stream.day, before)


def _remark(label: str, landing: Landing, held_out: Removed) -> str:
    if held_out.erased:
        return f"{label}: {counted(held_out.erased, 'row')} of people who were erased did not land"
    if held_out.expired:
        return f"{label}: {counted(held_out.expired, 'row')} older than the stream is kept left landing"
    if not landing.repeats:
        return landing.remark
    more = f" and {len(landing.repeats) - 1} more" if len(landing.repeats) > 1 else ""
    return f"{label}: {landing.repeats[0]}{more} repeats what another file has delivered, and did not land again"
