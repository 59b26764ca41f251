"""When the job runs, and the webhook that reports failures."""

import json
from datetime import datetime
from typing import Any

import dagster as dg

from orchestration.channels.catalog import FilesSystem
from orchestration.channels.errors import ChannelError
from orchestration.channels.watching import files_fingerprint
from orchestration.defs.days import GROUP as DAYS
from orchestration.defs.project import AS_OF_TAG, CATALOG_TAG, Installation

JOB_NAME = "customer_360"
BACKFILL_JOB_NAME = "backfill"
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
            run_key=planned.isoformat(), tags={AS_OF_TAG: planned.isoformat(), "context360/started_by": "schedule"}
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
            tags={AS_OF_TAG: planned.isoformat(), "context360/started_by": "weekly training"},
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
            run_requests=[dg.RunRequest(run_key=fingerprint, tags={"context360/started_by": "new files"})],
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
