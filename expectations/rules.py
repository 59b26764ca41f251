"""What a rule is and what a suite is: plain data, judged by `expectations.validation`.

The rules themselves live in one module per layer (landing, staging, identity, core, marts, predictions), and a firm's
own in its `checks.yml`. Nothing in here imports Great Expectations or opens a connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Severity = Literal["error", "warn"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class Rule:
    """One expectation: a GX class by name, its arguments, and why the rule exists.

    name: what it is called where rules are listed. claim: what it says of the table in a sentence, where the words that
    follow from the expectation are not enough.

    Arguments are those of the GX class, with two conveniences: `row_condition` may be a list of `(column, operator,
    value)` (all must hold; operators ==, !=, <, <=, >, >=, in, not in, and `(column, "is null")`, `(column,
    "is not null")`) instead of GX's `Column` objects; and `{batch}` in `unexpected_rows_query` is the suite's query.
    """

    expectation: str
    arguments: Mapping[str, Any]
    reason: str
    severity: Severity = "error"
    name: str | None = None
    claim: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule names."""
        single = (self.arguments[key] for key in ("column", "column_A", "column_B") if key in self.arguments)
        return (*single, *self.arguments.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """The rules for the rows of one query.

    `personal_columns` hold personal data: a suite that has any shows no value of any column. `key_columns` identify
    failing rows.
    """

    layer: str
    table: str
    query: str
    rules: tuple[Rule, ...]
    personal_columns: frozenset[str] = frozenset()
    key_columns: tuple[str, ...] = ()


def suites_text(suites: Sequence[Suite]) -> str:
    """All that decides what suites judge, as text: equal suites have equal texts in every process."""

    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, (set, frozenset)) else str(value)

    return json.dumps([asdict(suite) for suite in suites], default=plain, sort_keys=True)


def between(
    column: str,
    low: Any,
    high: Any,
    reason: str,
    *,
    severity: Severity = "error",
    name: str | None = None,
    row_condition: Sequence[Sequence[Any]] | None = None,
) -> Rule:
    """The rule that a column is at least `low` and at most `high`; None leaves that side open."""
    arguments: dict[str, Any] = {"column": column}
    if low is not None:
        arguments["min_value"] = low
    if high is not None:
        arguments["max_value"] = high
    if row_condition is not None:
        arguments["row_condition"] = row_condition
    return Rule("ExpectColumnValuesToBeBetween", arguments, reason, severity=severity, name=name)


def is_zero(column: str, reason: str) -> Rule:
    """The rule that a difference, measured in one row, is exactly zero."""
    return between(column, 0, 0, reason, name=f"{column} is zero")


def is_false(column: str, reason: str, *, severity: Severity, name: str) -> Rule:
    """The rule that a boolean column is false wherever it is filled."""
    return Rule(
        "ExpectColumnValuesToBeInSet", {"column": column, "value_set": [False]}, reason, severity=severity, name=name
    )


def no_rows_where(condition: str, reason: str, *, name: str, severity: Severity = "error") -> Rule:
    """The rule that no row meets an SQL condition."""
    query = f"select * from {{batch}} where {condition}"
    return Rule("UnexpectedRowsExpectation", {"unexpected_rows_query": query}, reason, severity=severity, name=name)
