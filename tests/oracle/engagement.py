"""Engagement points and stages, computed from the descriptions of their columns alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from oracle.company import AS_OF, TOUCHPOINTS, Company, Row, is_true, seed
from oracle.relationship import first_known_at

HALF_LIFE_DAYS = 90  # variable engagement_half_life_days
HISTORY_YEARS = 3  # variable stage_history_years


def decayed(points: float, happened_at: datetime, at: datetime) -> float:
    """Points worth half after each half-life, by days of the calendar; nothing before they were earned."""
    days = (at.date() - happened_at.date()).days
    return round(points * 0.5 ** (days / HALF_LIFE_DAYS), 6) if happened_at < at else 0.0


def customer_engagement(company: Company) -> dict[Any, Row]:
    """Per customer: points with and without decay."""
    bands = sorted(seed("engagement_bands"), key=lambda band: float(band["least_points"]))
    found: dict[Any, Row] = {}
    for customer, contacts in company.per_customer("fct_interaction"):
        earning = [row for row in contacts if row["engagement_points"] > 0 and row["happened_at"] < AS_OF]
        by_touchpoint: dict[str, float] = defaultdict(float)
        for row in earning:
            name = TOUCHPOINTS[row["touchpoint_key"]]["title"]
            by_touchpoint[name] += decayed(row["engagement_points"], row["happened_at"], AS_OF)
        points = sum(by_touchpoint.values())
        earlier = AS_OF - timedelta(days=90)
        found[customer] = {
            "exchange_count": len(earning),
            "points_total": sum(row["engagement_points"] for row in earning),
            "points_now": points,
            "points_90d_ago": sum(decayed(row["engagement_points"], row["happened_at"], earlier) for row in earning),
            "engagement_band": [band["band"] for band in bands if points >= float(band["least_points"])][-1],
            "main_touchpoint": min(
                by_touchpoint, key=lambda name: (-round(by_touchpoint[name], 6), name), default=None
            ),
            "last_exchange_at": max((row["happened_at"] for row in earning), default=None),
        }
    return found


def _months(first_known_at: datetime | None, contacts: list[Row]) -> list[datetime]:
    """First days of the months from that in which the customer is first known or acts to the present one."""
    moments = [first_known_at, *(row["happened_at"] for row in contacts if row["happened_at"] < AS_OF)]
    begun = min((moment for moment in moments if moment is not None), default=AS_OF + timedelta(days=1))
    month = datetime(begun.year, begun.month, 1)
    months = []
    while month <= AS_OF and begun < AS_OF:
        months.append(month)
        month = _next(month)
    return months


def _next(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _measures(contacts: list[Row], month: datetime) -> dict[str, int]:
    """What a month and the eleven before it hold, up to the as of."""
    end = _next(month)
    year = [row for row in contacts if end.replace(year=end.year - 1) <= row["happened_at"] < min(end, AS_OF)]
    exchanges = [row for row in year if row["is_exchange"]]
    return {
        "months_known": 0,
        "exchange_days": len({row["happened_at"].date() for row in exchanges}),
        "trusted_acts": sum(
            row["is_purchase"] or is_true(TOUCHPOINTS[row["touchpoint_key"]]["is_trusted_act"]) for row in exchanges
        ),
        "purchases": sum(row["is_purchase"] for row in year),
    }


def customer_stage(company: Company) -> dict[Any, Row]:
    """Per customer and beginning of a period: the stage, entered at one bound and left below another."""
    stages = sorted(seed("relationship_stages"), key=lambda stage: int(stage["stage_rank"]))
    begin = datetime(AS_OF.year - HISTORY_YEARS, AS_OF.month, 1)
    found: dict[Any, Row] = {}
    for customer, contacts in company.per_customer("fct_interaction"):
        rank = 0
        last: Row = {}
        known = first_known_at(company, customer)
        for month in _months(known, contacts):
            measures = _measures(contacts, month)
            held = [
                number for number, stage in enumerate(stages, start=1)
                if measures[stage["measure"]] >= int(stage["leaves_below" if number <= rank else "enters_at"])
            ]  # fmt: skip
            rank = max(held)
            stage = stages[rank - 1]
            previous = last.get("stage")
            if month < begin or previous == stage["stage"]:
                continue
            if last:
                last |= {"valid_to": month, "is_current": False}
            last = found[customer, month] = {
                "stage": stage["stage"], "stage_rank": rank, "stage_title": stage["title"], "previous_stage": previous,
                "valid_to": None, "is_current": True,
            }  # fmt: skip
    return found
