"""Draws what is going on around the as of: visits to site and store, carts, readings, positions and appointments."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oracle.company import AS_OF, Company, Row
from oracle.dimensions import ZONES
from oracle.facts import contact, device_of, interaction

PAGES = {"web": ["web_view", "web_view", "web_search", "web_cart"], "app": ["app_view", "app_view", "app_open"]}
TERMS = ["bell", "lamp", "tyre"]


def draw_situations(company: Company) -> None:
    """Fills sessions, searches, carts, readings, positions and appointments."""
    for customer in company.customers:
        for _ in range(company.random.choice([0, 0, 1, 2])):
            _session(company, customer)
        if company.chance(0.4):
            _cart(company, customer)
        for device in company.of("dim_device", customer):
            if device["device_kind"] == "product" and company.chance(0.5):
                _readings(company, customer, device)
        if company.chance(0.3):
            _track(company, customer)
        for hours_ago in (30, 24, 3, 0):
            if company.chance(0.2):
                _visit(company, customer, AS_OF - timedelta(hours=hours_ago))
        for _ in range(company.random.choice([0, 0, 1, 2])):
            _appointment(company, customer)
        if company.chance(0.2):
            _conversation(company, customer)
        if company.chance(0.2):
            _call(company, customer)


def recent(company: Company, customer: int) -> datetime:
    """A moment around the present: minutes, hours or days ago, seldom in an hour."""
    span = company.random.choice([timedelta(minutes=40), timedelta(hours=26), timedelta(days=33)])
    if company.chance(0.05):
        return company.moment(customer, AS_OF, AS_OF + timedelta(hours=1))
    return company.moment(customer, AS_OF - span, AS_OF)


def _session(company: Company, customer: int) -> None:
    draw = company.random
    channel = draw.choice(["web", "web", "app"])
    begin, key, device = recent(company, customer), company.new_key(), device_of(company, customer)
    for position in range(draw.randrange(1, 6)):
        moment = company.moment(
            customer, begin + timedelta(minutes=4 * position), begin + timedelta(minutes=4 * position + 3)
        )
        touchpoint = draw.choice(PAGES[channel])
        if touchpoint == "web_search":
            interaction(
                company, customer, touchpoint, moment, session_key=key, device_key=device, detail=draw.choice(TERMS)
            )
        else:
            contact(company, customer, touchpoint, moment, session_key=key, device_key=device)


def _cart(company: Company, customer: int) -> None:
    draw = company.random
    cart = company.new_key()
    for _ in range(draw.randrange(1, 4)):
        added = recent(company, customer)
        state = draw.choice(["open", "open", "ordered", "abandoned"])
        since = added if state == "open" else added + timedelta(minutes=draw.randrange(1, 60 * 24 * 3))
        company.add(
            "fct_cart_line", cart_line_key=company.new_key(), cart_key=cart, customer_key=customer, device_key=-2,
            product_key=draw.randrange(201, 213), added_at=added, state=state, is_open=state == "open",
            state_since=since, quantity=1, currency=draw.choice(["EUR", "EUR", "EUR", "USD"]),
            list_amount=draw.choice([None, Decimal(10), Decimal("29.5")]),
        )  # fmt: skip


def _readings(company: Company, customer: int, device: Row) -> None:
    draw = company.random
    moments = sorted({recent(company, customer) for _ in range(draw.randrange(1, 6))})
    faults = [draw.choice([None, None, "E1", "E2"]) for _ in moments]
    ridden, distance = draw.choice([0, 500, 1_900, 5_000]), 0
    for moment, end, fault in zip(moments, [*moments[1:], None], faults, strict=True):
        distance += draw.randrange(300)
        company.add(
            "fct_product_reading", product_reading_key=company.new_key(), customer_key=customer,
            device_key=device["device_key"], product_key=device["product_key"], valid_from=moment, valid_to=end,
            battery_percent=draw.choice([None, *range(101)]), fault_code=fault, source_system="shop",
            odometer_km=draw.choice([None, float(ridden + distance), float(ridden + distance)]),
        )  # fmt: skip


def _track(company: Company, customer: int) -> None:
    """A stay seen by coordinates, near a store or far from all."""
    draw = company.random
    arrived = recent(company, customer)
    company.add(
        "fct_position", position_key=company.new_key(), customer_key=customer, device_key=device_of(company, customer),
        location_key=-2, arrived_at=arrived, left_at=arrived + timedelta(minutes=draw.randrange(20)),
        position_kind="gps", latitude=52 + draw.random(), longitude=5 + draw.random() / 5,
        accuracy_metres=draw.choice([5, 50]), sighting_count=2,
    )  # fmt: skip


def _visit(company: Company, customer: int, until: datetime) -> None:
    """A visit to a store as beacons see it: one zone after the other, without a pause."""
    draw = company.random
    arrived = company.moment(customer, until - timedelta(minutes=60), until)
    store = draw.choice([101, 101, 102, 103])
    zones = [zone for zone, site in ZONES.items() if site == store]
    draw.shuffle(zones)
    for zone in zones:
        left = arrived + timedelta(minutes=draw.randrange(0, 10))
        stay: dict[str, Any] = {"arrived_at": arrived, "left_at": left}
        company.add(
            "fct_position", position_key=company.new_key(), customer_key=customer,
            device_key=device_of(company, customer), location_key=zone, position_kind="beacon", sighting_count=2,
            dwell_seconds=int((left - arrived).total_seconds()), **stay,
        )  # fmt: skip
        arrived = left


def _appointment(company: Company, customer: int) -> None:
    draw = company.random
    booked = recent(company, customer)
    starts = company.moment(customer, AS_OF - timedelta(days=1), AS_OF + timedelta(days=9))
    status = draw.choice(["planned", "planned", "cancelled"]) if starts > AS_OF else draw.choice(["kept", "missed"])
    company.add(
        "fct_appointment", appointment_key=company.new_key(), customer_key=customer,
        location_key=draw.choice([101, 104, -2]), appointment_kind=draw.choice(["fitting", "repair"]), status=status,
        booked_at=booked, starts_at=starts,
        changed_at=company.moment(customer, AS_OF - timedelta(hours=9), AS_OF + timedelta(hours=9)),
    )  # fmt: skip


def _conversation(company: Company, customer: int) -> None:
    """A chat of some messages, of which the firm's may be answered late or never."""
    begin, key = recent(company, customer), company.new_key()
    for number in range(company.random.randrange(1, 5)):
        since = begin + timedelta(minutes=9 * number)
        moment = company.moment(customer, since, since + timedelta(minutes=8))
        touchpoint = "chat_started" if number == 0 else company.random.choice(["chat_inbound", "chat_outbound"])
        interaction(company, customer, touchpoint, moment, session_key=key)


def _call(company: Company, customer: int) -> None:
    """A call to the firm that reaches no one, or ends with a promise."""
    outcome = company.random.choice(["callback", "CallBack", "abandoned", "solved"])
    interaction(
        company, customer, "call_inbound", recent(company, customer), outcome=outcome, detail="advice",
        took_place=outcome != "abandoned",
    )  # fmt: skip
