"""The card as panels of a terminal: identity, the three contexts, next best actions and the last contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.serving.card.finding import customer_number
from orchestration.serving.card.model import (
    Contact,
    action_lines,
    card_model,
    contacts_of,
    one_row,
    with_titles,
)
from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.situational import situational_lines
from orchestration.serving.card.wording import day

if TYPE_CHECKING:
    import duckdb
    from rich.console import Group
    from rich.table import Table


def card_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Group:
    """The card of one customer. Raises KeyError where no customer has this number."""
    from rich.console import Group
    from rich.panel import Panel

    card = card_model(connection, customer_key)
    title = f"[bold]{card.name}[/]  {customer_number(customer_key)}"
    return Group(
        Panel(_pairs(card.identity), title=title, title_align="left"),
        Panel(_pairs(card.relationship), title="Relationship", title_align="left"),
        Panel(_pairs(card.personal), title="Personal", title_align="left"),
        Panel(_pairs(card.situational), title="Situational", title_align="left"),
        Panel(_pairs(card.actions) if card.actions else "none", title="Next best actions", title_align="left"),
        Panel(_contacts(card.contacts), title="Last contacts", title_align="left"),
    )


def earlier_card_of(
    connection: duckdb.DuckDBPyConnection, customer_key: int, query: str, as_of: datetime, known: datetime
) -> Group:
    """The situation and the contacts of one customer at an earlier moment.

    query: SQL of situational_context at that moment; as_of: the moment; known: the `as of` of the warehouse (both
    naive UTC). Relationship and personal context are left out: the warehouse has them as of today. Raises KeyError
    where no customer has this number.
    """
    from rich.console import Group
    from rich.panel import Panel

    customer = one_row(connection, "core.dim_customer", customer_key)
    situation = with_titles(connection, one_row(connection, f"({query})", customer_key))
    contacts = contacts_of(connection, customer_key, most=card_numbers().contacts_shown, before=as_of)
    name = customer["display_name"] or "Name unknown"
    return Group(
        Panel(
            f"Identity as known on {day(known)}; events as known at the earlier moment.",
            title=f"[bold]{name}[/]  {customer_number(customer_key)}",
            title_align="left",
        ),
        Panel(_pairs(situational_lines(situation)), title="Situational", title_align="left"),
        Panel(_contacts(contacts), title="Last contacts until then", title_align="left"),
    )


def actions_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Table | str:
    """The proposed actions, with evidence, channel, lawful basis and expected value."""
    lines = action_lines(connection, customer_key)
    return _pairs(lines) if lines else "none"


def _contacts(contacts: Sequence[Contact]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for contact in contacts:
        day_text = f"{contact.happened_at:%d %b %Y}"
        table.add_row(day_text, escape(contact.touchpoint), escape(contact.detail), contact.paid)
    if not contacts:
        table.add_row("none")
    return table


def _pairs(pairs: list[tuple[str, str]]) -> Table:
    """Labels and values, without those that have no value."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", min_width=14, no_wrap=True)
    table.add_column()
    for label, value in pairs:
        if value:
            table.add_row(label, escape(value))
    return table
