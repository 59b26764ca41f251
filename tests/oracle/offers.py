"""Conflicting offers, computed from the descriptions of their columns alone; draws the offers that are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from oracle.company import AS_OF, Company, Row
from oracle.dimensions import LINES
from oracle.personal import open_at

WINDOW = timedelta(days=14)  # variable offer_window_days


def draw_offers(company: Company) -> None:
    """Fills offers for one product, several or a line, who got them, and households."""
    draw = company.random
    products = [row for row in company.tables["dim_product"] if row["product_line"]]
    for _ in range(12):
        key, line = company.new_key(), draw.choice([*LINES, "unknown line"])
        kind = draw.choice(["one", "one", "several", "line"])
        named = draw.sample(products, {"one": 1, "several": 3, "line": 0}[kind])
        covered = [row for row in products if row["product_line"] == line] if kind == "line" else named
        begins = (AS_OF - timedelta(days=draw.randrange(0, 60))).date()
        company.add(
            "dim_offer", offer_key=key, offer_id=f"o{key}", campaign_key=-2, names_products=kind != "line",
            product_key=named[0]["product_key"] if kind == "one" else -2, product_line=line if kind == "line" else None,
            channel_key=draw.choice([3, 4, 6]), discount_percent=draw.choice([None, 5, 10, 10, 20]),
            valid_from=begins, valid_to=draw.choice([None, begins + timedelta(days=draw.randrange(3, 40))]),
            is_described=True,
        )  # fmt: skip
        for row in covered:
            company.add("bridge_offer_product", offer_key=key, product_key=row["product_key"])
    offers = [row for row in company.tables["dim_offer"] if row["offer_key"] > 1000]
    for customer in company.customers:
        for _ in range(draw.choice([0, 1, 1, 3])):
            _make(company, customer, draw.choice(offers), is_holdout=company.chance(0.1))
    for one, other in zip(company.customers[::7], company.customers[1::7], strict=False):
        for ends in ((one, other), (other, one)):
            company.add(
                "bridge_customer_relation", from_customer_key=ends[0], to_customer_key=ends[1],
                relation_kind="household", weight=1, since=AS_OF - timedelta(days=2000),
            )  # fmt: skip


def _make(company: Company, customer: int, offer: Row, *, is_holdout: bool) -> None:
    begins = datetime.combine(offer["valid_from"], time())
    company.add(
        "fct_offer_made", offer_made_key=company.new_key(), customer_key=customer, campaign_key=-2,
        offer_key=offer["offer_key"], product_key=offer["product_key"], channel_key=offer["channel_key"],
        is_holdout=is_holdout,
        made_at=None if is_holdout
        else company.moment(customer, begins - timedelta(days=2), min(begins + timedelta(days=3), AS_OF)),
    )  # fmt: skip


def _made(company: Company) -> list[Row]:
    """The offers made before the as of, each with its offer, its products and the time in which it counts."""
    offers = {row["offer_key"]: row for row in company.tables["dim_offer"]}
    products = defaultdict(set)
    for row in company.tables["bridge_offer_product"]:
        products[row["offer_key"]].add(row["product_key"])
    found = []
    for row in company.tables["fct_offer_made"]:
        if not row["is_holdout"] and row["made_at"] < AS_OF:
            offer = offers[row["offer_key"]]
            last = offer["valid_to"]
            end = row["made_at"] + WINDOW if last is None else datetime.combine(last, time())
            first = offer["valid_from"]
            begin = row["made_at"] if first is None else max(row["made_at"], datetime.combine(first, time()))
            found.append({**row, "offer": offer, "products": products[row["offer_key"]], "begin": begin, "end": end})
    return found


def common_products(one: Row, other: Row) -> tuple[int, int] | None:
    """Of two offers: the product that both are for and the number of such products; None without any."""
    common = one["products"] & other["products"]
    if common:
        return (min(common) if len(common) == 1 else -2), len(common)
    line = one["offer"]["product_line"]
    return (-2, 0) if line is not None and line == other["offer"]["product_line"] else None


def is_better(one: Row, other: Row) -> bool:
    """Whether an offer has the higher discount."""
    first, second = one["offer"]["discount_percent"], other["offer"]["discount_percent"]
    return first is not None and second is not None and first > second


def _conflict(rule: str, made: Row, other: Row | None, product: int, common: int | None) -> tuple[Any, Row]:
    key = (rule, made["offer_made_key"], other["offer_made_key"] if other else None)
    return key, {
        "customer_key": made["customer_key"],
        "offer_key": made["offer_key"],
        "channel_key": made["channel_key"],
        "made_at": made["made_at"],
        "discount_percent": made["offer"]["discount_percent"],
        "other_customer_key": (other or made)["customer_key"],
        "other_offer_key": other["offer_key"] if other else -2,
        "other_channel_key": other["channel_key"] if other else -1,
        "other_made_at": other["made_at"] if other else None,
        "other_discount_percent": other["offer"]["discount_percent"] if other else None,
        "product_key": product,
        "common_product_count": common,
        "detected_at": max(made["made_at"], other["made_at"]) if other else made["made_at"],
    }


def _discounts(company: Company) -> Iterator[tuple[Any, Row]]:
    made = _made(company)
    households = {
        (row["from_customer_key"], row["to_customer_key"])
        for row in company.tables["bridge_customer_relation"]
        if row["relation_kind"] == "household"
    }
    for one in made:
        for other in made:
            is_person = one["customer_key"] == other["customer_key"]
            is_household = (one["customer_key"], other["customer_key"]) in households
            common = common_products(one, other)
            meet = one["begin"] < other["end"] and other["begin"] < one["end"]
            if (is_person or is_household) and common and meet and is_better(one, other):
                yield _conflict("person_discount" if is_person else "household_discount", one, other, *common)


def _has_opted_out(company: Company, made: Row) -> bool:
    """Whether a marketing consent was withdrawn, in any channel, and none was given later in that of the offer."""
    statements = [row for row in company.of("fct_consent", made["customer_key"]) if row["purpose"] == "marketing"]
    grants = [row for row in statements if row["is_granted"]]
    return any(
        not row["is_granted"]
        and row["given_through"] != "registration"
        and row["valid_from"] <= made["made_at"]
        and (row["valid_to"] is None or made["made_at"] < row["valid_to"])
        and any(
            grant["channel_key"] == row["channel_key"] and grant["valid_from"] < row["valid_from"] for grant in grants
        )
        and not any(
            grant["channel_key"] == made["channel_key"] and row["valid_from"] < grant["valid_from"] <= made["made_at"]
            for grant in grants
        )
        for row in statements
    )


def offer_conflict(company: Company) -> dict[Any, Row]:
    """Per rule, offer made and other offer made: the conflict."""
    found = dict(_discounts(company))
    for made in _made(company):
        complaints = company.of("fct_complaint", made["customer_key"])
        if any(open_at(complaint, made["made_at"]) for complaint in complaints):
            key, row = _conflict("during_complaint", made, None, made["product_key"], None)
            found[key] = row
        if _has_opted_out(company, made):
            key, row = _conflict("after_opt_out", made, None, made["product_key"], None)
            found[key] = row
    return found


def offer_lookalike(company: Company, segments: dict[Any, Row]) -> dict[Any, Row]:
    """Per segment and pair of offers in two channels at the same time: who got the better and who the worse."""
    made = [row for row in _made(company) if row["offer"]["valid_to"] is not None]
    got: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in made:
        if segments[row["customer_key"]]["segment"] is None:
            continue
        got[segments[row["customer_key"]]["segment"], row["offer_key"]].append(row)
    found: dict[Any, Row] = {}
    for (segment, key), betters in got.items():
        for (other_segment, other_key), others in got.items():
            one, other = betters[0], others[0]
            common = common_products(one, other)
            meet = (
                one["offer"]["valid_from"] < other["offer"]["valid_to"]
                and other["offer"]["valid_from"] < one["offer"]["valid_to"]
            )
            if (
                segment == other_segment
                and common
                and meet
                and is_better(one, other)
                and one["channel_key"] != other["channel_key"]
            ):
                found[segment, key, other_key] = {
                    "product_key": common[0],
                    "common_product_count": common[1],
                    "channel_key": one["channel_key"],
                    "discount_percent": one["offer"]["discount_percent"],
                    "customer_count": len({row["customer_key"] for row in betters}),
                    "other_channel_key": other["channel_key"],
                    "other_discount_percent": other["offer"]["discount_percent"],
                    "other_customer_count": len({row["customer_key"] for row in others}),
                }
    return found
