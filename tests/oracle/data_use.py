"""What is held about customers and for what, computed from descriptions of columns alone; draws what is held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from oracle.company import AS_OF, Company, Row, is_true, seed
from oracle.facts import SYSTEMS, some_moment
from oracle.profiling import is_gated
from oracle.relationship import customer_consent, joined

# Kinds of personal data that show in facts, with the fact and the column of its moment.
OF_FACTS = {
    "purchases": (("fct_order_line", "ordered_at"), ("fct_booking", "started_at")),
    "contacts": (("fct_interaction", "happened_at"),),
    "answers": (("fct_survey_answer", "answered_at"),),
    "carts": (("fct_cart_line", "added_at"),),
    "positions": (("fct_position", "arrived_at"),),
    "product_readings": (("fct_product_reading", "valid_from"),),
    "complaints": (("fct_complaint", "opened_at"),),
    "appointments": (("fct_appointment", "booked_at"),),
    "loyalty_transactions": (("fct_loyalty_transaction", "booked_at"),),
    "offers": (("fct_offer_made", "made_at"),),
    "consents": (("fct_consent", "changed_at"),),
}

OF_LINKS = {"record_numbers", "devices", "relations"}


def draw_attributes(company: Company) -> None:
    """Fills the kinds of data that the records of customers hold, and the systems of facts that have none yet."""
    draw = company.random
    for facts in OF_FACTS.values():
        for table, _ in facts:
            for row in company.tables[table]:
                row.setdefault("source_system", draw.choice(SYSTEMS))
    for customer in company.customers:
        for attribute in seed("data_attributes"):
            for system in SYSTEMS:
                is_recorded = attribute["attribute"] not in OF_FACTS and attribute["data_class"] != "profile"
                if is_recorded and attribute["attribute"] not in OF_LINKS and company.chance(0.2):
                    company.add(
                        "bridge_customer_attribute", customer_key=customer, attribute=attribute["attribute"],
                        source_system=system, record_count=draw.randrange(1, 4),
                        recorded_at=None if company.chance(0.2) else some_moment(company, customer),
                    )  # fmt: skip


def _held(company: Company) -> dict[Any, Row]:
    """Per customer, kind and system: how many records or events hold it, and the moments of those that have one."""
    found: dict[Any, Row] = defaultdict(lambda: {"record_count": 0, "moments": []})
    for row in company.tables["bridge_customer_attribute"]:
        held = found[row["customer_key"], row["attribute"], row["source_system"]]
        held["record_count"] += row["record_count"]
        held["moments"].append(row["recorded_at"])
    for attribute, facts in OF_FACTS.items():
        for table, moment in facts:
            for row in company.tables[table]:
                if row["customer_key"] > 0 and (row[moment] is None or row[moment] < AS_OF):
                    held = found[row["customer_key"], attribute, row["source_system"]]
                    held["record_count"] += 1
                    held["moments"].append(row[moment])
    for row in company.tables["bridge_customer_relation"]:
        if row["from_customer_key"] > 0 and (row["since"] is None or row["since"] < AS_OF):
            held = found[row["from_customer_key"], "relations", "context360"]
            held["record_count"] += 1
            held["moments"].append(row["since"])
    return found


def customer_data_use(company: Company, derived: Iterable[tuple[int, str]]) -> dict[Any, Row]:
    """Per customer, kind of data, system and purpose: whether the data may be used.

    derived: customer and kind of each profile that the marts hold.
    """
    attributes = {row["attribute"]: row for row in seed("data_attributes")}
    purposes = {row["purpose"]: row for row in seed("data_purposes")}
    granted: dict[tuple[int, str], list[str]] = defaultdict(list)
    for (customer, purpose, channel), consent in customer_consent(company).items():
        if consent["is_granted"]:
            granted[customer, purpose].append(channel)
    found: dict[Any, Row] = {}
    everything = _held(company)
    for customer, attribute in derived:
        held = everything[customer, attribute, "context360"]
        held["record_count"] += 1
        held["moments"].append(AS_OF)
    for (customer, attribute, system), held in everything.items():
        kind = attributes[attribute]
        moments: list[datetime] = [moment for moment in held["moments"] if moment is not None]
        for purpose in kind["purposes"].split():
            setting = purposes[purpose]
            needs_consent = is_true(setting["needs_consent"])
            channels = [
                channel for channel in granted[customer, purpose]
                if needs_consent and kind["consent_channel"] in (None, channel)
            ]  # fmt: skip
            may_be_used, basis = not needs_consent or bool(channels), setting["lawful_basis"]
            if purpose == "profiling":
                may_be_used, basis = not is_gated(company, customer), "legitimate interest"
            found[customer, attribute, system, purpose] = {
                "attribute_title": kind["title"],
                "data_class": kind["data_class"],
                "record_count": held["record_count"],
                "recorded_at": max(moments, default=None),
                "purpose_title": setting["title"],
                "may_be_used": may_be_used,
                "lawful_basis": basis if may_be_used else None,
                "consent_channels": joined(channels),
            }
    return found
