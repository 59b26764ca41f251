"""The situational context: labels and values of the card."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from orchestration.counts import counted
from orchestration.serving.card.numbers import card_numbers, operating_system
from orchestration.serving.card.wording import ago, day, duration, joined, money, words


def situational_lines(customer: dict[str, Any]) -> list[tuple[str, str]]:
    """What the customer is doing at the `as of`. customer: a row of customer_360 or situational_context."""
    now = customer["as_of"]
    last = ""
    if customer["last_interaction_at"]:
        since = ago(customer["last_interaction_at"], now)
        channel = f" ({customer['last_channel']})" if customer["last_channel"] not in (None, "unknown") else ""
        last = f"{words(customer['last_touchpoint'])}{channel}, {since}"
    searched = ""
    if customer["search_terms"]:
        searched = f"{customer['search_terms']} ({counted(customer['search_count_1d'], 'time')} in the last day)"
    need = f"{words(customer['need'])}: {customer['need_evidence']}" if customer["need"] else "none detected"
    # Beside the present moment, the needs are listed with what follows from them.
    needs = [_need(*one) for one in customer.get("needs") or []] or [need]
    if customer["no_profile_reason"]:
        needs[0] += f" (needs of interest are not looked for: {customer['no_profile_reason']})"
    return [
        ("As of", f"{day(now)} {now:%H:%M} UTC"),
        ("Need", needs[0]),
        ("Further needs", "; ".join(needs[1:])),
        ("Last contact", last),
        ("Staying", f"until {day(customer['stay_ends_at'])}" if customer["is_in_house"] else ""),
        ("In store", _visit(customer)),
        ("Session", _session(customer)),
        ("Cart", _cart(customer)),
        ("Searches", searched),
        ("Position", _position(customer)),
        ("Product", _product(customer)),
        ("Complaint", _complaint(customer)),
        ("Appointment", _appointment(customer)),
    ]


def _need(need: str, evidence: str, not_proposed: str | None) -> str:
    why_not = f" (no action: {not_proposed})" if not_proposed else ""
    return f"{words(need)}: {evidence}{why_not}"


def _visit(customer: dict[str, Any]) -> str:
    if not customer["visited_store"]:
        return ""
    where = joined(customer["visited_store"], customer["visited_zone"] and f"zone {words(customer['visited_zone'])}")
    seen = ago(customer["visit_last_seen_at"], customer["as_of"])
    if not customer["is_in_store"]:
        return f"was in {where} {seen}"
    dwell = customer["visit_dwell_seconds"]
    stayed = f", {duration(timedelta(seconds=dwell))} so far" if dwell >= card_numbers().dwell_shown_seconds else ""
    return f"in {where}, last seen {seen}{stayed}"


def _session(customer: dict[str, Any]) -> str:
    system = operating_system(customer["last_device_operating_system"])
    device = joined(customer["last_device_class"], system, by=" with ")
    if not customer["session_channel"]:
        if not device:
            return ""
        return (
            f"none in the last day; the last on a {device}, {ago(customer['last_device_used_at'], customer['as_of'])}"
        )
    place = "in the app" if customer["session_channel"] == "app" else "on the site"
    line = customer["session_product_line"]
    return joined(
        f"{place} now, for {duration(customer['as_of'] - customer['session_started_at'])}"
        if customer["is_session_running"]
        else f"was {place} {ago(customer['session_last_at'], customer['as_of'])}",
        counted(customer["session_page_count"], "page") if customer["session_page_count"] else None,
        f"mostly {words(line)}" if line else None,
        f"on a {device}" if device else None,
    )


def _cart(customer: dict[str, Any]) -> str:
    if not customer["cart_line_count"]:
        return ""
    worth = ""
    if customer["cart_amount"] is not None:
        worth = f" worth {money(customer['cart_amount'], customer['cart_currency'])}"
    state = "abandoned" if customer["is_cart_abandoned"] else "being filled"
    since = ago(customer["cart_last_added_at"], customer["as_of"])
    return f"{counted(customer['cart_line_count'], 'product')}{worth}, {state}; the last one added {since}"


def _position(customer: dict[str, Any]) -> str:
    if not customer["nearest_store"] or customer["visited_store"] == customer["nearest_store"]:
        return ""
    metres = customer["nearest_store_metres"]
    distance = f"{metres:,.0f} m" if metres < 1000 else f"{metres / 1000:,.1f} km"
    accuracy = customer["position_accuracy_metres"]
    exact = f" (accurate to {accuracy} m)" if accuracy is not None else ""
    seen = ago(customer["as_of"] - timedelta(seconds=customer["position_age_seconds"]), customer["as_of"])
    return f"{seen}, {distance} from {customer['nearest_store']}, the nearest store{exact}"


def _product(customer: dict[str, Any]) -> str:
    if not customer["connected_product_count"]:
        return ""
    state = joined(
        f"fault {customer['fault_code']} since {day(customer['fault_since'])}" if customer["fault_code"] else None,
        f"battery at {customer['battery_percent']} %" if customer["battery_percent"] is not None else None,
    )
    read = ago(customer["product_read_at"], customer["as_of"])
    others = customer["connected_product_count"] - 1
    more = f"; {counted(others, 'other connected product')}" if others else ""
    return f"{customer['connected_product'] or 'connected product'}: {state or 'no fault'} (reported {read}){more}"


def _complaint(customer: dict[str, Any]) -> str:
    if not customer["open_complaint_since"]:
        return ""
    again, answered = customer["open_complaint_reopened_at"], customer["open_complaint_answered_at"]
    return joined(
        words(customer["open_complaint_kind"]) or "complaint",
        f"open since {day(customer['open_complaint_since'])}",
        f"reopened on {day(again)}" if again else None,
        f"answered on {day(answered)}" if answered else "waits for an answer",
    )


def _appointment(customer: dict[str, Any]) -> str:
    if not customer["next_appointment_at"]:
        return ""
    place = f" in {customer['next_appointment_location']}" if customer["next_appointment_location"] else ""
    kind = words(customer["next_appointment_kind"]) or "appointment"
    return f"{kind} on {day(customer['next_appointment_at'])} at {customer['next_appointment_at']:%H:%M} UTC{place}"
