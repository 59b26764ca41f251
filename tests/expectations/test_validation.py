"""The guarantees of `validate` and `store` beyond single expectations."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from expectations.data_docs import DataDocs
from expectations.outcomes import Outcome
from expectations.rules import Rule, Suite
from expectations.storage import store
from expectations.validation import validate

Judge = Callable[..., Outcome]

NOT_NULL = "ExpectColumnValuesToNotBeNull"
WHY = "measured by hand, 2026-11-21"


def suite(*rules: Rule, query: str = "select * from shop.line", table: str = "shop.line") -> Suite:
    return Suite("staging", table, query, rules)


# --- the connection --------------------------------------------------------------------------------------------------


def test_connection_stays_usable_and_nothing_is_left_behind(connection: duckdb.DuckDBPyConnection) -> None:
    before = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()

    validate(connection, [suite(Rule(NOT_NULL, {"column": "paid_at"}, WHY))], run_id="r")

    assert connection.execute("select table_schema, table_name from information_schema.tables").fetchall() == before
    connection.execute("insert into shop.line select * from shop.line where id = 1")
    assert connection.execute("select count(*) from shop.line").fetchone() == (6,)


def test_caller_s_open_transaction_is_visible_and_stays_open(connection: duckdb.DuckDBPyConnection) -> None:
    connection.begin()
    connection.execute("delete from shop.line where id = 1")

    (outcome,) = validate(connection, [suite(Rule("ExpectTableRowCountToEqual", {"value": 4}, WHY))], run_id="r")

    assert outcome.success
    connection.rollback()
    assert connection.execute("select count(*) from shop.line").fetchone() == (5,)


def test_temporary_tables_of_the_caller_can_be_judged(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create temp table delivered as select 1 as n")

    (outcome,) = validate(connection, [suite(Rule(NOT_NULL, {"column": "n"}, WHY), query="from delivered")], run_id="r")

    assert outcome.success


def test_parquet_and_database_files_are_judged(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"copy shop.line to '{tmp_path / 'lines.parquet'}'")
    parquet = suite(
        Rule(NOT_NULL, {"column": "paid_at"}, WHY), query=f"select * from read_parquet('{tmp_path}/*.parquet')"
    )
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as file:
        (outcome,) = validate(file, [parquet], run_id="r")
        file.execute("create table still_open as select 1")

    assert outcome.unexpected_count == 2


# --- what cannot be judged -------------------------------------------------------------------------------------------


def test_missing_column_is_a_failed_outcome_that_names_it(judge: Judge) -> None:
    outcome = judge(NOT_NULL, {"column": "currency"}, severity="warn")

    assert (outcome.success, outcome.severity) == (False, "error")
    assert outcome.sentence.endswith("could not be judged, there is no column currency")


def test_missing_table_fails_every_rule_of_its_suite(connection: duckdb.DuckDBPyConnection) -> None:
    rules = (Rule(NOT_NULL, {"column": "id"}, WHY), Rule("ExpectTableRowCountToBeBetween", {"min_value": 0}, WHY))

    outcomes = validate(connection, [suite(*rules, query="select * from shop.lines")], run_id="r")

    assert [outcome.success for outcome in outcomes] == [False, False]
    assert all("Table with name lines does not exist" in outcome.sentence for outcome in outcomes)


def test_error_inside_one_rule_does_not_touch_the_others(connection: duckdb.DuckDBPyConnection) -> None:
    rules = (
        Rule(NOT_NULL, {"column": "id"}, WHY),
        Rule("ExpectColumnValuesToMatchRegex", {"column": "quantity", "regex": "x"}, WHY, severity="warn"),
        Rule("ExpectColumnValuesToBeBetween", {"column": "quantity", "max_value": 4}, WHY),
        Rule("ExpectColumnValuesToMatchRegex", {"column": "placed_on", "regex": "x"}, WHY),
        Rule("ExpectColumnSumToBeBetween", {"column": "email", "max_value": 4}, WHY),
    )

    numbers, on_number, between, on_date, total = validate(connection, [suite(*rules)], run_id="r")

    assert numbers.success
    assert (between.success, between.unexpected_count) == (False, 1)
    for broken, function in ((on_number, "regexp_matches(INT"), (on_date, "regexp_matches(DATE"), (total, "sum(")):
        assert (broken.success, broken.severity) == (False, "error")
        assert "could not be judged, Binder Error" in broken.sentence
        assert function in broken.sentence  # its own error, not the other's


def test_error_while_rows_are_read_is_a_failed_outcome(judge: Judge) -> None:
    query = "select email::integer as number from shop.line"

    outcome = judge(NOT_NULL, {"column": "number"}, query=query)

    assert not outcome.success
    assert "could not be judged, Conversion Error" in outcome.sentence


def test_great_expectations_giving_up_or_losing_results_fails_the_rules(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.validator.validator import Validator

    def gives_up(*_: object) -> None:
        raise RuntimeError("gave up")

    monkeypatch.setattr(Validator, "graph_validate", gives_up)
    assert judge(NOT_NULL, {"column": "id"}).sentence.endswith("could not be judged, gave up")

    monkeypatch.setattr(Validator, "graph_validate", lambda *_: [])
    lost = judge(NOT_NULL, {"column": "id"})
    assert not lost.success
    assert lost.sentence.endswith("Great Expectations gave 0 results for 1 rules")


@pytest.mark.parametrize(
    ("expectation", "arguments", "said"),
    [
        ("ExpectMiracles", {}, "no expectation called ExpectMiracles"),
        (NOT_NULL, {"colum": "id"}, "extra fields not permitted"),
        (NOT_NULL, {"column": "id", "row_condition": ("id", "~", 1)}, "'~' is not one of"),
    ],
)
def test_malformed_rule_fails_with_the_reason(judge: Judge, expectation: str, arguments: dict, said: str) -> None:  # type: ignore[type-arg]
    outcome = judge(expectation, arguments)

    assert not outcome.success
    assert said in outcome.sentence


def test_two_rules_of_one_name_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    rule = Rule(NOT_NULL, {"column": "id"}, WHY)

    with pytest.raises(ValueError, match="several rules are called 'id must not be empty'"):
        validate(connection, [suite(rule, rule)], run_id="r")


def test_unknown_severity_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    rule = Rule(NOT_NULL, {"column": "id"}, WHY, severity="fatal")  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="severity 'fatal' is not one of error, warn"):
        validate(connection, [suite(rule)], run_id="r")


# --- wording --------------------------------------------------------------------------------------------------------


def test_outcomes_keep_the_order_of_the_rules(connection: duckdb.DuckDBPyConnection) -> None:
    rules = [Rule(NOT_NULL, {"column": column}, WHY) for column in ("paid_at", "nowhere", "id", "status", "email")]

    outcomes = validate(connection, [suite(*rules), suite(rules[0], table="shop.again")], run_id="r")

    assert [outcome.column for outcome in outcomes] == ["paid_at", "nowhere", "id", "status", "email", "paid_at"]
    assert outcomes[-1].table == "shop.again"


def test_sentence_has_the_claim_and_the_number_of_failing_rows(judge: Judge) -> None:
    outcome = judge("ExpectColumnValuesToBeBetween", {"column": "amount", "min_value": 0, "max_value": 45})

    assert outcome.sentence == "shop.line: amount must be between 0 and 45, 1 of 5 rows are not"
    assert (outcome.rule, outcome.severity) == ("amount must be between 0 and 45", "error")
    assert outcome.reason == "set by hand, 2026-11-21"


def test_warning_that_fails_stays_a_warning(judge: Judge) -> None:
    outcome = judge(NOT_NULL, {"column": "paid_at"}, severity="warn", name="every line is paid")

    assert (outcome.success, outcome.severity, outcome.rule) == (False, "warn", "every line is paid")


# --- personal values -------------------------------------------------------------------------------------------------

PERSONAL = re.compile(r"ana|bo@|cy@|not-an-email", re.IGNORECASE)
ABOUT_EMAIL = (
    Rule("ExpectColumnValuesToMatchRegex", {"column": "email", "regex": "^x"}, WHY),
    Rule("ExpectColumnValuesToBeInSet", {"column": "email", "value_set": ["x"]}, WHY),
    Rule("ExpectColumnDistinctValuesToBeInSet", {"column": "email", "value_set": ["x"]}, WHY),
    Rule("ExpectColumnProportionOfUniqueValuesToBeBetween", {"column": "email", "min_value": 1}, WHY),
    Rule("ExpectColumnMaxToBeBetween", {"column": "email", "max_value": datetime(2026, 1, 1)}, WHY),
    Rule("ExpectColumnPairValuesAToBeGreaterThanB", {"column_A": "status", "column_B": "EMAIL"}, WHY),
    Rule("ExpectColumnPairValuesAToBeGreaterThanB", {"column_A": "email", "column_B": "status"}, WHY),
    Rule("ExpectCompoundColumnsToBeUnique", {"column_list": ["email", "line"]}, WHY),
    Rule("ExpectColumnSumToBeBetween", {"column": "email", "max_value": 1}, WHY),
    Rule("ExpectColumnMaxToBeBetween", {"column": "born", "max_value": datetime(1990, 1, 1)}, WHY),
    Rule("ExpectColumnMinToBeBetween", {"column": "born", "min_value": datetime(1999, 1, 1)}, WHY),
    Rule(
        "ExpectColumnQuantileValuesToBeBetween",
        {"column": "pay", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}},
        WHY,
    ),
    Rule("ExpectColumnSumToBeBetween", {"column": "pay", "max_value": 1}, WHY),
    Rule("UnexpectedRowsExpectation", {"unexpected_rows_query": "select email, * from {batch}"}, WHY, name="rows"),
    Rule(
        "UnexpectedRowsExpectation",
        {"unexpected_rows_query": "select email as contact, id from {batch}"},
        WHY,
        name="renamed",
    ),
    Rule(
        "UnexpectedRowsExpectation",
        {"unexpected_rows_query": "select email::integer from {batch}"},
        WHY,
        name="value in an error",
    ),
)


def test_no_outcome_and_no_page_shows_personal_values(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute("create table shop.buyer as select *, date '1991-02-03' as born, 73219 as pay from shop.line")
    people = Suite(
        "staging",
        "shop.buyer",
        "select * from shop.buyer",
        ABOUT_EMAIL,
        personal_columns=frozenset({"Email", "born", "pay"}),  # in any case, as DuckDB has it
        key_columns=("id", "email"),
    )
    docs = DataDocs(tmp_path / "docs")

    outcomes = validate(connection, [people], run_id="r", docs=docs)
    docs.build()

    said = "\n".join(str(getattr(outcome, field.name)) for outcome in outcomes for field in fields(Outcome))
    shown = "\n".join(page.read_text() for page in (tmp_path / "docs").iterdir())
    assert not any(outcome.success for outcome in outcomes)
    for text in (said, shown):
        assert "shop.buyer" in text
        assert not PERSONAL.search(text)
        assert not re.search(r"1991|73,?219|366,?095", text)
    assert {outcome.sample for outcome in outcomes if outcome.rule not in {"rows", "renamed"}} == {None}


def test_rows_of_a_table_with_personal_columns_are_shown_by_their_keys(judge: Judge) -> None:
    outcome = judge(
        "UnexpectedRowsExpectation",
        {"unexpected_rows_query": "select *, email as contact from {batch} where id in (1, 3)"},
        personal=frozenset({"email"}),
        keys=("id",),
    )

    assert outcome.sample == '[{"id": 1}, {"id": 3}]'


def test_counts_are_shown_for_personal_columns(judge: Judge) -> None:
    outcome = judge("ExpectColumnValuesToMatchRegex", {"column": "email", "regex": "@"}, personal=frozenset({"email"}))

    assert (outcome.unexpected_count, outcome.unexpected_share, outcome.sample) == (1, 0.2, None)


# --- storing ---------------------------------------------------------------------------------------------------------


def test_storing_a_run_again_replaces_it_and_keeps_other_runs(connection: duckdb.DuckDBPyConnection) -> None:
    rules = (Rule(NOT_NULL, {"column": "paid_at"}, WHY), Rule(NOT_NULL, {"column": "id"}, WHY))
    first = validate(connection, [suite(*rules)], run_id="one")
    connection.execute("delete from shop.line where paid_at is null")
    second = validate(connection, [suite(*rules)], run_id="two")

    for outcomes, run_id in ((first, "one"), (second, "two"), (second, "two"), (first, "one")):
        store(connection, outcomes, run_id=run_id, as_of=datetime(2026, 11, 21, 6))

    kept = connection.execute(
        "select run_id, column_name, success, unexpected_count from quality.validation_result order by all"
    ).fetchall()
    assert kept == [
        ("one", "id", True, 0),
        ("one", "paid_at", False, 2),
        ("two", "id", True, 0),
        ("two", "paid_at", True, 0),
    ]


def test_stored_outcome_reads_back_unchanged(connection: duckdb.DuckDBPyConnection, judge: Judge) -> None:
    outcome = judge("ExpectColumnValuesToBeInSet", {"column": "status", "value_set": ["paid", "open’s", 'a"b']})

    store(connection, [outcome], run_id="r", as_of=datetime(2026, 11, 21, 6))

    row = connection.execute("select * from quality.validation_result").fetchall()
    assert row == [("r", datetime(2026, 11, 21, 6), *(getattr(outcome, field.name) for field in fields(Outcome)))]


def test_every_stored_column_has_a_comment(connection: duckdb.DuckDBPyConnection, judge: Judge) -> None:
    store(connection, [judge(NOT_NULL, {"column": "id"})], run_id="r", as_of=datetime(2026, 11, 21))

    unexplained = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'quality' and comment is null"
    ).fetchall()
    assert unexplained == []


# --- the start -------------------------------------------------------------------------------------------------------


def test_importing_the_rules_does_not_import_great_expectations() -> None:
    modules = "expectations.validation, expectations.data_docs, expectations.storage, expectations.marts"
    code = f"import sys, {modules}; print('great_expectations' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "False"


def test_nothing_is_printed(judge: Judge, capfd: pytest.CaptureFixture[str]) -> None:
    judge(NOT_NULL, {"column": "paid_at"})
    judge("ExpectColumnValuesToMatchRegex", {"column": "quantity", "regex": "x"})
    judge("UnexpectedRowsExpectation", {"unexpected_rows_query": "select * from {batch}"})

    assert capfd.readouterr() == ("", "")
