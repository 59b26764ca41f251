"""The dbt project as Dagster assets: one multi-asset per step (steps.py).

dbt's tests and Great Expectations' suites are the checks of its tables.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from expectations.outcomes import Outcome
from expectations.rules import Suite, suites_text
from expectations.storage import carry_over, store
from expectations.validation import validate
from orchestration.counts import counted
from orchestration.defs.dagster_internals import dbt_specs
from orchestration.defs.dbt_checks import DBT_TESTS, TestsOfTables
from orchestration.defs.held_staging import hold_bad_loads, is_error
from orchestration.defs.landing import landing_key
from orchestration.defs.own_checks import own_suites, with_own
from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.defs.quality import EXPECTATIONS, expectations_check, expectations_result, table_metadata
from orchestration.defs.step_failures import step_failures
from orchestration.defs.steps import Step, steps
from orchestration.defs.unchanged import unchanged_table
from orchestration.warehouse.broken_tests import BrokenTest, explain
from orchestration.warehouse.build_record import Made, digest, forget, keep, read_record
from orchestration.warehouse.changed_build import ChangedBuild, build_changed, code_version, table_versions, tables_in
from orchestration.warehouse.dbt import DbtError, NodeResult
from orchestration.warehouse.dbt_variables import PACKAGE_NAME
from orchestration.warehouse.failed_steps import keep_failure
from orchestration.warehouse.profile import profile_tables


class Translator(DagsterDbtTranslator):
    """Keys and groups follow from schema and name; a landed source is the asset of its stream."""

    def __init__(self, systems: Mapping[str, str]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._systems = systems

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """landing/<system>/<stream> for landed sources, <schema>/<table> for everything else."""
        if dbt_resource_props["resource_type"] == "source" and dbt_resource_props["package_name"] != PACKAGE_NAME:
            system = self._systems.get(dbt_resource_props["source_name"])
            if system:
                return landing_key(system, dbt_resource_props["name"])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description alone: what dagster-dbt would add is the template of the model, before Jinja fills it in."""
        described = dbt_resource_props.get("description")
        return described or f"dbt {dbt_resource_props['resource_type']} {dbt_resource_props['name']}"

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer, where the model does not name another group."""
        meta = (dbt_resource_props.get("config") or {}).get("meta") or {}
        return (meta.get("dagster") or {}).get("group") or dbt_resource_props["schema"]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """`meta.dagster.owners` of the model; else the team of its dbt group."""
        group = (dbt_resource_props.get("config") or {}).get("group")
        team = [f"team:{group.replace('_', '-')}"] if group else None
        return super().get_owners(dbt_resource_props) or team


def warehouse_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """One multi-asset per step."""
    translator = Translator(installation.dbt.variables["adapters"])
    own = own_suites(installation)
    found = steps(installation)
    if own:
        found = [replace(step, suites=with_own(step.suites, own), judged=(*step.judged, *own)) for step in found]
    return [_step_assets(installation, step, translator) for step in found]


def _step_assets(installation: Installation, step: Step, translator: Translator) -> dg.AssetsDefinition:
    tables = _StepTables(installation, step, translator)
    further = step.further.specs if step.further else ()

    @dg.multi_asset(
        name=step.name,
        specs=[spec.replace_attributes(skippable=True) for spec in (*tables.specs, *further)],
        check_specs=tables.check_specs,
        can_subset=True,
    )
    def build(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        is_due = step.due is None or step.due(run)
        with step_failures(installation, context):
            if is_due:
                yield from tables.build(context, run)
            if step.further:
                yield from step.further.make(context, run, is_due)

    return build


class _StepTables:
    """The tables that dbt builds in a step: their specs, and the events of building and judging them."""

    def __init__(self, installation: Installation, step: Step, translator: Translator) -> None:
        self._installation, self._step = installation, step
        self._manifest = installation.dbt.manifest
        found, dbt_checks = dbt_specs(translator, self._manifest, select=step.select, exclude=step.exclude)
        owner = getattr(step.system, "owner", None) or "team:data-engineering"
        self.specs = [spec if spec.owners else spec.replace_attributes(owners=[owner]) for spec in found.values()]
        self._unique_ids = {spec.key: unique_id for unique_id, spec in found.items()}
        self._keys = {"/".join(key.path).replace("/", "."): key for key in self._unique_ids}
        self._tests = TestsOfTables(dbt_checks)
        self._judged = {self._keys[table]: table for table in dict.fromkeys(step.judged) if table in self._keys}
        self.check_specs = [*self._tests.specs, *(expectations_check(key) for key in self._judged)]

    def build(self, context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        """Builds what is selected, judges it, and yields an event per table and check. Raises where a model fails.

        Checks that are run without their tables judge them as they are: no load is held, and only Dagster and Data Docs
        show the verdict, for `context360 status` is about the last run that built something.
        """
        chosen = {self._unique_ids[key]: key for key in context.selected_asset_keys if key in self._unique_ids}
        checks = context.selected_asset_check_keys
        selection = [*chosen, *(test for c in checks if c.name == DBT_TESTS for test in self._tests.of(c.asset_key))]
        wanted = [self._judged[c.asset_key] for c in checks if c.name == EXPECTATIONS]
        alone = not chosen
        made = self._run_dbt(run, selection, context.run_id, all_due=alone)
        results = made.results
        failed = [result for result in results if not result.is_test and result.status == "error"]
        built = [result for result in results if result.status == "success" and result.unique_id in chosen]
        judged: list[dg.AssetCheckResult] = []
        if self._step.suites and wanted and not failed:
            outcomes = self._judge(wanted, run, context.run_id, all_due=alone)
            held, stopped = (
                hold_bad_loads(self._installation, self._step, outcomes, context.run_id)
                if self._step.system and not alone
                else ({}, {})
            )
            still_bad: set[str] = set()
            if held:
                # Staging again without the held loads: the steps below go on with the last good rows.
                made = self._run_dbt(run, selection, context.run_id)
                results = made.results
                again = self._judge(list(held), run, context.run_id, only_failed=True)
                still_bad = {table for table, found in again.items() if any(is_error(o) for o in found)}
            judged = [self._judged_result(table, outcomes[table], held, stopped, still_bad) for table in outcomes]
        if built:
            context.log.info(_times(self._step.name, built))
        yield from self._made_or_unchanged(built, made.unchanged, chosen)
        broken = self._broken_tests(results, None if alone else context.run_id)
        yield from self._tests.results(results, broken)
        yield from judged
        if failed:
            raise dg.Failure(
                description="\n".join(dict.fromkeys(_failure(result) for result in failed)), allow_retries=False
            )

    def _made_or_unchanged(
        self, built: Sequence[NodeResult], unchanged: Mapping[str, str], chosen: Mapping[str, dg.AssetKey]
    ) -> Iterator[Any]:
        """The events of all chosen tables; Dagster wants a table after those that it is made from."""
        with self._installation.warehouse() as connection:
            profiles = profile_tables(connection, [self._manifest["nodes"][result.unique_id] for result in built])
        seconds = {result.unique_id: result.seconds for result in built}
        for unique_id in self._installation.dbt.text.parents_first(chosen):
            if unique_id in seconds:
                yield dg.MaterializeResult(
                    asset_key=chosen[unique_id],
                    metadata={"seconds": round(seconds[unique_id], 3), **table_metadata(profiles.get(unique_id))},
                )
            elif unique_id in unchanged:
                yield from unchanged_table(chosen[unique_id], unchanged[unique_id])

    def _broken_tests(self, results: Sequence[NodeResult], run_id: str | None) -> dict[str, BrokenTest]:
        """What the broken tests of dbt expect, by unique id.

        run_id: of the run in whose name they are kept in the warehouse, where `context360 status` reads them.
        """
        broken = [result for result in results if result.is_test and result.status in ("fail", "warn", "error")]
        if not broken:
            return {}
        with self._installation.warehouse() as connection:
            for result in broken if run_id else ():
                severity = "warn" if result.status == "warn" else "error"
                sentence = f"{result.name}: {result.message}"
                keep_failure(connection, self._step.name, sentence, run_id=run_id or "", severity=severity)
            return explain(connection, self._manifest["nodes"] | self._manifest["sources"], broken)

    def _judged_result(
        self,
        table: str,
        outcomes: Sequence[Outcome],
        held: Mapping[str, str],
        stopped: Mapping[str, str],
        still_bad: Collection[str],
    ) -> dg.AssetCheckResult:
        """WARN where holding the newest loads contains the fault: the steps below go on."""
        contained = table in held and table not in still_bad
        return expectations_result(
            outcomes,
            key=self._keys[table],
            severity=dg.AssetCheckSeverity.WARN if contained else None,
            sentence=held.get(table) or stopped.get(table, ""),
            reports=self._installation.reports,
        )

    def _run_dbt(
        self, run: RunResource, unique_ids: Sequence[str], run_id: str, *, all_due: bool = False
    ) -> ChangedBuild:
        with in_one_sentence(DbtError):
            return build_changed(
                self._installation.dbt,
                self._installation.warehouse,
                unique_ids,
                as_of=run.moment,
                known_until=run.known_until,
                run_id=run_id,
                full_refresh=run.full_refresh or all_due,
            )

    def _judge(
        self, tables: Sequence[str], run: RunResource, run_id: str, *, only_failed: bool = False, all_due: bool = False
    ) -> dict[str, list[Outcome]]:
        """The outcomes per table, kept in the warehouse. only_failed: a second look keeps what the first found.

        all_due: a look at tables that are not built; it keeps nothing.

        Tables whose rules held and judge what they judged then keep their outcomes, and are left out.
        """
        assert self._step.suites is not None
        found: dict[str, list[Outcome]] = {}
        with self._installation.warehouse() as connection:
            suites = self._step.suites(connection, run)
            inputs = (
                {}
                if only_failed or all_due
                else self._judged_from({table: suites.get(table, ()) for table in tables}, run)
            )
            kept = {} if run.full_refresh or all_due else self._still_hold(connection, inputs, run, run_id)
            due = [table for table in tables if f"rules of {table}" not in kept]
            forget(connection, [] if only_failed or all_due else [f"rules of {table}" for table in due])
            for table in due:
                docs = None if only_failed else run.docs
                found[table] = validate(connection, suites.get(table, ()), run_id=run_id, docs=docs)
                if table in inputs and all(outcome.success for outcome in found[table]):
                    labels = dict.fromkeys(suite.table for suite in suites.get(table, ()))
                    kept[f"rules of {table}"] = Made(inputs[table], "\n".join(labels), run_id)
            outcomes = [o for outcomes in found.values() for o in outcomes if not (only_failed and o.success)]
            if not all_due:
                store(connection, outcomes, run_id=run_id, as_of=run.moment)
            keep(connection, kept)
        return found

    def _judged_from(self, suites: Mapping[str, Sequence[Suite]], run: RunResource) -> dict[str, str]:
        """Per table, the fingerprint of its rules and of the tables that they name, if none is about to change."""
        texts = {table: suites_text(rules) for table, rules in suites.items()}
        installation = self._installation
        named = {table: tables_in(text, installation.dbt) for table, text in texts.items()}
        every = sorted({name for names in named.values() for name in names} | texts.keys())
        versions = table_versions(installation.dbt, installation.warehouse, every, run.moment, run.known_until)
        read = {table: [versions[name] for name in sorted({table, *named[table]})] for table in texts}
        return {
            table: digest([code_version(), texts[table], read[table], run.compares_sizes])
            for table in texts
            if None not in read[table]
        }

    def _still_hold(self, connection: Any, inputs: Mapping[str, str], run: RunResource, run_id: str) -> dict[str, Made]:
        """Carries the outcomes of tables that are unchanged over to this run; returns their record."""
        record, kept = read_record(connection), {}
        for table, fingerprint in inputs.items():
            made = record.get(f"rules of {table}")
            if made is not None and made.inputs == fingerprint:
                labels = made.content.split("\n")
                carry_over(connection, labels, from_run=made.run_id, run_id=run_id, as_of=run.moment)
                run.docs.keep_pages(labels)
                kept[f"rules of {table}"] = Made(fingerprint, made.content, run_id)
        return kept


def _times(step: str, built: Sequence[NodeResult]) -> str:
    """How long dbt took for each table of a step, the slowest first: Dagster shows the time of the step as a whole."""
    slowest = sorted(built, key=lambda result: -result.seconds)
    tables = ", ".join(f"{result.name} {result.seconds:.2f} s" for result in slowest)
    return f"{step}: built {counted(len(built), 'table')} in {sum(r.seconds for r in built):.1f} s: {tables}"


def _failure(result: NodeResult) -> str:
    """A failed model in one sentence; a full disk or a locked file is not the model's fault."""
    message = result.message or "failed without a reason"
    return message if str(result.name) in message or "run again" in message else f"{result.name}: {message}"
