"""The published warehouse, and the reports on it, as assets."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.channels.intake.load_register import mark_published
from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.identity.register import keep_register
from orchestration.serving.connectedness_report import REPORT_NAME, write_connectedness_report
from orchestration.serving.predictions_report import REPORT_NAME as PREDICTIONS_NAME
from orchestration.serving.predictions_report import write_predictions_report
from orchestration.serving.publishing import publish
from orchestration.serving.reading import read_published
from orchestration.serving.report_page import percent
from orchestration.warehouse.connection import WarehouseError
from orchestration.warehouse.dbt import project_variable

PUBLISHED_KEY = dg.AssetKey(["serving", "published_warehouse"])
CONNECTEDNESS_KEY = dg.AssetKey(["serving", "connectedness_report"])
PREDICTIONS_KEY = dg.AssetKey(["serving", "predictions_report"])


def serving_asset(installation: Installation, published: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The copy that readers see. published: the tables it is made from."""

    @dg.asset(
        key=PUBLISHED_KEY,
        group_name="serving",
        deps=list(published),
        owners=["team:data-engineering"],
        kinds={"duckdb"},
        description="The schemas core, marts and quality in one file for BI tools, put in place at once.",
    )
    def published_warehouse(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:
        target = installation.settings.serving_path
        with installation.warehouse() as connection:
            mark_published(connection, context.run_id, datetime.now(UTC).replace(tzinfo=None))
            # First the register: no reader may ever see a number that it does not hold.
            keep_register(connection, installation.settings.identity_path)
            tables = publish(connection, target, run_id=context.run_id, as_of=run.moment)
        changed = [table for table in tables if table.is_changed]
        lines = ["| table | rows | before |", "|---|---|---|"]
        lines += [
            f"| {t.name} | {t.rows:,} | {'–' if t.previous_rows is None else f'{t.previous_rows:,}'} |" for t in changed
        ]
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                "tables": len(tables),
                "rows": sum(table.rows for table in tables),
                "changed_tables": len(changed),
                "changes": dg.MetadataValue.md("\n".join(lines) if changed else "Nothing has changed."),
                "data_docs": dg.MetadataValue.path(
                    str(installation.settings.reports_path / "data_docs" / "index.html")
                ),
            }
        )

    return published_warehouse


def connectedness_asset(installation: Installation) -> dg.AssetsDefinition:
    """The report that is made of what readers see."""

    @dg.asset(
        key=CONNECTEDNESS_KEY,
        group_name="serving",
        deps=[PUBLISHED_KEY],
        owners=["team:data-engineering"],
        description="Which systems are linked, which deliver fast enough, and who sees their data: an HTML page with "
        "plots, for readers who know nothing of the warehouse.",
    )
    def connectedness_report() -> dg.MaterializeResult:
        target = installation.settings.reports_path / REPORT_NAME
        with in_one_sentence(WarehouseError), read_published(installation.settings.serving_path) as connection:
            figures = write_connectedness_report(connection, target)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                "linked_systems": f"{figures.linked_systems} of {figures.systems}",
                "visibility": percent(figures.visibility),
                "channels_above_target": f"{figures.channels_above_target} of {figures.channels}",
                "fast_streams": f"{figures.fast_streams} of {figures.measured_streams} measured",
            }
        )

    return connectedness_report


def predictions_report_asset(installation: Installation) -> dg.AssetsDefinition:
    """The report that holds what was expected against what happened."""

    @dg.asset(
        key=PREDICTIONS_KEY,
        group_name="serving",
        deps=[PUBLISHED_KEY],
        owners=["team:customer-insight"],
        description="What customers are expected to do, how far earlier expectations came true, which models can be "
        "trusted and which have got worse: an HTML page with plots, for readers who know nothing of the warehouse.",
    )
    def predictions_report() -> dg.MaterializeResult:
        target = installation.settings.reports_path / PREDICTIONS_NAME
        with in_one_sentence(WarehouseError), read_published(installation.settings.serving_path) as connection:
            drifted_from = project_variable(installation.dbt.firm, "prediction")["drifted_from"]
            figures = write_predictions_report(connection, target, drifted_from=drifted_from)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                "customers_with_forecast": f"{figures.forecast} of {figures.customers}",
                "models": figures.models,
                "trusted": figures.trusted,
                "abstaining": figures.abstaining,
                "worse": figures.worse,
                "drifted": figures.drifted,
                "worse_forecasts": figures.worse_forecasts,
                "measured_campaigns": f"{figures.measured_campaigns} of {figures.campaigns}",
            }
        )

    return predictions_report
