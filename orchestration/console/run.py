"""`context360 run` and `backfill`: progress while the run works, and a summary at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from orchestration.channels.errors import CatalogError
from orchestration.console.demo import DEFAULT_DEMO, make_demo
from orchestration.console.output import (
    NOT_STARTED,
    OK,
    STOPPED,
    not_started,
    open_console,
    settings_of,
    step_title,
)
from orchestration.console.run_times import RunTimes
from orchestration.console.status import print_connectedness, print_quarantine
from orchestration.counts import counted
from orchestration.firm.examples import is_demo_without_data
from orchestration.firm.state import StateError, bring_up_to_date
from orchestration.settings import Settings, SettingsError, set_up_process, settings_from
from orchestration.warehouse.connection import WarehouseError, only_run

if TYPE_CHECKING:
    from orchestration.defs.progress import Progress
    from orchestration.defs.runs import RunOutcome


def run_with_progress(
    *,
    catalog: str | None,
    as_of: str | None,
    home: Path | None,
    full_refresh: bool = False,
    accept_shrinkage: bool = False,
    train: bool | None = None,
    until: str | None = None,
    reload: tuple[str, ...] = (),
    days: tuple[date, date] | None = None,
) -> int:
    """Runs the job in this process, prints its progress, and returns the exit code.

    train: None for where no model is trained yet. until: the last layer to build, see defs/layers.py. reload, days:
    streams, and the first and the last of their days that are fetched again.
    """
    console = open_console()
    started = time.monotonic()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    if is_demo_without_data(settings):
        # The demo has no data yet: create it first.
        if make_demo(console, settings.demo_path, **DEFAULT_DEMO) != OK:
            return NOT_STARTED
        settings = settings_from(catalog=catalog, home=home)
    times = RunTimes(settings.home, until or "")
    expected = times.expected_seconds
    about = f" The last such run took about {expected:.0f} s." if expected else ""
    console.print(f"Running {settings.catalog_path}.{about}", soft_wrap=True)
    with console.status("Reading catalog and project …") as spinner:
        try:
            set_up_process(settings)
        except SettingsError as error:
            return not_started(console, error)
        from orchestration.definitions import build_definitions
        from orchestration.defs.layers import Layer
        from orchestration.defs.runs import Reload, RunError, run_job

        printer = RunPrinter(console, spinner.update, times)
        try:
            with only_run(settings.lock_path):
                for sentence in bring_up_to_date(settings.home):
                    console.print(f"[yellow]![/] {escape(sentence)}", soft_wrap=True)
            outcome = run_job(
                settings,
                build=build_definitions,
                as_of=as_of,
                full_refresh=full_refresh,
                accept_shrinkage=accept_shrinkage,
                train=train,
                until=Layer(until) if until else None,
                listener=printer.on_event,
                reload=Reload(reload, *days) if days else None,
            )
        except (CatalogError, RunError, StateError, WarehouseError) as error:
            return not_started(console, error)
    if outcome.success:
        times.save()
    console.print()
    if until:
        _print_stop(console, settings, until, outcome, printer.faults)
    else:
        _print_result(console, settings, outcome, printer.faults)
    if printer.faults:
        count = len(printer.faults)
        console.print(f"[bold]{count} {'problem' if count == 1 else 'problems'}[/], see above or `context360 status`.")
    console.print(f"{time.monotonic() - started:.1f} s")
    return OK if outcome.success else STOPPED


class RunPrinter:
    """Prints one line per finished step and one per problem, and keeps the problems.

    update: sets the text beside the spinner. times: of the last run, for what is left.
    """

    def __init__(self, console: Console, update: Callable[[str], None], times: RunTimes) -> None:
        self.console, self.update, self.times = console, update, times
        self.started: dict[str, float] = {}
        self.made: dict[str, list[tuple[str, int | None]]] = {}
        self.unreadable: dict[str, int] = {}
        self.faults: list[str] = []
        self.faulty: set[str] = set()

    def on_event(self, progress: Progress) -> None:
        """Called with each event of the run."""
        step = progress.step
        if progress.kind == "made":
            for sentence in progress.alerts:
                self.console.print(f"[yellow]![/] {escape(sentence)}", soft_wrap=True)
        if progress.kind == "step_started":
            self.started[step] = time.monotonic()
            left = self.times.left()
            self.update(f"{step_title(step)} …" + (f" about {left:.0f} s left" if left else ""))
        elif progress.kind == "made" and progress.asset:
            self.made.setdefault(step, []).append((progress.asset, progress.rows))
            self.unreadable[step] = progress.unreadable
        elif progress.kind == "step_finished":
            seconds = time.monotonic() - self.started.get(step, time.monotonic())
            self.times.finished(step, seconds)
            sign = "[yellow]–[/]" if step in self.faulty else "[green]✓[/]"
            self.console.print(f"{sign} {step_title(step):<34} {self._made(step):<28} {seconds:6.1f} s")
        elif progress.kind == "check_failed" and progress.text:
            self.faulty.add(step)
            self._fault("[yellow]![/]", progress.text)
        elif progress.kind == "step_failed" and progress.text:
            for sentence in progress.text.splitlines():
                self._fault("[red]✗[/]", sentence)

    def _fault(self, sign: str, sentence: str) -> None:
        if sentence not in self.faults:
            self.faults.append(sentence)
            self.console.print(f"{sign} {escape(sentence)}", soft_wrap=True)

    def _made(self, step: str) -> str:
        made = self.made.get(step, [])
        if step.startswith("landing"):
            rows = made[0][1] if made else 0
            unreadable = self.unreadable.get(step, 0)
            read = counted(rows, "new row") if rows else "no new rows"
            return f"{read}, {unreadable:,} unreadable" if unreadable else read
        if len(made) < 2:
            return ""
        # A table whose rows were not counted is not one without rows.
        rows_of = [count for _, count in made if count is not None]
        return f"{len(made)} tables" + (f", {counted(sum(rows_of), 'row')}" if len(rows_of) == len(made) else "")


def _print_stop(
    console: Console, settings: Settings, layer: str, outcome: RunOutcome, reported: Collection[str]
) -> None:
    """What a run that was to end with a layer has built."""
    done = f"Built up to {layer}" if outcome.success else f"Stopped on the way to {layer}"
    console.print(f"[bold]{done}[/] in {settings.warehouse_path}. Nothing was published.")
    _print_rows_left_out(console, settings, outcome.run_id, reported)


def _print_rows_left_out(console: Console, settings: Settings, run_id: str, reported: Collection[str]) -> None:
    """Rows in quarantine of a run that published nothing, where it came to judge them.

    reported: problems of the run. A warehouse that cannot be opened may be one of them, and is printed once.
    """
    from orchestration.serving.reading import quarantine_of
    from orchestration.warehouse.connection import open_warehouse

    try:
        # Not read-only: an interrupted step of this process may still have it open for writing.
        with open_warehouse(settings.warehouse_path) as connection:
            print_quarantine(console, quarantine_of(connection, run_id))
    except WarehouseError as error:
        if str(error) not in reported:
            console.print(f"[yellow]![/] {escape(str(error))}", soft_wrap=True)


def _print_unusable(console: Console, unusable: list[tuple[str, str, str, int, int]]) -> None:
    for label, kind, fault, values, rows in unusable:
        if fault == "placeholder":
            where = f"{counted(rows, 'row')} of {label}"
            console.print(f"Placeholder such as null or 0000000 instead of {kind}: {where}; it identifies no one.")
        else:
            console.print(f"Shared, and not used: {values:,} {kind} with {fault} for one person.")


def _print_unconverted(console: Console, unconverted: list[tuple[str, str, str, int, date, date]]) -> None:
    for label, currency, reporting, rows, first, last in unconverted:
        period = f"on {first}" if first == last else f"from {first} to {last}"
        console.print(
            f"Not added up: {counted(rows, 'row')} of {label} in {currency}, {period}: no exchange "
            f"rate to {reporting} is known. Add it to seeds/own_exchange_rates.csv.",
            soft_wrap=True,
        )


def _print_later_rows(console: Console, settings: Settings, as_of: datetime) -> None:
    """What a run of a past moment leaves out."""
    from orchestration.serving.reading import later_rows_of
    from orchestration.warehouse.connection import open_warehouse

    with open_warehouse(settings.warehouse_path) as connection:
        later = later_rows_of(connection)
    if later:
        console.print(
            f"Left out, as later than {as_of:%Y-%m-%d %H:%M} UTC: {counted(later, 'row')}. "
            "`context360 run` publishes the present again.",
            soft_wrap=True,
        )


def _print_result(console: Console, settings: Settings, outcome: RunOutcome, reported: Collection[str]) -> None:
    """What readers see after the run, and what is missing."""
    from orchestration.serving.connectedness_report import REPORT_NAME
    from orchestration.serving.predictions_report import REPORT_NAME as PREDICTIONS_NAME
    from orchestration.serving.predictions_report import prediction_sentences
    from orchestration.serving.profiling import profiling_sentences
    from orchestration.serving.reading import (
        connectedness_of,
        published_as_of,
        published_tables,
        quarantine_of,
        read_published,
        unconverted_amounts_of,
        unusable_identifiers_of,
    )

    if not outcome.published:
        readers = " Readers still see the last good warehouse." if settings.serving_path.exists() else ""
        console.print(f"[bold]Nothing was published.[/]{readers}")
        _print_rows_left_out(console, settings, outcome.run_id, reported)
        return
    with read_published(settings.serving_path) as connection:
        tables = published_tables(connection)
        as_of = published_as_of(connection)
        missing = connectedness_of(connection)
        waiting = quarantine_of(connection)
        unusable = unusable_identifiers_of(connection)
        unconverted = unconverted_amounts_of(connection)
        sentences = [*profiling_sentences(connection), *prediction_sentences(connection)]
    changed = [table for table in tables if table.changed_by_run == outcome.run_id]
    console.print(f"[bold]Published[/] {settings.serving_path}, as of {as_of:%Y-%m-%d %H:%M} UTC")
    for table in changed:
        console.print(f"  {table.name:<40} {table.rows:>12,} rows")
    if not changed:
        console.print(f"  Nothing has changed in any of the {len(tables)} tables.")
    elif len(changed) < len(tables):
        console.print(f"  Unchanged: {counted(len(tables) - len(changed), 'other table')}.")
    print_connectedness(console, missing)
    print_quarantine(console, waiting)
    _print_unusable(console, unusable)
    _print_unconverted(console, unconverted)
    _print_later_rows(console, settings, as_of)
    for sentence in sentences:
        console.print(escape(sentence), soft_wrap=True)
    console.print(f"Data Docs      {settings.reports_path / 'data_docs' / 'index.html'}")
    console.print(f"Connectedness  {settings.reports_path / REPORT_NAME}")
    console.print(f"Predictions    {settings.reports_path / PREDICTIONS_NAME}")
