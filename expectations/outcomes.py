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

    @property
    def observed(self) -> str:
        """What judging found, in short: the rows that break the rule and their share, or the measured value."""
        if self.unexpected_count is None:
            return self.observed_value or ""
        rows = f"{self.unexpected_count:,} row" + ("" if self.unexpected_count == 1 else "s")
        return rows if self.unexpected_share is None else f"{rows} ({self.unexpected_share:.2%})"
