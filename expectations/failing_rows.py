"""The SQL with which a reader sees the rows that break a rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expectations.gx_rules import row_condition
from expectations.rules import Rule, Suite
from expectations.sql import as_subquery, identifier, literal, literals, with_batch


def failing_rows_query(suite: Suite, rule: Rule) -> str | None:
    """SQL that lists the rows that break `rule`; None if the rule is about the table as a whole."""
    a = rule.arguments
    if rule.expectation == "UnexpectedRowsExpectation":
        return with_batch(a["unexpected_rows_query"], suite.query)
    column = identifier(a["column"]) if "column" in a else ""
    where: str | None = None
    qualify = ""
    match rule.expectation:
        case "ExpectColumnValuesToNotBeNull":
            where = f"{column} is null"
        case "ExpectColumnValuesToBeNull":
            where = f"{column} is not null"
        case "ExpectColumnValuesToBeInSet" | "ExpectColumnDistinctValuesToBeInSet":
            where = f"{column} not in ({literals(a['value_set'])})"
        case "ExpectColumnValuesToNotBeInSet":
            where = f"{column} in ({literals(a['value_set'])})"
        case "ExpectColumnValuesToBeBetween":
            where = _outside(column, a)
        case "ExpectColumnMaxToBeBetween" if a.get("max_value") is not None:
            where = _outside(column, {**a, "min_value": None})
        case "ExpectColumnMinToBeBetween" if a.get("min_value") is not None:
            where = _outside(column, {**a, "max_value": None})
        case "ExpectColumnValuesToMatchRegex":
            where = f"not regexp_matches({column}, {literal(a['regex'])})"
        case "ExpectColumnValuesToNotMatchRegex":
            where = f"regexp_matches({column}, {literal(a['regex'])})"
        case "ExpectColumnPairValuesAToBeGreaterThanB":
            operator = ">=" if a.get("or_equal") else ">"
            where = f"not ({identifier(a['column_A'])} {operator} {identifier(a['column_B'])})"
        case "ExpectColumnValuesToBeUnique":
            where, qualify = f"{column} is not null", column
        case "ExpectColumnProportionOfUniqueValuesToBeBetween" if a.get("min_value") == 1:
            where, qualify = f"{column} is not null", column
        case "ExpectCompoundColumnsToBeUnique":
            # GX finds repetitions by joining on the columns, so an empty one never repeats.
            where = " and ".join(f"{identifier(name)} is not null" for name in a["column_list"])
            qualify = ", ".join(identifier(name) for name in a["column_list"])
    if where is None:
        return None
    if a.get("row_condition") is not None:
        where = f"({where}) and ({_condition_sql(a['row_condition'])})"
    query = f"select * from {as_subquery(suite.query)} as judged\nwhere {where}"
    return f"{query}\nqualify count(*) over (partition by {qualify}) > 1" if qualify else query


def _outside(column: str, arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    parts = []
    if low is not None:
        parts.append(f"{column} {'<=' if arguments.get('strict_min') else '<'} {literal(low)}")
    if high is not None:
        parts.append(f"{column} {'>=' if arguments.get('strict_max') else '>'} {literal(high)}")
    return " or ".join(parts)


def _condition_sql(condition: Any) -> str:
    """The row condition as SQL."""
    import sqlalchemy as sa
    from duckdb_engine import Dialect
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

    # The method uses nothing of its instance but other methods.
    builder = SqlAlchemyExecutionEngine.__new__(SqlAlchemyExecutionEngine)
    clause: sa.ColumnElement[Any] = builder.condition_to_filter_clause(row_condition(condition))
    return str(clause.compile(dialect=Dialect(), compile_kwargs={"literal_binds": True}))
