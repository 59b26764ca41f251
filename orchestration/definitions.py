"""The file that Dagster loads: gathers what each subject defines, for the catalog that the environment names."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.actions import action_log_asset, kept_proposals_asset, policy_value_asset
from orchestration.defs.automation import (
    backfill_job,
    customer_360_job,
    new_files_sensor,
    nightly_schedule,
    publication_job,
    publication_sensor,
    weekly_training_schedule,
)
from orchestration.defs.days import day_assets
from orchestration.defs.effects import campaign_effect_assets, engagement_points_assets
from orchestration.defs.identity import identity_assets
from orchestration.defs.journeys import attribution_asset
from orchestration.defs.landing import landing_assets, landing_key
from orchestration.defs.own_checks import judge_own_checks
from orchestration.defs.perception import customer_influence_asset, text_sentiment_asset
from orchestration.defs.predictions import kept_scores_asset, scores_assets
from orchestration.defs.progress import progress_logger
from orchestration.defs.project import Installation, run_resource
from orchestration.defs.quality import stream_status_spec, verdict_asset
from orchestration.defs.serving import PUBLISHED_KEY, connectedness_asset, predictions_report_asset, serving_asset
from orchestration.defs.warehouse import warehouse_assets
from orchestration.project import open_project
from orchestration.serving.publishing import PUBLISHED_SCHEMAS
from orchestration.settings import Settings, set_up_process, settings_from


def build_definitions(settings: Settings) -> dg.Definitions:
    """All definitions for one installation. Raises CatalogError, ChecksError, FirmError or DbtError where it
    cannot be used.
    """
    set_up_process(settings)
    judge_own_checks(settings)
    catalog, project = open_project(settings)
    installation = Installation(settings, catalog, project)
    warehouse = warehouse_assets(installation)
    published = [
        key for assets in warehouse for key in assets.keys if key.path[0] in PUBLISHED_SCHEMAS
    ]  # fmt: skip
    staged = [key for assets in warehouse for key in assets.keys if key.path[-1].startswith("stg_")]
    job = customer_360_job(installation)
    reports = [connectedness_asset(installation), predictions_report_asset(installation)]
    publication = publication_job(installation, [PUBLISHED_KEY, *(key for report in reports for key in report.keys)])
    return dg.Definitions(
        assets=[
            *day_assets(installation),
            *landing_assets(installation),
            stream_status_spec([landing_key(system.name, stream.name) for system, stream in catalog.streams()]),
            *warehouse,
            identity_assets(installation),
            text_sentiment_asset(installation),
            customer_influence_asset(installation),
            attribution_asset(installation),
            scores_assets(installation),
            campaign_effect_assets(installation),
            engagement_points_assets(installation),
            action_log_asset(installation),
            policy_value_asset(installation),
            serving_asset(installation, published),
            kept_scores_asset(installation, PUBLISHED_KEY),
            kept_proposals_asset(installation, PUBLISHED_KEY),
            *reports,
            verdict_asset(installation, PUBLISHED_KEY, staged),
        ],
        jobs=[job, backfill_job(installation), publication],
        schedules=[nightly_schedule(job), weekly_training_schedule(job)],
        sensors=[
            new_files_sensor(job, installation),
            publication_sensor(publication, PUBLISHED_KEY, PUBLISHED_SCHEMAS),
        ],
        resources={"run": run_resource(installation)},
        loggers={"progress": progress_logger},
        # Whatever is chosen by hand in the graph runs as the jobs do: DuckDB has one writer.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for the installation that the environment describes."""
    return build_definitions(settings_from())
