"""Running the job in this process, from the command line."""

import difflib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from expectations.checks import ChecksError
from orchestration.channels.catalog_file import load_catalog
from orchestration.defs.automation import BACKFILL_JOB_NAME, JOB_NAME
from orchestration.defs.dagster_internals import executable_assets, fail_run
from orchestration.defs.days import GROUP as DAYS
from orchestration.defs.days import RANGE_END_TAG, RANGE_START_TAG, days_key
from orchestration.defs.layers import Layer, assets_until
from orchestration.defs.progress import LOGGER_NAME, Progress, listening
from orchestration.defs.project import STARTED_BY_TAG, moment_from
from orchestration.defs.serving import PUBLISHED_KEY
from orchestration.firm.folder import FirmError
from orchestration.predictions.judging.points_versions import PointsError
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
        fail_run(instance, record.dagster_run, "The run was interrupted: its process is gone.")


class RunError(Exception):
    """The run could not start; the message says why and what to do."""


@dataclass(frozen=True)
class RunOutcome:
    """success: every stream is current and every check passed. published: readers see this run's warehouse."""

    run_id: str
    success: bool
    published: bool


@dataclass(frozen=True)
class Reload:
    """Days that are fetched again from the source. streams: `system/stream`, or `system` for all of its streams."""

    streams: tuple[str, ...]
    first: date
    last: date


def run_job(
    settings: Settings,
    *,
    build: Callable[[Settings], dg.Definitions],
    as_of: str | None,
    full_refresh: bool,
    accept_shrinkage: bool,
    listener: Callable[[Progress], None],
    train: bool | None = None,
    until: Layer | None = None,
    reload: Reload | None = None,
) -> RunOutcome:
    """Runs everything from the sources to the published warehouse.

    build: makes the definitions of an installation. train: whether models are trained; None for where none are yet.
    until: the last layer that is built; then nothing is published. reload: days that are fetched again first.

    Raises RunError, CatalogError or WarehouseError where it cannot start.
    """
    try:
        moment = moment_from(as_of).isoformat() if as_of else None
    except ValueError as error:
        raise RunError(str(error)) from error
    with only_run(settings.lock_path):
        with open_warehouse(settings.warehouse_path):
            pass  # locked or damaged: say so before anything heavy is loaded
        try:
            definitions = build(settings)
            reloaded = _reloaded_assets(settings, reload) if reload else ()
        except (ChecksError, DbtError, FirmError, PointsError) as error:
            raise RunError(str(error)) from error
        try:
            config: dict[str, Any] = {
                "full_refresh": full_refresh,
                "accept_shrinkage": accept_shrinkage,
            }
            config |= {"as_of": moment} if moment else {}
            config |= {} if train is None else {"train": train}
            return _execute(definitions, config, listener, until, reload, reloaded)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            # The run's history could not be written.
            sentence = failure_sentence(settings.dagster_home, error)
            raise RunError(sentence or f"The run stopped: {settings.dagster_home} cannot be written.") from error


def _reloaded_assets(settings: Settings, reload: Reload) -> list[dg.AssetKey]:
    """The assets of the days of the chosen streams. Raises RunError where the catalog has no such stream."""
    catalog = load_catalog(settings.catalog_path, settings.environment)
    if reload.last < reload.first:
        raise RunError(f"The days run from {reload.first} to {reload.last}: the first must not be after the last.")
    if reload.first < catalog.first_day or reload.last > date.today():  # noqa: DTZ011 (Dagster's last partition is today)
        raise RunError(
            f"Days can be loaded again from {catalog.first_day} (`first_day` in {settings.catalog_path.name}) to today."
        )
    labels = [stream.label for _, stream in catalog.streams()]
    chosen: list[str] = []
    for name in reload.streams:
        found = [label for label in labels if name in (label, label.split("/")[0])]
        if not found:
            near = difflib.get_close_matches(name, [*labels, *catalog.systems], n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(labels)}."
            raise RunError(f"The catalog has no stream '{name}': {hint}")
        chosen += found
    return [days_key(*label.split("/")) for label in dict.fromkeys(chosen)]


def _range_tags(reload: Reload) -> dict[str, str]:
    return {RANGE_START_TAG: reload.first.isoformat(), RANGE_END_TAG: reload.last.isoformat()}


def _execute(
    definitions: dg.Definitions,
    config: dict[str, Any],
    listener: Callable[[Progress], None],
    until: Layer | None,
    reload: Reload | None,
    reloaded: Sequence[dg.AssetKey],
) -> RunOutcome:
    job = definitions.resolve_job_def(BACKFILL_JOB_NAME if reload else JOB_NAME)
    assets = executable_assets(job)
    wanted = assets_until(definitions, until, assets) if until else assets
    chosen = [key for key in wanted if key.path[0] != DAYS or key in reloaded]
    with dg.DagsterInstance.get() as instance, listening(listener):
        _end_lost_runs(instance)  # whoever holds the warehouse is the only one alive
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {LOGGER_NAME: {}}, "resources": {"run": {"config": config}}},
            tags={STARTED_BY_TAG: "command line"} | (_range_tags(reload) if reload else {}),
            asset_selection=chosen if reload or until else None,
        )
    published = any(
        event.is_step_materialization and event.asset_key == PUBLISHED_KEY
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    )
    return RunOutcome(result.run_id, result.success, published)
