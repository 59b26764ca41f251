"""How counts, times and names are written on the card."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration.counts import counted


def words(name: str | None) -> str:
    """A name of the warehouse as words: `e_bikes` as `e bikes`; empty for None."""
    return (name or "").replace("_", " ")


def joined(*parts: str | None, by: str = ", ") -> str:
    """The parts that are not empty."""
    return by.join(part for part in parts if part)


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `90th`."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def day(moment: date) -> str:
    """A day: `4 March 2025`."""
    return f"{moment.day} {moment:%B %Y}"


def duration(time: timedelta) -> str:
    """A duration in the largest unit of which it has two: `40 minutes`, `3 hours`, `12 days`."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 2 * 24 * 60 else counted(minutes // (24 * 60), "day")


def ago(moment: datetime, now: datetime) -> str:
    """`3 hours ago`, or `just now` within a minute; from two days on, days of the calendar, as recency has them."""
    time = now - moment
    if time < timedelta(minutes=1):
        return "just now"
    if time < timedelta(days=2):
        return f"{duration(time)} ago"
    return f"{counted((now.date() - moment.date()).days, 'day')} ago"


# Digits after the decimal point of the currencies that do not have two (ISO 4217, table A.1).
_DIGITS = {0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 3: "BHD IQD JOD KWD LYD OMR TND"}


def money(amount: Decimal | float, currency: str | None) -> str:
    """An amount as its currency writes it: `1,234.50 EUR`, `10,000 JPY`; without its sign where it rounds to zero."""
    digits = next((digits for digits, codes in _DIGITS.items() if currency in codes.split()), 2)
    text = f"{amount:,.{digits}f}"
    return f"{text.lstrip('-') if not text.strip('-0.,') else text} {currency or ''}".rstrip()


def no_profile(customer: dict[str, Any]) -> str:
    """Why nothing is derived from the customer's behaviour; empty where it may be. customer: a row of customer_360."""
    reason: str | None = customer["no_profile_reason"]
    if not reason:
        return ""
    if customer["profiling_answer"] == "refused" and customer["profiling_answered_at"]:
        return f"{reason} (refused on {day(customer['profiling_answered_at'])})"
    return f"{reason} ({customer['profiling_answer']})"
