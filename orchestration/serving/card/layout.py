"""The card as panels: identity, the three contexts, next best actions and the last contacts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.serving.card.finding import customer_number
from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.personal import personal_lines
from orchestration.serving.card.relationship import identity_lines, relationship_lines
from orchestration.serving.card.situational import situational_lines
from orchestration.serving.card.wording import day, money
from orchestration.serving.reading import base_rate_reason
from orchestration.warehouse.connection import WarehouseError, table_exists

if TYPE_CHECKING:
    import duckdb
    from rich.console import Group
    from rich.table import Table


# What the codes of content, products, campaigns and offers stand for; an offer has the title of its campaign.
_TITLES = """
    select code, min(title) as title
    from (
        select content_id as code, title from core.dim_content where content_key > 0
        union all
        select product_id, title from core.dim_product where product_key > 0
        union all
        select campaign_id, title from core.dim_campaign where campaign_key > 0
        union all
        select offers.offer_id, campaigns.title
        from core.dim_offer as offers inner join core.dim_campaign as campaigns using (campaign_key)
        where offers.offer_key > 0 and campaigns.campaign_key > 0
    ) as coded
    where title is not null
    group by code
"""


def card_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Group:
    """The card of one customer. Raises KeyError where no customer has this number."""
    from rich.console import Group
    from rich.panel import Panel

    customer = _with_titles(connection, _one(connection, "marts.customer_360", customer_key))
    customer["base_rate_reason"] = base_rate_reason(connection)
    customer["needs"] = _needs(connection, customer_key)
    customer["stage_is_older"] = _stage_is_older(connection, customer_key)
    person = _one(connection, "core.dim_customer", customer_key)
    name = person["display_name"] or "Name unknown"
    title = f"[bold]{name}[/]  {customer_number(customer_key)}"
    return Group(
        Panel(_pairs(identity_lines(customer, person)), title=title, title_align="left"),
        Panel(_pairs(relationship_lines(customer)), title="Relationship", title_align="left"),
        Panel(_pairs(personal_lines(customer)), title="Personal", title_align="left"),
        Panel(_pairs(situational_lines(customer)), title="Situational", title_align="left"),
        Panel(actions_of(connection, customer_key), title="Next best actions", title_align="left"),
        Panel(_contacts(connection, customer_key), title="Last contacts", title_align="left"),
    )


def _needs(connection: duckdb.DuckDBPyConnection, customer_key: int) -> list[tuple[str, str, str | None]]:
    """The needs of the customer, first one first: need, evidence, and why no action is proposed for it."""
    if not table_exists(connection, "marts", "need_without_action"):
        return []
    return connection.execute(
        """
        select needs.need, needs.evidence, unmet.reason
        from marts.customer_need as needs
        left join marts.need_without_action as unmet using (customer_key, need)
        where needs.customer_key = ?
        order by needs.need_rank
        """,
        [customer_key],
    ).fetchall()


def _stage_is_older(connection: duckdb.DuckDBPyConnection, customer_key: int) -> bool:
    """Whether the present stage may have begun before the kept history, which is shorter than the customer is known."""
    if not table_exists(connection, "marts", "customer_stage"):
        return False
    row = connection.execute(
        """
        select stages.previous_stage is null and customers.first_known_at < stages.valid_from
        from marts.customer_stage as stages inner join core.dim_customer as customers using (customer_key)
        where stages.customer_key = ? and stages.is_current
        """,
        [customer_key],
    ).fetchone()
    return bool(row and row[0])


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

    customer = _one(connection, "core.dim_customer", customer_key)
    situation = _with_titles(connection, _one(connection, f"({query})", customer_key))
    name = customer["display_name"] or "Name unknown"
    return Group(
        Panel(
            f"Identity as known on {day(known)}; events as known at the earlier moment.",
            title=f"[bold]{name}[/]  {customer_number(customer_key)}",
            title_align="left",
        ),
        Panel(_pairs(situational_lines(situation)), title="Situational", title_align="left"),
        Panel(_contacts(connection, customer_key, as_of), title="Last contacts until then", title_align="left"),
    )


def actions_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Table | str:
    """The proposed actions, with evidence, channel, lawful basis and expected value."""
    rows = connection.execute(
        """
        select kind, title, evidence, channel, lawful_basis, propensity, expected_value_amount, currency
        from marts.next_best_action
        where customer_key = ?
        order by action_rank
        """,
        [customer_key],
    ).fetchall()
    if not rows:
        return "none"
    return _pairs(
        [
            (kind, f"{title}: {why} (by {channel}, basis: {basis}){_expected_value(*expected)}")
            for kind, title, why, channel, basis, *expected in rows
        ]
    )


def _expected_value(propensity: float | None, amount: Decimal | None, currency: str | None) -> str:
    """A propensity and an expected value as natural frequencies; empty where no model gives them."""
    if propensity is None or amount is None:
        return ""
    many = 100 if propensity >= card_numbers().rare_below else 1000
    buyers = round(propensity * many)
    who = f"{buyers} buy" if buyers > 1 else "1 buys" if buyers else "fewer than 1 buys"
    return f"; of {many:,} similar customers, {who} it within 90 days, for {many * amount:,.0f} {currency} in total"


def _contacts(connection: duckdb.DuckDBPyConnection, customer_key: int, as_of: datetime | None = None) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    rows = connection.execute(
        """
        select happened_at, touchpoint, detail, amount, currency
        from marts.customer_timeline
        where customer_key = ? and happened_at < coalesce(?, (select max(as_of) from marts.situational_context))
        order by happened_at desc, interaction_key
        limit ?
        """,
        [customer_key, as_of, card_numbers().contacts_shown],
    ).fetchall()
    for happened_at, touchpoint, detail, amount, currency in rows:
        paid = money(amount, currency) if amount is not None else ""
        table.add_row(f"{happened_at:%d %b %Y}", escape(touchpoint), escape(detail or ""), paid)
    if not rows:
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


def _with_titles(connection: duckdb.DuckDBPyConnection, customer: dict[str, Any]) -> dict[str, Any]:
    """The row with titles in place of the names of its last touchpoint and of the product that is bought again."""

    def title(query: str, name: str | None) -> str | None:
        row = connection.execute(query, [name]).fetchone()
        return row[0] if row and row[0] else name

    touchpoint = title("select title from core.dim_touchpoint where touchpoint = ?", customer.get("last_touchpoint"))
    product = title(f"select title from ({_TITLES}) where code = ?", customer.get("revealed_product_id"))
    return _Row(customer | {"last_touchpoint": touchpoint, "revealed_product_id": product})


def _one(connection: duckdb.DuckDBPyConnection, table: str, customer_key: int) -> dict[str, Any]:
    cursor = connection.execute(f"select * from {table} as t where t.customer_key = ?", [customer_key])
    row = cursor.fetchone()
    if row is None:
        raise KeyError(customer_key)
    return _Row(zip([column[0] for column in cursor.description], row, strict=True))


class _Row(dict[str, Any]):
    """A published row. A column that it lacks was added after its publication."""

    def __missing__(self, column: str) -> Any:
        raise WarehouseError(
            f"The published warehouse has no {column}: an earlier version wrote it. Start `context360 run`."
        )
