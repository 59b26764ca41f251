"""The marts of a drawn company, held against plain Python that was written from the descriptions of their columns.

Where the two differ, the description, the SQL or the oracle is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from oracle import (
    content,
    data_use,
    engagement,
    journeys,
    needs,
    offers,
    paths,
    personal,
    profiling,
    relationship,
    situational,
)
from oracle.company import Company, Row
from oracle.conftest import Marts


def _segments(company: Company) -> dict[Any, Row]:
    contexts = relationship.relationship_context(company)
    return relationship.customer_segment(company, contexts, engagement.customer_engagement(company))


def _situations(company: Company) -> dict[Any, Row]:
    found = situational.situational_context(company)
    first = {customer: row for (customer, _), row in needs.customer_need(company).items() if row["need_rank"] == 1}
    names = {key: need for (key, need), row in needs.customer_need(company).items() if row["need_rank"] == 1}
    for customer, row in found.items():
        need = first.get(customer, {})
        row |= {
            "need": names.get(customer), "need_evidence": need.get("evidence"), "need_action": need.get("action"),
        }  # fmt: skip
    return found


def _lookalikes(company: Company) -> dict[Any, Row]:
    return offers.offer_lookalike(company, profiling.gated("customer_segment", _segments)(company))


def _stages(company: Company) -> dict[Any, Row]:
    return profiling.gated_stages(engagement.customer_stage(company), company)


def _data_use(company: Company) -> dict[Any, Row]:
    def rows(mart: str) -> list[tuple[int, Row]]:
        found = ORACLE[mart][1](company)
        return [(key[0] if isinstance(key, tuple) else key, row) for key, row in found.items()]

    derived = [(customer, "segments") for customer, row in rows("customer_segment") if row["segment"]]
    derived += [(customer, "engagement") for customer, row in rows("customer_engagement") if row["points_total"]]
    derived += [(customer, "engagement") for customer, row in rows("customer_stage") if row["stage"]]
    derived += [(customer, "interests") for customer, row in rows("customer_preference") if row["affinity"] is not None]
    derived += [(row["customer_key"], "influence") for row in company.tables["fct_customer_influence"]]
    derived += [(customer, "needs") for customer, _ in rows("customer_need")]
    return data_use.customer_data_use(company, derived)


# Per mart its key, and what computes it.
ORACLE: dict[str, tuple[tuple[str, ...], Callable[[Company], dict[Any, Row]]]] = {
    "customer_consent": (("customer_key", "purpose", "channel"), relationship.customer_consent),
    "customer_data_use": (("customer_key", "attribute", "source_system", "purpose"), _data_use),
    "customer_contact": (("customer_key", "purpose", "channel"), profiling.customer_contact),
    "relationship_context": (("customer_key",), relationship.relationship_context),
    "customer_segment": (("customer_key",), _segments),
    "customer_engagement": (("customer_key",), engagement.customer_engagement),
    "customer_stage": (("customer_key", "valid_from"), _stages),
    "customer_trait": (("customer_key", "trait_kind", "trait"), personal.customer_trait),
    "customer_preference": (("customer_key", "preference_kind", "item"), personal.customer_preference),
    "personal_context": (("customer_key",), personal.personal_context),
    "situational_context": (("customer_key",), _situations),
    "customer_need": (("customer_key", "need"), needs.customer_need),
    "journey_interaction": (("interaction_key", "product_line"), journeys.journey_interaction),
    "journey": (("customer_key", "product_line", "journey_number"), journeys.journey),
    "journey_step": (("customer_key", "product_line", "journey_step"), journeys.journey_step),
    "journey_funnel": (("product_line", "journey_step"), journeys.journey_funnel),
    "offer_conflict": (("rule", "offer_made_key", "other_offer_made_key"), offers.offer_conflict),
    "offer_lookalike": (("segment", "offer_key", "other_offer_key"), _lookalikes),
    "content_engagement": (("content_key",), content.content_engagement),
    "touch_path": (("customer_key", "product_line", "touch_kind", "touch_value", "touched_at"), paths.touch_path),
    "touch_transition": (("product_line", "from_kind", "from_value", "to_kind", "to_value"), paths.touch_transition),
    "channel_transition": (("product_line", "from_channel", "to_channel"), journeys.channel_transition),
}
for mart in profiling.PROFILE:
    ORACLE[mart] = (ORACLE[mart][0], profiling.gated(mart, ORACLE[mart][1]))
# Columns that the oracle leaves out, with the reason.
LEFT_OUT = {
    "relationship_context": {
        "expected_purchases_12m", "expected_value_12m_amount", "probability_alive", "churn_risk", "next_purchase_date",
        "value_basis",  # forecasts of a trained model
        "fresh_until", "is_stale",  # of streams, not of a company
    },
    "offer_conflict": {"offer_conflict_key"},  # a hash
    "touch_path": {"path_key"},  # a hash
    "personal_context": {"fresh_until", "is_stale"},  # of streams, not of a company
    "situational_context": {
        "fresh_until", "is_stale",  # of streams, not of a company
    },
}  # fmt: skip


def differences(mart: str, marts: Marts) -> dict[str, Any]:
    """Per column that the oracle computes: how many rows differ, and the first of them."""
    key, compute = ORACLE[mart]
    expected, found = marts.expected(mart, compute), marts.rows(mart, key)
    faults: dict[str, Any] = {}
    if missing := expected.keys() - found.keys():
        faults["missing rows"] = (len(missing), sorted(missing, key=str)[:3])
    if surplus := found.keys() - expected.keys():
        faults["surplus rows"] = (len(surplus), sorted(surplus, key=str)[:3])
    for row in sorted(expected.keys() & found.keys(), key=str):
        for column, value in expected[row].items():
            if not _equal(value, found[row][column]):
                number, first = faults.get(column, (0, {"key": row, "expected": value, "found": found[row][column]}))
                faults[column] = (number + 1, first)
    return faults


def _equal(expected: Any, found: Any) -> bool:
    if isinstance(expected, (float, Decimal, Fraction)) and found is not None:
        return abs(float(expected) - float(found)) <= 1e-5 * max(1.0, abs(float(expected)))
    return bool(expected == found)


@pytest.mark.parametrize("mart", ORACLE)
def test_mart_of_a_drawn_company_is_what_its_description_says(marts: Marts, mart: str) -> None:
    assert differences(mart, marts) == {}


@pytest.mark.parametrize("mart", ORACLE)
def test_oracle_computes_every_column(marts: Marts, mart: str) -> None:
    key, compute = ORACLE[mart]
    computed = {column for row in marts.expected(mart, compute).values() for column in row}
    published = {column for row in marts.rows(mart, key).values() for column in row}
    assert published - computed == LEFT_OUT.get(mart, set())


@pytest.mark.long
@pytest.mark.parametrize("number", range(2, 12))
def test_marts_of_many_drawn_companies_are_what_their_descriptions_say(
    build: Callable[[int, int], Marts], number: int
) -> None:
    marts = build(number, 400)
    assert {mart: found for mart in ORACLE if (found := differences(mart, marts))} == {}
