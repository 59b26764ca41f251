"""Rules as Great Expectations configurations. Imports GX inside functions only."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from expectations.rules import Rule, Severity, Suite
from expectations.sql import with_batch
from expectations.wording import rule_name

if TYPE_CHECKING:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.row_conditions import Condition

_GX_SEVERITY: dict[Severity, str] = {"error": "critical", "warn": "warning"}


def configuration(suite: Suite, rule: Rule, index: int) -> ExpectationConfiguration:
    """GX's configuration of a rule; its meta holds `index`, the position of the rule in its suite.

    Raises LookupError if GX has no such expectation, ValueError and GX's own errors if the arguments are wrong.
    """
    from great_expectations import expectations as gx_expectations

    from expectations.duckdb_source import parameter_safe

    arguments = dict(rule.arguments)
    if arguments.get("row_condition") is not None:
        arguments["row_condition"] = row_condition(arguments["row_condition"])
    if "unexpected_rows_query" in arguments:
        # GX can fill in {batch} itself, but under an alias of its own, and fails on every other brace and colon.
        # It prints a warning if it finds no {batch} at all; the one appended here becomes an empty string.
        query = parameter_safe(with_batch(arguments["unexpected_rows_query"], suite.query))
        arguments["unexpected_rows_query"] = query.replace("{", "{{").replace("}", "}}") + "\n{batch:.0}"
    try:
        expectation = getattr(gx_expectations, rule.expectation)
    except AttributeError:
        raise LookupError(f"Great Expectations has no expectation called {rule.expectation}") from None
    made: ExpectationConfiguration = expectation(
        **arguments, severity=_GX_SEVERITY[rule.severity], notes=rule.reason
    ).configuration
    made.meta = {"rule": index, "name": rule_name(rule)}
    return made


_COMPARISONS: dict[str, Callable[..., Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda column, values: column.is_in(list(values)),
    "not in": lambda column, values: column.is_not_in(list(values)),
    "is null": lambda column: column.is_null(),
    "is not null": lambda column: column.is_not_null(),
}


def row_condition(condition: Any) -> Condition:
    """GX's condition object: as given, or from a list of `(column, operator, value)` that must all hold.

    Raises ValueError for an unknown operator.
    """
    from great_expectations.expectations.row_conditions import Column

    if not isinstance(condition, (list, tuple)):
        return condition  # type: ignore[no-any-return]
    if isinstance(condition[0], str):
        condition = [condition]
    parts = []
    for name, comparison, *value in condition:
        if comparison not in _COMPARISONS:
            raise ValueError(f"row_condition: {comparison!r} is not one of {', '.join(_COMPARISONS)}")
        parts.append(_COMPARISONS[comparison](Column(name), *value))
    return reduce(operator.and_, parts)  # type: ignore[no-any-return]
