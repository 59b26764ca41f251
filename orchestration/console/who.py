"""`context360 who`: the card of one customer, found by any identifier."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, readable_settings_of
from orchestration.settings import Settings
from orchestration.warehouse.connection import WarehouseError, without_pandas


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

    why: also print what links their records. report: also write that as a page with charts. as_of: show the situation
    at this earlier moment (naive UTC) instead; catalog: the one with which the warehouse was built, needed for as_of.
    """
    from orchestration.serving.card import card_of, customer_number, find_customers
    from orchestration.serving.reading import read_published

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        with without_pandas(), read_published(settings.serving_path) as connection:
            found = find_customers(connection, identifier)
            if len(found) == 1 and as_of is None:
                console.print(card_of(connection, found[0].customer_key))
        if len(found) == 1:
            key = found[0].customer_key
            if as_of is not None and (stopped := _show_earlier_card(console, settings, key, as_of)):
                return stopped
            if why or report:
                _show_evidence(console, settings, key, why=why, report=report)
            return OK
    except WarehouseError as error:
        return not_started(console, error)
    if not found:
        console.print(
            f"No customer matches '{escape(identifier)}': try an e-mail address, a phone number or a full name."
        )
        return STOPPED
    console.print(
        f"{len(found)} customers match '{escape(identifier)}'; choose one by number, as in `context360 who "
        f"{customer_number(found[0].customer_key)}`:"
    )
    for customer in found:
        console.print(
            f"  {customer_number(customer.customer_key):<10} {escape(customer.name)}  {escape(customer.details())}"
        )
    return STOPPED


def _show_evidence(console: Console, settings: Settings, customer_key: int, *, why: bool, report: Path | None) -> None:
    from orchestration.serving.why import why_of
    from orchestration.serving.why_report import write_why_report
    from orchestration.warehouse.connection import open_warehouse

    # The evidence is not published: it stays in the working warehouse.
    with open_warehouse(settings.warehouse_path, read_only=True) as connection:
        if why:
            console.print(why_of(connection, customer_key))
        if report:
            write_why_report(connection, customer_key, report)
            console.print(f"Report  {report}", soft_wrap=True)


def _show_earlier_card(console: Console, settings: Settings, customer_key: int, as_of: datetime) -> int:
    from orchestration.project import PROJECT_ERRORS, open_project
    from orchestration.serving.card import earlier_card_of
    from orchestration.serving.reading import as_of_of
    from orchestration.warehouse.connection import open_warehouse

    try:
        _, project = open_project(settings)
        query = project.query("situational_context", as_of=as_of)
        with open_warehouse(settings.warehouse_path, read_only=True) as connection:
            known = as_of_of(connection)
            if as_of > known:
                console.print(
                    f"The warehouse holds data up to {known:%Y-%m-%d %H:%M} UTC: choose an earlier moment, or start "
                    "`context360 run`."
                )
                return STOPPED
            console.print(earlier_card_of(connection, customer_key, query, as_of, known))
    except (*PROJECT_ERRORS, WarehouseError) as error:
        return not_started(console, error)
    return OK
