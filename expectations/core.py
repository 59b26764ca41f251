"""Rules for core: nothing got lost on the way from staging, and nothing shrank overnight."""

from __future__ import annotations

from datetime import datetime, timedelta

from expectations.validation import Rule, Suite

# (fact, the stream it comes from, its amount): every row arrives, to the cent.
RECONCILED = (
    ("core.fct_order_line", "intermediate.int_order_line", "net_amount"),
    ("core.fct_booking", "intermediate.int_booking", "net_amount"),
    ("core.fct_survey_answer", "intermediate.int_survey_answer", "score"),
    ("core.fct_consent", "intermediate.int_consent", None),
    ("core.fct_interaction", "intermediate.int_interaction", "amount"),
    ("core.fct_offer_made", "intermediate.int_offer_made", None),
    ("core.fct_complaint", "intermediate.int_complaint", None),
    ("core.fct_cart_line", "intermediate.int_cart_line", "quantity"),
    ("core.fct_appointment", "intermediate.int_appointment", None),
    ("core.fct_loyalty_transaction", "intermediate.int_loyalty_transaction", "points"),
    ("core.fct_product_reading", "intermediate.int_device_reading", None),
)
# Days that an event may lie after landing: bookings are made ahead, clocks are not always right.
MOST_DAYS_AHEAD = 730


def core_suites(landed_at: datetime, *, compare_sizes: bool) -> dict[str, list[Suite]]:
    """Per core table, its suites.

    landed_at: when the newest load landed. compare_sizes: with what was last published (an earlier run must have).
    """
    suites: dict[str, list[Suite]] = {}
    for fact, stream, amount in RECONCILED:
        money = f"coalesce(sum({amount or 0}), 0)"
        suites[fact] = [
            Suite(
                "core",
                f"{fact} (against staging)",
                f"""
                select
                    (select count(*) from {fact}) - (select count(*) from {stream}) as missing_rows,
                    (select {money} from {fact}) - (select {money} from {stream}) as missing_amount
                """,
                (
                    nought("missing_rows", "Every staged row becomes one row of the fact."),
                    nought("missing_amount", "Amounts agree to the cent."),
                ),
            )
        ]
    suites["core.fct_position"] = [
        Suite(
            "core",
            "core.fct_position (against staging)",
            """
            select (
                select coalesce(sum(sighting_count), 0) from core.fct_position
            ) - (
                select count(*) from intermediate.int_position
            ) as missing_rows
            """,
            (nought("missing_rows", "Every staged sighting is part of one stay."),),
        )
    ]
    suites["core.fct_order_line"].append(
        Suite(
            "core",
            "core.fct_order_line",
            "select order_line_key, net_amount, currency, ordered_at from core.fct_order_line",
            (
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "net_amount", "min_value": -100_000, "max_value": 100_000},
                    "No consumer pays more for one line; a wrong unit (cents) would (2026-11-21, Contoso: 2,650).",
                ),
                Rule(
                    "ExpectColumnValuesToNotBeNull", {"column": "currency"}, "An amount without currency is no amount."
                ),
            ),
            key_columns=("order_line_key",),
        )
    )
    suites["core.fct_interaction"].append(
        Suite(
            "core",
            "core.fct_interaction",
            "select interaction_key, happened_at, touchpoint_key, customer_key > 0 as is_known"
            " from core.fct_interaction",
            (
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {
                        "column": "happened_at",
                        "min_value": datetime(2000, 1, 1),
                        "max_value": landed_at + timedelta(days=MOST_DAYS_AHEAD),
                    },
                    "Earlier or later than that is a misread date, not an interaction (2026-11-21).",
                ),
                Rule(
                    "ExpectColumnValuesToNotBeInSet",
                    {"column": "touchpoint_key", "value_set": [-1]},
                    "A touchpoint that the seed does not know earns no points and stands in no journey.",
                    name="every touchpoint is in the seed",
                ),
                Rule(
                    "ExpectColumnValuesToBeInSet",
                    {"column": "is_known", "value_set": [True], "mostly": 0.75},
                    "Few firms see 75 % of their activity; below that the answers speak of too few customers.",
                    severity="warn",
                    name="75 % of the interactions have a known customer",
                ),
            ),
            key_columns=("interaction_key",),
        )
    )
    suites["core.dim_customer"] = [
        Suite(
            "core",
            "core.dim_customer",
            "select count(*) as customers from core.dim_customer where customer_key > 0",
            (
                Rule(
                    "ExpectColumnValuesToBeBetween",
                    {"column": "customers", "min_value": 1},
                    "A warehouse without customers answers nothing: no system has delivered people that can be read.",
                    name="there are customers",
                ),
            ),
        )
    ]
    if compare_sizes:
        for table in ("core.dim_customer", "core.fct_order_line", "core.fct_interaction"):
            suites[table].append(_not_shrunk(table))
    return suites


def nought(column: str, reason: str) -> Rule:
    """The rule that a difference, measured in one row, is exactly nought."""
    return Rule(
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": 0, "max_value": 0},
        reason,
        name=f"{column} is nought",
    )


def _not_shrunk(table: str) -> Suite:
    return Suite(
        "core",
        f"{table} (against the last published)",
        f"""
        select coalesce((select count(*) from {table}) / nullif((
            select row_count from quality.published_table where table_name = '{table}'
        ), 0), 1) as share_of_last
        """,
        (
            Rule(
                "ExpectColumnValuesToBeBetween",
                {"column": "share_of_last", "min_value": 0.5},
                "Losing half a table overnight is a fault, not a day's business (2026-11-21). If it is right, "
                "run once with --accept-shrinkage.",
                name="the table has not shrunk by half",
            ),
        ),
    )
