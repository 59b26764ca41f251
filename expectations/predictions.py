"""Rules for predictions: figures within their range, every customer scored, and models that still hold."""

from __future__ import annotations

from expectations.rules import Suite, between, is_false, is_zero

# Purchases of one customer in a year: beyond it a forecast has run away, or is not a number (2026-11-26).
_MOST_PURCHASES = 10_000_000
# Expected value of a customer in a year, in values of the most valuable customer so far: a multiple fits every currency
# and every trade, and a forecast that has run away exceeds any (2026-11-28).
_MOST_TIMES_THE_BEST = 1_000


def prediction_suites() -> dict[str, list[Suite]]:
    """The suites of each mart about predictions. Of published scores, only the newest judged ones count."""
    return {
        "marts.customer_value": [_value(), _value_coverage()],
        "marts.customer_propensity": [_propensity(), _propensity_coverage()],
        "marts.prediction_performance": [_models_hold()],
        "marts.value_performance": [_forecast_holds()],
    }


def _value() -> Suite:
    shares = ("probability_alive", "churn_risk", "value_percentile")
    purchases = ("expected_purchases_30d", "expected_purchases_90d", "expected_purchases_12m")
    return Suite(
        "marts",
        "marts.customer_value",
        """
        select
            *,
            expected_value_12m_amount
                / nullif(max(abs(current_value_amount)) over (partition by currency), 0)::double
                as times_the_best_customer
        from marts.customer_value
        """,
        (
            *(between(column, 0, 1, "A probability.") for column in shares),
            *(
                between(column, 0, _MOST_PURCHASES, "An expected number is not negative, and not beyond belief.")
                for column in purchases
            ),
            *(
                between(column, 0, None, "An expected value is not negative.")
                for column in ("expected_spend_amount", "expected_value_12m_amount")
            ),
            between("times_the_best_customer", 0, _MOST_TIMES_THE_BEST, "An expected value is not beyond belief."),
        ),
        key_columns=("customer_key",),
    )


def _value_coverage() -> Suite:
    return Suite(
        "marts",
        "marts.customer_value (coverage)",
        """
        select count(*) filter (
            where basis not in ('no purchase yet', 'models disagree') and expected_value_12m_amount is null
        ) as silent_customers
        from marts.customer_value
        """,
        (is_zero("silent_customers", "Every customer with a purchase has an expected value, at least the base rate."),),
    )


def _propensity() -> Suite:
    return Suite(
        "marts",
        "marts.customer_propensity",
        "select customer_key, model_name, probability, base_rate from marts.customer_propensity",
        tuple(between(column, 0, 1, "A probability.") for column in ("probability", "base_rate")),
        key_columns=("customer_key", "model_name"),
    )


def _propensity_coverage() -> Suite:
    return Suite(
        "marts",
        "marts.customer_propensity (coverage)",
        """
        select
            (select count(*) from core.dim_customer where customer_key > 0) * count(distinct model_name)
                - count(*) as missing_scores,
            -- Without customers who may be profiled there are no scores.
            case
                when (
                    select count(*) from core.dim_customer_profiling
                    where customer_key > 0 and no_profile_reason is null
                ) = 0 then 0
                else (select count(*) from predictions.prediction_base_rate) - count(distinct model_name)
            end as missing_targets,
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
            is_zero("missing_scores", "Every customer has a score for every target."),
            is_zero("missing_targets", "Every target is scored, by a model or by the base rate."),
            is_zero("incomplete_choices", "A purchase uses one channel: the probabilities add up to one."),
            is_zero("likelier_than_anything", "A purchase of a product line is a purchase of anything."),
        ),
    )


def _models_hold() -> Suite:
    return Suite(
        "marts",
        "marts.prediction_performance",
        """
        select * from marts.prediction_performance where origin = 'scored'
        qualify row_number() over (
            partition by model_name order by scored_month desc, model_version desc
        ) = 1
        """,
        (
            is_false(
                "is_worse",
                "A model that predicts worse than the base rate, or is badly calibrated, misleads: train it again "
                "(`context360 run --train`) and look at reports/predictions.html.",
                severity="warn",
                name="no model has got worse",
            ),
            is_false(
                "is_drifted",
                "Scores distributed differently from when the model was new mean other customers or a changed source "
                "(population stability index above 0.25).",
                severity="warn",
                name="scores are distributed as before",
            ),
        ),
        key_columns=("model_name", "scored_month"),
    )


def _forecast_holds() -> Suite:
    return Suite(
        "marts",
        "marts.value_performance",
        """
        select * from marts.value_performance where origin = 'scored'
        qualify row_number() over (partition by horizon_days order by as_of desc, model_version desc) = 1
        """,
        (
            is_false(
                "is_worse",
                "A forecast error beyond chance has a cause: look for a season, a price change or a changed source.",
                severity="warn",
                name="the forecast of purchases holds",
            ),
        ),
        key_columns=("horizon_days", "as_of"),
    )
