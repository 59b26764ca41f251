"""`context360 docs`: the page that describes every table and column."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, readable_settings_of
from orchestration.warehouse.connection import WarehouseError


def write_documentation(*, catalog: str | None, home: Path | None) -> int:
    """Writes dbt's documentation of the tables beside the other reports."""
    from orchestration.project import PROJECT_ERRORS, open_project

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    page = settings.reports_path / "tables.html"
    try:
        if not settings.warehouse_path.exists():
            raise WarehouseError(
                f"There is no warehouse at {settings.warehouse_path} yet: start with `context360 run`."
            )
        _, project = open_project(settings)
        with console.status("Describing the tables …"):
            # Descriptions are the same for every `as of`.
            project.document(page, as_of=datetime(2000, 1, 1))
    except (*PROJECT_ERRORS, WarehouseError) as error:
        return not_started(console, error)
    console.print(f"Tables  {page}", soft_wrap=True)
    return OK
