"""A firm's checks.yml: every type of rule can pass and fail, and a mistake is reported with its place and remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from expectations.checks import ChecksError, suites_from_yaml
from expectations.core import core_suites
from expectations.rules import Suite
from expectations.validation import validate

WHY = "chosen 2026-11-27"


def read(folder: Path, text: str, **options: Any) -> dict[str, list[Suite]]:
    file = folder / "checks.yml"
    file.write_text(text, encoding="utf-8")
    return suites_from_yaml(file, **options)


def one_rule(folder: Path, **settings: Any) -> dict[str, list[Suite]]:
    return read(folder, yaml.safe_dump({"shop.line": [{"reason": WHY, **settings}]}))


@pytest.mark.parametrize(
    ("kept", "broken", "count"),
    [
        ({"type": "not_null", "column": "id"}, {"type": "not_null", "column": "paid_at"}, 2),
        (
            {"type": "not_null", "column": "paid_at", "mostly": 0.6},
            {"type": "not_null", "column": "paid_at", "mostly": 0.61},
            2,
        ),
        ({"type": "unique", "column": "id"}, {"type": "unique", "column": "email"}, None),
        (
            {"type": "unique", "columns": ["order_id", "line", "id"]},
            {"type": "unique", "columns": ["order_id", "line"]},
            2,
        ),
        (
            {"type": "between", "column": "amount", "min": 10, "max": 50},
            {"type": "between", "column": "amount", "max": 49.99},
            1,
        ),
        (
            {"type": "between", "column": "placed_on", "min": date(2026, 1, 1)},
            {"type": "between", "column": "placed_on", "min": date(2026, 1, 3)},
            2,
        ),
        (
            {"type": "in_set", "column": "status", "values": ["paid", "open", "refused"]},
            {"type": "in_set", "column": "status", "values": ["paid"]},
            2,
        ),
        (
            {"type": "matches", "column": "email", "pattern": "[a-z]"},
            {"type": "matches", "column": "email", "pattern": "@"},
            1,
        ),
        ({"type": "row_count", "min": 5, "max": 5}, {"type": "row_count", "min": 6}, None),
        (
            {"type": "no_rows", "where": "amount < 0 -- never", "name": "no negative amount"},
            {"type": "no_rows", "where": "status like '%e%' and {'a':id}.a > 3", "name": "no refusal"},
            1,
        ),
    ],
)
def test_every_type_of_rule_passes_and_fails_with_the_right_count(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, kept: dict[str, Any], broken: dict[str, Any], count: int
) -> None:
    outcomes = []
    for settings in (kept, broken):
        (suite,) = one_rule(tmp_path, **settings)["shop.line"]
        outcomes += validate(connection, [suite], run_id="r")

    passed, failed = outcomes
    assert passed.success, passed.sentence
    assert not failed.success
    assert failed.unexpected_count == count
    assert "could not be judged" not in failed.sentence


def test_outcome_has_the_firm_s_severity_reason_and_name(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    suites = one_rule(tmp_path, type="not_null", column="paid_at", severity="warn", name="every line is paid")

    (outcome,) = validate(connection, suites["shop.line"], run_id="r")

    assert (outcome.severity, outcome.reason, outcome.rule) == ("warn", WHY, "every line is paid")
    assert (outcome.layer, outcome.table, outcome.column) == ("shop", "shop.line (checks.yml)", "paid_at")


def test_severity_is_error_unless_the_file_says_warn(tmp_path: Path) -> None:
    (suite,) = one_rule(tmp_path, type="not_null", column="id")["shop.line"]

    assert [rule.severity for rule in suite.rules] == ["error"]


def test_rules_of_a_table_keep_their_order_and_tables_theirs(tmp_path: Path) -> None:
    suites = read(
        tmp_path,
        """
        marts.b:
          - {type: not_null, column: y, reason: one}
          - {type: not_null, column: x, reason: two}
        core.a:
          - {type: row_count, min: 1, reason: three}
        """,
    )

    assert list(suites) == ["marts.b", "core.a"]
    assert [rule.reason for rule in suites["marts.b"][0].rules] == ["one", "two"]


def test_firm_s_suite_has_another_label_than_the_product_s(tmp_path: Path) -> None:
    """Results are stored by label and rule: with one label, a firm's rule would replace the product's."""
    suites = read(tmp_path, "core.dim_customer: [{type: row_count, min: 1, reason: x}]")

    product = core_suites(compare_sizes=True)["core.dim_customer"]
    assert suites["core.dim_customer"][0].table not in {suite.table for suite in product}


def test_values_of_a_table_with_personal_columns_are_not_shown(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    text = f"shop.line: [{{type: matches, column: email, pattern: '^x', reason: {WHY}}}]"
    shown = read(tmp_path, text)["shop.line"]
    withheld = read(tmp_path, text, personal_columns={"shop.line": frozenset({"email"})})["shop.line"]

    assert "ana@a.example" in (validate(connection, shown, run_id="r")[0].sample or "")
    assert validate(connection, withheld, run_id="r")[0].sample is None


def test_missing_table_or_column_fails_the_rule(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = "{table}: [{{type: not_null, column: {column}, reason: x}}]"
    gone = read(tmp_path, text.format(table="shop.gone", column="id"))["shop.gone"]
    other = read(tmp_path, text.format(table="shop.line", column="currency"))["shop.line"]

    outcomes = validate(connection, [*gone, *other], run_id="r")

    assert [outcome.success for outcome in outcomes] == [False, False]
    assert "there is no column currency" in outcomes[1].sentence


@pytest.mark.parametrize("text", ["", "# none yet\n", "{}"])
def test_empty_file_has_no_suites(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("marts.a: [", "checks.yml, line 1: "),
        ("- {type: not_null}", "checks.yml: is not a mapping of tables; write schema.table"),
        ("a: [{type: row_count, min: 1, reason: x}]", "checks.yml, a: not a table name; write schema.table"),
        ("7: []", "checks.yml, 7: not a table name"),
        ("marts.a:", "checks.yml, marts.a: has no list of rules; write one rule per line"),
        ("marts.a: {type: row_count}", "checks.yml, marts.a: has no list of rules"),
        (
            "marts.a: [{type: row_count, min: 1, reason: x}]\nmarts.a: [{type: row_count, min: 2, reason: x}]",
            "checks.yml, line 2: marts.a appears twice; correct it there.",
        ),
        ("marts.a: [{type: row_count, min: 1, min: 2, reason: x}]", "checks.yml, line 1: min appears twice"),
        ("marts.a: [not_null]", "checks.yml, marts.a, rule 1: is not a rule; write at least type and reason."),
        ("marts.a: [{column: x, reason: x}]", "rule 1: has no type; use one of not_null, unique, between"),
        ("marts.a: [{type: [x], reason: x}]", "rule 1: type ['x'] is unknown"),
        ("marts.a: [{type: betwen, reason: x}]", "rule 1: type 'betwen' is unknown; use one of not_null"),
        ("marts.a: [{type: not_null, column: x}]", "rule 1: reason is missing; write why the rule exists"),
        ("marts.a: [{type: not_null, column: x, reason: ''}]", "rule 1: reason is missing"),
        ("marts.a: [{type: not_null, column: x, reason: ' '}]", "rule 1: reason cannot be ' '; write why"),
        ("marts.a: [{type: not_null, reason: x}]", "rule 1: column is missing; write the name of the column"),
        ("marts.a: [{type: not_null, colum: x, reason: x}]", "not_null has no setting 'colum'; use column, mostly, re"),
        ("marts.a: [{type: not_null, column: x, reason: x, severity: fatal}]", "severity cannot be 'fatal'; write err"),
        ("marts.a: [{type: not_null, column: x, reason: x, mostly: 1.1}]", "mostly cannot be 1.1; write a share"),
        ("marts.a: [{type: not_null, column: x, reason: x, mostly: 0}]", "mostly cannot be 0; write a share"),
        ("marts.a: [{type: between, column: x, reason: x}]", "between has no bounds; write min, max or both."),
        ("marts.a: [{type: between, column: x, min: '1', reason: x}]", "min cannot be '1'; write a number, or a date"),
        ("marts.a: [{type: between, column: x, min: yes, reason: x}]", "min cannot be True; write a number"),
        ("marts.a: [{type: between, column: x, min: .nan, reason: x}]", "min cannot be nan; write a number"),
        ("marts.a: [{type: between, column: x, min: 2, max: 1, reason: x}]", "min is greater than max"),
        ("marts.a: [{type: between, column: x, min: 2, max: 2026-01-01, reason: x}]", "min and max are of different"),
        (
            "marts.a: [{type: between, column: x, min: 2026-01-01, max: 2026-01-01 08:00:00, reason: x}]",
            "min and max are of different kinds; write two numbers, dates or timestamps.",
        ),
        ("marts.a: [{type: row_count, min: 0.5, reason: x}]", "a number of rows is a whole number"),
        ("marts.a: [{type: unique, reason: x}]", "unique needs either column or columns"),
        ("marts.a: [{type: unique, column: x, columns: [x, y], reason: x}]", "unique needs either column or columns"),
        ("marts.a: [{type: unique, columns: [x], reason: x}]", "columns cannot be ['x']; write a list of at least two"),
        ("marts.a: [{type: in_set, column: x, values: [], reason: x}]", "values cannot be []; write the list"),
        ("marts.a: [{type: in_set, column: x, values: paid, reason: x}]", "values cannot be 'paid'; write the list"),
        ("marts.a: [{type: matches, column: x, pattern: '[', reason: x}]", "pattern cannot be '['; write a regular"),
        ("marts.a: [{type: no_rows, where: x < 0, reason: x}]", "name is missing; write in a few words what holds"),
        (
            "marts.a: [{type: row_count, min: 1, reason: x}, {type: row_count, min: 1, reason: y}]",
            "rule 2: 'the number of rows must be at least 1' is also rule 1; remove one, or give it a `name`.",
        ),
    ],
)
def test_mistake_is_reported_with_place_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ChecksError) as error:
        read(tmp_path, text)

    assert message in str(error.value)
    assert str(error.value).startswith("checks.yml")
    assert "\n" not in str(error.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChecksError, match=r"There is no checks file .*none\.yml"):
        suites_from_yaml(tmp_path / "none.yml")


def test_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "checks.yml").write_bytes("marts.a: é".encode("latin-1"))

    with pytest.raises(ChecksError, match=r"checks\.yml: is not UTF-8 text"):
        suites_from_yaml(tmp_path / "checks.yml")
