"""Consent, relationship context and segments, computed from the descriptions of their columns alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from oracle.company import (
    AS_OF,
    CHANNEL_KEYS,
    CHANNELS,
    REPORTING_CURRENCY,
    TIME_ZONE,
    Company,
    Row,
    seed,
)

LEAST_PURCHASE_DAYS = 4  # variable rhythm_least_purchase_days
LEAST_CONTACTS = 2  # variable usual_least_contacts
DEFAULT_INTERVAL_DAYS = 180  # variable rhythm_default_days
ON_SITE = {key for key, row in CHANNELS.items() if row["presence"] == "on_site"}


def year_before(moment: datetime) -> datetime:
    """Twelve months earlier."""
    return moment.replace(year=moment.year - 1)


def utc_days(since: datetime, until: datetime) -> int:
    """Days of the calendar (UTC) from one moment to another."""
    return (until.date() - since.date()).days


def most(values: Iterable[tuple[Any, datetime]]) -> Any:
    """The value that occurs most; the more recent one on a tie; None without any."""
    found = list(values)
    numbers = Counter(value for value, _ in found)
    newest = {value: max(moment for other, moment in found if other == value) for value in numbers}
    return max(numbers, key=lambda value: (numbers[value], newest[value]), default=None)


def usual(values: Iterable[tuple[Any, datetime]]) -> Any:
    """The value that occurs most; None where it occurs less often than shows a habit."""
    found = list(values)
    value = most(found)
    return value if sum(other == value for other, _ in found) >= LEAST_CONTACTS else None


def joined(values: Iterable[str]) -> str | None:
    """Distinct words in alphabetical order; None without any."""
    return ", ".join(sorted(set(values))) or None


def customer_consent(company: Company) -> dict[Any, Row]:
    """Per customer, purpose and channel: the strictest of the statements in force."""
    found: dict[Any, Row] = {}
    for row in company.tables["fct_consent"]:
        key = (row["customer_key"], row["purpose"], row["channel"])
        if row["valid_from"] < AS_OF and (row["valid_to"] is None or row["valid_to"] >= AS_OF):
            found.setdefault(key, {"statements": []})["statements"].append(row)
    for group in found.values():
        statements = group.pop("statements")
        granted = {row["is_granted"] for row in statements}
        group.update(
            is_granted=False not in granted,
            is_contradictory=len(granted) > 1,
            lawful_basis=min(row["lawful_basis"] for row in statements),
            changed_at=max(row["changed_at"] for row in statements),
            statement_count=len(statements),
            source_systems=joined(row["source_system"] for row in statements),
        )
    return found


def known_contacts(company: Company, customer: int) -> list[Row]:
    """What happened before the as of."""
    return [row for row in company.of("fct_interaction", customer) if row["happened_at"] < AS_OF]


# The moment of what a customer did, per fact.
ACTS = {
    "fct_interaction": "happened_at", "fct_order_line": "ordered_at", "fct_booking": "started_at",
    "fct_cart_line": "added_at", "fct_complaint": "opened_at", "fct_appointment": "booked_at",
    "fct_survey_answer": "answered_at", "fct_consent": "changed_at", "fct_offer_made": "made_at",
}  # fmt: skip


def first_known_at(company: Company, customer: int) -> datetime | None:
    """The earlier of the first record, as dim_customer has it, and of the first thing that the customer did."""
    moments = [company.one("dim_customer", "customer_key", customer)["first_known_at"]]
    moments += [row.get(moment) for fact, moment in ACTS.items() for row in company.of(fact, customer)]
    return min((moment for moment in moments if moment is not None and moment < AS_OF), default=None)


def know_from_first_acts(company: Company) -> None:
    """Brings the drawn first records in line with the drawn facts, as dim_customer promises."""
    for customer in company.customers:
        company.one("dim_customer", "customer_key", customer)["first_known_at"] = first_known_at(company, customer)


def relationship_context(company: Company) -> dict[Any, Row]:
    """Per customer: rhythm, value and habits."""
    rows = {customer: _purchases(company, customer) for customer in company.customers}
    own = [row["own_interval"] for row in rows.values() if row["own_interval"] is not None]
    usual = median(own) if own else DEFAULT_INTERVAL_DAYS
    for customer, row in rows.items():
        row |= _value(company, customer) | _habits(company, customer) | _lines(company, customer)
        interval = row.pop("own_interval")
        if row["purchase_day_count"] < LEAST_PURCHASE_DAYS:
            interval = usual if row["purchase_day_count"] else None
        row["purchase_interval_days"] = interval
        row["intervals_since_purchase"] = row["recency_days"] / interval if interval else None
    buyers = [row for row in rows.values() if row["purchase_count"]]
    _quintiles(rows, buyers, "recency_score", lambda row: row["last_purchase_at"])
    _quintiles(rows, buyers, "frequency_score", lambda row: row["purchase_count"])
    valued = [row for row in buyers if row["has_value"]]
    _quintiles(rows, valued, "monetary_score", lambda row: row["current_value_amount"])
    for row in rows.values():
        del row["has_value"]
    return rows


def _quintiles(rows: dict[Any, Row], buyers: list[Row], score: str, value: Callable[[Row], Any]) -> None:
    """1 to 5 by the share of the others who have less; equal values have equal scores."""
    for row in rows.values():
        row.setdefault(score, None)
    for row in buyers:
        less = sum(value(other) < value(row) for other in buyers)
        row[score] = min(5, 1 + 5 * less // max(len(buyers) - 1, 1))


def _purchases(company: Company, customer: int) -> Row:
    dimension = company.one("dim_customer", "customer_key", customer)
    known = first_known_at(company, customer)
    moments = sorted(row["happened_at"] for row in known_contacts(company, customer) if row["is_purchase"])
    days = sorted({moment.date() for moment in moments})
    return {
        "first_known_at": known,
        "tenure_days": None if known is None else utc_days(known, AS_OF),
        "loyalty_tier": dimension["loyalty_tier"],
        "loyalty_points": dimension["loyalty_points"],
        "first_purchase_at": moments[0] if moments else None,
        "last_purchase_at": moments[-1] if moments else None,
        "recency_days": utc_days(moments[-1], AS_OF) if moments else None,
        "purchase_count": len(moments),
        "purchase_count_12m": sum(moment >= year_before(AS_OF) for moment in moments),
        "purchase_day_count": len(days),
        "own_interval": Fraction((days[-1] - days[0]).days, len(days) - 1) if len(days) > 1 else None,
    }


def _paid(company: Company, customer: int) -> list[Row]:
    """Order lines and stays before the as of, with one name per column."""
    lines = [
        {**row, "at": row["ordered_at"], "is_return": row["line_kind"] == "return"}
        for row in company.of("fct_order_line", customer)
    ]
    stays = [
        {**row, "at": row["started_at"], "is_return": False, "discount_amount": None, "margin_amount": None}
        for row in company.of("fct_booking", customer)
    ]
    return [row for row in lines + stays if row["at"] < AS_OF]


def _value(company: Company, customer: int) -> Row:
    paid = _paid(company, customer)
    converted = [row for row in paid if row["reporting_rate"] is not None]
    bought = [row for row in converted if not row["is_return"]]
    margins = [row["margin_amount"] * row["reporting_rate"] for row in converted if row["margin_amount"] is not None]
    orders = {row["interaction_key"] for row in bought}
    net = [row["reporting_net_amount"] for row in bought]
    discounts = [(row["discount_amount"] or 0) * row["reporting_rate"] for row in converted]
    year = [row["reporting_net_amount"] for row in converted if row["at"] >= year_before(AS_OF)]
    missing = {row["currency"] for row in paid if row["reporting_rate"] is None}
    return {
        "has_value": bool(converted),
        "current_value_amount": sum((row["reporting_net_amount"] for row in converted), Decimal(0)),
        "value_12m_amount": sum(year, Decimal(0)),
        "discount_amount": sum(discounts, Decimal(0)),
        "returned_amount": -sum((row["reporting_net_amount"] for row in converted if row["is_return"]), Decimal(0)),
        "margin_amount": sum(margins, Decimal(0)) if margins else None,
        "average_purchase_amount": sum(net, Decimal(0)) / len(orders) if orders else None,
        "currency": REPORTING_CURRENCY if paid else None,
        "unconverted_currencies": joined(missing),
    }


def _lines(company: Company, customer: int) -> Row:
    """What was bought and not brought back, by product."""
    lines = [row for row in company.of("fct_order_line", customer) if row["ordered_at"] < AS_OF]
    bought = [row for row in lines if row["line_kind"] == "purchase"]
    returns = [row for row in lines if row["line_kind"] == "return"]
    kept: set[str] = set()
    product_line = {row["product_key"]: row["product_line"] for row in company.tables["dim_product"]}
    for line in {product_line.get(row["product_key"]) for row in bought} - {None}:
        paid = sum(row["net_amount"] for row in bought if product_line.get(row["product_key"]) == line)
        back = [-row["net_amount"] for row in returns if product_line.get(row["product_key"]) == line]
        if not back or sum(back) < paid:
            kept.add(line)
    return {
        "product_count": len({row["product_key"] for row in bought} - {-1, -2}),
        "product_line_count": len(kept),
        "product_lines": joined(kept),
    }


def _habits(company: Company, customer: int) -> Row:
    contacts = known_contacts(company, customer)
    own = [row for row in contacts if row["direction"] == "inbound"]
    zone = ZoneInfo(TIME_ZONE)
    local = [(row["happened_at"].replace(tzinfo=ZoneInfo("UTC")).astimezone(zone), row) for row in own]
    timed = [
        (moment.hour, row["happened_at"])
        for moment, row in local
        if not _is_midnight(moment) and not _is_midnight(row["happened_at"])
    ]
    visits = [
        row for row in own if row["channel_key"] in ON_SITE and (row["took_place"] or row.get("amount") is not None)
    ]
    days = {row["happened_at"].date() for row in visits}
    year = {row["happened_at"].date() for row in visits if row["happened_at"] >= year_before(AS_OF)}
    site_titles = {row["location_key"]: row["site_title"] for row in company.tables["dim_location"]}
    sites = {
        (site_titles[row["location_key"]], row["happened_at"].date()): row["happened_at"]
        for row in sorted(visits, key=lambda row: row["happened_at"])
        if row["location_key"] in site_titles
    }
    calls = CHANNEL_KEYS["call"]
    return {
        "interaction_count": len(contacts),
        "last_interaction_at": max((row["happened_at"] for row in contacts), default=None),
        "usual_channel": usual((CHANNELS[row["channel_key"]]["channel"], row["happened_at"]) for row in own),
        "usual_weekday": usual((moment.isoweekday(), row["happened_at"]) for moment, row in local),
        "usual_hour": usual(timed),
        "on_site_count": len(days),
        "on_site_count_12m": len(year),
        "on_site_share": len(visits) / len(own) if own else None,
        "last_on_site_at": max((row["happened_at"] for row in visits), default=None),
        "usual_location": most((site, newest) for (site, _), newest in sites.items()),
        "call_count": sum(row["channel_key"] == calls for row in own),
    }


def _is_midnight(moment: datetime) -> bool:
    return timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second) == timedelta(0)


def customer_segment(company: Company, relationship: dict[Any, Row], engagement: dict[Any, Row]) -> dict[Any, Row]:
    """The first segment whose bounds the customer keeps."""
    bounds = {
        "recency_score": ("least_recency_score", "most_recency_score"),
        "frequency_score": ("least_frequency_score", None),
        "monetary_score": ("least_monetary_score", None),
        "purchase_count": ("least_purchase_count", "most_purchase_count"),
        "intervals_since_purchase": ("least_intervals", "most_intervals"),
        "points_now": ("least_points", None),
        "tenure_days": (None, "most_tenure_days"),
    }
    found: dict[Any, Row] = {}
    for customer in company.customers:
        values = {**relationship[customer], "points_now": engagement[customer]["points_now"]}
        fitting = [
            segment for segment in seed("segments")
            if all(_within(values[name], segment, *names) for name, names in bounds.items())
        ]  # fmt: skip
        first = min(fitting, key=lambda segment: int(segment["precedence"]), default={"segment": "other"})
        found[customer] = {
            "segment": first["segment"],
            "segment_title": first.get("title"),
            "description": first.get("description"),
            "is_silent_segment": first.get("least_intervals") is not None,
        }
    return found


def _within(value: Any, segment: Row, least: str | None, most_of: str | None) -> bool:
    low, high = segment[least] if least else None, segment[most_of] if most_of else None
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= float(low)) and (high is None or value <= float(high))
