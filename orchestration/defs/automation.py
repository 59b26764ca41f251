"""When the job runs, and the webhook that reports failures."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from orchestration.channels.catalog import FilesSystem
from orchestration.channels.errors import ChannelError
from orchestration.channels.watching import files_fingerprint
from orchestration.defs.dagster_internals import materialized_in
from orchestration.defs.days import GROUP as DAYS
from orchestration.defs.project import AS_OF_TAG, CATALOG_TAG, STARTED_BY_TAG, Installation

JOB_NAME = "customer_360"
BACKFILL_JOB_NAME = "backfill"
PUBLICATION_JOB_NAME = "publication"
NIGHTLY = "30 2 * * *"
WEEKLY = "30 0 * * 0"  # Sunday, two hours before the night's run: training takes minutes where customers are many
WEBHOOK_TIMEOUT_SECONDS = 10


def customer_360_job(installation: Installation) -> Any:
    """The one job: everything from the sources to the published warehouse, in one process."""
    return dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups(DAYS),
        description="From the source systems to the published customer 360.",
        executor_def=dg.in_process_executor,
        hooks={failure_webhook(installation)},
        tags={CATALOG_TAG: installation.catalog.catalog},
    )


def backfill_job(installation: Installation) -> Any:
    """Days of streams loaded again, and everything below: as one run over a range of partitions."""
    return dg.define_asset_job(
        BACKFILL_JOB_NAME,
        selection=dg.AssetSelection.all(),
        description="Loads a range of days again, of all streams, and rebuilds the customer 360. For the days of one "
        "stream choose its asset in the group `days`, with what is downstream.",
        executor_def=dg.in_process_executor,
        hooks={failure_webhook(installation)},
        tags={CATALOG_TAG: installation.catalog.catalog},
    )


def publication_job(installation: Installation, published: Sequence[dg.AssetKey]) -> Any:
    """The warehouse published as it stands, with the reports on it. published: their assets."""
    return dg.define_asset_job(
        PUBLICATION_JOB_NAME,
        selection=dg.AssetSelection.assets(*published),
        description="Publishes the warehouse as it stands. `publish_chosen` starts it after tables were built by hand.",
        executor_def=dg.in_process_executor,
        hooks={failure_webhook(installation)},
        tags={CATALOG_TAG: installation.catalog.catalog},
    )


def publication_sensor(job: Any, published_key: dg.AssetKey, schemas: Collection[str]) -> dg.SensorDefinition:
    """Publishes after a run that was started in the graph, where it has built a table that readers see.

    published_key: the published warehouse. schemas: those of the tables that are published.
    """

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="publish_chosen",
        request_job=job,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes after tables of core, marts or quality were materialized by hand.",
    )
    def publish_chosen(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        chosen = run.asset_selection or frozenset()
        if STARTED_BY_TAG in run.tags or published_key in chosen:
            return dg.SkipReason("The run publishes itself, or is not to.")
        if not any(key.path[0] in schemas for key in chosen):
            return dg.SkipReason("The run was about no table that readers see.")
        if not materialized_in(context.instance, run.run_id):
            return dg.SkipReason("The run has changed no table.")
        record = context.instance.get_run_record_by_id(run.run_id)
        made_at = {AS_OF_TAG: record.create_timestamp.isoformat()} if record else {}
        resources = {"resources": run.run_config["resources"]} if "resources" in run.run_config else {}
        return dg.RunRequest(
            run_key=run.run_id, run_config=resources, tags={**made_at, STARTED_BY_TAG: "a run of chosen tables"}
        )

    return publish_chosen


def nightly_schedule(job: Any) -> dg.ScheduleDefinition:
    """Every night, as of the moment for which the night was planned."""

    @dg.schedule(
        cron_schedule=NIGHTLY,
        job=job,
        execution_timezone="UTC",
        name="nightly",
        description="Every night at 02:30 UTC; the `as of` is the planned time, so a late start changes nothing.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        planned: datetime = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=planned.isoformat(), tags={AS_OF_TAG: planned.isoformat(), STARTED_BY_TAG: "schedule"}
        )

    return nightly


def weekly_training_schedule(job: Any) -> dg.ScheduleDefinition:
    """Every week, a run that also trains the models."""

    @dg.schedule(
        cron_schedule=WEEKLY,
        job=job,
        execution_timezone="UTC",
        name="weekly_training",
        description="Sundays at 00:30 UTC: a run that also trains the models of value and propensity. A new model "
        "takes the place of the present one only if it is surely better.",
    )
    def weekly_training(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        planned: datetime = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=planned.isoformat(),
            run_config={"resources": {"run": {"config": {"train": True}}}},
            tags={AS_OF_TAG: planned.isoformat(), STARTED_BY_TAG: "weekly training"},
        )

    return weekly_training


def new_files_sensor(job: Any, installation: Installation) -> dg.SensorDefinition:
    """Starts a run when files have arrived or changed, once they have stopped growing."""

    @dg.sensor(
        job=job,
        name="new_files",
        minimum_interval_seconds=30,
        description="Starts a run when files have arrived in a source system's folder and have stopped growing.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        systems = [s for s in installation.catalog.systems.values() if isinstance(s, FilesSystem)]
        if not systems:
            return dg.SkipReason("No system of the catalog delivers files.")
        try:
            fingerprint = files_fingerprint(systems)
        except ChannelError as error:
            return dg.SkipReason(str(error))
        taken, seen = (context.cursor or "|").split("|")
        if fingerprint == taken:
            return dg.SkipReason("No file has arrived or changed.")
        if fingerprint != seen:
            # Deliveries are written, not put in place: wait until two looks see the same.
            context.update_cursor(f"{taken}|{fingerprint}")
            return dg.SkipReason("Files are arriving; the run starts when they have stopped growing.")
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=fingerprint, tags={STARTED_BY_TAG: "new files"})],
            cursor=f"{fingerprint}|{fingerprint}",
        )

    return new_files


def failure_webhook(installation: Installation) -> dg.HookDefinition:
    """Reports the failed step and the reason to a webhook (CONTEXT360_WEBHOOK_URL); without a URL it does nothing."""

    @dg.failure_hook(name="failure_webhook")
    def call_webhook(context: dg.HookContext) -> None:
        url = installation.settings.webhook_url
        if not url:
            return
        import requests

        error = context.op_exception
        message = {
            "text": f"context360 ({installation.catalog.catalog}): {context.op.name} failed: {_reason(error)}",
            "job": JOB_NAME,
            "step": context.op.name,
            "run_id": context.run_id,
            "catalog": installation.catalog.catalog,
        }
        try:
            requests.post(
                url,
                data=json.dumps(message),
                headers={"Content-Type": "application/json"},
                timeout=WEBHOOK_TIMEOUT_SECONDS,
            ).raise_for_status()
        except requests.RequestException as failure:
            # The run has failed already: a webhook that does not answer must not hide the reason.
            context.log.warning(f"The webhook could not be called ({type(failure).__name__}).")

    return call_webhook


def _reason(error: BaseException | None) -> str:
    """The message of our own errors, which hold no personal data; of other errors only the class."""
    if isinstance(error, dg.Failure):
        return error.description or "no reason given"
    return type(error).__name__ if error else "unknown"
