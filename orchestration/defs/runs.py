"""Running the job in this process, from the command line."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from orchestration.defs.automation import JOB_NAME
from orchestration.defs.progress import LOGGER_NAME, Progress, listening
from orchestration.defs.project import moment_from
from orchestration.defs.serving import PUBLISHED_KEY
from orchestration.settings import Settings
from orchestration.warehouse.connection import failure_sentence, only_run, open_warehouse
from orchestration.warehouse.dbt import DbtError


def end_lost_runs(settings: Settings) -> None:
    """Writes down that runs which were killed have ended: while they count as running, no other is started.

    Raises WarehouseError where a run holds the warehouse: then something is alive.
    """
    with only_run(settings.lock_path), dg.DagsterInstance.get() as instance:
        _end_lost_runs(instance)


def _end_lost_runs(instance: dg.DagsterInstance) -> None:
    alive = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    for record in instance.get_run_records(dg.RunsFilter(statuses=alive)):
        instance.report_run_failed(record.dagster_run, "The run was interrupted: its process is gone.")


class RunError(Exception):
    """The run could not start; the message says why and what to do."""


@dataclass(frozen=True)
class RunOutcome:
    """success: every stream is current and every check passed. published: readers see this run's warehouse."""

    run_id: str
    success: bool
    published: bool


def run_job(
    settings: Settings,
    *,
    as_of: str | None,
    full_refresh: bool,
    accept_shrinkage: bool,
    listener: Callable[[Progress], None],
) -> RunOutcome:
    """Runs everything from the sources to the published warehouse.

    Raises RunError, CatalogError or WarehouseError where it cannot start.
    """
    from orchestration.definitions import build_definitions

    try:
        moment = moment_from(as_of).isoformat() if as_of else None
    except ValueError as error:
        raise RunError(str(error)) from error
    with only_run(settings.lock_path):
        with open_warehouse(settings.warehouse_path):
            pass  # locked or damaged: say so before anything heavy is loaded
        try:
            definitions = build_definitions(settings)
        except DbtError as error:
            raise RunError(str(error)) from error
        try:
            return _execute(definitions, moment, full_refresh, accept_shrinkage, listener)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            # The run's history could not be written.
            sentence = failure_sentence(settings.dagster_home, error)
            raise RunError(sentence or f"The run stopped: {settings.dagster_home} cannot be written.") from error


def _execute(
    definitions: dg.Definitions,
    moment: str | None,
    full_refresh: bool,
    accept_shrinkage: bool,
    listener: Callable[[Progress], None],
) -> RunOutcome:
    job = definitions.resolve_job_def(JOB_NAME)
    config = {"full_refresh": full_refresh, "accept_shrinkage": accept_shrinkage} | (
        {"as_of": moment} if moment else {}
    )
    with dg.DagsterInstance.get() as instance, listening(listener):
        _end_lost_runs(instance)  # whoever holds the warehouse is the only one alive
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {LOGGER_NAME: {}}, "resources": {"run": {"config": config}}},
            tags={"context360/started_by": "command line"},
        )
    published = any(
        event.is_step_materialization and event.asset_key == PUBLISHED_KEY
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    )
    return RunOutcome(result.run_id, result.success, published)
