"""What the command shows: progress while a run works, a summary at the end, the status, and a customer's card."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from orchestration.channels.errors import CatalogError
from orchestration.settings import (
    PROJECT_ROOT,
    Settings,
    SettingsError,
    bundled_catalog,
    set_up_process,
    settings_from,
)
from orchestration.warehouse.connection import WarehouseError

if TYPE_CHECKING:
    from orchestration.defs.progress import Progress
    from orchestration.serving.reading import Connectedness

OK, STOPPED, NOT_STARTED = 0, 1, 2
MOST_LINES = 5  # of what is not connected; the tables hold all of it
DEFAULT_DEMO = {"customers": 2_000, "days": 548, "seed": 360}


def run_with_progress(
    *,
    catalog: str | None,
    as_of: str | None,
    home: Path | None,
    full_refresh: bool = False,
    accept_shrinkage: bool = False,
    train: bool = False,
    reload: tuple[str, ...] = (),
    days: tuple[date, date] | None = None,
) -> int:
    """Runs the job in this process, tells what happens, and returns the exit code.

    reload, days: streams, and the first and the last of their days that are fetched again.
    """
    console = _console()
    started = time.monotonic()
    settings = _settings(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    if settings.catalog_path == bundled_catalog("demo"):
        # Nothing is there to read yet: found the company first.
        if _make_demo(console, settings.demo_path, **DEFAULT_DEMO) != OK:
            return NOT_STARTED
        settings = settings_from(catalog=catalog, home=home)
    with console.status("Reading catalog and project …") as spinner:
        try:
            set_up_process(settings)
        except SettingsError as error:
            return _not_started(console, error)
        from orchestration.defs.runs import Reload, RunError, run_job

        teller = _Teller(console, spinner.update)
        try:
            outcome = run_job(
                settings,
                as_of=as_of,
                full_refresh=full_refresh,
                accept_shrinkage=accept_shrinkage,
                train=train,
                listener=teller.hear,
                reload=Reload(reload, *days) if days else None,
            )
        except (CatalogError, RunError, WarehouseError) as error:
            return _not_started(console, error)
    seconds = time.monotonic() - started
    _summary(console, settings, outcome.run_id, outcome.published, teller, seconds)
    return OK if outcome.success else STOPPED


class _Teller:
    """Says in one line what each step did, and remembers what went wrong."""

    def __init__(self, console: Console, update: Callable[[str], None]) -> None:
        self.console, self.update = console, update
        self.started: dict[str, float] = {}
        self.made: dict[str, list[tuple[str, int | None]]] = {}
        self.faults: list[str] = []
        self.faulty: set[str] = set()

    def hear(self, progress: Progress) -> None:
        step = progress.step
        if progress.kind == "step_started":
            self.started[step] = time.monotonic()
            self.update(f"{_title(step)} …")
        elif progress.kind == "made" and progress.asset:
            self.made.setdefault(step, []).append((progress.asset, progress.rows))
        elif progress.kind == "step_finished":
            seconds = time.monotonic() - self.started.get(step, time.monotonic())
            sign = "[yellow]–[/]" if step in self.faulty else "[green]✓[/]"
            self.console.print(f"{sign} {_title(step):<34} {self._made(step):<28} {seconds:6.1f} s")
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
            return f"{rows:,} new rows" if rows else "nothing new"
        tables = [rows for _, rows in made if rows is not None]
        return f"{len(made)} tables, {sum(tables):,} rows" if len(made) > 1 else ""


def _title(step: str) -> str:
    if step.startswith("landing__"):
        return "landing " + "/".join(step.split("__")[1:])
    return step.replace("serving__", "").replace("quality__", "").replace("_", " ")


def _summary(
    console: Console, settings: Settings, run_id: str, published: bool, teller: _Teller, seconds: float
) -> None:
    from orchestration.serving.connectedness_report import REPORT_NAME
    from orchestration.serving.predictions_report import REPORT_NAME as PREDICTIONS_NAME
    from orchestration.serving.reading import (
        connectedness_of,
        published_as_of,
        published_tables,
        quarantine_of,
        read_published,
    )

    console.print()
    if published:
        with read_published(settings.serving_path) as connection:
            tables = published_tables(connection)
            as_of = published_as_of(connection)
            missing = connectedness_of(connection)
            waiting = quarantine_of(connection)
        changed = [table for table in tables if table.changed_by_run == run_id]
        console.print(f"[bold]Published[/] {settings.serving_path}, as of {as_of:%Y-%m-%d %H:%M} UTC")
        if changed:
            for table in changed:
                console.print(f"  {table.name:<40} {table.rows:>12,} rows")
            if len(changed) < len(tables):
                console.print(f"  {len(tables) - len(changed)} other tables have not changed.")
        else:
            console.print(f"  Nothing has changed: all {len(tables)} tables are what they were.")
        _tell_connectedness(console, missing)
        for label, rows, rules in waiting:
            console.print(f"In quarantine: {rows:,} {'row' if rows == 1 else 'rows'} of {label} ({rules}).")
        console.print(f"Data Docs      {settings.reports_path / 'data_docs' / 'index.html'}")
        console.print(f"Connectedness  {settings.reports_path / REPORT_NAME}")
        console.print(f"Predictions    {settings.reports_path / PREDICTIONS_NAME}")
    elif settings.serving_path.exists():
        console.print("[bold]Nothing was published.[/] Readers still see the last good warehouse.")
    else:
        console.print("[bold]Nothing was published.[/]")
    if teller.faults:
        console.print(f"[bold]{len(teller.faults)} to look at[/], see above or `context360 status`.")
    console.print(f"{seconds:.1f} s")


def _tell_connectedness(console: Console, missing: Connectedness) -> None:
    for system, customers in missing.orphans:
        console.print(f"Orphan system: {system}; no other system knows any of its {customers:,} customers.")
    for system, touchpoint, count, reason in missing.unattributed[:MOST_LINES]:
        console.print(f"Unknown customer: {count:,} × {touchpoint} of {system} ({reason}).")
    if len(missing.unattributed) > MOST_LINES:
        rest = missing.unattributed[MOST_LINES:]
        console.print(
            f"Unknown customer: {sum(count for *_, count, _ in rest):,} more of {len(rest)} kinds, "
            "see marts.unattributed_activity."
        )


def show_status(*, catalog: str | None, home: Path | None) -> int:
    """Prints how everything stands."""
    from rich.table import Table

    from orchestration.channels.catalog_file import load_catalog
    from orchestration.serving.reading import connectedness_of, read_newest, status_of

    console = _console()
    settings = _settings(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        fixed = load_catalog(settings.catalog_path, settings.environment).as_of
        with read_newest(settings.warehouse_path, settings.serving_path) as connection:
            found = status_of(connection)
            missing = connectedness_of(connection)
    except (CatalogError, WarehouseError) as error:
        return _not_started(console, error)
    # A closed data set is as old as it says; anything else is judged by the clock.
    now = _moment(fixed) if fixed else datetime.now(UTC).replace(tzinfo=None)
    streams = Table(title="Streams", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading, justify in (
        ("stream", "left"), ("state", "left"), ("last delivery (UTC)", "left"), ("reaches to", "left"),
        ("expected", "left"),
        ("staged", "right"), ("in quarantine", "right"), ("repeats", "right"),
    ):  # fmt: skip
        streams.add_column(heading, justify=justify)  # type: ignore[arg-type]
    colours = {"current": "green", "drifted": "yellow", "held": "yellow", "failed": "red"}
    for stream in found.streams:
        landed = f"{stream.last_landed_at:%Y-%m-%d %H:%M}" if stream.last_landed_at else "never"
        streams.add_row(
            stream.label,
            f"[{colours.get(stream.state, 'white')}]{stream.state}[/]",
            landed,
            f"{stream.newest_at:%Y-%m-%d %H:%M}" if stream.newest_at else "",
            _expectation(stream.expected_by, now),
            f"{stream.staged_rows:,}",
            f"{stream.quarantined_rows:,}",
            f"{stream.repeat_rows:,}",
        )
    console.print(streams)
    for stream in found.streams:
        if stream.sentence:
            console.print(f"[yellow]![/] {escape(stream.sentence)}")
    tables = Table(title="Published tables", title_justify="left", box=None, padding=(0, 2, 0, 0))
    tables.add_column("table")
    tables.add_column("rows", justify="right")
    tables.add_column("content as of (UTC)")
    for table in found.tables:
        tables.add_row(table.name, f"{table.rows:,}", f"{table.as_of:%Y-%m-%d %H:%M}" if table.as_of else "")
    console.print()
    console.print(tables)
    console.print()
    _tell_connectedness(console, missing)
    stopped = [stream.label for stream in found.streams if stream.state != "current"]
    if stopped:
        console.print(f"{len(stopped)} of {len(found.streams)} streams need attention: {', '.join(stopped)}.")
    if found.failed_checks:
        console.print("[bold]Failed checks of the last run[/]")
        for severity, sentence in found.failed_checks:
            console.print(f"[{'red' if severity == 'error' else 'yellow'}]{severity:<6}[/] {escape(sentence)}")
    else:
        console.print(f"No failed check among the {found.checks:,} of the last run.")
    return OK


def create_demo(*, customers: int, days: int, seed: int, out: Path | None, home: Path | None) -> int:
    """Writes the demo company and a catalog that couples its systems."""
    console = _console()
    settings = _settings(console, None, home)
    if settings is None:
        return NOT_STARTED
    return _make_demo(console, out or settings.demo_path, customers=customers, days=days, seed=seed)


def advance_demo(*, days: int, out: Path | None, home: Path | None) -> int:
    """Adds the days that follow to the demo company."""
    from orchestration.demo_company.catalog import write_catalog
    from orchestration.demo_company.company import DemoError, advance

    console = _console()
    settings = _settings(console, None, home)
    if settings is None:
        return NOT_STARTED
    folder = out or settings.demo_path
    try:
        with _progress_bar(console, f"{days:,} more days") as progress:
            advance(folder, days=days, progress=progress)
        catalog = write_catalog(folder)
    except DemoError as error:
        return _not_started(console, error)
    console.print(f"The company has lived on for {days:,} days. Take them in with: context360 run --catalog {catalog}")
    return OK


def _make_demo(console: Console, folder: Path, *, customers: int, days: int, seed: int) -> int:
    from orchestration.demo_company.catalog import write_catalog
    from orchestration.demo_company.company import DemoError, create

    started = time.monotonic()
    try:
        with _progress_bar(console, f"{customers:,} customers, {days:,} days") as progress:
            create(folder, customers=customers, days=days, seed=seed, progress=progress)
        catalog = write_catalog(folder)
    except DemoError as error:
        return _not_started(console, error)
    console.print(f"[bold]Demo company[/] {folder}: {customers:,} customers, {days:,} days, seed {seed}")
    console.print(f"Couple it with: context360 run --catalog {catalog}   ({time.monotonic() - started:.1f} s)")
    return OK


@contextmanager
def _progress_bar(console: Console, title: str) -> Iterator[Callable[[str, float], None]]:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda what, share: bar.update(task, description=f"{title}: {what}", completed=share)


def _expectation(expected_by: datetime | None, now: datetime) -> str:
    """Whether a stream is in time, in words; nothing where nothing is expected."""
    if expected_by is None:
        return ""
    late = now - expected_by
    if late <= timedelta(0):
        return "[green]in time[/]"
    hours = late.total_seconds() / 3600
    return f"[red]{hours / 24:.0f} days late[/]" if hours >= 48 else f"[red]{hours:.1f} h late[/]"


def _moment(day: date | datetime) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, datetime.min.time())


def show_customer(
    identifier: str,
    *,
    home: Path | None,
    why: bool = False,
    report: Path | None = None,
    as_of: datetime | None = None,
    catalog: str | None = None,
) -> int:
    """Prints the card of the customer that the identifier points at.

    why: what links their records, too. report: a file for the same with pictures. as_of: an earlier moment (naive UTC),
    for the situation then; catalog: with which the warehouse was run, for that.
    """
    from orchestration.serving.card import card_of, find_customers
    from orchestration.serving.reading import read_published
    from orchestration.serving.why import why_of
    from orchestration.serving.why_report import write_why_report
    from orchestration.warehouse.connection import open_warehouse

    console = _console()
    settings = _settings(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        with read_published(settings.serving_path) as connection:
            found = find_customers(connection, identifier)
            if len(found) == 1 and as_of is None:
                console.print(card_of(connection, found[0].customer_key))
        if len(found) == 1:
            if as_of is not None and (stopped := _show_earlier_card(console, settings, found[0].customer_key, as_of)):
                return stopped
            if why or report:
                # The evidence holds what readers are not shown: it stays in the working warehouse.
                with open_warehouse(settings.warehouse_path, read_only=True) as connection:
                    if why:
                        console.print(why_of(connection, found[0].customer_key))
                    if report:
                        write_why_report(connection, found[0].customer_key, report)
                        console.print(f"Pictures  {report}", soft_wrap=True)
            return OK
    except WarehouseError as error:
        return _not_started(console, error)
    if not found:
        console.print(
            f"Nobody is known by '{escape(identifier)}': try an e-mail address, a phone number or a full name."
        )
        return STOPPED
    console.print(f"{len(found)} customers are known by '{escape(identifier)}'; ask for one by number:")
    for customer in found:
        console.print(f"  {customer.customer_key:<10} {escape(customer.name)}  {escape(customer.place)}")
    return STOPPED


def _show_earlier_card(console: Console, settings: Settings, customer_key: int, as_of: datetime) -> int:
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.channels.errors import CatalogError
    from orchestration.serving.card import earlier_card_of
    from orchestration.serving.reading import as_of_of
    from orchestration.warehouse.connection import open_warehouse
    from orchestration.warehouse.dbt import DbtError, DbtProject

    try:
        project = DbtProject(load_catalog(settings.catalog_path, settings.environment), settings)
        query = project.query("situational_context", as_of=as_of)
        with open_warehouse(settings.warehouse_path, read_only=True) as connection:
            known = as_of_of(connection)
            if as_of > known:
                console.print(
                    f"The warehouse knows what happened until {known:%Y-%m-%d %H:%M} UTC: ask for an earlier moment, "
                    "or start `context360 run`."
                )
                return STOPPED
            console.print(earlier_card_of(connection, customer_key, query, as_of, known))
    except (CatalogError, DbtError, WarehouseError) as error:
        return _not_started(console, error)
    return OK


def show_comparison(rules: Path, *, decisions: Path | None, examples: int, as_json: bool, home: Path | None) -> int:
    """Prints what other rules would change. Returns 0 for nothing, 1 for something, 2 where it cannot be told."""
    from orchestration.identity.compare import ComparisonError, check_decisions, check_rules, compare_rules
    from orchestration.serving.what_if import what_if_of

    console = _console()
    settings = _settings(console, None, home)
    if settings is None:
        return NOT_STARTED
    try:
        check_rules(rules)
        if decisions is not None:
            check_decisions(decisions)
        elif (settings.identity_path / "decisions.yml").is_file():
            decisions = settings.identity_path / "decisions.yml"
        with console.status("Linking with these rules …"):
            found = compare_rules(settings.warehouse_path, rules, decisions=decisions, examples=examples)
    except (ComparisonError, WarehouseError) as error:
        return _not_started(console, error)
    if as_json:
        console.print_json(data=found.as_dict())
    else:
        console.print(what_if_of(found, rules.name))
    return OK if found.is_same else STOPPED


def write_documentation(*, catalog: str | None, home: Path | None) -> int:
    """Writes dbt's documentation of the tables beside the other reports."""
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.warehouse.dbt import DbtError, DbtProject

    console = _console()
    settings = _settings(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    page = settings.reports_path / "tables.html"
    try:
        if not settings.warehouse_path.exists():
            raise WarehouseError(
                f"There is no warehouse at {settings.warehouse_path} yet: start with `context360 run`."
            )
        found = load_catalog(settings.catalog_path, settings.environment)
        with console.status("Describing the tables"):
            # No description depends on the moment.
            DbtProject(found, settings).document(page, as_of=datetime(2000, 1, 1))
    except (CatalogError, WarehouseError, DbtError) as error:
        return _not_started(console, error)
    console.print(f"Tables  {page}", soft_wrap=True)
    return OK


def open_ui(*, catalog: str | None, port: int, home: Path | None) -> int:
    """Starts Dagster's web server and daemon for this installation and stays until they end."""
    console = _console()
    settings = _settings(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        set_up_process(settings)
    except SettingsError as error:
        return _not_started(console, error)
    from orchestration.defs.runs import end_lost_runs

    try:
        end_lost_runs(settings)
    except WarehouseError:
        console.print("A run is going on; it shows under Runs.")
    console.print(f"Dagster: http://127.0.0.1:{port}  (Ctrl+C ends it)")
    command = [
        sys.executable, "-m", "dagster", "dev", "--workspace", str(PROJECT_ROOT / "workspace.yaml"),
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    # Dagster takes this process's place, so that nothing is left behind when it is ended.
    return os.execve(sys.executable, command, dict(os.environ))  # noqa: S606 (fixed command)


def _console() -> Console:
    """Into a file or a pipe, lines are as long as they are; a terminal wraps them."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def _settings(console: Console, catalog: str | None, home: Path | None) -> Settings | None:
    try:
        return settings_from(catalog=catalog, home=home)
    except SettingsError as error:
        _not_started(console, error)
        return None


def _not_started(console: Console, error: Exception) -> int:
    for sentence in str(error).splitlines():
        console.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
    return NOT_STARTED
