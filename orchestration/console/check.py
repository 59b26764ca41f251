"""`context360 check`: everything that is wrong with a system, before a run."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, settings_of
from orchestration.settings import Settings, SettingsError, set_up_process

_SIGNS = {"error": "[red]✗[/]", "doubt": "[yellow]![/]", "note": "·"}
_SECONDS_BETWEEN_LOOKS = 0.5


def check_systems(name: str | None, *, watch: bool, catalog: str | None, home: Path | None) -> int:
    """Prints the findings of a system, or of all. Returns 0 without errors, 1 with one, 2 where it cannot look."""
    console = open_console()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    console.print(f"Checking {name or 'all systems'} of {settings.catalog_path}", soft_wrap=True)
    try:
        set_up_process(settings)
    except SettingsError as error:
        return not_started(console, error)
    code = _check(console, settings, name)
    while watch:
        before = _stamp(settings.catalog_path.parent)
        while _stamp(settings.catalog_path.parent) == before:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        code = _check(console, settings, name)
    return code


def _check(console: Console, settings: Settings, name: str | None) -> int:
    from orchestration.checking.check import CheckError, findings_of

    started = time.monotonic()
    try:
        findings, looked_at = findings_of(settings, name)
    except CheckError as error:
        return not_started(console, error)
    for stream, delivered in looked_at.items():
        console.print(f"  {stream:<32} {delivered.rows:,} rows ({delivered.what})")
    for finding in findings:
        remedy = f": {finding.remedy}" if finding.remedy else ""
        console.print(f"{_SIGNS[finding.rank]} {escape(finding.place)}", soft_wrap=True)
        console.print(f"    {escape(finding.what + remedy)}", soft_wrap=True)
    counts = {rank: sum(finding.rank == rank for finding in findings) for rank in _SIGNS}
    seconds = time.monotonic() - started
    console.print(f"{counts['error']:,} errors, {counts['doubt']:,} doubts, {counts['note']:,} notes ({seconds:.1f} s)")
    return STOPPED if counts["error"] else OK


def _stamp(folder: Path) -> tuple[tuple[str, float], ...]:
    """What changes when a file of the firm is saved."""
    names = ("*.yaml", "*.yml", "models/**/*", "seeds/*", "macros/*")
    files = {file for pattern in names for file in folder.glob(pattern) if file.is_file()}
    return tuple(sorted((str(file), file.stat().st_mtime) for file in files))
