"""Rules for core: no row or amount is lost on the way from staging, and no table shrinks overnight.

What is wrong with a single row is judged row by row before core: dbt's row rules keep it in quarantine. Here a run
stops where so many rows are there that the contribution is wrong, not the rows.
"""

from __future__ import annotations

from expectations.rules import Rule, Suite, between, is_zero
from expectations.thresholds import MOST_QUARANTINED_ROWS, MOST_QUARANTINED_SHARE

# (fact, the stream it is built from, its amount): every row arrives, to the last decimal.
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


def core_suites(*, compare_sizes: bool) -> dict[str, list[Suite]]:
    """The suites of each core table.

    compare_sizes: compare row counts with the last published ones; needs an earlier run.
    """
    suites = {fact: [_reconciled(fact, stream, amount)] for fact, stream, amount in RECONCILED}
    suites["core.fct_position"] = [_position()]
    suites["core.fct_interaction"].append(_interaction())
    suites["core.dim_customer"] = [_customer(), _contributions()]
    if compare_sizes:
        for table in ("core.dim_customer", "core.fct_order_line", "core.fct_interaction"):
            suites[table].append(_not_shrunk(table))
    return suites


def _reconciled(fact: str, stream: str, amount: str | None) -> Suite:
    money = f"coalesce(sum({amount or 0}), 0)"
    return Suite(
        "core",
        f"{fact} (against staging)",
        f"""
        select
            (select count(*) from {fact}) - (select count(*) from {stream}) as missing_rows,
            (select {money} from {fact}) - (select {money} from {stream}) as missing_amount
        """,
        (
            is_zero("missing_rows", "Every staged row becomes one row of the fact."),
            is_zero("missing_amount", "Amounts agree to the last decimal."),
        ),
    )


def _position() -> Suite:
    return Suite(
        "core",
        "core.fct_position (against staging)",
        """
        select (
            select coalesce(sum(sighting_count), 0) from core.fct_position
        ) - (
            select count(*) from intermediate.int_position
        ) as missing_rows
        """,
        (is_zero("missing_rows", "Every staged sighting is part of one stay."),),
    )


def _contributions() -> Suite:
    """Which contributions have so many rows in quarantine that they are wrong, not their rows.

    The measure is a sentence: it names system, canonical stream, rows, broken rules with an example, and the remedy.
    """
    return Suite(
        "core",
        "core.dim_customer (contributions)",
        f"""
        with broken as (
            select
                source_system, canonical_stream, quarantine_rule, count(*) as row_count,
                min(quarantine_reason) as reason
            from intermediate.int_quarantined_row
            group by all
        ),
        described as (
            select
                source_system, canonical_stream,
                string_agg(quarantine_rule || ' (' || row_count || '), as in: ' || reason, '; ' order by row_count desc)
                    as rules
            from broken
            group by all
        )
        select string_agg(
            source_system || ', ' || canonical_stream || ': ' || quarantined_rows || ' of ' || contributed_rows
                || ' rows wait in quarantine: ' || rules,
            '. ' order by source_system, canonical_stream
        ) as untrusted_contribution
        from intermediate.int_contribution_ledger
        inner join described using (source_system, canonical_stream)
        where
            quarantined_rows > {MOST_QUARANTINED_ROWS}
            and quarantined_rows > {MOST_QUARANTINED_SHARE} * contributed_rows
        """,
        (
            Rule(
                "ExpectColumnValuesToBeNull",
                {"column": "untrusted_contribution"},
                "So many rows are wrong because the contribution or a setting is: figures without them would mislead.",
                name="few contributed rows are in quarantine",
            ),
        ),
    )


def _interaction() -> Suite:
    return Suite(
        "core",
        "core.fct_interaction",
        "select interaction_key, customer_key > 0 as is_known from core.fct_interaction",
        (
            Rule(
                "ExpectColumnValuesToBeInSet",
                {"column": "is_known", "value_set": [True], "mostly": 0.75},
                "Few firms can assign 75 % of their activity; below that, figures describe too few customers.",
                severity="warn",
                name="75 % of the interactions have a known customer",
            ),
        ),
        key_columns=("interaction_key",),
    )


def _customer() -> Suite:
    return Suite(
        "core",
        "core.dim_customer",
        "select count(*) as customers from core.dim_customer where customer_key > 0",
        (
            between(
                "customers",
                1,
                None,
                "A warehouse without customers answers nothing: no system has delivered readable person records.",
                name="there are customers",
            ),
        ),
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
            between(
                "share_of_last",
                0.5,
                None,
                "Losing half a table overnight is a fault, not a day's business. If it is right, "
                "run once with --accept-shrinkage.",
                name="the table has not shrunk by half",
            ),
        ),
    )
