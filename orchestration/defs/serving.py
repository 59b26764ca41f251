"""The published warehouse, and the reports on it, as assets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.channels.intake.load_register import mark_published
from orchestration.defs.project import Installation
from orchestration.defs.python_assets import ENGINEERING, Figures, Work, python_assets, report_asset
from orchestration.identity.register import keep_register
from orchestration.serving.connectedness_report import REPORT_NAME, write_connectedness_report
from orchestration.serving.predictions_report import REPORT_NAME as PREDICTIONS_NAME
from orchestration.serving.predictions_report import write_predictions_report
from orchestration.serving.profile_store import has_profiles, write_profiles
from orchestration.serving.publishing import PublishedTable, publish
from orchestration.serving.reading import published_as_of, read_published
from orchestration.serving.report_page import percent
from orchestration.warehouse.connection import WarehouseError
from orchestration.warehouse.dbt_variables import project_variable
from orchestration.warehouse.failed_steps import forget_other_runs

PUBLISHED = "serving.published_warehouse"
PUBLISHED_KEY = dg.AssetKey(PUBLISHED.split("."))


def serving_asset(installation: Installation, published: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The copy for readers. published: the tables that it is made from."""
    return python_assets(
        installation,
        {PUBLISHED: "The schemas core, marts and quality in one file for BI tools, replaced atomically."},
        _publish,
        reads=[".".join(key.path) for key in published],
        owner=ENGINEERING,
        kinds=("duckdb",),
    )


def _publish(work: Work) -> Figures:
    settings = work.installation.settings
    forget_other_runs(work.connection, work.run_id)
    if not work.run.is_replay:
        mark_published(work.connection, work.run_id, datetime.now(UTC).replace(tzinfo=None))
        # First the register: readers must never see a customer number that it does not hold.
        keep_register(work.connection, settings.identity_path, as_of=work.run.decided_at)
    tables = publish(work.connection, settings.serving_path, run_id=work.run_id, as_of=work.run.moment)
    profiles = write_profiles(work.connection, settings.profiles_path) if has_profiles(work.connection) else 0
    return {
        "path": settings.serving_path,
        "profiles": profiles,
        "tables": len(tables),
        "rows": sum(table.rows for table in tables),
        "changed_tables": sum(table.is_changed for table in tables),
        "changes": _changes([table for table in tables if table.is_changed]),
        "data_docs": settings.reports_path / "data_docs" / "index.html",
    }


def _changes(changed: Sequence[PublishedTable]) -> Any:
    lines = ["| table | rows | before |", "|---|---|---|"]
    lines += [
        f"| {t.name} | {t.rows:,} | {'–' if t.previous_rows is None else f'{t.previous_rows:,}'} |" for t in changed
    ]
    return dg.MetadataValue.md("\n".join(lines) if changed else "Nothing has changed.")


def _published_content(installation: Installation) -> Any:
    """What readers see: the as of, and the version of each published table."""
    with read_published(installation.settings.serving_path) as connection:
        return [
            published_as_of(connection),
            connection.execute(
                "select table_name, row_count, content_hash from quality.published_table order by table_name"
            ).fetchall(),
        ]


def _drifted_from(installation: Installation) -> Any:
    """From which fall of its measure a model counts as drifted."""
    return project_variable(installation.dbt.firm, "prediction")["drifted_from"]


def connectedness_asset(installation: Installation) -> dg.AssetsDefinition:
    """The report on how the source systems are connected."""
    return report_asset(
        installation,
        "serving.connectedness_report",
        "Which systems are linked, which deliver fast enough, and who sees their data: an HTML page with plots, for "
        "readers who do not know the warehouse.",
        _report_connectedness,
        reads=[PUBLISHED],
        errors=(WarehouseError,),
        owner=ENGINEERING,
        made_from=_published_content,
    )


def _report_connectedness(installation: Installation) -> Figures:
    target = installation.settings.reports_path / REPORT_NAME
    with read_published(installation.settings.serving_path) as connection:
        figures = write_connectedness_report(connection, target)
    return {
        "path": target,
        "linked_systems": f"{figures.linked_systems} of {figures.systems}",
        "visibility": percent(figures.visibility),
        "channels_above_target": f"{figures.channels_above_target} of {figures.channels}",
        "fast_streams": f"{figures.fast_streams} of {figures.measured_streams} measured",
    }


def predictions_report_asset(installation: Installation) -> dg.AssetsDefinition:
    """The report that compares forecasts with outcomes."""
    return report_asset(
        installation,
        "serving.predictions_report",
        "Forecasts, how accurate earlier ones were, and which models can be trusted: an HTML page with plots, for "
        "readers who do not know the warehouse.",
        _report_predictions,
        reads=[PUBLISHED],
        errors=(WarehouseError,),
        made_from=lambda chosen: [_published_content(chosen), _drifted_from(chosen)],
    )


def _report_predictions(installation: Installation) -> Figures:
    target = installation.settings.reports_path / PREDICTIONS_NAME
    drifted_from = _drifted_from(installation)
    with read_published(installation.settings.serving_path) as connection:
        figures = write_predictions_report(connection, target, drifted_from=drifted_from)
    return {
        "path": target,
        "customers_with_forecast": f"{figures.forecast} of {figures.customers}",
        "models": figures.models,
        "trusted": figures.trusted,
        "abstaining": figures.abstaining,
        "worse": figures.worse,
        "drifted": figures.drifted,
        "worse_forecasts": figures.worse_forecasts,
        "measured_campaigns": f"{figures.measured_campaigns} of {figures.campaigns}",
    }
