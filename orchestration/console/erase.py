"""`context360 erase`: shows what goes, asks, erases, and writes the certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, readable_settings_of
from orchestration.counts import counted
from orchestration.settings import Settings, SettingsError, set_up_process
from orchestration.warehouse.connection import WarehouseError, only_run

if TYPE_CHECKING:
    from orchestration.channels.catalog import Catalog
    from orchestration.privacy.erase import Firm
    from orchestration.privacy.plan import Plan


def erase_customers(
    identifiers: Sequence[str],
    *,
    from_file: Path | None,
    dry_run: bool,
    yes: bool,
    tasks: Path | None,
    catalog: str | None,
    home: Path | None,
) -> int:
    """Erases the customers that the identifiers point at, and finishes an erasure that was interrupted.

    from_file: more identifiers, one a line. dry_run: only show what would go. yes: do not ask. tasks: where the list
    for the owners of the sources goes.
    """
    from orchestration.privacy.erase import ErasureError, firm_of, unfinished
    from orchestration.project import PROJECT_ERRORS, open_project

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        set_up_process(settings)
        with only_run(settings.lock_path):
            found, project = open_project(settings)
            firm = firm_of(settings, found, project)
            interrupted = unfinished(settings)
            if interrupted is not None:
                console.print(f"Finishing the erasure of {interrupted.erased_at} UTC, which was interrupted.")
                code = _carry_out(console, firm, interrupted, tasks)
                if code != OK or not (identifiers or from_file):
                    return code
            wanted = [*identifiers, *_lines_of(from_file)]
            keys = _keys_of(console, settings, wanted)
            if keys is None:
                return STOPPED
            return _erase(console, firm, keys, dry_run=dry_run, yes=yes, tasks=tasks)
    except (*PROJECT_ERRORS, ErasureError, OSError, SettingsError, WarehouseError) as error:
        return not_started(console, error)


def _lines_of(file: Path | None) -> list[str]:
    if file is None:
        return []
    return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def _keys_of(console: Console, settings: Settings, identifiers: Sequence[str]) -> list[int] | None:
    """The customers, or None where an identifier does not point at exactly one; the reason is then printed.

    A message names an identifier by its place: it is personal data, and messages are kept.
    """
    from orchestration.serving.card import customer_number, find_customers
    from orchestration.serving.reading import read_published

    if not identifiers:
        console.print("Name a customer by number (C-154), e-mail address or record (system/number).")
        return None
    keys: dict[int, None] = {}
    problems = 0
    with read_published(settings.serving_path) as connection:
        for place, identifier in enumerate(identifiers, start=1):
            found = find_customers(connection, identifier)
            if len(found) == 1:
                keys[found[0].customer_key] = None
                continue
            problems += 1
            choice = ", ".join(customer_number(customer.customer_key) for customer in found)
            console.print(
                f"[red]✗[/] Identifier {place} of {len(identifiers)} matches "
                + (f"{len(found)} customers ({choice}): name one of them." if found else "no customer: correct it.")
            )
    if problems:
        console.print("Nothing was erased.")
        return None
    return list(keys)


def _moment(catalog: Catalog) -> datetime:
    moment = catalog.as_of or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)


def _erase(console: Console, firm: Firm, keys: list[int], *, dry_run: bool, yes: bool, tasks: Path | None) -> int:
    from orchestration.privacy.erase import plan_for

    with console.status("Looking at whose the rows are …"):
        plan = plan_for(firm, keys, _moment(firm.catalog))
    _print_plan(console, plan)
    if dry_run:
        console.print("Nothing was erased: this was a dry run.")
        return OK
    if not yes:
        answer = console.input(f"This cannot be undone. Type [bold]erase {len(keys)}[/] to go on: ")
        if answer.strip() != f"erase {len(keys)}":
            console.print("Nothing was erased.")
            return STOPPED
    return _carry_out(console, firm, plan, tasks)


def _print_plan(console: Console, plan: Plan) -> None:
    people = plan.people
    console.print(
        f"{counted(len(people.keys), 'customer')}: {counted(len(people.records), 'record')}, "
        f"{counted(len(people.identifiers), 'identifier')} that no other customer uses."
    )
    console.print(f"\n{'landing':<36}{'rows that go':>14}{'rows that stay, without what identifies':>42}")
    for label in sorted(plan.rows.keys() | plan.stripped.keys()):
        console.print(f"{escape(label):<36}{plan.rows.get(label, 0):>14,}{plan.stripped.get(label, 0):>42,}")
    console.print(
        "\nAnd everything that was made of them: the working and the published warehouse, the register of customer "
        "numbers (the numbers stay given, without data), logs of scores and proposals, reports, check results, "
        "Dagster's and dbt's folders, the extractors' folders, and copies in this state folder.",
        soft_wrap=True,
    )


def _carry_out(console: Console, firm: Firm, plan: Plan, tasks: Path | None) -> int:
    from orchestration.privacy.erase import close, erase, write_source_list

    with console.status("Erasing …") as spinner:
        certificate = erase(firm, plan, lambda message: spinner.update(f"{message} …"))
    list_file = (tasks or Path(f"erase_at_source_{certificate.number}.csv")).resolve()
    if list_file.is_relative_to(firm.settings.home):
        console.print("[red]✗[/] The list for the sources names people: choose a place outside of the state folder.")
        return STOPPED
    write_source_list(plan, list_file)
    close(firm)
    console.print()
    console.print(escape(certificate.text()), soft_wrap=True)
    path = firm.settings.privacy_path / "certificates" / f"{certificate.number}.txt"
    console.print(f"Certificate      {path}", soft_wrap=True)
    console.print(f"For the sources  {list_file}  (names people: hand it over, then delete it)", soft_wrap=True)
    if certificate.hits:
        console.print(
            f"[red]✗[/] {counted(certificate.hits, 'value')} still stand in the files listed above: delete those "
            "files, and erase again.",
            soft_wrap=True,
        )
        return STOPPED
    console.print("`context360 run` rebuilds the totals of the marts without them.")
    return OK
