"""Rules and outcomes in words: what a rule claims, and the sentence that says what judging it found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from expectations.outcomes import Outcome
from expectations.rules import Rule


def rule_name(rule: Rule) -> str:
    """The rule's own name, or its claim in words."""
    return rule.name or _claim(rule)


def sentence(rule: Rule, outcome: Outcome, found: Mapping[str, Any]) -> str:
    """What must hold of the table, and how far it does. found: GX's result for the rule."""
    claim = _claim(rule) if rule.expectation != "UnexpectedRowsExpectation" else rule_name(rule)
    text = f"{outcome.table}: {claim}"
    count = outcome.unexpected_count
    if "element_count" in found and count is not None:
        missing = found.get("missing_count") or 0
        total = counted(found["element_count"] - missing, "non-empty row" if missing else "row")
        if count == 0:
            return f"{text}, holds for {'the ' if found['element_count'] == 1 else 'all '}{total.removeprefix('1 ')}"
        if found["element_count"] == 1 and outcome.sample:
            return f"{text}, it is {listed(json.loads(outcome.sample))}"  # a measure, not rows
        return f"{text}, {count:,} of {total} {_CLAIMS.get(rule.expectation, (None, 'break it'))[1]}"
    if outcome.success:
        return text if outcome.observed_value in (None, "0") else f"{text}, it is {_observed_words(found)}"
    if count is not None:
        return f"{text}, {counted(count, 'row')} {'breaks' if count == 1 else 'break'} it"
    mismatched = (found.get("details") or {}).get("mismatched") or {}
    if mismatched:
        unwanted = ("missing", "unexpected") if rule.arguments.get("exact_match", True) else ("missing",)
        parts = [f"{what}: {listed(mismatched[what])}" for what in unwanted if mismatched.get(what)]
        return f"{text}, {'; '.join(parts)}"
    if outcome.observed_value is not None:
        return f"{text}, it is {_observed_words(found)}"
    return f"{text}, which does not hold"


def counted(count: int, what: str) -> str:
    """A number of things: 1 row, 2 rows."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def listed(values: Sequence[Any]) -> str:
    """At most twelve values, and how many there are if there are more."""
    shown = ", ".join(_written(value) for value in list(values)[:12])
    return f"{shown} … ({len(values)} in all)" if len(values) > 12 else shown


def _written(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _observed_words(found: Mapping[str, Any]) -> str:
    value = found["observed_value"]
    if isinstance(value, dict) and "quantiles" in value:
        return ", ".join(f"{q}: {_written(v)}" for q, v in zip(value["quantiles"], value["values"], strict=True))
    return listed(value) if isinstance(value, list) else _written(value)


# --- claims ----------------------------------------------------------------------------------------------------------


def _range(arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    above = "more than" if arguments.get("strict_min") else "at least"
    below = "less than" if arguments.get("strict_max") else "at most"
    if low is None and high is None:
        return "anything"
    if low is None:
        return f"{below} {_written(high)}"
    if high is None:
        return f"{above} {_written(low)}"
    if arguments.get("strict_min") or arguments.get("strict_max"):
        return f"{above} {_written(low)} and {below} {_written(high)}"
    return f"exactly {_written(low)}" if low == high else f"between {_written(low)} and {_written(high)}"


def _quantile_ranges(ranges: Mapping[str, Any]) -> str:
    pairs = zip(ranges["quantiles"], ranges["value_ranges"], strict=True)
    return ", ".join(f"{q} {_range({'min_value': low, 'max_value': high})}" for q, (low, high) in pairs)


def _column_set(a: Mapping[str, Any]) -> str:
    extent = "be exactly" if a.get("exact_match", True) else "include"
    return f"the columns must {extent} {listed(sorted(a.get('column_set') or ()))}"


def _uniqueness(a: Mapping[str, Any]) -> str:
    if a.get("min_value") == 1:
        return f"{a['column']} must be unique"
    return f"the share of distinct values in {a['column']} must be {_range(a)}"


# Expectation → (claim, the verb of the rows that break it). The claims read after "table: ".
_CLAIMS: dict[str, tuple[Callable[[Mapping[str, Any]], str], str]] = {
    "ExpectColumnValuesToNotBeNull": (lambda a: f"{a['column']} must not be empty", "are"),
    "ExpectColumnValuesToBeNull": (lambda a: f"{a['column']} must be empty", "are not"),
    "ExpectColumnValuesToBeUnique": (lambda a: f"{a['column']} must be unique", "are not"),
    "ExpectColumnValuesToBeInSet": (lambda a: f"{a['column']} must be one of {listed(a['value_set'])}", "are not"),
    "ExpectColumnValuesToNotBeInSet": (lambda a: f"{a['column']} must be none of {listed(a['value_set'])}", "are"),
    "ExpectColumnValuesToBeBetween": (lambda a: f"{a['column']} must be {_range(a)}", "are not"),
    "ExpectColumnValueLengthsToBeBetween": (lambda a: f"the length of {a['column']} must be {_range(a)}", "are not"),
    "ExpectColumnValuesToMatchRegex": (lambda a: f"{a['column']} must match {a['regex']}", "do not"),
    "ExpectColumnValuesToNotMatchRegex": (lambda a: f"{a['column']} must not match {a['regex']}", "do"),
    "ExpectColumnProportionOfUniqueValuesToBeBetween": (_uniqueness, ""),
    "ExpectColumnUniqueValueCountToBeBetween": (
        lambda a: f"the number of distinct values in {a['column']} must be {_range(a)}",
        "",
    ),
    "ExpectCompoundColumnsToBeUnique": (
        lambda a: f"the combination of {listed(a['column_list'])} must be unique",
        "are not",
    ),
    "ExpectTableRowCountToBeBetween": (lambda a: f"the number of rows must be {_range(a)}", ""),
    "ExpectTableRowCountToEqual": (lambda a: f"the number of rows must be {_written(a['value'])}", ""),
    "ExpectTableColumnsToMatchSet": (_column_set, ""),
    "ExpectColumnToExist": (lambda a: f"there must be a column {a['column']}", ""),
    "ExpectColumnSumToBeBetween": (lambda a: f"the sum of {a['column']} must be {_range(a)}", ""),
    "ExpectColumnMeanToBeBetween": (lambda a: f"the mean of {a['column']} must be {_range(a)}", ""),
    "ExpectColumnMedianToBeBetween": (lambda a: f"the median of {a['column']} must be {_range(a)}", ""),
    "ExpectColumnMaxToBeBetween": (lambda a: f"the largest {a['column']} must be {_range(a)}", ""),
    "ExpectColumnMinToBeBetween": (lambda a: f"the smallest {a['column']} must be {_range(a)}", ""),
    "ExpectColumnPairValuesAToBeGreaterThanB": (
        lambda a: f"{a['column_A']} must be {'at least' if a.get('or_equal') else 'greater than'} {a['column_B']}",
        "are not",
    ),
    "ExpectColumnPairValuesToBeEqual": (lambda a: f"{a['column_A']} must equal {a['column_B']}", "do not"),
    "ExpectColumnValuesToBeOfType": (lambda a: f"{a['column']} must be of type {a['type_']}", ""),
    "ExpectColumnQuantileValuesToBeBetween": (
        lambda a: f"the quantiles of {a['column']} must be {_quantile_ranges(a['quantile_ranges'])}",
        "",
    ),
    "ExpectColumnDistinctValuesToBeInSet": (
        lambda a: f"{a['column']} must hold nothing but {listed(a['value_set'])}",
        "",
    ),
    "UnexpectedRowsExpectation": (lambda _: "the query for unexpected rows must find none", "break it"),
}


def _claim(rule: Rule) -> str:
    if rule.claim:
        return rule.claim
    arguments = rule.arguments
    try:
        text = _CLAIMS[rule.expectation][0](arguments)
    except KeyError:  # an expectation without words here, or one with wrong arguments, which GX reports
        rest = ", ".join(f"{key}={value}" for key, value in arguments.items() if key != "row_condition")
        text = f"{rule.expectation}({rest})"
    mostly = arguments.get("mostly", 1)
    if mostly != 1:
        text += f" in at least {mostly:.6g} of the rows" if mostly < 0.001 else f" in at least {mostly:.6%} of the rows"
        text = re.sub(r"\.?0+% of", "% of", text)
    if arguments.get("row_condition") is not None:
        text += f" where {_condition_words(arguments['row_condition'])}"
    return text


def _condition_words(condition: Any) -> str:
    if isinstance(condition, (list, tuple)):
        parts = [condition] if isinstance(condition[0], str) else condition
        return " and ".join(" ".join(_written(word) for word in part) for part in parts)
    return str(condition)
