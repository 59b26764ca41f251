"""`context360 demo`: creates the demo company and adds days to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, settings_of
from orchestration.firm.examples import demo_generator
from orchestration.settings import SettingsError

DEFAULT_DEMO = {"customers": 2_000, "days": 548, "seed": 360}


def create_demo(*, customers: int, days: int, seed: int, out: Path | None, home: Path | None) -> int:
    """Writes the demo company and a catalog of its systems."""
    console = open_console()
    settings = settings_of(console, None, home)
    if settings is None:
        return NOT_STARTED
    return make_demo(console, out or settings.demo_path, customers=customers, days=days, seed=seed)


def advance_demo(*, days: int, out: Path | None, home: Path | None) -> int:
    """Adds the next days to the demo company."""
    console = open_console()
    settings = settings_of(console, None, home)
    if settings is None:
        return NOT_STARTED
    folder = out or settings.demo_path
    try:
        demo = demo_generator()
    except SettingsError as error:
        return not_started(console, error)
    try:
        with _progress_bar(console, f"{days:,} more days") as progress:
            demo.advance(folder, days=days, progress=progress)
        catalog = demo.write_catalog(folder)
    except demo.DemoError as error:
        return not_started(console, error)
    console.print(f"Added {days:,} days to the demo company. Load them with: context360 run --catalog {catalog}")
    return OK


def make_demo(console: Console, folder: Path, *, customers: int, days: int, seed: int) -> int:
    """Writes the demo company into the folder, with a progress bar."""
    started = time.monotonic()
    try:
        demo = demo_generator()
    except SettingsError as error:
        return not_started(console, error)
    try:
        with _progress_bar(console, f"{customers:,} customers, {days:,} days") as progress:
            demo.create(folder, customers=customers, days=days, seed=seed, progress=progress)
        catalog = demo.write_catalog(folder)
    except demo.DemoError as error:
        return not_started(console, error)
    console.print(f"[bold]Demo company[/] {folder}: {customers:,} customers, {days:,} days, seed {seed}")
    console.print(f"Load it with: context360 run --catalog {catalog}   ({time.monotonic() - started:.1f} s)")
    return OK


@contextmanager
def _progress_bar(console: Console, title: str) -> Iterator[Callable[[str, float], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda what, share: bar.update(task, description=f"{title}: {what}", completed=share)
