"""The situational context, computed from the descriptions of its columns alone."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Any

from oracle.company import AS_OF, CHANNELS, TOUCHPOINTS, Company, Row
from oracle.personal import open_at
from oracle.relationship import joined, known_contacts, utc_days

DAY = timedelta(hours=24)  # variable situation.contact_hours
CART = timedelta(hours=720)  # variable situation.cart_hours
HALF_AN_HOUR = timedelta(minutes=30)  # variables contact_gap_minutes and situation.in_store_minutes
EARTH_METRES = 6_371_008.8  # mean radius
ONLINE = {key for key, row in CHANNELS.items() if row["presence"] == "online"}
PAGES = {"web_view", "app_view"}


def situational_context(company: Company) -> dict[Any, Row]:
    """Per customer: what they do at the as of."""
    found: dict[Any, Row] = {}
    for customer in company.customers:
        contacts = sorted(known_contacts(company, customer), key=lambda row: row["happened_at"])
        session = _session(company, contacts)
        found[customer] = {
            "as_of": AS_OF,
            **_last_contact(company, contacts),
            **session,
            **_cart(company, customer, is_session_running=session["is_session_running"]),
            **_searches(contacts),
            **_position(company, customer),
            **_visit(company, customer),
            **_product(company, customer),
            **_service(company, customer),
        }
    return found


def _last_contact(company: Company, contacts: list[Row]) -> Row:
    last = contacts[-1] if contacts else None
    devices = {row["device_key"]: row for row in company.tables["dim_device"]}
    used = [row for row in contacts if row["device_key"] in devices]
    device = devices[used[-1]["device_key"]] if used else {}
    return {
        "last_touchpoint": TOUCHPOINTS[last["touchpoint_key"]]["touchpoint"] if last else None,
        "last_channel": CHANNELS[last["channel_key"]]["channel"] if last else None,
        "last_interaction_at": last["happened_at"] if last else None,
        "days_since_last_interaction": utc_days(last["happened_at"], AS_OF) if last else None,
        "interaction_count_7d": sum(row["happened_at"] >= AS_OF - timedelta(days=7) for row in contacts),
        "last_device_class": device.get("device_class"),
        "last_device_operating_system": device.get("operating_system"),
        "last_device_used_at": used[-1]["happened_at"] if used else None,
    }


def _session(company: Company, contacts: list[Row]) -> Row:
    online = [
        row for row in contacts
        if row["channel_key"] in ONLINE and row["direction"] == "inbound" and row["happened_at"] >= AS_OF - DAY
    ]  # fmt: skip
    last = online[-1] if online else None
    rows: list[Row] = []
    for row in reversed(online):
        if last and row["channel_key"] == last["channel_key"]:
            if rows and rows[0]["happened_at"] - row["happened_at"] > HALF_AN_HOUR:
                break
            rows.insert(0, row)
    lines = Counter(
        line for row in rows
        if (line := company.one("dim_product", "product_key", row["product_key"]).get("product_line"))
    )  # fmt: skip
    return {
        "is_session_running": bool(last and AS_OF - last["happened_at"] <= HALF_AN_HOUR),
        "session_channel": CHANNELS[last["channel_key"]]["channel"] if last else None,
        "session_started_at": rows[0]["happened_at"] if rows else None,
        "session_last_at": rows[-1]["happened_at"] if rows else None,
        "session_page_count": sum(TOUCHPOINTS[row["touchpoint_key"]]["touchpoint"] in PAGES for row in rows)
        if rows
        else None,
        "session_product_line": min(lines, key=lambda line: (-lines[line], line), default=None),
    }


def _cart(company: Company, customer: int, *, is_session_running: bool) -> Row:
    orders = [
        row["ordered_at"] for row in company.of("fct_order_line", customer)
        if row["ordered_at"] < AS_OF and row["line_kind"] == "purchase"
    ]  # fmt: skip
    ordered = max(orders, default=datetime.min)
    lines = [
        row for row in company.of("fct_cart_line", customer)
        if AS_OF - CART <= row["added_at"] < AS_OF and row["added_at"] >= ordered
        and (row["state"] != "ordered" or row["state_since"] >= AS_OF)
    ]  # fmt: skip
    amounts = [row["list_amount"] for row in lines if row["list_amount"] is not None]
    currencies = {row["currency"] for row in lines}
    newest = max((row["added_at"] for row in lines), default=None)
    return {
        "cart_line_count": len(lines),
        "cart_amount": sum(amounts, Decimal(0)) if amounts else None,
        "cart_currency": currencies.pop() if len(currencies) == 1 else None,
        "cart_since": min((row["added_at"] for row in lines), default=None),
        "cart_last_added_at": newest,
        "is_cart_abandoned": newest is not None and AS_OF - newest > HALF_AN_HOUR and not is_session_running,
    }


def _searches(contacts: list[Row]) -> Row:
    searches = [
        row for row in contacts
        if TOUCHPOINTS[row["touchpoint_key"]]["touchpoint"] == "web_search" and row["happened_at"] >= AS_OF - DAY
    ]  # fmt: skip
    return {
        "search_count_1d": len(searches),
        "search_terms": joined(row["detail"] for row in searches if row.get("detail")),
    }


def _seen(company: Company, customer: int) -> list[Row]:
    """Stays that reach into the day before the as of, each with its last sighting, the newest last."""
    stays = [
        {**row, "seen_at": min(row["left_at"], AS_OF)}
        for row in company.of("fct_position", customer)
        if row["arrived_at"] < AS_OF and row["left_at"] >= AS_OF - DAY
    ]
    return sorted(stays, key=lambda row: (row["seen_at"], row["arrived_at"]))


def _position(company: Company, customer: int) -> Row:
    stays = _seen(company, customer)
    last = stays[-1] if stays else {}
    nearest: tuple[str | None, float | None] = (None, None)
    if last.get("position_kind") == "beacon":
        nearest = (company.one("dim_location", "location_key", last["location_key"])["site_title"], 0)
    elif last:
        stores = [row for row in company.tables["dim_location"] if row["location_kind"] == "store"]
        nearest = min(((row["title"], _metres(last, row)) for row in stores), key=lambda found: found[1])
    return {
        "position_at": last.get("seen_at"),
        "position_age_seconds": int((AS_OF - last["seen_at"]).total_seconds()) if last else None,
        "position_accuracy_metres": last.get("accuracy_metres"),
        "nearest_store": nearest[0],
        "nearest_store_metres": nearest[1],
    }


def _metres(one: Row, other: Row) -> int:
    """Great-circle distance, by the haversine formula."""
    first, second = radians(one["latitude"]), radians(other["latitude"])
    across = radians(other["longitude"] - one["longitude"])
    half = sin((second - first) / 2) ** 2 + cos(first) * cos(second) * sin(across / 2) ** 2
    return round(2 * EARTH_METRES * asin(sqrt(half)))


def _visit(company: Company, customer: int) -> Row:
    site = {row["location_key"]: row for row in company.tables["dim_location"]}
    stays = [row for row in _seen(company, customer) if row["position_kind"] == "beacon"]
    visit: list[Row] = []
    for row in sorted(stays, key=lambda row: row["arrived_at"]):
        same = visit and site[visit[-1]["location_key"]]["site_title"] == site[row["location_key"]]["site_title"]
        if not same or row["arrived_at"] - visit[-1]["seen_at"] > HALF_AN_HOUR:
            visit = []
        visit.append(row)
    last = visit[-1] if visit else None
    return {
        "is_in_store": bool(last and AS_OF - last["seen_at"] <= HALF_AN_HOUR),
        "visited_store": site[last["location_key"]]["site_title"] if last else None,
        "visited_zone": site[last["location_key"]]["title"] if last else None,
        "visit_started_at": visit[0]["arrived_at"] if last else None,
        "visit_last_seen_at": last["seen_at"] if last else None,
        "visit_dwell_seconds": _seconds(visit[0]["arrived_at"], last["seen_at"]) if last else None,
        "zone_dwell_seconds": _seconds(last["arrived_at"], last["seen_at"]) if last else None,
    }


def _seconds(since: datetime, until: datetime) -> int:
    return int((until - since).total_seconds())


def _product(company: Company, customer: int) -> Row:
    """The product that needs most: one with a fault first, then the lowest battery."""
    states = []
    readings = [row for row in company.of("fct_product_reading", customer) if row["valid_from"] < AS_OF]
    for device in {row["device_key"] for row in readings}:
        rows = sorted((row for row in readings if row["device_key"] == device), key=lambda row: row["valid_from"])
        fault, since = rows[-1]["fault_code"], None
        for row in reversed(rows):
            if fault is None or row["fault_code"] != fault:
                break
            since = row["valid_from"]
        states.append({**rows[-1], "fault_since": since})
    states.sort(key=lambda row: (
        row["fault_code"] is None, row["battery_percent"] is None, row["battery_percent"] or 0,
        AS_OF - row["valid_from"],
    ))  # fmt: skip
    first = states[0] if states else {}
    product = company.one("dim_product", "product_key", first.get("product_key"))
    return {
        "connected_product_count": len(states),
        "connected_product": product.get("title") or product.get("product_id"),
        "battery_percent": first.get("battery_percent"),
        "fault_code": first.get("fault_code"),
        "fault_since": first.get("fault_since"),
        "product_read_at": first.get("valid_from"),
    }


def _last_answer(company: Company, complaint: Row) -> datetime | None:
    """The last answer, after the complaint was reopened if it was; none where the customer still waits."""
    given = [complaint.get("first_answered_at")] + [
        row["happened_at"] for row in company.tables["fct_interaction"]
        if row.get("session_key") == complaint["session_key"] and row["direction"] == "outbound"
    ]  # fmt: skip
    last = max((moment for moment in given if moment is not None and moment < AS_OF), default=None)
    reopened = complaint.get("reopened_at")
    return None if last and reopened and last <= reopened < AS_OF else last


def _service(company: Company, customer: int) -> Row:
    complaints = [row for row in company.of("fct_complaint", customer) if open_at(row, AS_OF)]
    answers = {row["complaint_key"]: _last_answer(company, row) for row in complaints}
    shown = min(complaints, key=lambda row: (answers[row["complaint_key"]] is not None, row["opened_at"]), default={})
    ahead = [
        row for row in company.of("fct_appointment", customer)
        if row["booked_at"] < AS_OF < row["starts_at"]
        and not (row["status"] == "cancelled" and row["changed_at"] < AS_OF)
    ]  # fmt: skip
    following = min(ahead, key=lambda row: row["starts_at"], default={})
    places = {row["location_key"]: row["title"] for row in company.tables["dim_location"]}
    stays = [row for row in company.of("fct_booking", customer) if row["started_at"] < AS_OF < row["ended_at"]]
    return {
        "open_complaint_kind": shown.get("complaint_kind"),
        "open_complaint_since": shown.get("opened_at"),
        "open_complaint_reopened_at": shown.get("reopened_at"),
        "open_complaint_answered_at": answers.get(shown.get("complaint_key")),
        "next_appointment_kind": following.get("appointment_kind"),
        "next_appointment_at": following.get("starts_at"),
        "next_appointment_location": places.get(following.get("location_key")),
        "is_in_house": bool(stays),
        "stay_ends_at": max((row["ended_at"] for row in stays), default=None),
    }
