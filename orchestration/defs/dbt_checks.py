"""dbt's tests in Dagster: one check per table, whose result names each test that rows break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from orchestration.defs.python_assets import failures_metadata
from orchestration.warehouse.broken_tests import BrokenTest
from orchestration.warehouse.dbt import NodeResult

DBT_TESTS = "dbt_tests"


class TestsOfTables:
    """The dbt tests of a step, by the table that they are tests of."""

    def __init__(self, specs: Mapping[str, dg.AssetCheckSpec]) -> None:
        """specs: unique id of a test -> the check that dagster-dbt would make of it alone."""
        self._of_table: dict[dg.AssetKey, dict[str, dg.AssetCheckSpec]] = {}
        for unique_id, spec in specs.items():
            self._of_table.setdefault(spec.asset_key, {})[unique_id] = spec

    @property
    def specs(self) -> list[dg.AssetCheckSpec]:
        """One check per table. It blocks what is below where a test of severity error is among them."""
        return [_joint_spec(table, list(tests.values())) for table, tests in self._of_table.items()]

    def of(self, table: dg.AssetKey) -> list[str]:
        """The unique ids of a table's tests."""
        return list(self._of_table.get(table, ()))

    def results(self, judged: Sequence[NodeResult], broken: Mapping[str, BrokenTest]) -> Iterator[dg.AssetCheckResult]:
        """One result per table of which a test was judged. broken: what the broken ones expect, by unique id."""
        by_test = {result.unique_id: result for result in judged if result.status in ("pass", "fail", "warn", "error")}
        for table, tests in self._of_table.items():
            found = [by_test[unique_id] for unique_id in tests if unique_id in by_test]
            if found:
                yield _joint_result(table, found, broken)


def _joint_spec(table: dg.AssetKey, specs: Sequence[dg.AssetCheckSpec]) -> dg.AssetCheckSpec:
    deps = {dep.asset_key: dep for spec in specs for dep in spec.additional_deps}
    return dg.AssetCheckSpec(
        DBT_TESTS,
        asset=table,
        description="\n".join(["dbt's tests of the table, in one statement:", *(f"- {spec.name}" for spec in specs)]),
        additional_deps=list(deps.values()),
        blocking=any(spec.blocking for spec in specs),
        metadata={"tests": len(specs)},
    )


def _joint_result(
    table: dg.AssetKey, found: Sequence[NodeResult], explained: Mapping[str, BrokenTest]
) -> dg.AssetCheckResult:
    broken = [result for result in found if result.status != "pass"]
    rows = {result.name: result.failures for result in broken if result.failures is not None}
    shown = [explained[result.unique_id] for result in broken if result.unique_id in explained]
    name = ".".join(table.path)
    failures = [(f"{name}: {t.expected}, {t.observed} ({t.name})", t.expected, t.observed, t.sample) for t in shown]
    return dg.AssetCheckResult(
        asset_key=table,
        check_name=DBT_TESTS,
        passed=not broken,
        severity=(
            dg.AssetCheckSeverity.WARN
            if all(result.status == "warn" for result in broken)
            else dg.AssetCheckSeverity.ERROR
        ),
        metadata={
            "tests": len(found),
            "broken_tests": len(broken),
            **({"failing_rows": rows} if rows else {}),
            **failures_metadata(("sentence", "expected", "observed", "sample"), failures),
        },
        description="; ".join(f"{result.name}: {result.message}" for result in broken) or None,
    )
