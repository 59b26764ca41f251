"""Judges suites inside DuckDB with Great Expectations: the only module that opens a GX context.

A `Suite` says which rows (`query`) must keep which `Rule`s; `validate` returns one `Outcome` per rule, and
`expectations.storage` keeps them in the warehouse. What GX needs to know about DuckDB is in
`expectations.duckdb_source`. GX is imported on first use (three seconds), so importing this module costs nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from expectations.gx_rules import configuration
from expectations.outcomes import Outcome
from expectations.privacy import is_personal, withhold_personal_values
from expectations.results import SAMPLE_SIZE, Judged, exception, outcome, problem, unjudged
from expectations.rules import SEVERITIES, Rule, Suite
from expectations.wording import listed, rule_name

if TYPE_CHECKING:
    import duckdb
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from expectations.data_docs import DataDocs
    from expectations.duckdb_source import DuckDBExecutionEngine

# These judge whether columns exist, so they report a missing column themselves.
_ABOUT_COLUMNS = frozenset({"ExpectColumnToExist", "ExpectTableColumnsToMatchSet"})


def validate(
    connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite], *, run_id: str, docs: DataDocs | None = None
) -> list[Outcome]:
    """Judge every rule of `suites` on `connection`, which stays open and unchanged; outcomes in the order of the rules.

    A rule that cannot be judged (missing table or column, an error inside GX) gives a failed outcome, never an
    exception. Raises ValueError if two rules of a suite share a name or a severity is unknown. Results, without
    personal values, also go to `docs`.
    """
    for suite in suites:
        _check_rules(suite)
    context = _context()
    from expectations.duckdb_source import DuckDBExecutionEngine

    execution_engine = DuckDBExecutionEngine(connection)
    outcomes: list[Outcome] = []
    for suite in suites:
        judged = _judge(execution_engine, context, suite)
        outcomes.extend(one for one, _ in judged)
        if docs is not None:
            docs.add(suite, run_id, judged)
    return outcomes


def _check_rules(suite: Suite) -> None:
    names = [rule_name(rule) for rule in suite.rules]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{suite.table}: several rules are called {repeated[0]!r}; give each a name of its own")
    unknown = sorted({str(rule.severity) for rule in suite.rules} - {*SEVERITIES})
    if unknown:
        raise ValueError(f"{suite.table}: severity {unknown[0]!r} is not one of {', '.join(SEVERITIES)}")


@lru_cache(maxsize=1)
def _context() -> EphemeralDataContext:
    """The process's GX context: in memory, without telemetry, progress bars or log lines."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations

    logging.captureWarnings(False)  # on import, GX sends all warnings of the process to the log
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context: EphemeralDataContext = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    return context


def _judge(execution_engine: DuckDBExecutionEngine, context: EphemeralDataContext, suite: Suite) -> list[Judged]:
    from great_expectations.validator.validator import Validator

    from expectations.duckdb_source import column_types, query_batch

    try:
        batch = query_batch(execution_engine, suite.query)
    except Exception as error:  # noqa: BLE001  whatever is wrong with the table fails each of its rules
        return [(unjudged(suite, rule, problem(suite, error)), None) for rule in suite.rules]

    validator = Validator(execution_engine=execution_engine, batches=[batch], data_context=context)
    configurations, problems = _configurations(suite, frozenset(column_types(batch)))
    # Counts and aggregates of all rules in one scan; the sample of zero rows costs nothing.
    try:
        results = _run(validator, configurations, {"result_format": "BASIC", "partial_unexpected_count": 0})
        results |= _with_samples(validator, suite, configurations, results)
    except Exception as error:  # noqa: BLE001  GX catches what metrics raise, not what it raises itself
        return [(unjudged(suite, rule, problem(suite, error)), None) for rule in suite.rules]
    return [
        (unjudged(suite, rule, problems[index]), None)
        if index in problems
        else _judged(execution_engine, suite, rule, results[index])
        for index, rule in enumerate(suite.rules)
    ]


def _configurations(suite: Suite, columns: frozenset[str]) -> tuple[list[ExpectationConfiguration], dict[int, str]]:
    """GX's configurations of the rules, and for the rules that have none, by position, why not."""
    configurations: list[ExpectationConfiguration] = []
    problems: dict[int, str] = {}
    for index, rule in enumerate(suite.rules):
        missing = [name for name in rule.columns if name not in columns]
        if missing and rule.expectation not in _ABOUT_COLUMNS:
            problems[index] = f"there is no column {listed(missing)}"
            continue
        try:
            configurations.append(configuration(suite, rule, index))
        except Exception as error:  # noqa: BLE001  a rule that cannot be built has failed
            problems[index] = " ".join(str(error).split())
    return configurations, problems


def _judged(
    execution_engine: DuckDBExecutionEngine, suite: Suite, rule: Rule, result: ExpectationValidationResult
) -> Judged:
    """The outcome of one rule, and GX's result without personal values (None if the rule could not be judged)."""
    error = exception(result)
    if error is not None:
        return unjudged(suite, rule, problem(suite, error)), None
    if "unexpected_rows_query" in rule.arguments:  # as it was written, for the docs
        judged_as: Any = result.expectation_config
        judged_as.kwargs["unexpected_rows_query"] = rule.arguments["unexpected_rows_query"]
    withhold_personal_values(suite, rule, result)
    try:
        return outcome(execution_engine, suite, rule, result), result
    except Exception as failure:  # noqa: BLE001  the failing rows could not be fetched
        return unjudged(suite, rule, problem(suite, failure)), None


def _run(
    validator: Any, configurations: Sequence[ExpectationConfiguration], result_format: dict[str, Any]
) -> dict[int, ExpectationValidationResult]:
    """Results by position of the rule: GX changes their order if some fail with an exception."""
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
    """The failed rules once more, with a few unexpected values, unless these may be personal."""
    failed = [
        one
        for one in configurations
        if not results[one.meta["rule"]].success
        and exception(results[one.meta["rule"]]) is None
        and not is_personal(suite, _rule_of(suite, one))
    ]
    row_rules = [one for one in failed if _rule_of(suite, one).expectation == "UnexpectedRowsExpectation"]
    value_rules = [one for one in failed if "unexpected_count" in results[one.meta["rule"]].result]
    sampled = _run(validator, row_rules, {"result_format": "COMPLETE"})
    sampled |= _run(validator, value_rules, {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_SIZE})
    return {index: result for index, result in sampled.items() if exception(result) is None}


def _rule_of(suite: Suite, one: ExpectationConfiguration) -> Rule:
    index: int = one.meta["rule"]
    return suite.rules[index]
