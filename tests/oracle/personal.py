"""Preferences, traits and the personal context, computed from the descriptions of their columns alone."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import mean
from typing import Any

from oracle.company import AS_OF, CHANNELS, Company, Row
from oracle.engagement import decayed
from oracle.relationship import customer_consent, joined, known_contacts, most

TREND = timedelta(days=180)  # variable sentiment_trend_days
LEAST_PURCHASES = 2  # variable preference_least_purchases


def answers(company: Company, customer: int) -> list[Row]:
    """Answers before the as of, oldest first."""
    rows = [row for row in company.of("fct_survey_answer", customer) if row["answered_at"] < AS_OF]
    return sorted(rows, key=lambda row: row["answered_at"])


def share_of_scale(answer: Row) -> float:
    """An answer from 0 to 1."""
    return float((answer["score"] - answer["scale_minimum"]) / (answer["scale_maximum"] - answer["scale_minimum"]))


def customer_trait(company: Company) -> dict[Any, Row]:
    """Per customer and question of research: the newest answer."""
    found: dict[Any, Row] = {}
    for customer in company.customers:
        for answer in answers(company, customer):
            if not answer["is_about_satisfaction"]:
                found[customer, answer["survey_kind"] or "research", answer["question"]] = {
                    **{name: answer[name] for name in (
                        "score", "scale_minimum", "scale_maximum", "answered_at", "source_system")},
                    "share_of_scale": share_of_scale(answer),
                }  # fmt: skip
    return found


def _stated(company: Company) -> dict[Any, list[tuple[datetime, str]]]:
    """Per customer, kind and item: when it was stated, and in which systems."""
    found: dict[Any, list[tuple[datetime, str]]] = defaultdict(list)
    for customer in company.customers:
        newest = {answer["question"]: answer for answer in answers(company, customer)}
        for answer in newest.values():
            for setting in company.tables["stated_preferences"]:
                pattern = setting["question_like"].replace("%", ".*")
                if re.fullmatch(pattern, answer["question"]) and share_of_scale(answer) >= setting["least_share"]:
                    key = (customer, setting["preference_kind"], setting["item"])
                    found[key].append((answer["answered_at"], answer["source_system"]))
    for (customer, purpose, channel), consent in customer_consent(company).items():
        if purpose == "marketing" and consent["is_granted"] and consent["lawful_basis"] == "consent":
            for system in consent["source_systems"].split(", "):
                found[customer, "channel", channel].append((consent["changed_at"], system))
    return found


def _used(company: Company, customer: int) -> dict[tuple[str, str], list[tuple[datetime, float]]]:
    """Per kind and item: when the customer used it, with the decayed points of each time."""
    content = {row["content_key"]: row for row in company.tables["dim_content"]}
    product_line = {row["product_key"]: row["product_line"] for row in company.tables["dim_product"]}
    devices = {row["device_key"]: row["device_class"] for row in company.tables["dim_device"]}
    lines = defaultdict(list)
    for row in company.of("bridge_interaction_product_line", customer):
        lines[row["interaction_key"]].append(row)
    found: dict[tuple[str, str], list[tuple[datetime, float]]] = defaultdict(list)
    for row in known_contacts(company, customer):
        if row["direction"] != "inbound":
            continue
        at = row["happened_at"]
        points = decayed(max(row["engagement_points"], 1), at, AS_OF)
        item = content.get(row["content_key"], {})
        bought = [line for line in lines[row["interaction_key"]] if line["purchase_amount"] is not None]
        money = float(sum(line["purchase_amount"] for line in bought))
        for line in bought:
            share = float(line["purchase_amount"]) / money if money else 1 / len(bought)
            if line["product_line"] != "unknown":
                found["product_line", line["product_line"]].append((at, points * share))
        looked_at = product_line.get(row["product_key"]) or item.get("product_line")
        if not row["is_purchase"] and looked_at:
            found["product_line", looked_at].append((at, points))
        found["channel", CHANNELS[row["channel_key"]]["channel"]].append((at, points))
        for kind, used in (("content", item.get("title")), ("device", devices.get(row["device_key"]))):
            if used:
                found[kind, used].append((at, points))
    return found


def _bought_lines(company: Company, customer: int) -> dict[str, tuple[float, int]]:
    """Per product line, and in all (''): what was paid before returns, and the number of purchases."""
    product_line = {row["product_key"]: row["product_line"] for row in company.tables["dim_product"]}
    paid: dict[str, float] = defaultdict(float)
    orders: dict[str, set[int]] = defaultdict(set)
    for row in company.of("fct_order_line", customer):
        if row["line_kind"] == "purchase" and row["ordered_at"] < AS_OF:
            for line in {"", product_line.get(row["product_key"]) or ""}:
                paid[line] += float(row["reporting_net_amount"] or 0)
                orders[line].add(row["interaction_key"])
    return {line: (paid[line], len(orders[line])) for line in orders}


def customer_preference(company: Company) -> dict[Any, Row]:
    """Per customer, kind and item: behaviour beside statements."""
    found: dict[Any, Row] = {}
    stated = _stated(company)
    for customer in company.customers:
        used = _used(company, customer)
        bought = _bought_lines(company, customer)
        keys = set(used) | {(kind, item) for someone, kind, item in stated if someone == customer}
        for kind, item in keys:
            times = used.get((kind, item), [])
            total = sum(points for other, rows in used.items() if other[0] == kind for _, points in rows)
            statements = stated.get((customer, kind, item), [])
            paid, orders = bought.get(item, (0.0, 0))
            all_paid, all_orders = bought.get("", (0.0, 0))
            is_line = kind == "product_line"
            found[customer, kind, item] = {
                "is_stated": bool(statements),
                "stated_at": max((at for at, _ in statements), default=None),
                "stated_in": joined(system for _, system in statements),
                "affinity": sum(points for _, points in times) / total if times and total else None,
                "exchange_count": len(times),
                "last_at": max((at for at, _ in times), default=None),
                "amount_share": paid / all_paid if is_line and times and all_paid else None,
                "purchase_share": orders / all_orders if is_line and times and all_orders else None,
            }
    _rank(found)
    return found


def _rank(found: dict[Any, Row]) -> None:
    """1 for the highest affinity of a customer and kind, on a tie the more recent."""
    rivals = defaultdict(list)
    for (customer, kind, item), row in found.items():
        row["affinity_rank"] = None
        if row["affinity"] is not None:
            rivals[customer, kind].append((-round(row["affinity"], 9), AS_OF - row["last_at"], item, row))
    for rows in rivals.values():
        for rank, (*_, row) in enumerate(sorted(rows, key=lambda rival: rival[:3]), start=1):
            row["affinity_rank"] = rank


def personal_context(company: Company) -> dict[Any, Row]:
    """Per customer: feelings, complaints, influence, and what they prefer."""
    preferences = customer_preference(company)
    traits = customer_trait(company)
    found: dict[Any, Row] = {}
    for customer in company.customers:
        mine = {key[1:]: row for key, row in preferences.items() if key[0] == customer}
        dimension = company.one("dim_customer", "customer_key", customer)
        row = _opinions(company, customer) | _texts(company, customer) | _complaints(company, customer)
        row |= _influence(company, customer, row["nps_class"]) | _bought(company, customer)
        for kind, column in (("channel", "stated_channels"), ("product_line", "stated_product_lines")):
            row[column] = joined(item for (name, item), value in mine.items() if name == kind and value["is_stated"])
        for kind in ("product_line", "content", "device"):
            first = [item for (name, item), value in mine.items() if name == kind and value["affinity_rank"] == 1]
            row[f"revealed_{kind}"] = min(first, default=None)
        found[customer] = row | {
            "stated_satisfaction": dimension["stated_satisfaction"],
            "trait_count": sum(key[0] == customer for key in traits),
            "has_email_marketing_consent": dimension.get("has_email_marketing_consent"),
        }
    return found


def _opinions(company: Company, customer: int) -> Row:
    given = answers(company, customer)
    opinions = [answer for answer in given if answer["is_about_satisfaction"]]
    shares = [share_of_scale(answer) for answer in opinions]
    last = opinions[-1] if opinions else {}
    nps = [answer for answer in given if answer["nps_class"]]
    return {
        "opinion_count": len(opinions),
        "average_satisfaction": mean(shares) if shares else None,
        "last_satisfaction": shares[-1] if shares else None,
        "satisfaction_trend": shares[-1] - mean(shares[:-1]) if len(shares) > 1 else None,
        "last_opinion_at": last.get("answered_at"),
        "last_verbatim": last.get("verbatim"),
        "nps_class": nps[-1]["nps_class"] if nps else None,
        "nps_answered_at": nps[-1]["answered_at"] if nps else None,
    }


def _texts(company: Company, customer: int) -> Row:
    texts = [row for row in known_contacts(company, customer) if row.get("verbatim") and row["direction"] == "inbound"]
    felt = [(row["happened_at"], row["sentiment"]) for row in texts if row["sentiment"] is not None]
    recent = [sentiment for at, sentiment in felt if at >= AS_OF - TREND]
    before = [sentiment for at, sentiment in felt if at < AS_OF - TREND]
    return {
        "verbatim_count": len(texts),
        "average_sentiment": mean(sentiment for _, sentiment in felt) if felt else None,
        "sentiment_trend": mean(recent) - mean(before) if recent and before else None,
    }


def open_at(complaint: Row, moment: datetime) -> bool:
    """Whether the customer waits for a solution at a moment: opened, and not resolved, or reopened since."""
    if complaint["opened_at"] >= moment:
        return False
    resolved = complaint.get("resolved_at")
    if resolved is not None and resolved < moment:
        return False
    first, reopened = complaint.get("first_resolved_at"), complaint.get("reopened_at")
    return first is None or first >= moment or (reopened is not None and reopened < moment)


def _complaints(company: Company, customer: int) -> Row:
    made = [row for row in company.of("fct_complaint", customer) if row["opened_at"] < AS_OF]
    last = max(made, key=lambda row: row["opened_at"], default={})
    return {
        "complaint_count": len(made),
        "open_complaint_count": sum(open_at(row, AS_OF) for row in made),
        "last_complaint_at": last.get("opened_at"),
        "last_complaint_kind": last.get("complaint_kind"),
        "reopened_complaint_count": sum(row["reopened_count"] for row in made),
    }


def _influence(company: Company, customer: int, nps_class: str | None) -> Row:
    relations = company.tables["bridge_customer_relation"]
    referred = {
        row["from_customer_key"] for row in relations
        if row["relation_kind"] == "referred_by" and row["to_customer_key"] == customer
        and (row["since"] is None or row["since"] < AS_OF)
    }  # fmt: skip
    influence = company.one("fct_customer_influence", "customer_key", customer)
    return {
        "referral_count": len(referred),
        "is_ambassador": nps_class == "promoter" and bool(referred),
        "influence_percentile": influence.get("influence_percentile"),
        "follower_count": influence.get("follower_count", 0),
    }


def _bought(company: Company, customer: int) -> Row:
    purchases = [row for row in known_contacts(company, customer) if row["is_purchase"]]
    products = {row["product_key"]: row["product_id"] for row in company.tables["dim_product"]}
    orders = {
        (row["product_key"], row["interaction_key"]): row["ordered_at"]
        for row in company.of("fct_order_line", customer)
        if row["line_kind"] == "purchase" and row["ordered_at"] < AS_OF and row["product_key"] in products
    }
    ranked = sorted(
        (-len(times), AS_OF - max(times), products[product])
        for product in {product for product, _ in orders}
        if len(times := [at for (other, _), at in orders.items() if other == product]) >= LEAST_PURCHASES
    )
    return {
        "revealed_channel": most(
            (CHANNELS[row["channel_key"]]["channel"], row["happened_at"]) for row in purchases if row["channel_key"] > 0
        ),
        "revealed_product_id": ranked[0][-1] if ranked else None,
    }
