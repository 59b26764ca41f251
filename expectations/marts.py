"""Rules for the marts: what must hold for the business, whatever the sources delivered."""

from __future__ import annotations

from datetime import datetime

from expectations.core import nought
from expectations.validation import Rule, Suite


def marts_suites(as_of: datetime) -> dict[str, list[Suite]]:
    """Per mart, its suites."""
    moment = f"timestamp '{as_of:%Y-%m-%d %H:%M:%S}'"
    suites: dict[str, list[Suite]] = {}
    for mart in ("relationship_context", "personal_context", "situational_context", "customer_360"):
        suites[f"marts.{mart}"] = [
            Suite(
                "marts",
                f"marts.{mart} (coverage)",
                f"""
                select (select count(*) from core.dim_customer where customer_key > 0)
                    - (select count(*) from marts.{mart}) as missing_customers
                """,
                (nought("missing_customers", "Every customer has every context."),),
            )
        ]
    suites["marts.relationship_context"] += [
        Suite(
            "marts",
            "marts.relationship_context (value)",
            f"""
            select (select coalesce(sum(current_value_amount), 0) from marts.relationship_context)
                - (select coalesce(sum(net_amount), 0) from core.fct_order_line
                    where customer_key > 0 and ordered_at < {moment})
                - (select coalesce(sum(net_amount), 0) from core.fct_booking
                    where customer_key > 0 and started_at < {moment}) as missing_amount
            """,
            (nought("missing_amount", "The customers' value adds up to what they paid, to the cent."),),
        ),
        Suite(
            "marts",
            "marts.relationship_context",
            "select * from marts.relationship_context",
            (
                *(
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": score, "min_value": 1, "max_value": 5},
                        "Scores are quintiles.",
                    )
                    for score in ("recency_score", "frequency_score", "monetary_score")
                ),
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "recency_days", "min_value": 0},
                    "Nothing later than the as of may be used.",
                ),
            ),
            key_columns=("customer_key",),
        ),
    ]
    suites["marts.personal_context"].append(
        Suite(
            "marts",
            "marts.personal_context",
            "select customer_key, average_satisfaction, last_satisfaction, satisfaction_trend"
            " from marts.personal_context",
            (
                *(
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": column, "min_value": 0, "max_value": 1},
                        "Satisfaction is on one scale from 0 to 1.",
                    )
                    for column in ("average_satisfaction", "last_satisfaction")
                ),
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "satisfaction_trend", "min_value": -1, "max_value": 1},
                    "A difference on a scale from 0 to 1.",
                ),
            ),
            key_columns=("customer_key",),
        )
    )
    suites["marts.situational_context"].append(
        Suite(
            "marts",
            "marts.situational_context",
            "select * from marts.situational_context",
            (
                Rule(
                    "ExpectColumnValuesToNotBeNull",
                    {"column": "need_evidence", "row_condition": [("need", "is not null")]},
                    "A need is only shown with what shows it.",
                    name="every need has evidence",
                ),
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "days_since_last_interaction", "min_value": 0},
                    "Nothing later than the as of may be used.",
                ),
            ),
            key_columns=("customer_key",),
        )
    )
    suites["marts.customer_timeline"] = [
        Suite(
            "marts",
            "marts.customer_timeline (coverage)",
            "select (select count(*) from core.fct_interaction) - (select count(*) from marts.customer_timeline)"
            " as missing_rows",
            (nought("missing_rows", "Every interaction can be read."),),
        )
    ]
    suites["marts.source_system_connectedness"] = [
        Suite(
            "marts",
            "marts.source_system_connectedness",
            "select * from marts.source_system_connectedness",
            tuple(
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": column, "min_value": 0, "max_value": 1},
                    "A share.",
                )
                for column in ("link_rate", "orphan_rate", "identifier_orphan_rate", "visibility")
            ),
            key_columns=("source_system",),
        )
    ]
    # What was bought of each product line, as the orders say it. Whether an order is a purchase, the interaction tells:
    # its lines may differ.
    bought = f"""
        select lines.customer_key, sum(lines.net_amount) as amount
        from core.fct_order_line as lines
        inner join core.fct_interaction as orders on lines.interaction_key = orders.interaction_key
        inner join core.dim_touchpoint as touchpoints on orders.touchpoint_key = touchpoints.touchpoint_key
        left join core.dim_product as products on lines.product_key = products.product_key
        where lines.line_kind = 'purchase' and touchpoints.journey_step = 'purchase' and lines.ordered_at < {moment}
        group by lines.customer_key, lines.interaction_key, coalesce(products.product_line, 'unknown')
        having sum(lines.net_amount) > 0
    """
    suites["marts.touch_attribution"] = [
        Suite(
            "marts",
            "marts.touch_attribution (conservation)",
            f"""
            select
                coalesce(max(abs(round(credited.purchases - bought.purchases, 6))), 0) as missing_purchases,
                coalesce(max(abs(round(credited.amount - bought.amount, 2))), 0) as missing_amount
            from (
                select attribution_model, sum(credited_purchases) as purchases, sum(credited_amount) as amount
                from marts.touch_attribution
                group by attribution_model
            ) as credited
            cross join (select count(*) as purchases, coalesce(sum(amount), 0) as amount from ({bought})) as bought
            """,
            (
                nought("missing_purchases", "Every model credits every purchase once."),
                nought("missing_amount", "Every model credits what was paid, to the cent."),
            ),
        ),
        Suite(
            "marts",
            "marts.touch_attribution",
            "select * from marts.touch_attribution",
            (
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "credited_purchases", "min_value": 0},
                    "No touch takes purchases away.",
                ),
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "removal_effect", "min_value": 0, "max_value": 1.000001},
                    "A share, computed in floating point.",
                ),
            ),
            key_columns=("product_line", "attribution_model", "touch_kind", "touch_value"),
        ),
    ]
    suites["marts.journey"] = [
        Suite(
            "marts",
            "marts.journey (value)",
            f"""
            select (select coalesce(sum(purchased_amount), 0) from marts.journey)
                - (select coalesce(sum(amount), 0) from ({bought}) where customer_key > 0) as missing_amount
            """,
            (nought("missing_amount", "Every purchase of a known customer is part of one journey."),),
        )
    ]
    suites["marts.journey_funnel"] = [
        Suite(
            "marts",
            "marts.journey_funnel",
            "select * from marts.journey_funnel",
            tuple(
                Rule("ExpectColumnValuesToBeBetween", {"column": column, "min_value": 0, "max_value": 1}, "A share.")
                for column in ("share_of_step_before", "drop_off_rate", "conversion_rate", "main_channel_share")
            ),
            key_columns=("product_line", "journey_step"),
        )
    ]
    return suites | _effect_suites() | _points_suites() | _action_suites()


def _effect_suites() -> dict[str, list[Suite]]:
    """What is told of campaigns hangs together, and no campaign is forgotten."""
    told = (
        Rule(
            "UnexpectedRowsExpectation",
            {
                "unexpected_rows_query": """
                    select * from {batch}
                    where method <> 'CUPED' and abs(effect - (treated_rate - held_out_rate)) > 1e-9
                """
            },
            "The effect is the difference of the two shares, unless purchases before the campaign were taken off.",
            name="the effect is a difference of shares",
        ),
        Rule(
            "UnexpectedRowsExpectation",
            {
                "unexpected_rows_query": """
                    select * from {batch}
                    where not (effect_low <= effect and effect <= effect_high)
                        or is_significant <> (effect_low > 0 or effect_high < 0)
                """
            },
            "An interval holds its estimate; significant is what leaves out 0.",
            name="the interval holds the effect",
        ),
        *(
            Rule("ExpectColumnValuesToBeBetween", {"column": column, "min_value": 0, "max_value": 1}, "A share.")
            for column in ("treated_rate", "held_out_rate")
        ),
    )
    return {
        "marts.campaign_effect": [
            Suite(
                "marts",
                "marts.campaign_effect (coverage)",
                """
                select (select count(*) from core.dim_campaign where campaign_key > 0)
                    - (select count(*) from marts.campaign_effect) as missing_campaigns
                """,
                (nought("missing_campaigns", "Every campaign is told, also that its effect is unknown."),),
            ),
            Suite(
                "marts",
                "marts.campaign_effect",
                "select * from marts.campaign_effect",
                (
                    *told,
                    Rule(
                        "UnexpectedRowsExpectation",
                        {
                            "unexpected_rows_query": """
                                select * from {batch}
                                where (state = 'measured') <> (effect is not null)
                                    or (state = 'measured') <> (reason is null)
                                    or (state = 'measured' and held_out_count = 0)
                            """
                        },
                        "An effect needs a hold-out; where there is none, the reason is told.",
                        name="an effect or a reason",
                    ),
                ),
                key_columns=("campaign_key",),
            ),
        ],
        "marts.campaign_effect_pooled": [
            Suite(
                "marts",
                "marts.campaign_effect_pooled",
                "select * from marts.campaign_effect_pooled",
                told,
                key_columns=("channel",),
            ),
            Suite(
                "marts",
                "marts.campaign_effect_pooled (people)",
                """
                select coalesce(sum(treated_count + held_out_count), 0) - (
                    select coalesce(sum(treated_count + held_out_count), 0)
                    from marts.campaign_effect where state = 'measured'
                ) as missing_people
                from marts.campaign_effect_pooled where channel = 'all'
                """,
                (nought("missing_people", "All measured campaigns are in it, with all their people."),),
            ),
        ],
    }


def _points_suites() -> dict[str, list[Suite]]:
    """Judgements are chances, and learned points are on the scale of the set ones."""
    return {
        "marts.engagement_points_judgement": [
            Suite(
                "marts",
                "marts.engagement_points_judgement",
                "select * from marts.engagement_points_judgement",
                (
                    *(
                        Rule(
                            "ExpectColumnValuesToBeBetween",
                            {"column": column, "min_value": 0, "max_value": 1},
                            "A chance.",
                        )
                        for column in ("auc", "auc_low", "auc_high", "trend_p_value", "purchase_rate")
                    ),
                    Rule(
                        "UnexpectedRowsExpectation",
                        {
                            "unexpected_rows_query": """
                                select * from {batch}
                                where version = 'set' and auc_high < 0.5
                                    and judged_at = (select max(judged_at) from {batch})
                            """
                        },
                        "Points by which buyers stand below others say the opposite of what they are meant to.",
                        severity="warn",
                        name="the set points do not mislead",
                    ),
                ),
                key_columns=("version", "judged_at"),
            )
        ],
        "marts.learned_engagement_points": [
            Suite(
                "marts",
                "marts.learned_engagement_points",
                "select * from marts.learned_engagement_points",
                (Rule("ExpectColumnValuesToBeBetween", {"column": "learned_points", "min_value": 0}, "No debts."),),
                key_columns=("version", "touchpoint"),
            ),
            Suite(
                "marts",
                "marts.learned_engagement_points (scale)",
                """
                select version, sum(learned_points * exchange_count) / sum(set_points * exchange_count) as scale
                from marts.learned_engagement_points
                group by version
                having sum(set_points * exchange_count) > 0
                """,
                (
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": "scale", "min_value": 0.8, "max_value": 1.25},
                        "All exchanges earn as many points as before, but for rounding, or the bands would mean "
                        "something else (2026-11-26, demo companies: 0.98 to 1.00).",
                    ),
                ),
                key_columns=("version",),
            ),
        ],
    }


def _action_suites() -> dict[str, list[Suite]]:
    """Nothing is proposed that nobody agreed to, and the log will be right about how it was chosen."""
    probability = {"column": "proposal_probability", "min_value": 0, "max_value": 1}
    return {
        "marts.action_choice": [
            Suite(
                "marts",
                "marts.action_choice",
                "select * from marts.action_choice",
                (
                    Rule("ExpectColumnValuesToBeBetween", probability, "A probability."),
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": "propensity", "min_value": 0, "max_value": 1},
                        "A probability.",
                    ),
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": "score", "min_value": 0, "max_value": 100},
                        "Scores are on one scale.",
                    ),
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": "expected_value_amount", "min_value": 0},
                        "A purchase brings something.",
                    ),
                ),
                key_columns=("customer_key", "kind", "action", "item"),
            ),
            Suite(
                "marts",
                "marts.action_choice (choice)",
                """
                select customer_key, kind, sum(proposal_probability) as probability,
                    count(*) filter (where is_proposed) as proposed, count(*) filter (where is_greedy) as best
                from marts.action_choice
                group by customer_key, kind
                """,
                (
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        {"column": "probability", "min_value": 1 - 1e-9, "max_value": 1 + 1e-9},
                        "One of the choices is proposed, so that their probabilities add up to 1.",
                    ),
                    *(
                        Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": [1]}, "One of each kind.")
                        for column in ("proposed", "best")
                    ),
                ),
                key_columns=("customer_key", "kind"),
            ),
        ],
        "marts.next_best_action": [
            Suite(
                "marts",
                "marts.next_best_action (consent)",
                """
                select count(*) as unlawful_actions
                from marts.next_best_action as actions
                where not exists (
                    select 1 from marts.customer_consent as consents
                    where consents.customer_key = actions.customer_key and consents.purpose = actions.purpose
                        and consents.channel = actions.channel and consents.is_granted
                )
                """,
                (nought("unlawful_actions", "Nothing is proposed without consent for its purpose and channel."),),
            ),
            Suite(
                "marts",
                "marts.next_best_action",
                "select customer_key, kind, action, proposal_probability from marts.next_best_action",
                (
                    Rule(
                        "ExpectColumnValuesToBeBetween",
                        probability | {"strict_min": True},
                        "What was proposed could be: other policies are judged by dividing by it.",
                    ),
                ),
                key_columns=("customer_key", "kind"),
            ),
        ],
    }
