"""Rules as data, judged inside DuckDB by Great Expectations: the one place in the project that opens a GX context.

A `Suite` says which rows (`query`) must keep which `Rule`s; `validate` says what came of it, one `Outcome` per rule;
and `store` keeps the outcomes in the warehouse. The rules themselves stand in one module per layer beside this one, and
what GX has to be told about DuckDB in `expectations.duckdb_source`.

GX is imported on first use (three seconds), so this module and the suites cost nothing to import.
"""

from __future__ import annotations

import json
import logging
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import duckdb
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.row_conditions import Condition

    from expectations.data_docs import DataDocs
    from expectations.duckdb_source import DuckDBExecutionEngine

Severity = Literal["error", "warn"]

SAMPLE_SIZE = 5
GX_SEVERITY = {"error": "critical", "warn": "warning"}

# Results of these say nothing about single values; everything else observed in a personal column is withheld.
IMPERSONAL = frozenset(
    {
        "ExpectColumnProportionOfUniqueValuesToBeBetween",
        "ExpectColumnToExist",
        "ExpectColumnUniqueValueCountToBeBetween",
        "ExpectColumnValuesToBeOfType",
    }
)
IMPERSONAL_RESULTS = frozenset(
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
# These judge whether columns are there, so a column that is not there is theirs to report.
ABOUT_COLUMNS = frozenset({"ExpectColumnToExist", "ExpectTableColumnsToMatchSet"})


@dataclass(frozen=True)
class Rule:
    """One expectation: a GX class by name, its arguments, and why it stands.

    Arguments are those of the GX class, with two conveniences: `row_condition` may be a list of `(column, operator,
    value)` (all of which must hold; operators ==, !=, <, <=, >, >=, in, not in, and `(column, "is null")`, `(column,
    "is not null")`) instead of GX's `Column` objects; and `{batch}` in `unexpected_rows_query` is the suite's query.
    """

    expectation: str
    arguments: Mapping[str, Any]
    reason: str
    severity: Severity = "error"
    name: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule names."""
        single = (self.arguments[key] for key in ("column", "column_A", "column_B") if key in self.arguments)
        return (*single, *self.arguments.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """The rules for the rows of one query.

    `personal_columns` hold personal data: where there are any, values of no column are shown. `key_columns` point at
    failing rows.
    """

    layer: str
    table: str
    query: str
    rules: tuple[Rule, ...]
    personal_columns: frozenset[str] = frozenset()
    key_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one rule. `sentence` is for people; `failing_rows_query` can be pasted to see the rows."""

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


def validate(
    connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite], *, run_id: str, docs: DataDocs | None = None
) -> list[Outcome]:
    """Judge every rule of `suites` on `connection`, which stays open and unchanged; outcomes in the order of the rules.

    What cannot be judged (no such table, no such column, an error inside GX) is a failed outcome, never an exception.
    Results are also handed to `docs`, without personal values.
    """
    for suite in suites:
        _check_names(suite)
    context = _context()
    from expectations.duckdb_source import DuckDBExecutionEngine

    execution_engine = DuckDBExecutionEngine(connection)
    outcomes: list[Outcome] = []
    for suite in suites:
        judged = _judge(execution_engine, context, suite)
        outcomes.extend(outcome for outcome, _ in judged)
        if docs is not None:
            docs.add(suite, run_id, judged)
    return outcomes


def _check_names(suite: Suite) -> None:
    names = [rule_name(rule) for rule in suite.rules]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{suite.table}: several rules are called {repeated[0]!r}; give each a name of its own")
    unknown = sorted({str(rule.severity) for rule in suite.rules} - GX_SEVERITY.keys())
    if unknown:
        raise ValueError(f"{suite.table}: severity {unknown[0]!r} is not one of {', '.join(GX_SEVERITY)}")


@lru_cache(maxsize=1)
def _context() -> EphemeralDataContext:
    """The process's GX context: in memory, without telemetry, progress bars or log lines (results say it all)."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations

    logging.captureWarnings(False)  # GX sends all warnings of the process to the log as soon as it is imported
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context: EphemeralDataContext = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    return context


# --- judging ---------------------------------------------------------------------------------------------------------

Judged = tuple[Outcome, "ExpectationValidationResult | None"]


def _judge(execution_engine: DuckDBExecutionEngine, context: EphemeralDataContext, suite: Suite) -> list[Judged]:
    from great_expectations.validator.validator import Validator

    from expectations.duckdb_source import column_types, query_batch

    try:
        batch = query_batch(execution_engine, suite.query)
    except Exception as error:  # noqa: BLE001  whatever is wrong with the table is the outcome of each of its rules
        return [(_unjudged(suite, rule, _problem(suite, error)), None) for rule in suite.rules]

    validator = Validator(execution_engine=execution_engine, batches=[batch], data_context=context)
    columns = frozenset(column_types(batch))
    problems: dict[int, str] = {}
    configurations: list[ExpectationConfiguration] = []
    for index, rule in enumerate(suite.rules):
        missing = [name for name in rule.columns if name not in columns]
        if missing and rule.expectation not in ABOUT_COLUMNS:
            problems[index] = f"there is no column {_listed(missing)}"
            continue
        try:
            configurations.append(_configuration(suite, rule, index))
        except Exception as error:  # noqa: BLE001  a rule that cannot be built is a rule that has failed
            problems[index] = " ".join(str(error).split())

    # Counts and aggregates of all rules in one scan; the sample of zero rows costs nothing.
    try:
        results = _run(validator, configurations, {"result_format": "BASIC", "partial_unexpected_count": 0})
        results |= _with_samples(validator, suite, configurations, results)
    except Exception as error:  # noqa: BLE001  GX catches what metrics raise, not what it raises itself
        return [(_unjudged(suite, rule, _problem(suite, error)), None) for rule in suite.rules]

    judged: list[Judged] = []
    for index, rule in enumerate(suite.rules):
        if index in problems:
            judged.append((_unjudged(suite, rule, problems[index]), None))
            continue
        result = results[index]
        exception = _exception(result)
        if exception is not None:
            judged.append((_unjudged(suite, rule, _problem(suite, exception)), None))
            continue
        if "unexpected_rows_query" in rule.arguments:  # as it was written, for the docs
            judged_as: Any = result.expectation_config
            judged_as.kwargs["unexpected_rows_query"] = rule.arguments["unexpected_rows_query"]
        _withhold_personal_values(suite, rule, result)
        try:
            judged.append((_outcome(execution_engine, suite, rule, result), result))
        except Exception as error:  # noqa: BLE001  the rows that fail could not be fetched
            judged.append((_unjudged(suite, rule, _problem(suite, error)), None))
    return judged


def _run(
    validator: Any, configurations: Sequence[ExpectationConfiguration], result_format: dict[str, Any]
) -> dict[int, ExpectationValidationResult]:
    """Results by position of the rule: GX hands them back in another order when some failed with an exception."""
    results = validator.graph_validate(list(configurations), {"result_format": result_format}) if configurations else []
    by_position = {result.expectation_config.meta["rule"]: result for result in results}
    if len(by_position) != len(configurations):
        raise RuntimeError(f"Great Expectations gave {len(by_position)} results for {len(configurations)} rules")
    return by_position


def _with_samples(
    validator: Any,
    suite: Suite,
    configurations: Sequence[ExpectationConfiguration],
    results: Mapping[int, ExpectationValidationResult],
) -> dict[int, ExpectationValidationResult]:
    """The failed rules once more, with a few unexpected values, where these may be shown."""
    failed = [
        configuration
        for configuration in configurations
        if not results[configuration.meta["rule"]].success
        and _exception(results[configuration.meta["rule"]]) is None
        and not _is_personal(suite, suite.rules[configuration.meta["rule"]])
    ]
    row_rules = [one for one in failed if _rule_of(suite, one).expectation == "UnexpectedRowsExpectation"]
    value_rules = [one for one in failed if "unexpected_count" in results[one.meta["rule"]].result]
    sampled = _run(validator, row_rules, {"result_format": "COMPLETE"})
    sampled |= _run(validator, value_rules, {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_SIZE})
    return {index: result for index, result in sampled.items() if _exception(result) is None}


def _rule_of(suite: Suite, configuration: ExpectationConfiguration) -> Rule:
    index: int = configuration.meta["rule"]
    return suite.rules[index]


def _configuration(suite: Suite, rule: Rule, index: int) -> ExpectationConfiguration:
    from great_expectations import expectations as gx_expectations

    from expectations.duckdb_source import parameter_safe

    arguments = dict(rule.arguments)
    if arguments.get("row_condition") is not None:
        arguments["row_condition"] = _row_condition(arguments["row_condition"])
    if "unexpected_rows_query" in arguments:
        # GX would fill in {batch} itself, but under an alias of its own, and trip over every other brace and colon.
        # It prints a warning where it finds no {batch} at all; this one becomes an empty string.
        query = parameter_safe(_with_batch(arguments["unexpected_rows_query"], suite.query))
        arguments["unexpected_rows_query"] = query.replace("{", "{{").replace("}", "}}") + "\n{batch:.0}"
    try:
        expectation = getattr(gx_expectations, rule.expectation)
    except AttributeError:
        raise LookupError(f"Great Expectations has no expectation called {rule.expectation}") from None
    configuration: ExpectationConfiguration = expectation(
        **arguments, severity=GX_SEVERITY[rule.severity], notes=rule.reason
    ).configuration
    configuration.meta = {"rule": index, "name": rule_name(rule)}
    return configuration


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


def _row_condition(condition: Any) -> Condition:
    """GX's condition object: as given, or from a list of `(column, operator, value)` that must all hold."""
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


def _exception(result: ExpectationValidationResult) -> str | None:
    """The message of what went wrong inside GX, or None. GX keeps it flat, or one per metric under the metric's id."""
    information = result.exception_info or {}
    if "raised_exception" in information:
        entries: list[Any] = [information]
    else:
        entries = list(information.values())
    for entry in entries:
        if entry["raised_exception"]:
            return str(entry["exception_message"] or entry["exception_traceback"])
    return None


def _problem(suite: Suite, error: Exception | str) -> str:
    """One line that says what failed while judging; without words that may be a person's data."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = re.sub(r"^\(\w+\.\w+\) ", "", lines[0])  # SQLAlchemy puts the class in front
    if not suite.personal_columns or line.startswith(("Binder Error", "Catalog Error", "Parser Error")):
        return line  # these three are raised before any row is read; all others may quote one
    kind = re.match(r"[A-Z][A-Za-z ]* Error", line)
    return f"{kind.group() if kind else 'an error'} (its words may hold personal values)"


# --- personal values -------------------------------------------------------------------------------------------------


def _is_personal(suite: Suite, rule: Rule) -> bool:
    # Where columns of a delivery are swapped, names stand in a column that never held any: beside personal columns no
    # column is safe to show.
    return bool(suite.personal_columns and rule.columns)


def _withhold_personal_values(suite: Suite, rule: Rule, result: ExpectationValidationResult) -> None:
    """Take out of `result` what could show a personal value, before anything is made of it."""
    if not suite.personal_columns:
        return
    if _is_personal(suite, rule) and rule.expectation not in IMPERSONAL:
        result.result = {key: value for key, value in result.result.items() if key in IMPERSONAL_RESULTS}
    if rule.expectation == "UnexpectedRowsExpectation":
        # Any column of a free query may hold a personal value under another name: only the keys are shown.
        personal = {name.lower() for name in suite.personal_columns}
        shown = {key for key in suite.key_columns if key.lower() not in personal}
        rows = (result.result.get("details") or {}).get("unexpected_rows") or []
        kept = [{key: value for key, value in row.items() if key in shown} for row in rows]
        result.result["details"] = {"unexpected_rows": kept if shown else []}


# --- outcomes --------------------------------------------------------------------------------------------------------


def _outcome(
    execution_engine: DuckDBExecutionEngine, suite: Suite, rule: Rule, result: ExpectationValidationResult
) -> Outcome:
    found = result.result
    success = bool(result.success)
    count, share = found.get("unexpected_count"), None
    if "element_count" in found:
        count = int(count or 0)
        share = (found.get("unexpected_percent") or 0) / 100
    elif rule.expectation == "UnexpectedRowsExpectation":
        count = found["observed_value"]
    elif count is not None:  # rules about distinct values count these, not rows
        found["observed_value"] = _counted(count, "other value")
        count = None
    failing_rows_query = None if success else _failing_rows_query(suite, rule)
    outcome = Outcome(
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
        sample=None if success else _sample(execution_engine, suite, rule, found, failing_rows_query),
        reason=rule.reason,
        sentence="",
        failing_rows_query=failing_rows_query,
    )
    return replace(outcome, sentence=_sentence(rule, outcome, found))


def _unjudged(suite: Suite, rule: Rule, problem: str) -> Outcome:
    """A rule that could not be judged has failed, and blocks, whatever its severity: nobody knows what it would say."""
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
    failing_rows_query: str | None,
) -> str | None:
    """A few unexpected values as JSON: GX's own, or else (it has none for aggregates) from the failing rows."""
    if _is_personal(suite, rule):
        return None
    values = found.get("partial_unexpected_list")
    if rule.expectation == "UnexpectedRowsExpectation":
        values = (found.get("details") or {}).get("unexpected_rows")
    elif values is None and failing_rows_query is not None and len(rule.columns) == 1:
        query = f"select {_identifier(rule.columns[0])} from ({failing_rows_query}\n) limit {SAMPLE_SIZE}"
        values = [row[0] for row in execution_engine.duckdb_connection.execute(query).fetchall()]
    return json.dumps(values[:SAMPLE_SIZE], default=str, ensure_ascii=False) if values else None


# --- words -----------------------------------------------------------------------------------------------------------


def rule_name(rule: Rule) -> str:
    """The rule's own name, or what it claims in words."""
    return rule.name or _claim(rule)


def _said(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _listed(values: Sequence[Any]) -> str:
    shown = ", ".join(_said(value) for value in list(values)[:12])
    return f"{shown} … ({len(values)} in all)" if len(values) > 12 else shown


def _range(arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    above = "more than" if arguments.get("strict_min") else "at least"
    below = "less than" if arguments.get("strict_max") else "at most"
    if low is None and high is None:
        return "anything"
    if low is None:
        return f"{below} {_said(high)}"
    if high is None:
        return f"{above} {_said(low)}"
    if arguments.get("strict_min") or arguments.get("strict_max"):
        return f"{above} {_said(low)} and {below} {_said(high)}"
    return f"exactly {_said(low)}" if low == high else f"between {_said(low)} and {_said(high)}"


def _quantile_ranges(ranges: Mapping[str, Any]) -> str:
    pairs = zip(ranges["quantiles"], ranges["value_ranges"], strict=True)
    return ", ".join(f"{q} {_range({'min_value': low, 'max_value': high})}" for q, (low, high) in pairs)


def _column_set(a: Mapping[str, Any]) -> str:
    extent = "be exactly" if a.get("exact_match", True) else "include"
    return f"the columns must {extent} {_listed(sorted(a.get('column_set') or ()))}"


def _uniqueness(a: Mapping[str, Any]) -> str:
    if a.get("min_value") == 1:
        return f"{a['column']} must be unique"
    return f"the share of distinct values in {a['column']} must be {_range(a)}"


# Expectation → (claim, what rows do that break it). The claims read after "table: ".
_CLAIMS: dict[str, tuple[Callable[[Mapping[str, Any]], str], str]] = {
    "ExpectColumnValuesToNotBeNull": (lambda a: f"{a['column']} must not be empty", "are"),
    "ExpectColumnValuesToBeNull": (lambda a: f"{a['column']} must be empty", "are not"),
    "ExpectColumnValuesToBeUnique": (lambda a: f"{a['column']} must be unique", "are not"),
    "ExpectColumnValuesToBeInSet": (lambda a: f"{a['column']} must be one of {_listed(a['value_set'])}", "are not"),
    "ExpectColumnValuesToNotBeInSet": (lambda a: f"{a['column']} must be none of {_listed(a['value_set'])}", "are"),
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
        lambda a: f"the combination of {_listed(a['column_list'])} must be unique",
        "are not",
    ),
    "ExpectTableRowCountToBeBetween": (lambda a: f"the number of rows must be {_range(a)}", ""),
    "ExpectTableRowCountToEqual": (lambda a: f"the number of rows must be {_said(a['value'])}", ""),
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
        lambda a: f"{a['column']} must hold nothing but {_listed(a['value_set'])}",
        "",
    ),
    "UnexpectedRowsExpectation": (lambda _: "the query for unexpected rows must find none", "break it"),
}


def _claim(rule: Rule) -> str:
    arguments = rule.arguments
    try:
        said = _CLAIMS[rule.expectation][0](arguments)
    except KeyError:  # an expectation without words here, or one whose arguments are wrong, which GX will say
        rest = ", ".join(f"{key}={value}" for key, value in arguments.items() if key != "row_condition")
        said = f"{rule.expectation}({rest})"
    mostly = arguments.get("mostly", 1)
    if mostly != 1:
        said += f" in at least {mostly:.6g} of the rows" if mostly < 0.001 else f" in at least {mostly:.6%} of the rows"
        said = re.sub(r"\.?0+% of", "% of", said)
    if arguments.get("row_condition") is not None:
        said += f" where {_condition_words(arguments['row_condition'])}"
    return said


def _condition_words(condition: Any) -> str:
    if isinstance(condition, (list, tuple)):
        parts = [condition] if isinstance(condition[0], str) else condition
        return " and ".join(" ".join(_said(word) for word in part) for part in parts)
    return str(condition)


def _sentence(rule: Rule, outcome: Outcome, found: Mapping[str, Any]) -> str:
    claim = _claim(rule) if rule.expectation != "UnexpectedRowsExpectation" else rule_name(rule)
    said = f"{outcome.table}: {claim}"
    count = outcome.unexpected_count
    if "element_count" in found and count is not None:
        missing = found.get("missing_count") or 0
        total = _counted(found["element_count"] - missing, "non-empty row" if missing else "row")
        if count == 0:
            return f"{said}, and so it is in all of {total}"
        if found["element_count"] == 1 and outcome.sample:
            return f"{said}, it is {_listed(json.loads(outcome.sample))}"  # a measure, not rows
        return f"{said}, {count:,} of {total} {_CLAIMS.get(rule.expectation, (None, 'break it'))[1]}"
    if outcome.success:
        return said if outcome.observed_value in (None, "0") else f"{said}, it is {_observed_words(found)}"
    if count is not None:
        return f"{said}, {_counted(count, 'row')} {'breaks' if count == 1 else 'break'} it"
    mismatched = (found.get("details") or {}).get("mismatched") or {}
    if mismatched:
        unwanted = ("missing", "unexpected") if rule.arguments.get("exact_match", True) else ("missing",)
        parts = [f"{what}: {_listed(mismatched[what])}" for what in unwanted if mismatched.get(what)]
        return f"{said}, {'; '.join(parts)}"
    if outcome.observed_value is not None:
        return f"{said}, it is {_observed_words(found)}"
    return f"{said}, and it is not so"


def _observed_words(found: Mapping[str, Any]) -> str:
    value = found["observed_value"]
    if isinstance(value, dict) and "quantiles" in value:
        return ", ".join(f"{q}: {_said(v)}" for q, v in zip(value["quantiles"], value["values"], strict=True))
    return _listed(value) if isinstance(value, list) else _said(value)


# --- failing rows ----------------------------------------------------------------------------------------------------


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    text = "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, datetime):
        return f"{'timestamptz' if value.tzinfo else 'timestamp'} {text}"
    return f"date {text}" if isinstance(value, date) else text


def _literals(values: Sequence[Any]) -> str:
    return ", ".join(_literal(value) for value in values)


def _outside(column: str, arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    parts = []
    if low is not None:
        parts.append(f"{column} {'<=' if arguments.get('strict_min') else '<'} {_literal(low)}")
    if high is not None:
        parts.append(f"{column} {'>=' if arguments.get('strict_max') else '>'} {_literal(high)}")
    return " or ".join(parts)


def _failing_rows_query(suite: Suite, rule: Rule) -> str | None:
    """SQL that lists the rows that break `rule`, or None where no single row can be blamed."""
    a = rule.arguments
    if rule.expectation == "UnexpectedRowsExpectation":
        return _with_batch(a["unexpected_rows_query"], suite.query)
    column = _identifier(a["column"]) if "column" in a else ""
    where: str | None = None
    qualify = ""
    match rule.expectation:
        case "ExpectColumnValuesToNotBeNull":
            where = f"{column} is null"
        case "ExpectColumnValuesToBeNull":
            where = f"{column} is not null"
        case "ExpectColumnValuesToBeInSet" | "ExpectColumnDistinctValuesToBeInSet":
            where = f"{column} not in ({_literals(a['value_set'])})"
        case "ExpectColumnValuesToNotBeInSet":
            where = f"{column} in ({_literals(a['value_set'])})"
        case "ExpectColumnValuesToBeBetween":
            where = _outside(column, a)
        case "ExpectColumnMaxToBeBetween" if a.get("max_value") is not None:
            where = _outside(column, {**a, "min_value": None})
        case "ExpectColumnMinToBeBetween" if a.get("min_value") is not None:
            where = _outside(column, {**a, "max_value": None})
        case "ExpectColumnValuesToMatchRegex":
            where = f"not regexp_matches({column}, {_literal(a['regex'])})"
        case "ExpectColumnValuesToNotMatchRegex":
            where = f"regexp_matches({column}, {_literal(a['regex'])})"
        case "ExpectColumnPairValuesAToBeGreaterThanB":
            operator = ">=" if a.get("or_equal") else ">"
            where = f"not ({_identifier(a['column_A'])} {operator} {_identifier(a['column_B'])})"
        case "ExpectColumnValuesToBeUnique":
            where, qualify = f"{column} is not null", column
        case "ExpectColumnProportionOfUniqueValuesToBeBetween" if a.get("min_value") == 1:
            where, qualify = f"{column} is not null", column
        case "ExpectCompoundColumnsToBeUnique":
            # GX finds repetitions by joining on the columns, so an empty one never repeats.
            where = " and ".join(f"{_identifier(name)} is not null" for name in a["column_list"])
            qualify = ", ".join(_identifier(name) for name in a["column_list"])
    if where is None:
        return None
    if a.get("row_condition") is not None:
        where = f"({where}) and ({_condition_sql(a['row_condition'])})"
    query = f"select * from (\n{suite.query.strip().rstrip(';')}\n) as judged\nwhere {where}"
    return f"{query}\nqualify count(*) over (partition by {qualify}) > 1" if qualify else query


def _condition_sql(condition: Any) -> str:
    """The row condition as SQL."""
    import sqlalchemy as sa
    from duckdb_engine import Dialect
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

    # The method needs nothing of its instance but its own siblings.
    builder = SqlAlchemyExecutionEngine.__new__(SqlAlchemyExecutionEngine)
    clause: sa.ColumnElement[Any] = builder.condition_to_filter_clause(_row_condition(condition))
    return str(clause.compile(dialect=Dialect(), compile_kwargs={"literal_binds": True}))


def _with_batch(template: str, query: str) -> str:
    return template.replace("{batch}", f"(\n{query.strip().rstrip(';')}\n)")


# --- keeping ---------------------------------------------------------------------------------------------------------

# column, type, comment
_STORED: tuple[tuple[str, str, str], ...] = (
    ("run_id", "varchar not null", "The run in which the rule was judged"),
    ("as_of", "timestamp not null", "The moment the run's data stand for"),
    ("layer", "varchar not null", "landing, staging, core or marts"),
    ("table_name", "varchar not null", "The table or stream judged, e.g. core.fct_order_line"),
    ("rule", "varchar not null", "The rule's claim; unique per table and run"),
    ("expectation", "varchar not null", "The Great Expectations class that judged it"),
    ("column_name", "varchar", "The column or columns the rule is about; empty for rules about the whole table"),
    ("severity", "varchar not null", "error stops what is below; warn is shown and recorded"),
    ("success", "boolean not null", "Whether the rule held"),
    ("observed_value", "varchar", "What was measured, for rules about an aggregate; empty for personal columns"),
    ("unexpected_count", "bigint", "Rows that break the rule"),
    ("unexpected_share", "double", "Their share, between 0 and 1, of the rows that could break it"),
    ("sample", "varchar", "JSON list of at most five unexpected values; empty where the table holds personal columns"),
    ("reason", "varchar not null", "Why the rule and its threshold stand, with the date they were measured"),
    ("sentence", "varchar not null", "What was found, for people"),
    ("failing_rows_query", "varchar", "SQL that lists the failing rows, where single rows can be blamed"),
)
# Columns whose name would be an SQL keyword, and the field they come from.
_FIELDS = {"table_name": "table", "column_name": "column"}


def store(
    connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome], *, run_id: str, as_of: datetime | date
) -> None:
    """Keep `outcomes` in quality.validation_result; storing the same run again replaces it rule by rule."""
    if not outcomes:
        return
    _create_result_table(connection)
    kept = {name: type_.split()[0] for name, type_, _ in _STORED[2:]}
    rows = [{name: getattr(outcome, _FIELDS.get(name, name)) for name in kept} for outcome in outcomes]
    fresh = "(select unnest(from_json($rows, $types), max_depth := 2)) as fresh"
    parameters = {"rows": json.dumps(rows), "types": json.dumps([kept]), "run_id": run_id}
    connection.execute(
        f"""
        delete from quality.validation_result as kept using {fresh}
        where kept.run_id = $run_id and kept.table_name = fresh.table_name and kept.rule = fresh.rule
        """,
        parameters,
    )
    names = ", ".join(kept)
    connection.execute(
        f"""
        insert into quality.validation_result (run_id, as_of, {names})
        select $run_id, $as_of::timestamp, {names} from {fresh}
        """,
        {**parameters, "as_of": as_of},
    )


def _create_result_table(connection: duckdb.DuckDBPyConnection) -> None:
    exists = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'quality' and table_name = 'validation_result'"
    ).fetchone()
    if exists:
        return
    definition = ", ".join(f"{name} {type_}" for name, type_, _ in _STORED)
    connection.execute("create schema if not exists quality")
    connection.execute(f"create table quality.validation_result ({definition})")
    connection.execute("comment on table quality.validation_result is 'One row per run, table and rule judged'")
    for name, _, comment in _STORED:
        connection.execute(f"comment on column quality.validation_result.{name} is {_literal(comment)}")
