"""What the commands `init` and `dbt` do and print."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, settings_of
from orchestration.firm.folder import FirmError
from orchestration.firm.scaffold import write_firm_folder
from orchestration.settings import SettingsError, set_up_process


def init_firm(folder: Path, name: str | None) -> int:
    """Writes a firm's folder and says what comes next."""
    console = open_console()
    try:
        written = write_firm_folder(folder, name)
    except FirmError as error:
        return not_started(console, error)
    console.print(f"Wrote {written}: a catalog, a dbt project and a sample system.")
    console.print(
        f"Next: cd {shlex.quote(str(folder))} && context360 run    (the README there says where your own things go)"
    )
    return OK


def call_dbt(arguments: Sequence[str], *, catalog: str | None, home: Path | None) -> int:
    """Calls dbt for the firm's project, as of the catalog's moment or else now. Returns 1 where dbt fails."""
    from orchestration.project import PROJECT_ERRORS, open_project

    console = open_console()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        set_up_process(settings)
        found, project = open_project(settings)
    except (*PROJECT_ERRORS, SettingsError) as error:
        return not_started(console, error)
    as_of = found.as_of or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    if not isinstance(as_of, datetime):
        as_of = datetime.combine(as_of, time.min)
    return OK if project.call(list(arguments), as_of=as_of) else STOPPED
