"""From Great Expectations' results to outcomes, and from errors to outcomes of rules that could not be judged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from expectations.failing_rows import failing_rows_query
from expectations.outcomes import Outcome
from expectations.privacy import is_personal
from expectations.rules import Rule, Suite
from expectations.sql import identifier
from expectations.wording import counted, rule_name, sentence

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    from expectations.duckdb_source import DuckDBExecutionEngine

SAMPLE_SIZE = 5
Judged = tuple[Outcome, "ExpectationValidationResult | None"]


def outcome(
    execution_engine: DuckDBExecutionEngine, suite: Suite, rule: Rule, result: ExpectationValidationResult
) -> Outcome:
    """The outcome of a rule that GX has judged; reads a sample of failing rows if GX gives none."""
    found = result.result
    success = bool(result.success)
    count, share = found.get("unexpected_count"), None
    if "element_count" in found:
        count = int(count or 0)
        share = (found.get("unexpected_percent") or 0) / 100
    elif rule.expectation == "UnexpectedRowsExpectation":
        count = found["observed_value"]
    elif count is not None:  # rules about distinct values count these, not rows
        found["observed_value"] = counted(count, "other value")
        count = None
    failing_rows = None if success else failing_rows_query(suite, rule)
    judged = Outcome(
        layer=suite.layer,
        table=suite.table,
        rule=rule_name(rule),
        expectation=rule.expectation,
        column=", ".join(rule.columns) or None,
        severity=rule.severity,
        success=success,
        observed_value=_observed(found),
        unexpected_count=count,
        unexpected_share=share,
        sample=None if success else _sample(execution_engine, suite, rule, found, failing_rows),
        reason=rule.reason,
        sentence="",
        failing_rows_query=failing_rows,
    )
    return replace(judged, sentence=sentence(rule, judged, found))


def unjudged(suite: Suite, rule: Rule, problem: str) -> Outcome:
    """The outcome of a rule that could not be judged: failed, and an error even for a warning, as it may be broken."""
    return Outcome(
        layer=suite.layer,
        table=suite.table,
        rule=rule_name(rule),
        expectation=rule.expectation,
        column=", ".join(rule.columns) or None,
        severity="error",
        success=False,
        observed_value=None,
        unexpected_count=None,
        unexpected_share=None,
        sample=None,
        reason=rule.reason,
        sentence=f"{suite.table}: {rule_name(rule)}: could not be judged, {problem}",
        failing_rows_query=None,
    )


def _observed(found: Mapping[str, Any]) -> str | None:
    value = found.get("observed_value")
    if isinstance(value, (list, dict)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return None if value is None else str(value)


def _sample(
    execution_engine: DuckDBExecutionEngine,
    suite: Suite,
    rule: Rule,
    found: Mapping[str, Any],
    failing_rows: str | None,
) -> str | None:
    """A few unexpected values as JSON: GX's own or, for aggregates, which have none, from the failing rows."""
    if is_personal(suite, rule):
        return None
    values = found.get("partial_unexpected_list")
    if rule.expectation == "UnexpectedRowsExpectation":
        values = (found.get("details") or {}).get("unexpected_rows")
    elif values is None and failing_rows is not None and len(rule.columns) == 1:
        query = f"select {identifier(rule.columns[0])} from ({failing_rows}\n) limit {SAMPLE_SIZE}"
        values = [row[0] for row in execution_engine.duckdb_connection.execute(query).fetchall()]
    return json.dumps(values[:SAMPLE_SIZE], default=str, ensure_ascii=False) if values else None


def exception(result: ExpectationValidationResult) -> str | None:
    """The message of an error inside GX, or None. GX keeps it flat, or one per metric under the metric's id."""
    information = result.exception_info or {}
    if "raised_exception" in information:
        entries: list[Any] = [information]
    else:
        entries = list(information.values())
    for entry in entries:
        if entry["raised_exception"]:
            return str(entry["exception_message"] or entry["exception_traceback"])
    return None


def problem(suite: Suite, error: Exception | str) -> str:
    """One line that says what failed while judging, without text that may be personal data."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = re.sub(r"^\(\w+\.\w+\) ", "", lines[0])  # SQLAlchemy puts the class in front
    if not suite.personal_columns or line.startswith(("Binder Error", "Catalog Error", "Parser Error")):
        return line  # these three are raised before any row is read; all others may quote one
    kind = re.match(r"[A-Z][A-Za-z ]* Error", line)
    return f"{kind.group() if kind else 'an error'} (its message may hold personal values)"
