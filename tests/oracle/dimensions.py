"""Draws the dimensions: customers, products, places, devices, content, campaigns and offers."""

from __future__ import annotations

from datetime import timedelta

from oracle.company import AS_OF, HISTORY, Company

LINES = ["bikes", "clothing", "parts", "service"]
STORES = [101, 102, 103]
ZONES = {111: 101, 112: 101, 121: 102, 131: 103}
WORKSHOP = 104
DEVICE_CLASSES = ["desktop", "mobile", "tablet"]


def draw_dimensions(company: Company) -> None:
    """Fills the dimensions that facts refer to."""
    _products(company)
    _places(company)
    _content(company)
    _campaigns(company)
    for customer in company.customers:
        _customer(company, customer)
        _devices(company, customer)


def _products(company: Company) -> None:
    for number in range(1, 13):
        line = LINES[number % 4] if number < 12 else None
        company.add(
            "dim_product", product_key=200 + number, product_id=f"p{number}", product_line=line,
            title=f"Product {number}" if line else None, price_amount=10 * number, currency="EUR",
        )  # fmt: skip


def _places(company: Company) -> None:
    for number, key in enumerate(STORES):
        company.add(
            "dim_location", location_key=key, location_id=f"s{key}", location_kind="store", title=f"Store {key}",
            site_location_key=key, site_title=f"Store {key}", latitude=52.0 + number * 0.3,
            longitude=5.0 + number * 0.1, is_described=True,
        )  # fmt: skip
    company.add(
        "dim_location", location_key=WORKSHOP, location_id="w1", location_kind="workshop", title="Workshop",
        site_location_key=WORKSHOP, site_title="Workshop", latitude=52.9, longitude=5.05, is_described=True,
    )  # fmt: skip
    for key, store in ZONES.items():
        site = company.one("dim_location", "location_key", store)
        company.add(
            "dim_location", location_key=key, location_id=f"z{key}", location_kind="zone", title=f"Zone {key}",
            site_location_key=store, site_title=site["title"], latitude=site["latitude"],
            longitude=site["longitude"], is_described=True,
        )  # fmt: skip


def _content(company: Company) -> None:
    for number in range(1, 6):
        company.add(
            "dim_content", content_key=300 + number, content_id=f"c{number}", title=f"Content {number}",
            content_kind="page", product_line=LINES[number % 4] if number < 5 else None, is_described=True,
        )  # fmt: skip


def _campaigns(company: Company) -> None:
    for number in range(1, 4):
        company.add(
            "dim_campaign", campaign_key=400 + number, campaign_id=f"k{number}", title=f"Campaign {number}",
            product_line=LINES[number] if number < 3 else None, channel_key=3, is_described=True,
        )  # fmt: skip
    for number in range(1, 7):
        begins = (AS_OF - timedelta(days=company.random.randrange(0, 90))).date()
        product = 200 + number % 3 + 1 if number < 6 else -2
        company.add(
            "dim_offer", offer_key=500 + number, offer_id=f"o{number}", campaign_key=400 + number % 3 + 1,
            product_key=product, names_products=product > 0, product_line=None, channel_key=3,
            discount_percent=5 * (number % 4), valid_from=begins, is_described=True,
            valid_to=None if number % 3 == 0 else begins + timedelta(days=company.random.randrange(5, 60)),
        )  # fmt: skip
        if product > 0:
            company.add("bridge_offer_product", offer_key=500 + number, product_key=product)


def _customer(company: Company, customer: int) -> None:
    draw = company.random
    company.add(
        "dim_customer", customer_key=customer, display_name=f"Customer {customer}",
        first_known_at=None if company.chance(0.03)
        else AS_OF - timedelta(days=draw.choice([20, 200, 900, HISTORY.days]) * draw.random(), seconds=7),
        loyalty_tier=draw.choice([None, "silver", "gold"]), loyalty_points=draw.choice([None, 0, 120]),
        stated_satisfaction=draw.choice([None, "good", "bad"]),
    )  # fmt: skip


def _devices(company: Company, customer: int) -> None:
    for kind in ("browser", "telephone", "product", "product"):
        company.add(
            "dim_device", device_key=company.new_key(), device_id=f"{kind}-{customer}", device_kind=kind,
            device_class=company.random.choice([*DEVICE_CLASSES, None]) if kind != "product" else None,
            operating_system=company.random.choice(["one", "two", None]) if kind != "product" else None,
            product_key=company.random.randrange(201, 213) if kind == "product" else -2, customer_key=customer,
            is_described=True,
            first_seen_at=company.random.choice([None, AS_OF - timedelta(days=company.random.randrange(100, 900))]),
        )  # fmt: skip
