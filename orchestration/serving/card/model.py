"""What the card of one customer says, for whatever shows it: the terminal and the agent's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.personal import personal_lines
from orchestration.serving.card.relationship import identity_lines, relationship_lines
from orchestration.serving.card.situational import situational_lines
from orchestration.serving.card.wording import joined, money
from orchestration.serving.reading import base_rate_reason
from orchestration.warehouse.connection import WarehouseError, table_exists

if TYPE_CHECKING:
    import duckdb

Lines = list[tuple[str, str]]
Row = dict[str, Any]
# A number of a system, such as PA-043 or K000141: it says nothing to people.
_CODE = re.compile(r"[A-Z]{1,6}[-_]?\d{2,}\w*")

# What the codes of content, products, campaigns and offers stand for; an offer has the title of its campaign.
TITLES = """
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


@dataclass(frozen=True)
class Contact:
    """One contact. is_inbound: from the customer to us. detail: what it was about, as people call it."""

    happened_at: datetime
    touchpoint: str
    channel: str
    is_inbound: bool
    detail: str
    paid: str
    source_system: str


@dataclass(frozen=True)
class Card:
    """What is shown of a customer. Lines are (label, value); a value may be empty.

    needs: (title, evidence), the most urgent first. actions: (kind, sentence), by rank. as_of: for which all is true.
    """

    customer_key: int
    name: str
    as_of: datetime
    identity: Lines
    relationship: Lines
    personal: Lines
    situational: Lines
    needs: Lines
    actions: Lines
    contacts: list[Contact]


def card_model(
    connection: duckdb.DuckDBPyConnection,
    customer_key: int,
    masked: Callable[[Mapping[str, Any]], Row] = dict,
    purpose: str | None = None,
) -> Card:
    """The card of one customer. Raises KeyError where no customer has this number.

    masked: empties what the reader may not see of a row. purpose: only actions for it.
    """
    customer = with_titles(connection, one_row(connection, "marts.customer_360", customer_key))
    if table_exists(connection, "marts", "customer_timeline"):
        customer |= _last_inbound(connection, customer_key)
    person = one_row(connection, "core.dim_customer", customer_key)
    as_of = customer["as_of"]
    customer["base_rate_reason"] = base_rate_reason(connection)
    customer["stage_is_older"] = _stage_is_older(connection, customer_key)
    customer, person = KnownRow(masked(customer)), KnownRow(masked(person))
    needs = needs_of(connection, customer_key)
    customer["needs"] = [(need, evidence, reason) for need, _, evidence, reason in needs]
    return Card(
        customer_key,
        person["display_name"] or "Name unknown",
        as_of,
        identity_lines(customer, person),
        relationship_lines(customer),
        personal_lines(customer),
        situational_lines(customer),
        [
            (title, joined(evidence, reason and f"no action is proposed: {reason}", by="; "))
            for _, title, evidence, reason in needs
        ],
        action_lines(connection, customer_key, purpose),
        contacts_of(connection, customer_key, most=card_numbers().contacts_shown),
    )


def needs_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> list[tuple[str, str, str, str | None]]:
    """The needs of the customer, first one first: need, title, evidence, and why no action is proposed for it."""
    if not table_exists(connection, "marts", "need_without_action"):
        return []
    return connection.execute(
        """
        select needs.need, needs.title, needs.evidence, unmet.reason
        from marts.customer_need as needs
        left join marts.need_without_action as unmet using (customer_key, need)
        where needs.customer_key = ?
        order by needs.need_rank
        """,
        [customer_key],
    ).fetchall()


def action_lines(connection: duckdb.DuckDBPyConnection, customer_key: int, purpose: str | None = None) -> Lines:
    """The proposed actions by rank: (kind, title with evidence, channel, lawful basis and expected value).

    purpose: only actions for it.
    """
    rows = connection.execute(
        f"""
        select kind, title, evidence, channel, lawful_basis, propensity, expected_value_amount, currency
        from marts.next_best_action
        where customer_key = ? {"and purpose = ?" if purpose else ""}
        order by action_rank
        """,
        [customer_key, *([purpose] if purpose else [])],
    ).fetchall()
    return [
        (kind, f"{title}: {why} (by {channel}, basis: {basis}){_expected_value(*expected)}")
        for kind, title, why, channel, basis, *expected in rows
    ]


def contacts_of(
    connection: duckdb.DuckDBPyConnection,
    customer_key: int,
    *,
    most: int,
    before: datetime | None = None,
    channel: str | None = None,
) -> list[Contact]:
    """The newest contacts first, at most `most`. before: only earlier ones, by default up to the `as of`."""
    rows = connection.execute(
        f"""
        select timeline.happened_at, timeline.touchpoint, coalesce(timeline.channel, 'unknown'),
            timeline.direction = 'inbound', timeline.detail, coded.title, timeline.amount, timeline.currency,
            timeline.source_system
        from marts.customer_timeline as timeline
        left join ({TITLES}) as coded on timeline.detail = coded.code
        where timeline.customer_key = $key
            and timeline.happened_at < coalesce($before, (select max(as_of) from marts.situational_context))
            and ($channel::varchar is null or timeline.channel = $channel)
        order by timeline.happened_at desc, timeline.interaction_key
        limit $most
        """,
        {"key": customer_key, "before": before, "channel": channel, "most": most},
    ).fetchall()
    return [
        Contact(
            at, touchpoint, channel, bool(inbound), title or readable_detail(detail),
            money(amount, currency) if amount is not None else "", system,
        )
        for at, touchpoint, channel, inbound, detail, title, amount, currency, system in rows
    ]  # fmt: skip


def readable_detail(detail: str | None) -> str:
    """What a contact was about, unless it is only the number of a system."""
    return "" if detail is None or _CODE.fullmatch(detail) else detail


def _last_inbound(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Row:
    """The customer's own last contact: what we sent is none. Empty where the customer has never made one."""
    row = connection.execute(
        """
        select touchpoint, channel, happened_at
        from marts.customer_timeline
        where customer_key = ? and direction = 'inbound'
            and happened_at < (select max(as_of) from marts.situational_context)
        order by happened_at desc, interaction_key desc
        limit 1
        """,
        [customer_key],
    ).fetchone()
    return dict(zip(("last_touchpoint", "last_channel", "last_interaction_at"), row or (None,) * 3, strict=True))


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


def _expected_value(propensity: float | None, amount: Decimal | None, currency: str | None) -> str:
    """A propensity and an expected value as natural frequencies; empty where no model gives them."""
    if propensity is None or amount is None:
        return ""
    many = 100 if propensity >= card_numbers().rare_below else 1000
    buyers = round(propensity * many)
    who = f"{buyers} buy" if buyers > 1 else "1 buys" if buyers else "fewer than 1 buys"
    return f"; of {many:,} similar customers, {who} it within 90 days, for {many * amount:,.0f} {currency} in total"


def with_titles(connection: duckdb.DuckDBPyConnection, customer: dict[str, Any]) -> dict[str, Any]:
    """The row with titles in place of the names of its last touchpoint and of the product that is bought again."""

    def title(query: str, name: str | None) -> str | None:
        row = connection.execute(query, [name]).fetchone()
        return row[0] if row and row[0] else name

    touchpoint = title("select title from core.dim_touchpoint where touchpoint = ?", customer.get("last_touchpoint"))
    product = title(f"select title from ({TITLES}) where code = ?", customer.get("revealed_product_id"))
    return KnownRow(customer | {"last_touchpoint": touchpoint, "revealed_product_id": product})


def one_row(connection: duckdb.DuckDBPyConnection, table: str, customer_key: int) -> dict[str, Any]:
    """The row of a customer. Raises KeyError where there is none."""
    cursor = connection.execute(f"select * from {table} as t where t.customer_key = ?", [customer_key])
    row = cursor.fetchone()
    if row is None:
        raise KeyError(customer_key)
    return KnownRow(zip([column[0] for column in cursor.description], row, strict=True))


class KnownRow(dict[str, Any]):
    """A published row. A column that it lacks was added after its publication."""

    def __missing__(self, column: str) -> Any:
        raise WarehouseError(
            f"The published warehouse has no {column}: an earlier version wrote it. Start `context360 run`."
        )
