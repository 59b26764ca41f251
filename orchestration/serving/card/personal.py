"""The personal context: labels and values of the card."""

from __future__ import annotations

from typing import Any

from orchestration.counts import counted
from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.wording import day, joined, no_profile, ordinal, words
from orchestration.serving.report_page import percent

_CONSENT = {True: "consent given", False: "refused", None: "never asked"}


def personal_lines(customer: dict[str, Any]) -> list[tuple[str, str]]:
    """Satisfaction, complaints, preferences and consent. customer: a row of customer_360."""
    stated, closed = customer["stated_satisfaction"], no_profile(customer)
    return [
        ("Satisfaction", _satisfaction(customer)),
        ("Last text", f"“{customer['last_verbatim']}”" if customer["last_verbatim"] else ""),
        ("Stated", f"satisfaction {stated}" if stated else ""),
        ("Tone, influence", closed),
        ("Recommends us", _recommendation(customer)),
        ("Complaints", _complaints(customer)),
        ("Prefers", _preference(customer["revealed_product_line"], customer["stated_product_lines"], closed)),
        ("Content", closed or customer["revealed_content"] or ""),
        ("Channels", _preference(customer["revealed_channel"], customer["stated_channels"], closed)),
        ("Buys again", closed or customer["revealed_product_id"] or ""),
        ("Marketing", f"e-mail: {_CONSENT[customer['has_email_marketing_consent']]}"),
        ("Profiling", closed or _profiling(customer)),
    ]


def _satisfaction(customer: dict[str, Any]) -> str:
    measured = ""
    if count := customer["opinion_count"]:
        answers = "answer or review" if count == 1 else "answers and reviews"
        measured = f"{percent(customer['average_satisfaction'])} from {count} {answers}"
        if trend := customer["satisfaction_trend"]:
            measured += f"; the last one {'better' if trend > 0 else 'worse'} than before"
    tone = ""
    if (sentiment := customer["average_sentiment"]) is not None:
        least = card_numbers().tone_from
        kind = "positive" if sentiment > least else "negative" if sentiment < -least else "mixed"
        tone = f"tone {kind} ({counted(customer['verbatim_count'], 'text')})"
    return joined(measured, tone, by="; ")


def _recommendation(customer: dict[str, Any]) -> str:
    brought, percentile = customer["referral_count"], customer["influence_percentile"]
    return joined(
        customer["nps_class"],
        f"brought {counted(brought, 'customer')}" if brought else None,
        f"influence: {ordinal(round(percentile))} percentile" if percentile is not None else None,
        "ambassador" if customer["is_ambassador"] else None,
    )


def _complaints(customer: dict[str, Any]) -> str:
    if not customer["complaint_count"]:
        return ""
    last = f"{words(customer['last_complaint_kind'])} on {day(customer['last_complaint_at'])}"
    return f"{customer['complaint_count']}, {customer['open_complaint_count'] or 'none'} open; the last: {last}"


def _preference(revealed: str | None, stated: str | None, closed: str) -> str:
    """What a customer does beside what they say. closed: why what they do is not looked at."""
    return joined(
        f"revealed: {closed or words(revealed)}" if revealed or closed else None,
        f"stated: {words(stated)}" if stated else None,
        by="; ",
    )


def _profiling(customer: dict[str, Any]) -> str:
    if not customer["profiling_answered_at"]:
        return customer["profiling_answer"] or ""
    return f"{customer['profiling_answer']} on {day(customer['profiling_answered_at'])}"
