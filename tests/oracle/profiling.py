"""Who may be profiled and contacted, computed from descriptions alone; draws refusals and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle.company import CHANNELS, Company, Row
from oracle.relationship import customer_consent

REASON = "no consent to profiling"
ADDRESS_KINDS = {row["channel"]: row.get("address_kind") for row in CHANNELS.values()}
OF_CUSTOMER = {"email": "email", "phone": "phone", "postal_address": "street"}

# Per mart the columns of a profile; a row of customer_preference that nothing but behaviour made is one as a whole.
PROFILE = {
    "relationship_context": {
        "purchase_interval_days", "intervals_since_purchase", "recency_score", "frequency_score", "monetary_score",
        "usual_channel", "usual_weekday", "usual_hour", "on_site_share", "usual_location",
    },
    "customer_segment": {"segment", "segment_title", "description", "is_silent_segment"},
    "customer_engagement": {
        "points_total", "points_now", "points_90d_ago", "engagement_band", "main_touchpoint",
    },
    "personal_context": {
        "average_sentiment", "sentiment_trend", "is_ambassador", "influence_percentile", "follower_count",
        "revealed_channel", "revealed_product_line", "revealed_product_id", "revealed_content", "revealed_device",
    },
    "situational_context": {"session_product_line"},
    "customer_preference": {
        "affinity", "affinity_rank", "exchange_count", "last_at", "amount_share", "purchase_share",
    },
}  # fmt: skip


def draw_refusals(company: Company) -> None:
    """Every fourth customer may not be profiled; addresses, of which some have several users, one of them unknown."""
    for customer in company.customers:
        company.add(
            "dim_customer_profiling", customer_key=customer, no_profile_reason=REASON if company.chance(0.25) else None
        )
        dimension = company.one("dim_customer", "customer_key", customer)
        shared = company.random.choice([customer, customer // 2, None])
        dimension["email"] = None if shared is None else f"mail{shared}@example.org"
        dimension["phone"] = f"+3160000{customer:04}" if company.chance(0.5) else None
        dimension["street"] = "Street" if company.chance(0.5) else None
        for kind in ("email", "phone"):
            if dimension[kind]:
                _identify(company, customer, kind, dimension[kind])
        for number in range(company.random.randrange(3)):
            _identify(company, customer, "social_handle", f"handle{customer // 2 + number}")


def _identify(company: Company, customer: int, kind: str, value: str) -> None:
    company.add("bridge_customer_identifier", customer_key=customer, identifier_kind=kind, identifier_value=value)


def is_gated(company: Company, customer: int) -> bool:
    """Whether the customer may not be profiled."""
    return company.of("dim_customer_profiling", customer)[0]["no_profile_reason"] is not None


def customer_contact(company: Company) -> dict[Any, Row]:
    """Per consent that is given: whether an address for it may be used."""
    consents = customer_consent(company)
    users: dict[tuple[str, str], set[int]] = {}
    for row in company.tables["bridge_customer_identifier"]:
        users.setdefault((row["identifier_kind"], row["identifier_value"]), set()).add(row["customer_key"])
    found: dict[Any, Row] = {}
    for (customer, purpose, channel), consent in consents.items():
        if not consent["is_granted"]:
            continue
        kind = ADDRESS_KINDS[channel]
        reasons = [
            any(
                not consents[other, purpose, channel]["is_granted"]
                for other in users.get((kind, address), set()) - {customer}
                if (other, purpose, channel) in consents
            )
            for address in _addresses(company, customer, kind)
        ]
        reason = None
        if kind and not reasons:
            reason = f"no {kind.replace('_', ' ')}"
        elif kind and all(reasons):
            reason = "another user of the address has refused"
        found[customer, purpose, channel] = {
            "address_kind": kind, "may_contact": reason is None, "no_contact_reason": reason,
            "lawful_basis": consent["lawful_basis"], "changed_at": consent["changed_at"],
        }  # fmt: skip
    return found


def _addresses(company: Company, customer: int, kind: str | None) -> list[str]:
    if kind == "social_handle":
        rows = company.of("bridge_customer_identifier", customer)
        return [row["identifier_value"] for row in rows if row["identifier_kind"] == kind]
    value = company.one("dim_customer", "customer_key", customer)[OF_CUSTOMER[kind]] if kind else None
    return [f"{customer} {value}" if kind == "postal_address" else value] if value else []


def gated(mart: str, compute: Callable[[Company], dict[Any, Row]]) -> Callable[[Company], dict[Any, Row]]:
    """The rows of a mart as published: without the profiles of those who may not be profiled, and with the reason."""

    def published(company: Company) -> dict[Any, Row]:
        found: dict[Any, Row] = {}
        for key, row in compute(company).items():
            is_closed = is_gated(company, key[0] if isinstance(key, tuple) else key)
            if is_closed and mart == "customer_preference" and not row["is_stated"]:
                continue
            hidden = PROFILE[mart] if is_closed else set()
            found[key] = {column: None if column in hidden else value for column, value in row.items()}
            found[key]["no_profile_reason"] = REASON if is_closed else None
        return found

    return published


def gated_stages(stages: dict[Any, Row], company: Company) -> dict[Any, Row]:
    """Stages as published: one row without a stage for who may not be profiled."""
    found: dict[Any, Row] = {}
    for (customer, month), row in sorted(stages.items(), key=lambda item: item[0]):
        if not is_gated(company, customer):
            found[customer, month] = row | {"no_profile_reason": None}
        elif not any(key[0] == customer for key in found):
            found[customer, month] = dict.fromkeys(row) | {"is_current": True, "no_profile_reason": REASON}
    return found
