"""Keeps personal values out of results, before outcomes and data docs are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.rules import Rule, Suite

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

# Results of these do not depend on single values; everything else observed in a personal column is withheld.
_IMPERSONAL = frozenset(
    {
        "ExpectColumnProportionOfUniqueValuesToBeBetween",
        "ExpectColumnToExist",
        "ExpectColumnUniqueValueCountToBeBetween",
        "ExpectColumnValuesToBeOfType",
    }
)
_IMPERSONAL_RESULTS = frozenset(
    {
        "element_count",
        "missing_count",
        "missing_percent",
        "unexpected_count",
        "unexpected_percent",
        "unexpected_percent_nonmissing",
        "unexpected_percent_total",
    }
)


def is_personal(suite: Suite, rule: Rule) -> bool:
    """Whether values that the rule observes may be personal data.

    A delivery with swapped columns has names in a column that never held any: no column beside a personal one is safe.
    """
    return bool(suite.personal_columns and rule.columns)


def withhold_personal_values(suite: Suite, rule: Rule, result: ExpectationValidationResult) -> None:
    """Remove from `result` everything that could show a personal value, before anything reads it."""
    if not suite.personal_columns:
        return
    if is_personal(suite, rule) and rule.expectation not in _IMPERSONAL:
        result.result = {key: value for key, value in result.result.items() if key in _IMPERSONAL_RESULTS}
    if rule.expectation == "UnexpectedRowsExpectation":
        # Any column of a free query can hold a personal value under another name: show the keys only.
        personal = {name.lower() for name in suite.personal_columns}
        shown = {key for key in suite.key_columns if key.lower() not in personal}
        rows = (result.result.get("details") or {}).get("unexpected_rows") or []
        kept = [{key: value for key, value in row.items() if key in shown} for row in rows]
        result.result["details"] = {"unexpected_rows": kept if shown else []}
