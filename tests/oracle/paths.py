"""Touches on the way to purchases, computed from descriptions of columns alone; draws the marks of touches."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from oracle.company import AS_OF, TOUCHPOINTS, Company, Row
from oracle.facts import about_lines, contact, interaction, line_of

WINDOW = timedelta(days=30)  # variable attribution_window_days
UNKNOWN = -1
SOURCES = ["google", "newsletter", "partner"]
KINDS = ["coupon", "qr code", "url", "campaign"]
MARKS = ["coupon", "coupon of a campaign", "qr code", "url", "url of a campaign", "campaign", "offer", "two marks"]


def draw_marks(company: Company) -> None:
    """Marks some interactions that exist, adds marked ones shortly before purchases, and some of unknown people."""
    purchases = [row for row in company.tables["fct_interaction"] if row["is_purchase"]]
    for row in company.tables["fct_interaction"]:
        if company.chance(0.15):
            _mark(company, row)
    for row in purchases:
        for _ in range(company.random.choice([0, 1, 3])):
            days = company.random.choice([0.5, 20, 45])
            moment = company.moment(row["customer_key"], row["happened_at"] - timedelta(days=days), row["happened_at"])
            if moment < AS_OF:
                touchpoint = company.random.choice(["web_view", "email_clicked", "email_sent", "branch_visit"])
                _mark(company, contact(company, row["customer_key"], touchpoint, moment))
    for _ in range(60):
        moment = company.moment(UNKNOWN, AS_OF - timedelta(days=300), AS_OF)
        product = company.random.randrange(201, 213)
        bought = company.chance(0.5)
        made = interaction(
            company, UNKNOWN, "online_purchase" if bought else "web_view", moment, product_key=product,
            is_purchase=bought, attribution="no identifier",
        )  # fmt: skip
        about_lines(company, made, {line_of(company, product): company.random.randrange(90) if bought else None})
        _mark(company, made)


def _mark(company: Company, row: Row) -> None:
    """Coupons, codes, links, campaigns: of an interaction, one or two."""
    draw = company.random
    kind = draw.choice(MARKS)
    campaign, offer = draw.randrange(401, 404), draw.randrange(501, 507)
    if kind in ("coupon", "coupon of a campaign", "two marks"):
        row["coupon_code"] = f"C{draw.randrange(5)}"
    if kind == "qr code":
        row["qr_code"] = f"QR{draw.randrange(3)}"
    if kind in ("url", "url of a campaign", "two marks"):
        row["utm_source"] = draw.choice(SOURCES)
    if kind == "url of a campaign":
        row["utm_campaign"] = f"k{campaign - 400}"
    if kind in ("campaign", "coupon of a campaign") or (kind == "url of a campaign" and company.chance(0.5)):
        row["campaign_key"] = campaign
    if kind == "offer":
        row["offer_key"] = offer
        row["campaign_key"] = company.one("dim_offer", "offer_key", offer)["campaign_key"]
    if kind == "coupon" and company.chance(0.5):
        row["offer_key"] = offer


def _marks(company: Company, row: Row) -> list[tuple[str, str, object]]:
    """Kind and value of every mark, the most specific first, each with what it is a touch of."""
    key = row["campaign_key"]
    campaign = company.one("dim_campaign", "campaign_key", key).get("campaign_id")
    found: list[tuple[str, str]] = []
    if row.get("coupon_code"):
        found.append(("coupon", campaign or row["coupon_code"]))
    if row.get("qr_code"):
        found.append(("qr code", row["qr_code"]))
    if link := " / ".join(row[part] for part in ("utm_source", "utm_campaign") if row.get(part)):
        found.append(("url", link))
    is_step = TOUCHPOINTS[row["touchpoint_key"]]["journey_step"] in ("consideration", "purchase")
    if campaign and is_step and not row.get("coupon_code"):
        found.append(("campaign", campaign))
    return [
        (kind, value, key if campaign and kind != "qr code" else (kind, value)) for kind, value in found
    ]  # fmt: skip


def _lines(company: Company) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for row in company.tables["bridge_interaction_product_line"]:
        found[row["interaction_key"]].add(row["product_line"])
    return found


def _touches(company: Company) -> dict[tuple[int, str], list[Row]]:
    """Per person (an unknown buyer is one of the order) and line: the touches, each once a day, oldest first."""
    of_interaction, of_person = _lines(company), defaultdict(set)
    of_offer: dict[int, set[str]] = defaultdict(set)
    for row in company.tables["bridge_offer_product"]:
        of_offer[row["offer_key"]].add(line_of(company, row["product_key"]))
    for row in _known_or_bought(company):
        of_person[_person(row)].add(row["product_line"])
    days: dict[tuple[int, str], dict[Any, list[tuple[int, datetime, str, str]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in company.tables["fct_interaction"]:
        person, at = _person(row), row["happened_at"]
        for kind, value, subject in _marks(company, row) if at < AS_OF else ():
            lines = of_interaction[row["interaction_key"]] or of_person[person]
            if kind == "coupon" and of_offer[row["offer_key"]]:
                lines = of_offer[row["offer_key"]]
            for line in lines & of_person[person]:
                days[person, line][subject, at.date()].append((KINDS.index(kind), at, kind, value))
    return {
        key: sorted(
            ({"touch": min(marks)[2:], "at": min(mark[1] for mark in marks)} for marks in of_day.values()),
            key=lambda touch: (touch["at"], KINDS.index(touch["touch"][0])),
        )
        for key, of_day in days.items()
    }


def _person(row: Row) -> int:
    return row["customer_key"] if row["customer_key"] > 0 else -row["interaction_key"]


def _known_or_bought(company: Company) -> list[Row]:
    """What is known before the as of about lines: all of known customers, only the orders of others."""
    return [
        row for row in company.tables["bridge_interaction_product_line"]
        if row["happened_at"] < AS_OF and (row["customer_key"] > 0 or row["purchase_amount"] is not None)
    ]  # fmt: skip


def _purchases(company: Company) -> dict[tuple[int, str], list[Row]]:
    found: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in _known_or_bought(company):
        if row["purchase_amount"] is not None:
            found[_person(row), row["product_line"]].append(row)
    return found


def _paths(company: Company) -> list[tuple[int, str, list[Row], Row | None]]:
    """Person, line, touches and the purchase that follows them, of every path."""
    purchases = _purchases(company)
    found: list[tuple[int, str, list[Row], Row | None]] = []
    for (person, line), touches in _touches(company).items():
        before: dict[int, list[Row]] = defaultdict(list)
        bought = {row["interaction_key"]: row for row in purchases[person, line]}
        silent: list[list[Row]] = []
        for touch in touches:
            following = [
                row for row in bought.values() if timedelta(0) <= row["happened_at"] - touch["at"] <= WINDOW
            ]  # fmt: skip
            if following:
                first = min(following, key=lambda row: row["happened_at"])
                before[first["interaction_key"]].append(touch)
            elif silent and touch["at"] - silent[-1][-1]["at"] <= WINDOW:
                silent[-1].append(touch)
            else:
                silent.append([touch])
        found += [(person, line, path, bought[key]) for key, path in before.items()]
        found += [(person, line, path, None) for path in silent]
    return found


def _outcome(path: list[Row], purchase: Row | None) -> str:
    newest: datetime = path[-1]["at"]
    return "purchased" if purchase else "open" if AS_OF - newest <= WINDOW else "lost"


def touch_path(company: Company) -> dict[Any, Row]:
    """Per touch of a path: its place, and what came of the path."""
    found: dict[Any, Row] = {}
    for person, line, path, purchase in _paths(company):
        for position, touch in enumerate(path, start=1):
            found[max(person, UNKNOWN), line, *touch["touch"], touch["at"]] = {
                "position_in_path": position,
                "path_length": len(path),
                "outcome": _outcome(path, purchase),
                "purchase_interaction_key": purchase["interaction_key"] if purchase else None,
                "purchase_amount": purchase["purchase_amount"] if purchase else None,
            }
    return found


def touch_transition(company: Company) -> dict[Any, Row]:
    """Per line and pair of consecutive states of ended paths: how often."""
    numbers: Counter[Any] = Counter()
    for _, line, path, purchase in _paths(company):
        outcome = _outcome(path, purchase)
        if outcome != "open":
            states = [("start", None), *(touch["touch"] for touch in path), (outcome, None)]
            numbers.update((line, *one, *other) for one, other in zip(states, states[1:], strict=False))
    return {key: {"transition_count": number} for key, number in numbers.items()}
