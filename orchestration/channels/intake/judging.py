"""The verdict on a load: does it have the shape that staging reads? It is accepted or held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from expectations.landing import landing_suites, unknown_column_rule
from expectations.outcomes import Outcome
from expectations.validation import validate
from orchestration.channels.intake.decimal_styles import changed_styles, decimal_styles, known_styles
from orchestration.channels.intake.load_register import LoadRegister
from orchestration.channels.intake.measures import LoadRows, measure
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.landing.loads import accept, accepted_loads, accepted_rows, hold, pending_loads

if TYPE_CHECKING:
    import duckdb


@dataclass
class Verdicts:
    """What became of the waiting loads. outcomes: of all rules that were judged. days: of the accepted rows."""

    outcomes: list[Outcome] = field(default_factory=list)
    accepted: int = 0
    held: int = 0
    days: set[date] = field(default_factory=set)

    @property
    def problems(self) -> list[Outcome]:
        """The rules that failed."""
        return [outcome for outcome in self.outcomes if not outcome.success]


def judge_waiting_loads(
    connection: duckdb.DuckDBPyConnection, source: StreamSource, run: IntakeRun, register: LoadRegister
) -> Verdicts:
    """Accept or hold every load of a stream that waits, in landing and in the register.

    New loads come before held ones, which they may replace.
    """
    landing_url, system, stream = source.landing_url, source.system.name, source.stream.name
    verdicts = Verdicts()
    for waiting in ("incoming", "held"):
        for load in pending_loads(landing_url, system, stream):
            if load.state != waiting or load.superseded:
                continue
            outcomes = _judge(connection, source, run, register, load.load_id, load.query)
            if any(not outcome.success and outcome.severity == "error" for outcome in outcomes):
                hold(landing_url, system, stream, load.load_id)
                register.set_state(load.load_id, "held", load.rows)
                if waiting == "incoming":
                    continue  # the second round judges it again: it counts once
                verdicts.held += 1
            else:
                # Before the load moves: afterwards its files have other paths.
                rows = LoadRows(load.load_id, load.query, load.source_files)
                styles = decimal_styles(connection, load.query, source.text_columns)
                measures = measure(connection, source, rows, register.delivered_at(load.load_id), run.as_of)
                accept(landing_url, system, stream, load.load_id)
                register.set_state(load.load_id, "accepted", load.rows)
                register.set_measures(load.load_id, measures)
                register.set_decimal_styles(styles, load.load_id)
                verdicts.accepted += 1
                verdicts.days.update(measures.reach.days)
            verdicts.outcomes += outcomes
    return verdicts


def judge_again(connection: duckdb.DuckDBPyConnection, source: StreamSource, run: IntakeRun) -> list[Outcome]:
    """The outcomes of a stream's newest load and of those that are held, as they lie in landing: nothing is fetched and
    no load moves."""
    landing_url, system, stream = source.landing_url, source.system.name, source.stream.name
    register = LoadRegister(connection, system, stream)
    held = [load for load in pending_loads(landing_url, system, stream) if not load.superseded]
    loads = [(load.load_id, load.query, False) for load in held]
    if accepted := accepted_loads(landing_url, system, stream):
        newest, _ = accepted[-1]
        rows = accepted_rows(landing_url, system, stream)
        loads.append((newest, f"select * from {rows} where _dlt_load_id = '{newest}'", True))
    # The rules are the same for each load: a held one speaks for its stream, and comes last to be kept.
    found = {
        outcome.rule: outcome
        for load_id, query, is_newest in reversed(loads)
        for outcome in _judge(connection, source, run, register, load_id, query, is_accepted=is_newest)
    }
    return list(found.values())


def _judge(
    connection: duckdb.DuckDBPyConnection,
    source: StreamSource,
    run: IntakeRun,
    register: LoadRegister,
    load_id: str,
    query: str,
    *,
    is_accepted: bool = False,
) -> list[Outcome]:
    """The outcomes of a load. is_accepted: it is the one with which others are compared."""
    stream = source.stream
    compares = stream.delivery == "snapshot" and not is_accepted
    suites = landing_suites(
        stream.label,
        query,
        source.declared_columns,
        delivered={name: kind for name, kind, *_ in connection.execute(f"describe {query}").fetchall()},
        key=stream.key,
        personal_columns=source.personal_columns,
        rejected_rows=register.unreadable_rows(load_id),
        last_snapshot_rows=register.last_accepted_rows() if compares else None,
    )
    accepted = accepted_rows(source.landing_url, stream.system_name, stream.name)
    known = known_styles(connection, register, accepted, source.text_columns)
    return [
        *validate(connection, suites, run_id=run.run_id, docs=run.docs),
        *changed_styles(connection, stream.label, query, known),
    ]


def unknown_columns(problems: Sequence[Outcome]) -> tuple[str, ...]:
    """The columns, among the failed rules, that were delivered and are not declared."""
    return tuple(
        problem.column for problem in problems if problem.column and problem.rule == unknown_column_rule(problem.column)
    )


def drift_sentence(label: str, staging_folder: str, problems: Sequence[Outcome]) -> str:
    """What a user reads about a load that was accepted although rules failed. problems: those rules, at least one."""
    unknown = unknown_columns(problems)
    if not unknown:
        first = problems[0].sentence.removeprefix(f"landing/{label}: ").rstrip(".")
        return f"{label}: {first}. The rows were accepted; ask the owner of the source about it."
    columns, them = ("column", "it") if len(unknown) == 1 else ("columns", "them")
    return (
        f"{label}: staging does not read the {columns} {', '.join(unknown)}. The rows were accepted; declare {them} in "
        f"models/staging/{staging_folder}/_{staging_folder}__sources.yml, or ask the owner of the source about it."
    )
