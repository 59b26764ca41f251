"""`context360 ui`: Dagster's web server."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, settings_of
from orchestration.serving.report_server import serve_reports
from orchestration.settings import SettingsError, set_up_process
from orchestration.warehouse.connection import WarehouseError


def open_ui(*, catalog: str | None, port: int, home: Path | None) -> int:
    """Starts Dagster's web server and daemon for this installation and stays until they end."""
    console = open_console()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        set_up_process(settings)
    except SettingsError as error:
        return not_started(console, error)
    from orchestration.defs.runs import end_lost_runs
    from orchestration.project import PROJECT_ERRORS, open_project

    try:
        end_lost_runs(settings)
    except WarehouseError:
        console.print("A run is in progress; see Runs.")
    # Dagster gives its code server three minutes: what takes long the first time is done before.
    try:
        with console.status("Reading catalog and project …"):
            assert open_project(settings)[1].manifest
    except PROJECT_ERRORS as error:
        return not_started(console, error)
    console.print(f"Dagster: http://127.0.0.1:{port}  (Ctrl+C ends it)")
    # Runs that are started here link to their reports; Dagster's own server serves no files.
    if settings.reports_url is None and (address := serve_reports(settings.reports_path, port + 1)):
        os.environ["CONTEXT360_REPORTS_URL"] = address
        console.print(f"Reports: {address}/data_docs/index.html")
    # Dagster's command goes on in this process: it has Dagster imported, and ends with its terminal.
    sys.argv = [
        "dagster", "dev", "--module-name", "orchestration.definitions", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)
    return OK
