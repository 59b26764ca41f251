"""Readers of content items, computed from the descriptions of their columns alone; draws readers of one season."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.company import AS_OF, Company, Row
from oracle.engagement import decayed
from oracle.facts import interaction, order

OUTCOME = timedelta(days=90)  # variable content_outcome_days
LEAST_COMPARABLE = 30  # variable content_least_comparable


def draw_readers(company: Company) -> None:
    """Half of all customers meet one to three items within half a year, on the site or in mails; some then buy."""
    draw = company.random
    since, until = AS_OF - timedelta(days=240), AS_OF - timedelta(days=60)
    for customer in [customer for customer in company.customers if company.chance(0.5)] + [-1] * 20:
        for _ in range(draw.choice([1, 1, 2, 3])):
            touchpoint = draw.choice(["web_view", "web_view", "web_view", "email_opened", "email_sent"])
            read_at = company.moment(customer, since, until)
            known_by = draw.choice(["email", "email", "cookie"])
            interaction(
                company, customer, touchpoint, read_at, content_key=draw.randrange(301, 306), identifier_kind=known_by
            )
            if customer > 0 and company.chance(0.2):
                order(company, customer, company.moment(customer, read_at, read_at + timedelta(days=120)))


def _orders(company: Company) -> dict[int, dict[int, tuple[datetime, Decimal]]]:
    """Per customer: the orders before the as of, each with its moment and its amount."""
    found: dict[int, dict[int, tuple[datetime, Decimal]]] = defaultdict(dict)
    for row in company.tables["bridge_interaction_product_line"]:
        if row["purchase_amount"] is not None and row["happened_at"] < AS_OF:
            _, amount = found[row["customer_key"]].get(row["interaction_key"], (None, Decimal(0)))
            found[row["customer_key"]][row["interaction_key"]] = (row["happened_at"], amount + row["purchase_amount"])
    return found


def _touches(company: Company) -> list[Row]:
    """What known customers did with items, oldest first."""
    found = [
        row for row in company.tables["fct_interaction"]
        if row["customer_key"] > 0
        and row["content_key"] > 0
        and row["happened_at"] < AS_OF
        and row["direction"] == "inbound"
    ]  # fmt: skip
    return sorted(found, key=lambda row: row["happened_at"])


def _first_touches(company: Company) -> dict[int, dict[int, Row]]:
    """Per item and known customer: the first touch."""
    found: dict[int, dict[int, Row]] = defaultdict(dict)
    for row in _touches(company):
        found[row["content_key"]].setdefault(row["customer_key"], row)
    return found


def content_engagement(company: Company) -> dict[Any, Row]:
    """Per item: what was earned with it, and what its readers did afterwards."""
    readers = _Readers(company)
    found: dict[Any, Row] = {}
    for item in company.tables["dim_content"]:
        key = item["content_key"]
        touches = [
            row for row in company.tables["fct_interaction"]
            if row["content_key"] == key and row["happened_at"] < AS_OF and row["direction"] == "inbound"
        ]  # fmt: skip
        known = [row for row in touches if row["customer_key"] > 0]
        found[key] = {
            **{name: item[name] for name in ("content_id", "title", "content_kind", "product_line")},
            "interaction_count": len(touches),
            "known_interaction_count": len(known),
            "customer_count": len({row["customer_key"] for row in known}),
            "points_total": sum(row["engagement_points"] for row in touches),
            "points_now": sum(decayed(row["engagement_points"], row["happened_at"], AS_OF) for row in touches),
            **readers.outcome(key),
        }
    return found


class _Readers:
    """The first touches of known customers that are old enough to be judged."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.orders = _orders(company)
        self.first = _first_touches(company)
        self.judged = {
            key: [row for row in touches.values() if row["happened_at"] <= AS_OF - OUTCOME]
            for key, touches in self.first.items()
        }
        self.first_in_way: dict[tuple[object, ...], dict[int, Row]] = defaultdict(dict)
        for row in _touches(company):
            self.first_in_way[self._way(row)].setdefault(row["customer_key"], row)

    def outcome(self, key: int) -> Row:
        """What the judged readers of an item did, beside comparable readers of others."""
        judged = self.judged.get(key, [])
        after = [order for row in judged for order in self._orders_after(row)]
        compared, rates = [], []
        for row in judged:
            others = self._comparable(key, row)
            if len(others) >= LEAST_COMPARABLE:
                compared.append(row)
                rates.append(self._rate(others))
        return {
            "judged_customer_count": len(judged),
            "points_after": sum(self._points_after(row) for row in judged) if judged else None,
            "purchases_after": len(after) if judged else None,
            "amount_after": sum(after, Decimal(0)) if judged else None,
            "purchase_rate": self._rate(judged) if judged else None,
            "compared_customer_count": len(compared),
            "compared_purchase_rate": self._rate(compared) if compared else None,
            "comparable_purchase_rate": sum(rates) / len(rates) if rates else None,
        }

    def _orders_after(self, touch: Row) -> list[Decimal]:
        begin = touch["happened_at"]
        return [
            amount for at, amount in self.orders[touch["customer_key"]].values() if begin <= at < begin + OUTCOME
        ]  # fmt: skip

    def _points_after(self, touch: Row) -> int:
        begin = touch["happened_at"]
        contacts = self.company.of("fct_interaction", touch["customer_key"])
        return sum(row["engagement_points"] for row in contacts if begin <= row["happened_at"] < begin + OUTCOME)

    def _rate(self, touches: list[Row]) -> float:
        return sum(bool(self._orders_after(row)) for row in touches) / len(touches)

    def _way(self, touch: Row) -> tuple[object, ...]:
        """Quarter, channel and kind of identifier."""
        at = touch["happened_at"]
        return at.year, (at.month - 1) // 3, touch["channel_key"], touch.get("identifier_kind")

    def _has_bought_lately(self, touch: Row) -> bool:
        at = touch["happened_at"]
        return any(at - OUTCOME <= moment < at for moment, _ in self.orders[touch["customer_key"]].values())

    def _comparable(self, key: int, touch: Row) -> list[Row]:
        """Customers with another item in the same quarter and way, each from the first touch of any item there."""
        own = self.first[key]
        return [
            row
            for row in self.first_in_way[self._way(touch)].values()
            if row["happened_at"] <= AS_OF - OUTCOME
            and self._has_bought_lately(row) == self._has_bought_lately(touch)
            and (row["customer_key"] not in own or own[row["customer_key"]]["happened_at"] > row["happened_at"])
        ]
