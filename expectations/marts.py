"""Rules for the marts: what must hold for the business, whatever the sources delivered.

Journeys, campaign effects and actions have modules of their own beside this one; predictions are in
`expectations.predictions`.
"""

from __future__ import annotations

from datetime import datetime

from expectations.marts_actions import action_suites
from expectations.marts_effects import effect_suites, points_suites
from expectations.marts_journeys import journey_suites
from expectations.rules import Rule, Suite, between, is_zero


def marts_suites(as_of: datetime) -> dict[str, list[Suite]]:
    """The suites of each mart."""
    moment = f"timestamp '{as_of:%Y-%m-%d %H:%M:%S}'"
    contexts = ("relationship_context", "personal_context", "situational_context", "customer_360")
    suites = {f"marts.{mart}": [_covers_all_customers(mart)] for mart in contexts}
    suites["marts.relationship_context"] += [_customer_value(moment), _relationship()]
    suites["marts.personal_context"].append(_personal())
    suites["marts.situational_context"].append(_situational())
    suites["marts.customer_timeline"] = [_timeline()]
    suites["marts.source_system_connectedness"] = [_connectedness()]
    return suites | journey_suites(moment) | effect_suites() | points_suites() | action_suites()


def _covers_all_customers(mart: str) -> Suite:
    return Suite(
        "marts",
        f"marts.{mart} (coverage)",
        f"""
        select (select count(*) from core.dim_customer where customer_key > 0)
            - (select count(*) from marts.{mart}) as missing_customers
        """,
        (is_zero("missing_customers", "Every customer has every context."),),
    )


def _customer_value(moment: str) -> Suite:
    return Suite(
        "marts",
        "marts.relationship_context (value)",
        f"""
        select (select coalesce(sum(current_value_amount), 0) from marts.relationship_context)
            - (select coalesce(sum(reporting_net_amount), 0) from core.fct_order_line
                where customer_key > 0 and ordered_at < {moment})
            - (select coalesce(sum(reporting_net_amount), 0) from core.fct_booking
                where customer_key > 0 and started_at < {moment}) as missing_amount,
            (select coalesce(sum(purchase_count), 0) from marts.relationship_context)
            - (select count(distinct (customer_key, interaction_key)) from core.fct_order_line
                where customer_key > 0 and line_kind = 'purchase' and ordered_at < {moment})
            - (select count(*) from core.fct_booking where customer_key > 0 and started_at < {moment})
                as missing_purchases
        """,
        (
            is_zero("missing_amount", "The customers' value adds up to what they paid, to the cent."),
            is_zero("missing_purchases", "Orders with a purchase and stays are purchases; returns and carts are not."),
        ),
    )


def _relationship() -> Suite:
    return Suite(
        "marts",
        "marts.relationship_context",
        "select * from marts.relationship_context",
        (
            *(
                between(score, 1, 5, "Scores are quintiles.")
                for score in ("recency_score", "frequency_score", "monetary_score")
            ),
            between("recency_days", 0, None, "Nothing later than the as of may be used."),
        ),
        key_columns=("customer_key",),
    )


def _personal() -> Suite:
    return Suite(
        "marts",
        "marts.personal_context",
        "select customer_key, average_satisfaction, last_satisfaction, satisfaction_trend from marts.personal_context",
        (
            *(
                between(column, 0, 1, "Satisfaction is on one scale from 0 to 1.")
                for column in ("average_satisfaction", "last_satisfaction")
            ),
            between("satisfaction_trend", -1, 1, "A difference on a scale from 0 to 1."),
        ),
        key_columns=("customer_key",),
    )


def _situational() -> Suite:
    return Suite(
        "marts",
        "marts.situational_context",
        "select * from marts.situational_context",
        (
            Rule(
                "ExpectColumnValuesToNotBeNull",
                {"column": "need_evidence", "row_condition": [("need", "is not null")]},
                "A need is shown only with its evidence.",
                name="every need has evidence",
            ),
            between("days_since_last_interaction", 0, None, "Nothing later than the as of may be used."),
        ),
        key_columns=("customer_key",),
    )


def _timeline() -> Suite:
    return Suite(
        "marts",
        "marts.customer_timeline (coverage)",
        "select (select count(*) from core.fct_interaction) - (select count(*) from marts.customer_timeline)"
        " as missing_rows",
        (is_zero("missing_rows", "The timeline shows every interaction."),),
    )


def _connectedness() -> Suite:
    return Suite(
        "marts",
        "marts.source_system_connectedness",
        "select * from marts.source_system_connectedness",
        tuple(
            between(column, 0, 1, "A share.")
            for column in ("link_rate", "orphan_rate", "identifier_orphan_rate", "visibility")
        ),
        key_columns=("source_system",),
    )
