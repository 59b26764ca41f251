"""Every expectation of the suites can pass and fail on DuckDB, with the counts of the five lines.

These also pin GX's behaviour that suites depend on: how it treats empty values, and what it counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from expectations.outcomes import Outcome

Judge = Callable[..., Outcome]


HALF = {"quantiles": [0.5]}

# expectation, arguments that the five lines keep, arguments that they break, rows that break them
ROW_RULES: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("ExpectColumnValuesToNotBeNull", {"column": "id"}, {"column": "paid_at"}, 2),
    ("ExpectColumnValuesToNotBeNull", {"column": "paid_at", "mostly": 0.6}, {"column": "paid_at", "mostly": 0.61}, 2),
    (
        "ExpectColumnValuesToBeInSet",
        {"column": "status", "value_set": ["paid", "open", "refused"]},
        {"column": "status", "value_set": ["paid", "open"]},
        1,
    ),
    (
        "ExpectColumnValuesToBeBetween",
        {"column": "quantity", "min_value": 1, "max_value": 9},
        {"column": "quantity", "min_value": 2, "max_value": 4},
        2,
    ),
    (
        "ExpectColumnValuesToBeBetween",
        {"column": "amount", "min_value": Decimal("10.00"), "max_value": Decimal("50.00")},
        {"column": "amount", "min_value": Decimal("10.01"), "max_value": Decimal("49.99")},
        2,
    ),
    (
        "ExpectColumnValuesToBeBetween",
        {"column": "quantity", "min_value": 0, "strict_min": True},
        {"column": "quantity", "min_value": 1, "strict_min": True},
        1,
    ),
    (
        "ExpectColumnValuesToBeBetween",
        {"column": "placed_on", "min_value": date(2026, 1, 1), "max_value": date(2026, 1, 5)},
        {"column": "placed_on", "max_value": date(2026, 1, 3)},
        2,
    ),
    (
        "ExpectColumnValuesToBeBetween",
        {"column": "paid_at", "min_value": datetime(2026, 1, 1, 8)},
        {"column": "paid_at", "min_value": datetime(2026, 1, 1, 8, 0, 1)},
        1,
    ),
    (
        "ExpectColumnValuesToMatchRegex",
        {"column": "email", "regex": r"[a-z]{2}"},  # part of the text is enough
        {"column": "email", "regex": r"^[^@\s]+@[^@\s]+\.[a-z]+$"},
        1,
    ),
    (
        "ExpectColumnValuesToNotMatchRegex",
        {"column": "email", "regex": r"\s"},
        {"column": "email", "regex": r"@a\."},
        2,
    ),
    (
        "ExpectCompoundColumnsToBeUnique",
        {"column_list": ["order_id", "line", "status"]},
        {"column_list": ["order_id", "line"]},
        2,
    ),
    (
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": "amount", "column_B": "quantity"},
        {"column_A": "quantity", "column_B": "id"},
        4,
    ),
    (
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": "quantity", "column_B": "id", "or_equal": True},
        {"column_A": "line", "column_B": "order_id", "or_equal": True},
        3,
    ),
    (
        "UnexpectedRowsExpectation",
        {"unexpected_rows_query": "select * from {batch} as b where b.amount < 0"},
        {"unexpected_rows_query": "select * from {batch} as b join {batch} as c on b.id = c.id + 1 where b.id > 2"},
        3,
    ),
]

# … and what is observed where they are broken
TABLE_RULES: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    (
        "ExpectColumnProportionOfUniqueValuesToBeBetween",
        {"column": "id", "min_value": 1},
        {"column": "email", "min_value": 1},
        "0.8",
    ),
    ("ExpectTableRowCountToBeBetween", {"min_value": 5, "max_value": 5}, {"min_value": 6}, "5"),
    ("ExpectColumnToExist", {"column": "id"}, {"column": "ident"}, None),
    (
        "ExpectColumnSumToBeBetween",
        {"column": "quantity", "min_value": 19, "max_value": 19},
        {"column": "quantity", "max_value": 18},
        "19",
    ),
    (
        "ExpectColumnMaxToBeBetween",
        {"column": "paid_at", "min_value": datetime(2026, 1, 5), "max_value": datetime(2026, 1, 6)},
        {"column": "paid_at", "max_value": datetime(2026, 1, 4)},
        "2026-01-05 08:00:00",
    ),
    (
        "ExpectColumnMaxToBeBetween",
        {"column": "paid_at", "min_value": datetime(2026, 1, 5)},
        {"column": "paid_at", "min_value": datetime(2026, 1, 6)},
        "2026-01-05 08:00:00",
    ),
    (
        "ExpectColumnValuesToBeOfType",
        {"column": "amount", "type_": "decimal(18,2)"},
        {"column": "amount", "type_": "DECIMAL(18,3)"},
        "DECIMAL(18,2)",
    ),
    (
        "ExpectColumnQuantileValuesToBeBetween",
        {"column": "quantity", "quantile_ranges": {**HALF, "value_ranges": [[3, 3]]}},
        {"column": "quantity", "quantile_ranges": {**HALF, "value_ranges": [[None, 2]]}},
        '{"quantiles": [0.5], "values": [3]}',
    ),
    (
        "ExpectColumnDistinctValuesToBeInSet",
        {"column": "status", "value_set": ["paid", "open", "refused"]},
        {"column": "status", "value_set": ["paid"]},
        "2 other values",
    ),
]


@pytest.mark.parametrize(("expectation", "kept", "broken", "rows"), ROW_RULES)
def test_row_rule_passes_and_fails_with_the_right_count(
    judge: Judge, expectation: str, kept: dict[str, Any], broken: dict[str, Any], rows: int
) -> None:
    passed, failed = judge(expectation, kept), judge(expectation, broken)

    assert passed.success, passed.sentence
    assert not failed.success
    assert failed.unexpected_count == rows


@pytest.mark.parametrize(("expectation", "kept", "broken", "rows"), ROW_RULES)
def test_failing_rows_query_finds_the_counted_rows(
    connection: duckdb.DuckDBPyConnection,
    judge: Judge,
    expectation: str,
    kept: dict[str, Any],
    broken: dict[str, Any],
    rows: int,
) -> None:
    query = judge(expectation, broken).failing_rows_query

    assert query is not None
    assert len(connection.execute(query).fetchall()) == rows
    assert judge(expectation, kept).failing_rows_query is None


@pytest.mark.parametrize(("expectation", "kept", "broken", "observed"), TABLE_RULES)
def test_table_rule_passes_and_fails_with_the_observed_value(
    judge: Judge, expectation: str, kept: dict[str, Any], broken: dict[str, Any], observed: str | None
) -> None:
    passed, failed = judge(expectation, kept), judge(expectation, broken)

    assert passed.success, passed.sentence
    assert not failed.success
    assert failed.observed_value == observed
    assert "could not be judged" not in failed.sentence


def test_set_of_columns_is_compared_exactly_or_as_a_subset(judge: Judge) -> None:
    columns = ["id", "status", "amount", "quantity", "placed_on", "paid_at", "email", "order_id", "line"]
    name = "ExpectTableColumnsToMatchSet"

    assert judge(name, {"column_set": columns}).success
    assert judge(name, {"column_set": ["id", "email"], "exact_match": False}).success
    missing = judge(name, {"column_set": [*columns, "currency"]})
    assert not missing.success
    assert missing.sentence.endswith("missing: currency")
    assert judge(name, {"column_set": columns[1:]}).sentence.endswith("unexpected: id")


def test_met_mostly_still_reports_the_failing_rows(judge: Judge) -> None:
    outcome = judge("ExpectColumnValuesToNotBeNull", {"column": "paid_at", "mostly": 0.6})

    assert outcome.success
    assert (outcome.unexpected_count, outcome.unexpected_share) == (2, 0.4)
    assert outcome.sample is None


def test_empty_values_break_only_the_not_null_rule(judge: Judge) -> None:
    outcome = judge("ExpectColumnValuesToBeInSet", {"column": "status", "value_set": ["open"]})

    assert outcome.unexpected_count == 3  # the fourth status is empty
    assert outcome.unexpected_share == 0.75  # of the four that are not


def test_repeated_combination_with_an_empty_part_does_not_count(judge: Judge) -> None:
    query = "select * from (values (1, null), (1, null)) as t(a, b)"

    assert judge("ExpectCompoundColumnsToBeUnique", {"column_list": ["a", "b"]}, query=query).success


def test_row_condition_limits_the_rows_that_are_judged(judge: Judge) -> None:
    arguments = {"column": "quantity", "max_value": 2}

    failed = judge(
        "ExpectColumnValuesToBeBetween", {**arguments, "row_condition": ("placed_on", ">", date(2026, 1, 3))}
    )
    passed = judge("ExpectColumnValuesToBeBetween", {**arguments, "row_condition": ("status", "==", "paid")})

    assert (failed.unexpected_count, failed.unexpected_share) == (2, 1.0)
    assert passed.success
    assert "where status == paid" in passed.sentence


def test_row_condition_may_be_a_column_object_or_several_parts(
    connection: duckdb.DuckDBPyConnection, judge: Judge
) -> None:
    from great_expectations.expectations.row_conditions import Column

    expectation, arguments = "ExpectColumnValuesToBeBetween", {"column": "quantity", "max_value": 1}
    as_object = judge(expectation, {**arguments, "row_condition": Column("status") == "paid"})
    as_parts = judge(
        expectation, {**arguments, "row_condition": [("status", "in", ["paid", "open"]), ("paid_at", "is not null")]}
    )

    assert as_object.unexpected_count == as_parts.unexpected_count == 1  # line 2
    for outcome in (as_object, as_parts):
        assert outcome.failing_rows_query is not None
        assert [row[0] for row in connection.execute(outcome.failing_rows_query).fetchall()] == [2]


# Of the two lines that are paid by status: ids 1 and 2, quantities 1 and 2, order 1.
PAID = {"row_condition": ("status", "==", "paid")}


@pytest.mark.parametrize(
    ("expectation", "kept", "broken"),
    [
        ("ExpectColumnMaxToBeBetween", {"column": "quantity", "max_value": 2}, {"column": "quantity", "max_value": 1}),
        ("ExpectColumnSumToBeBetween", {"column": "quantity", "max_value": 3}, {"column": "quantity", "max_value": 2}),
        (
            "ExpectColumnProportionOfUniqueValuesToBeBetween",
            {"column": "email", "min_value": 1},
            {"column": "order_id", "min_value": 1},
        ),
        (
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": ["email", "line"]},
            {"column_list": ["order_id", "status"]},
        ),
        (
            "ExpectColumnQuantileValuesToBeBetween",
            {"column": "quantity", "quantile_ranges": {"quantiles": [1], "value_ranges": [[2, 2]]}},
            {"column": "quantity", "quantile_ranges": {"quantiles": [1], "value_ranges": [[9, 9]]}},
        ),
        (
            "ExpectColumnDistinctValuesToBeInSet",
            {"column": "quantity", "value_set": [1, 2]},
            {"column": "quantity", "value_set": [1]},
        ),
        (
            "ExpectColumnPairValuesAToBeGreaterThanB",
            {"column_A": "amount", "column_B": "id"},
            {"column_A": "order_id", "column_B": "id"},
        ),
        ("ExpectTableRowCountToBeBetween", {"min_value": 2, "max_value": 2}, {"min_value": 3}),
        (
            "ExpectColumnMedianToBeBetween",
            {"column": "quantity", "max_value": 1.5},
            {"column": "quantity", "max_value": 1},
        ),
    ],
)
def test_row_condition_applies_to_every_kind_of_rule(
    judge: Judge, expectation: str, kept: dict[str, Any], broken: dict[str, Any]
) -> None:
    passed, failed = judge(expectation, kept | PAID), judge(expectation, broken | PAID)

    assert passed.success, passed.sentence
    assert not failed.success
    assert "could not be judged" not in failed.sentence


def test_unexpected_rows_query_may_hold_braces_colons_and_percent_signs(judge: Judge) -> None:
    query = (
        "select {'a':1} as s, * from {batch} where regexp_matches(email, '^[a-z]{3}@') and email like '%:%' is false"
    )

    outcome = judge("UnexpectedRowsExpectation", {"unexpected_rows_query": query}, name="no short names", keys=("id",))

    assert outcome.unexpected_count == 2  # ana, twice
    assert outcome.sentence == "shop.line: no short names, 2 rows break it"


def test_query_may_hold_braces_colons_percent_signs_and_a_last_comment(judge: Judge) -> None:
    query = "select id::bigint as id, {'a':1} as s, '10:30 100%' as t from shop.line where email like '%@%' -- four"

    assert judge("ExpectTableRowCountToBeBetween", {"min_value": 4, "max_value": 4}, query=query).success


@pytest.mark.parametrize(("expectation", "kept"), [(name, kept) for name, kept, _, _ in ROW_RULES])
def test_row_rules_hold_for_an_empty_table(judge: Judge, expectation: str, kept: dict[str, Any]) -> None:
    outcome = judge(expectation, kept, query="select * from shop.line where false")

    assert outcome.success, outcome.sentence
    assert outcome.unexpected_count == 0


@pytest.mark.parametrize(("expectation", "kept"), [(name, kept) for name, kept, _, _ in TABLE_RULES])
def test_table_rules_are_judged_for_an_empty_table(judge: Judge, expectation: str, kept: dict[str, Any]) -> None:
    outcome = judge(expectation, kept, query="select * from shop.line where false")

    assert "could not be judged" not in outcome.sentence


def test_sample_shows_at_most_five_unexpected_values(judge: Judge) -> None:
    query = "select range as n from range(9)"

    outcome = judge("ExpectColumnValuesToBeBetween", {"column": "n", "max_value": 1}, query=query)

    assert outcome.unexpected_count == 7
    assert outcome.sample is not None
    sample = json.loads(outcome.sample)
    assert len(sample) == 5
    assert set(sample) <= set(range(2, 9))


def test_sample_shows_repeated_values_though_gx_measures_only_their_share(judge: Judge) -> None:
    outcome = judge("ExpectColumnProportionOfUniqueValuesToBeBetween", {"column": "email", "min_value": 1})

    assert outcome.sample is not None
    assert set(json.loads(outcome.sample)) == {"ana@a.example"}
    assert outcome.sentence == "shop.line: email must be unique, it is 0.8"
