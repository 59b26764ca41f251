"""Rules for predictions: figures that can be figures, everybody told, and models that still say what happens."""

from __future__ import annotations

from expectations.core import nought
from expectations.validation import Rule, Suite

_BETWEEN = "ExpectColumnValuesToBeBetween"
_MOST_AMOUNT = 10_000_000  # of one customer in a year: beyond it a forecast has run away, or is no number (2026-11-26)


def prediction_suites() -> dict[str, list[Suite]]:
    """Per mart about predictions, its suites. Of scores that were published the newest judged ones are looked at."""
    shares = ("probability_alive", "churn_risk", "value_percentile")
    amounts = (
        "expected_purchases_30d", "expected_purchases_90d", "expected_purchases_12m", "expected_spend_amount",
        "expected_value_12m_amount",
    )  # fmt: skip
    return {
        "marts.customer_value": [
            Suite(
                "marts",
                "marts.customer_value",
                "select * from marts.customer_value",
                (
                    *(Rule(_BETWEEN, {"column": c, "min_value": 0, "max_value": 1}, "A probability.") for c in shares),
                    *(
                        Rule(
                            _BETWEEN,
                            {"column": c, "min_value": 0, "max_value": _MOST_AMOUNT},
                            "Nobody is expected to bring less than nothing, or more than a firm could believe.",
                        )
                        for c in amounts
                    ),
                ),
                key_columns=("customer_key",),
            ),
            Suite(
                "marts",
                "marts.customer_value (coverage)",
                """
                select count(*) filter (where basis <> 'no purchase yet' and expected_value_12m_amount is null)
                    as silent_customers
                from marts.customer_value
                """,
                (nought("silent_customers", "Who has bought is told something of, if only the common rate."),),
            ),
        ],
        "marts.customer_propensity": [
            Suite(
                "marts",
                "marts.customer_propensity",
                "select customer_key, model_name, probability, base_rate from marts.customer_propensity",
                tuple(
                    Rule(_BETWEEN, {"column": c, "min_value": 0, "max_value": 1}, "A probability.")
                    for c in ("probability", "base_rate")
                ),
                key_columns=("customer_key", "model_name"),
            ),
            Suite(
                "marts",
                "marts.customer_propensity (coverage)",
                """
                select
                    (select count(*) from core.dim_customer where customer_key > 0) * count(distinct model_name)
                        - count(*) as missing_scores,
                    (
                        select count(*) from (
                            select 1 from marts.customer_propensity where target = 'channel'
                            group by customer_key, product_line having abs(sum(probability) - 1) > 1e-6
                        )
                    ) as incomplete_choices,
                    (
                        select count(*)
                        from marts.customer_propensity as lines
                        inner join marts.customer_propensity as anything using (customer_key, target, horizon_days)
                        where target = 'buy' and anything.product_line = 'any' and lines.basis = 'model'
                            and anything.basis = 'model' and lines.probability > anything.probability + 1e-9
                    ) as likelier_than_anything
                from marts.customer_propensity
                """,
                (
                    nought("missing_scores", "Every customer has a score of every target."),
                    nought("incomplete_choices", "A purchase is made in some channel: they add up to one."),
                    nought("likelier_than_anything", "Who buys of a line has bought something."),
                ),
            ),
        ],
        "marts.prediction_performance": [
            Suite(
                "marts",
                "marts.prediction_performance",
                """
                select * from marts.prediction_performance where origin = 'scored'
                qualify row_number() over (
                    partition by model_name order by scored_month desc, model_version desc
                ) = 1
                """,
                (
                    Rule(
                        "ExpectColumnValuesToBeInSet",
                        {"column": "is_worse", "value_set": [False]},
                        "A model that says less than the base rate, or something else than happens, misleads: train "
                        "anew (`context360 run --train`) and look at reports/predictions.html (2026-11-26).",
                        severity="warn",
                        name="no model has got worse",
                    ),
                    Rule(
                        "ExpectColumnValuesToBeInSet",
                        {"column": "is_drifted", "value_set": [False]},
                        "Scores that are spread quite differently from when the model was new come of other customers, "
                        "or of a source that has changed (population stability index above 0.25, 2026-11-26).",
                        severity="warn",
                        name="scores are spread as they were",
                    ),
                ),
                key_columns=("model_name", "scored_month"),
            )
        ],
        "marts.value_performance": [
            Suite(
                "marts",
                "marts.value_performance",
                """
                select * from marts.value_performance where origin = 'scored'
                qualify row_number() over (partition by horizon_days order by as_of desc, model_version desc) = 1
                """,
                (
                    Rule(
                        "ExpectColumnValuesToBeInSet",
                        {"column": "is_worse", "value_set": [False]},
                        "A forecast that is further off than chance explains is worth a look: a season, a price, a "
                        "source that has changed (2026-11-26).",
                        severity="warn",
                        name="the forecast of purchases holds",
                    ),
                ),
                key_columns=("horizon_days", "as_of"),
            )
        ],
    }
