"""Who the customer is, and the relationship context: labels and values of the card."""

from __future__ import annotations

import calendar
from typing import Any

from orchestration.counts import counted
from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.wording import day, joined, money, no_profile, words
from orchestration.serving.report_page import percent


def identity_lines(customer: dict[str, Any], person: dict[str, Any]) -> list[tuple[str, str]]:
    """Name, address and records. customer: a row of customer_360; person: of dim_customer."""
    address = joined(
        joined(person["street"], person["house_number"], by=" "),
        joined(person["postal_code"], person["city"], by=" "),
        person["region"],
        person["country"],
    )
    born = day(person["birth_date"]) if person["birth_date"] else ""
    records = f"{counted(customer['source_record_count'], 'record')} in {customer['source_systems']}"
    probability = customer["match_probability"]
    return [
        ("Born", joined(born, person["gender"]) if born else ""),
        ("Gender", person["gender"] or "" if not born else ""),
        ("Contact", joined(person["email"], person["phone"])),
        ("Address", address),
        ("Occupation", words(person["occupation"])),
        ("Loyalty", joined(
            person["loyalty_number"],
            f"tier {person['loyalty_tier']}" if person["loyalty_tier"] else None,
            counted(person["loyalty_points"], "point") if person["loyalty_points"] is not None else None,
        )),
        ("Records", records + ("" if probability == 1 else f" (link probability {percent(probability)})")),
    ]  # fmt: skip


def relationship_lines(customer: dict[str, Any]) -> list[tuple[str, str]]:
    """Purchases, value, forecast and usual contact. customer: a row of customer_360."""
    currency = customer["currency"] or ""
    weekday = calendar.day_name[customer["usual_weekday"] - 1] if customer["usual_weekday"] else None
    hour = f"at {customer['usual_hour']}:00" if customer["usual_hour"] is not None else None
    closed = no_profile(customer)
    scores = [customer[score] for score in ("recency_score", "frequency_score", "monetary_score")]
    return [
        ("Known since", day(customer["first_known_at"]) if customer["first_known_at"] else "unknown"),
        ("Stage", closed or _stage(customer)),
        ("Purchases", _purchases(customer)),
        ("Rhythm", closed or _rhythm(customer)),
        ("Product lines", words(customer["product_lines"])),
        ("Value", _value(customer)),
        ("Forecast", closed or _forecast(customer, currency)),
        ("Scores", closed or ("recency {}, frequency {}, value {} (5 is best)".format(*scores) if all(scores) else "")),
        ("Usual contact", closed or joined(customer["usual_channel"], weekday, hour)),
        ("On site", _on_site(customer)),
    ]  # fmt: skip


def _purchases(customer: dict[str, Any]) -> str:
    if not customer["purchase_count"]:
        return "none yet"
    days = customer["purchase_day_count"]
    on_days = f" on {counted(days, 'day')}" if days and days < customer["purchase_count"] else ""
    last = f"the last {counted(customer['recency_days'], 'day')} ago"
    return (
        f"{counted(customer['purchase_count'], 'purchase')}{on_days}, {last} "
        f"({day(customer['last_purchase_at'])}); {customer['purchase_count_12m']} in the last 12 months"
    )


def _rhythm(customer: dict[str, Any]) -> str:
    """How long the customer is silent for; where segment and forecast seem to contradict each other, why both hold."""
    interval, silent, alive = (
        customer[column] for column in ("purchase_interval_days", "intervals_since_purchase", "probability_alive")
    )
    if interval is None or silent is None:
        return ""
    rhythm = f"silent for {silent:.1f} times the usual {counted(round(interval), 'day')} between purchases"
    if alive is None:
        return rhythm
    is_active = alive >= card_numbers().active_from
    if customer["is_silent_segment"] and is_active:
        return (
            f"{rhythm}, so {words(customer['segment'])}; yet {percent(alive)} likely still active: "
            "others bought again after such a pause"
        )
    if not customer["is_silent_segment"] and not is_active:
        return (
            f"{rhythm}, so {words(customer['segment'])}; yet only {percent(alive)} likely still active: "
            "few others bought again after such a pause"
        )
    return rhythm


def _value(customer: dict[str, Any]) -> str:
    """What the customer paid, less returns; empty before the first payment."""
    if not customer["purchase_count"] and not customer["returned_amount"]:
        return ""
    # An amount of zero beside purchases looks like a fault, unless it says where they went.
    returned, is_all_returned = customer["returned_amount"], customer["current_value_amount"] <= 0
    after = f" after returns of {money(returned, customer['currency'])}" if returned and is_all_returned else ""
    paid = (
        f"{money(customer['current_value_amount'], customer['currency'])}{after}, of which "
        f"{money(customer['value_12m_amount'], customer['currency'])} in the last 12 months"
    )
    without_rate = customer["unconverted_currencies"]
    return f"{paid}, without the amounts in {without_rate} (no exchange rate)" if without_rate else paid


def _on_site(customer: dict[str, Any]) -> str:
    if not customer["on_site_count"]:
        return ""
    place = f", mostly {customer['usual_location']}" if customer["usual_location"] else ""
    return (
        f"{counted(customer['on_site_count'], 'visit')}, {customer['on_site_count_12m']} in the last 12 months{place}"
    )


def _forecast(customer: dict[str, Any], currency: str) -> str:
    """What the models expect; the base rate where they abstain; empty where there is no forecast."""
    if customer["value_basis"] == "models disagree":
        return "none: two models contradict each other about a purchase within 90 days"
    purchases, value = customer["expected_purchases_12m"], customer["expected_value_12m_amount"]
    if purchases is None:
        return ""
    # An expected number is no probability: 0.57 purchases are not a purchase with 57 %.
    decimals = 1 if purchases >= card_numbers().decimal_purchases_from else 2
    days = "days with a purchase" if customer["purchase_day_count"] != customer["purchase_count"] else "purchases"
    expected = f"{purchases:.{decimals}f} {days} and {value:,.0f} {currency} in the next 12 months"
    if customer["value_basis"] != "model":
        return f"{expected}: base rate, the same for everyone. {customer['base_rate_reason']}"
    alive = customer["probability_alive"]
    still = "whether still active is unknown" if alive is None else f"{percent(alive)} likely still active"
    parts = [expected, still]
    if customer["next_purchase_date"]:
        parts.append(f"if so, 50 % likely to buy by {day(customer['next_purchase_date'])}")
    if customer["purchase_probability_90d"] is not None:
        parts.append(f"{percent(customer['purchase_probability_90d'])} likely to buy within 90 days")
    if customer["likely_product_line"]:
        chance = percent(customer["likely_product_line_probability"])
        parts.append(f"{words(customer['likely_product_line'])}: {chance} within 90 days")
    return "; ".join(parts)


def _stage(customer: dict[str, Any]) -> str:
    if not customer["stage"]:
        return ""
    # The trend is that of the points as they are shown: 0.2 points that were 0.4 are 0 points, and not falling.
    points, before = round(customer["engagement_points"]), round(customer["engagement_points_90d_ago"])
    share = card_numbers().trend_share
    earlier = " or earlier" if customer["stage_is_older"] else ""
    trend = "rising" if points > before * (1 + share) else "falling" if points < before * (1 - share) else "steady"
    return (
        f"{customer['stage']} since {customer['stage_since']:%B %Y}{earlier}; "
        f"{counted(points, 'engagement point')} ({words(customer['engagement_band'])}, {trend}); "
        f"segment: {words(customer['segment'])}"
    )
