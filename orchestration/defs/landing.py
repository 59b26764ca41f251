"""One asset per stream of the catalog: what its source system delivered, as it came."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from expectations.outcomes import Outcome
from orchestration.channels.catalog import Stream
from orchestration.channels.errors import ChannelError
from orchestration.channels.intake.judging import judge_again
from orchestration.channels.intake.stream_source import StreamSource
from orchestration.channels.intake.stream_status import StreamState, recorded_state
from orchestration.channels.intake.take_in import record_failure, take_in
from orchestration.channels.landing.loads import accepted_rows
from orchestration.defs.days import days_key, report_days
from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.defs.quality import expectations_result, table_metadata
from orchestration.defs.stream_intake import intake_run, stream_source
from orchestration.firm.state import StateError
from orchestration.privacy.before_runs import refresh_rules
from orchestration.warehouse.dbt import DbtError
from orchestration.warehouse.profile import profile_relation

MOST_RETRIES = 2
SECONDS_BETWEEN_RETRIES = 5


def landing_key(system: str, stream: str) -> dg.AssetKey:
    """The asset key of a stream."""
    return dg.AssetKey(["landing", system, stream])


def landing_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """One asset per stream."""
    return [_landing_asset(installation, system, stream) for system, stream in installation.catalog.streams()]


# 67 lines: the decorated function must close over the stream, and Dagster takes its description and metadata here.
def _landing_asset(installation: Installation, system: Any, stream: Stream) -> dg.AssetsDefinition:
    source = stream_source(installation, system, stream)
    declared = source.declared_columns
    key = landing_key(system.name, stream.name)

    spec = dg.AssetSpec(
        key,
        deps=[days_key(system.name, stream.name)],
        group_name="landing",
        description=stream.description or f"What {system.title or system.name} delivers as {stream.name}.",
        owners=[system.owner] if system.owner else None,
        kinds={"parquet", "dlt"},
        tags={"source_system": system.name, "connector": system.connector},
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(name, data_type) for name, data_type in declared.items()]
            ),
            "folder": f"{source.landing_url}/{system.name}/{stream.name}",
        },
        skippable=True,
    )

    @dg.multi_asset(name="__".join(key.path), specs=[spec], check_specs=_checks(key, stream), can_subset=True)
    def landed_stream(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        if key not in context.selected_asset_keys:
            yield from _checks_alone(context, run, installation, source, key)
            return
        with in_one_sentence(StateError, DbtError):
            refresh_rules(installation.settings, installation.catalog, installation.dbt, run.moment)
        with installation.warehouse() as connection:
            try:
                state, outcomes = take_in(connection, source, intake_run(context, run))
            except ChannelError as error:
                if context.retry_number < MOST_RETRIES:
                    raise dg.RetryRequested(MOST_RETRIES, SECONDS_BETWEEN_RETRIES) from error
                state, outcomes = record_failure(connection, source, intake_run(context, run), str(error)), []
            relation = accepted_rows(source.landing_url, system.name, stream.name)
            shown = [column for column in declared if column not in source.personal_columns]
            profile = profile_relation(connection, relation, shown=shown)
        report_days(context.instance, installation, system.name, stream.name, state.days)
        if state.remark:
            context.log.info(state.remark)
        if state.needs_attention:
            context.log.warning(state.sentence)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                **table_metadata(profile),
                "new_rows": state.new_rows,
                "unreadable_rows": state.unreadable_rows,
                "held_loads": state.held_loads,
                "state": state.state,
                **({"remark": state.remark} if state.remark else {}),
                **({"newest_at": state.newest_at.isoformat(" ")} if state.newest_at else {}),
                **({"expected_by": state.expected_by.isoformat(" ")} if state.expected_by else {}),
            },
        )
        yield from _check_results(installation, key, stream, run, state, outcomes)

    return landed_stream


def _checks_alone(
    context: dg.AssetExecutionContext,
    run: RunResource,
    installation: Installation,
    source: StreamSource,
    key: dg.AssetKey,
) -> Iterator[dg.AssetCheckResult]:
    """The checks that were chosen without their stream: it is judged as it lies there, and nothing is fetched."""
    with installation.warehouse() as connection:
        state = recorded_state(connection, source.stream)
        if state is None:
            raise dg.Failure(
                f"{source.stream.label} has not been fetched yet: materialize it, or start `context360 run`.",
                allow_retries=False,
            )
        outcomes = judge_again(connection, source, intake_run(context, run))
    chosen = {check.name for check in context.selected_asset_check_keys}
    results = _check_results(installation, key, source.stream, run, state, outcomes)
    yield from (result for result in results if result.check_name in chosen)


def _check_results(
    installation: Installation,
    key: dg.AssetKey,
    stream: Stream,
    run: RunResource,
    state: StreamState,
    outcomes: Sequence[Outcome],
) -> Iterator[dg.AssetCheckResult]:
    """The results of all checks. WARN, for a fault is contained: the load is held here, and the steps below go on with
    the last good rows."""
    warn = dg.AssetCheckSeverity.WARN
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="delivery",
        passed=state.state != "failed",
        severity=warn,
        description=state.sentence if state.state == "failed" else None,
    )
    yield expectations_result(outcomes, key=key, severity=warn, sentence=state.sentence, reports=installation.reports)
    if stream.cadence:
        late = state.lateness(run.moment)
        yield dg.AssetCheckResult(
            asset_key=key, check_name="freshness", passed=not late, severity=warn, description=late or None
        )


def _checks(key: dg.AssetKey, stream: Stream) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            "delivery",
            asset=key,
            blocking=True,
            description="The source could be reached and read. Where it could not, the last good rows stay.",
        ),
        dg.AssetCheckSpec(
            "expectations",
            asset=key,
            blocking=True,
            description="The delivery has the shape that staging reads. A load that has not is held.",
        ),
        *(
            [
                dg.AssetCheckSpec(
                    "freshness",
                    asset=key,
                    description=f"Something new comes at least every {_in_words(stream.cadence)} (cadence in the "
                    "catalog, and a quarter of it as grace), as of the run.",
                )
            ]
            if stream.cadence
            else []
        ),
    ]


def _in_words(duration: timedelta) -> str:
    hours = duration.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours > 24 else "day" if hours == 24 else f"{hours:g} hours"
