"""`context360 first-look`: figures of the published warehouse that must agree with each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, readable_settings_of
from orchestration.warehouse.connection import WarehouseError

if TYPE_CHECKING:
    from orchestration.serving.first_look import Found


def show_first_look(*, catalog: str | None, home: Path | None) -> int:
    """Prints each invariant with what is expected and found. Returns 0 where all hold, 1 where one is broken, 2 without
    a published warehouse."""
    from orchestration.serving.first_look import first_look
    from orchestration.serving.reading import published_as_of, read_published

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        with read_published(settings.serving_path) as connection:
            as_of = published_as_of(connection)
            found = first_look(connection)
    except WarehouseError as error:
        return not_started(console, error)
    console.print(f"First look at {settings.serving_path}, as of {as_of:%Y-%m-%d %H:%M} UTC\n", soft_wrap=True)
    for number, one in enumerate(found, start=1):
        _print_found(console, number, one)
    broken = [str(number) for number, one in enumerate(found, start=1) if one.broken]
    console.print()
    if not broken:
        console.print(f"All {len(found)} invariants hold.")
        return OK
    console.print(
        f"{len(broken)} of {len(found)} invariants {'is' if len(broken) == 1 else 'are'} broken: {', '.join(broken)}. "
        "`context360 who NUMBER` shows the card of a customer.",
        soft_wrap=True,
    )
    return STOPPED


def _print_found(console: Console, number: int, one: Found) -> None:
    sign = "[red]✗[/]" if one.broken else "[green]✓[/]" if one.compared else "[yellow]–[/]"
    console.print(f"{sign} {number:>2}  {escape(one.invariant.claim)}", soft_wrap=True)
    if not one.compared:
        console.print("      nothing to compare: the firm delivers none of it", soft_wrap=True)
        return
    console.print(
        f"      expected {one.expected}, found {one.found}; {one.compared:,} compared"
        + (f", {one.broken:,} {'differs' if one.broken == 1 else 'differ'}" if one.broken else ""),
        soft_wrap=True,
    )
    for key, expected, shown in one.examples:
        console.print(f"      {escape(key)}: expected {escape(expected)}, found {escape(shown)}", soft_wrap=True)
    if one.broken:
        console.print(f"      It catches {escape(one.invariant.catches)}.", soft_wrap=True)
