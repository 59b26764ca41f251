"""What a rule says to a user: the reason of every rule of the product is free of our dates and of our figures."""

from __future__ import annotations

import re
from datetime import datetime

from expectations.core import core_suites
from expectations.identity import identity_suites
from expectations.landing import landing_suites
from expectations.marts import marts_suites
from expectations.predictions import prediction_suites
from expectations.rules import Rule
from expectations.staging import staging_suites

MOMENT = datetime(2000, 1, 1)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
FIRMS = re.compile(r"contoso|veloheld|reference retailer|example firms?|demo company|chosen 20", re.IGNORECASE)


def rules() -> list[Rule]:
    landing = landing_suites(
        "shop/orders",
        "select 1",
        {"order_no": "varchar", "amount": "double"},
        delivered={"order_no": "VARCHAR", "amount": "DOUBLE", "new": "VARCHAR"},
        key=["order_no"],
        personal_columns=frozenset(),
        rejected_rows=0,
        last_snapshot_rows=10,
    )
    columns = {
        "order_no": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR", "currency": "VARCHAR",
        "net_amount": "DECIMAL(18,2)", "ordered_at": "TIMESTAMP", "family_name": "VARCHAR",
    }  # fmt: skip
    staging = staging_suites("shop", "orders", {"columns": {}}, MOMENT, key=["order_no"], columns=columns)
    by_table = [
        core_suites(compare_sizes=True), identity_suites(compare_sizes=True), marts_suites(MOMENT),
        prediction_suites(),
    ]  # fmt: skip
    suites = [*landing, *staging, *(suite for tables in by_table for found in tables.values() for suite in found)]
    return [rule for suite in suites for rule in suite.rules]


def test_no_reason_holds_a_date_or_a_firm_of_ours() -> None:
    found = [rule.reason for rule in rules() if DAY.search(rule.reason) or FIRMS.search(rule.reason)]
    assert len(rules()) > 50
    assert found == []


def test_rule_of_the_key_names_the_key_and_the_file_that_sets_it() -> None:
    (rule,) = [rule for rule in rules() if rule.arguments.get("column") == "repeated_keys"]
    assert rule.claim == (
        "no row may repeat the order_no of another (`key` of the stream in catalog.yaml); the number of rows that do"
    )
