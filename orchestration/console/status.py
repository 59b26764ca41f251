"""`context360 status`: streams, tables, freshness and failed checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.markup import escape

from orchestration.channels.errors import CatalogError
from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, readable_settings_of, step_title
from orchestration.counts import counted
from orchestration.settings import Settings
from orchestration.warehouse.connection import WarehouseError, without_pandas

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.serving.reading import Connectedness, Quarantine, StreamStatus, TableStatus

LISTED = 5  # kinds of activity without a customer; marts.unattributed_activity holds all of them
_COLOURS = {"current": "green", "drifted": "yellow", "held": "yellow", "failed": "red"}


def show_status(*, catalog: str | None, home: Path | None) -> int:
    """Prints the state of streams, tables and checks."""
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.serving.reading import connectedness_of, engine_of, quarantine_of, read_newest, status_of

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        fixed = load_catalog(settings.catalog_path, settings.environment).as_of
        with without_pandas(), read_newest(settings.warehouse_path, settings.serving_path) as connection:
            found = status_of(connection)
            missing = connectedness_of(connection)
            waiting = quarantine_of(connection)
            engine = engine_of(connection)
    except (CatalogError, WarehouseError) as error:
        return not_started(console, error)
    # A closed data set is as old as its catalog says; anything else is compared with the clock.
    now = _moment(fixed) if fixed else datetime.now(UTC).replace(tzinfo=None)
    console.print(_streams(found.streams, now))
    for stream in found.streams:
        if stream.sentence:
            console.print(f"[yellow]![/] {escape(stream.sentence)}")
    console.print()
    console.print(_tables(found.tables))
    console.print()
    print_connectedness(console, missing)
    print_quarantine(console, waiting)
    stopped = [stream.label for stream in found.streams if stream.state != "current"]
    if stopped:
        need = "needs" if len(stopped) == 1 else "need"
        streams = counted(len(found.streams), "stream")
        console.print(f"{len(stopped)} of {streams} {need} attention: {', '.join(stopped)}.")
    if found.failed_steps:
        console.print("[bold]Failed steps of the last run[/]")
        for step, severity, sentence in found.failed_steps:
            sign = "[red]✗[/]" if severity == "error" else "[yellow]![/]"
            for line in sentence.splitlines():
                console.print(f"{sign} {step_title(step)}: {escape(line)}", soft_wrap=True)
    if found.failed_checks:
        console.print("[bold]Failed checks of the last run[/]")
        for severity, sentence in found.failed_checks:
            console.print(f"[{'red' if severity == 'error' else 'yellow'}]{severity:<6}[/] {escape(sentence)}")
    elif not found.failed_steps:
        console.print(f"None of the {found.checks:,} checks of the last run failed.")
    print_service(console, settings)
    spilled = settings.warehouse_path.with_suffix(f"{settings.warehouse_path.suffix}.tmp")
    console.print(f"{engine}; what needs more is kept in {spilled}.", soft_wrap=True)
    return OK


def print_service(console: Console, settings: Settings) -> None:
    """Prints where the live service answers; nothing where none has ever been started."""
    if not settings.live_path.is_dir():
        return
    from orchestration.live.server import running_service
    from orchestration.live.state_files import LiveError

    try:
        found = running_service(settings)
    except LiveError as error:
        console.print(f"[yellow]![/] {escape(str(error))}", soft_wrap=True)
        return
    if found is None:
        console.print("The live service is stopped: `context360 serve` starts it.")
        return
    since = found["started_at"][:16].replace("T", " ")
    console.print(f"Live service: {found['address']} since {since} UTC (process {found['pid']}).", soft_wrap=True)


def print_connectedness(console: Console, missing: Connectedness) -> None:
    """Prints systems without links and activity without a known customer."""
    for system, customers in missing.orphans:
        found = "its only customer" if customers == 1 else f"any of its {customers:,} customers"
        console.print(f"Orphan system: {system}; no other system knows {found}.")
    for system, touchpoint, count, reason in missing.unattributed[:LISTED]:
        console.print(f"Unknown customer: {count:,} × {touchpoint} of {system} ({reason}).")
    if len(missing.unattributed) > LISTED:
        rest = missing.unattributed[LISTED:]
        console.print(
            f"Unknown customer: {sum(count for *_, count, _ in rest):,} more of {len(rest)} kinds, "
            "see marts.unattributed_activity."
        )


def print_quarantine(console: Console, waiting: Quarantine) -> None:
    """Prints how many rows wait in quarantine, and for each broken rule one of them with its place and the remedy.

    Then the orders that are published without some of their lines.
    """
    for found in waiting.streams:
        rules = ", ".join(sorted(rule for rule, *_ in found.rules))
        console.print(
            f"In quarantine: {counted(found.rows, 'row')} of {found.label} ({rules}).",
            soft_wrap=True,
        )
        for rule, count, example in found.rules:
            console.print(f"  {count:>6,} {escape(rule)}, as in {escape(example)}.", soft_wrap=True)
    for system, orders, quarantined, published, referring in waiting.incomplete_orders:
        its, it = ("its", "it") if orders == 1 else ("their", "them")
        refer = f"refers to {it}" if referring == 1 else f"refer to {it}"
        console.print(
            f"Incomplete: {counted(orders, 'order')} of {system} with {counted(quarantined, 'line')} in quarantine; "
            f"{published:,} of {its} lines and {counted(referring, 'row')} that {refer} are published "
            "(quality.incomplete_order).",
            soft_wrap=True,
        )


def _streams(streams: Sequence[StreamStatus], now: datetime) -> Table:
    table = _table(
        "Streams",
        {
            "stream": "left", "state": "left", "last delivery (UTC)": "left", "newest record": "left",
            "expected": "left", "staged": "right", "in quarantine": "right", "repeats": "right",
        },
    )  # fmt: skip
    for stream in streams:
        table.add_row(
            stream.label,
            f"[{_COLOURS.get(stream.state, 'white')}]{stream.state}[/]",
            f"{stream.last_landed_at:%Y-%m-%d %H:%M}" if stream.last_landed_at else "never",
            f"{stream.newest_at:%Y-%m-%d %H:%M}" if stream.newest_at else "",
            _expectation(stream.expected_by, now),
            f"{stream.staged_rows:,}",
            f"{stream.quarantined_rows:,}",
            f"{stream.repeat_rows:,}",
        )
    return table


def _tables(tables: Sequence[TableStatus]) -> Table:
    table = _table("Published tables", {"table": "left", "rows": "right", "content as of (UTC)": "left"})
    for published in tables:
        as_of = f"{published.as_of:%Y-%m-%d %H:%M}" if published.as_of else ""
        table.add_row(published.name, f"{published.rows:,}", as_of)
    return table


def _table(title: str, columns: Mapping[str, Literal["left", "right"]]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading, justify in columns.items():
        table.add_column(heading, justify=justify)
    return table


def _expectation(expected_by: datetime | None, now: datetime) -> str:
    """Whether a stream is on time; empty where the catalog expects nothing."""
    if expected_by is None:
        return ""
    late = now - expected_by
    if late <= timedelta(0):
        return "[green]on time[/]"
    hours = late.total_seconds() / 3600
    return f"[red]{hours / 24:.0f} days late[/]" if hours >= 48 else f"[red]{hours:.1f} h late[/]"


def _moment(day: date | datetime) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, datetime.min.time())
