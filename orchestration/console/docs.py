"""`context360 docs`: the page of the firm's tables, and on request dbt's page with the lineage."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, readable_settings_of
from orchestration.settings import Settings
from orchestration.warehouse.connection import WarehouseError, open_warehouse

TABLES_PAGE, LINEAGE_PAGE = "tables.html", "lineage.html"


def write_documentation(*, lineage: bool, catalog: str | None, home: Path | None) -> int:
    """Writes the page of the published tables; with `lineage` also dbt's page of all models. Returns the exit code."""
    from orchestration.project import PROJECT_ERRORS

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    console.print("Describing the published tables …")
    try:
        page, count = _write_tables(settings)
        console.print(f"Tables   {page}  ({count} with rows)", soft_wrap=True)
        if lineage:
            console.print("Describing all models with their lineage: this takes a minute …")
            console.print(f"Lineage  {_write_lineage(settings)}", soft_wrap=True)
    except (*PROJECT_ERRORS, WarehouseError) as error:
        return not_started(console, error)
    return OK


def _write_tables(settings: Settings) -> tuple[Path, int]:
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.firm.folder import firm_folder
    from orchestration.serving.coverage import contributed_streams, coverage_of
    from orchestration.serving.tables_page import write_tables_page

    if not settings.serving_path.exists():
        raise WarehouseError(f"Nothing is published at {settings.serving_path} yet: start with `context360 run`.")
    catalog = load_catalog(settings.catalog_path, settings.environment)
    firm = firm_folder(settings.catalog_path, catalog.project)
    page = settings.reports_path / TABLES_PAGE
    with open_warehouse(settings.serving_path, read_only=True) as connection:
        return page, write_tables_page(connection, page, coverage_of(contributed_streams(catalog, firm)))


def _write_lineage(settings: Settings) -> Path:
    from orchestration.project import open_project

    if not settings.warehouse_path.exists():
        raise WarehouseError(f"There is no warehouse at {settings.warehouse_path} yet: start with `context360 run`.")
    _, project = open_project(settings)
    page = settings.reports_path / LINEAGE_PAGE
    # Descriptions are the same for every `as of`.
    project.document(page, as_of=datetime(2000, 1, 1))
    return page
