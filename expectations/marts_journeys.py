"""Rules for the marts about journeys: attribution and journeys account for every purchase, to the cent."""

from __future__ import annotations

from expectations.rules import Suite, between, is_zero


def journey_suites(moment: str) -> dict[str, list[Suite]]:
    """The suites of each mart about journeys. moment: the as of, as an SQL literal."""
    bought = _bought(moment)
    return {
        "marts.touch_attribution": [_conservation(bought), _attribution()],
        "marts.journey": [_journey_value(bought)],
        "marts.journey_funnel": [_funnel()],
    }


def _bought(moment: str) -> str:
    """SQL for the purchases of each product line, from the orders: those with a line of kind `purchase`, whatever
    their touchpoint and price.
    """
    return f"""
        select lines.customer_key, coalesce(sum(lines.reporting_net_amount), 0) as amount
        from core.fct_order_line as lines
        left join core.dim_product as products on lines.product_key = products.product_key
        where lines.line_kind = 'purchase' and lines.ordered_at < {moment}
        group by lines.customer_key, lines.interaction_key, coalesce(products.product_line, 'unknown')
    """


def _conservation(bought: str) -> Suite:
    return Suite(
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
            is_zero("missing_purchases", "Every model credits every purchase once."),
            is_zero("missing_amount", "Every model credits the paid amount, to the cent."),
        ),
    )


def _attribution() -> Suite:
    return Suite(
        "marts",
        "marts.touch_attribution",
        "select * from marts.touch_attribution",
        (
            between("credited_purchases", 0, None, "No touch takes purchases away."),
            between("removal_effect", 0, 1.000001, "A share, computed in floating point."),
        ),
        key_columns=("product_line", "attribution_model", "touch_kind", "touch_value"),
    )


def _journey_value(bought: str) -> Suite:
    return Suite(
        "marts",
        "marts.journey (value)",
        f"""
        select (select coalesce(sum(purchased_amount), 0) from marts.journey)
            - (select coalesce(sum(amount), 0) from ({bought}) where customer_key > 0) as missing_amount
        """,
        (is_zero("missing_amount", "Every purchase of a known customer is part of one journey."),),
    )


def _funnel() -> Suite:
    return Suite(
        "marts",
        "marts.journey_funnel",
        "select * from marts.journey_funnel",
        tuple(
            between(column, 0, 1, "A share.")
            for column in ("share_of_step_before", "drop_off_rate", "conversion_rate", "main_channel_share")
        ),
        key_columns=("product_line", "journey_step"),
    )
