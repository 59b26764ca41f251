"""What judging one rule found: plain data, as stored in quality.validation_result and shown in the data docs."""

from __future__ import annotations

from dataclasses import dataclass

from expectations.rules import Severity


@dataclass(frozen=True)
class Outcome:
    """The result of one rule. `sentence` is for people; paste `failing_rows_query` to see the rows."""

    layer: str
    table: str
    rule: str
    expectation: str
    column: str | None
    severity: Severity
    success: bool
    observed_value: str | None
    unexpected_count: int | None
    unexpected_share: float | None
    sample: str | None
    reason: str
    sentence: str
    failing_rows_query: str | None
