"""The dbt project as Dagster assets, cut into steps where a failure must stop: one per source system in staging, one
per layer afterwards. dbt's tests and Great Expectations' suites of a table are its checks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from expectations.core import core_suites
from expectations.identity import identity_suites
from expectations.marts import marts_suites
from expectations.outcomes import Outcome
from expectations.predictions import prediction_suites
from expectations.rules import Suite
from expectations.staging import staging_suites
from expectations.storage import store
from expectations.validation import validate
from orchestration.channels.intake.held_loads import broken_row_rules, held_sentence, hold_unpublished_loads
from orchestration.channels.intake.stream_status import StreamState, record_state
from orchestration.defs.dagster_internals import dbt_specs
from orchestration.defs.landing import landing_key
from orchestration.defs.own_checks import SuitesOf, own_suites, with_own
from orchestration.defs.predictions import needs_training_in, trained_models
from orchestration.defs.project import Installation, PythonStep, RunResource, in_one_sentence
from orchestration.defs.quality import (
    EXPECTATIONS,
    expectations_check,
    expectations_result,
    newest_landed_at,
    table_metadata,
)
from orchestration.warehouse.connection import table_exists
from orchestration.warehouse.dbt import DbtError, NodeResult
from orchestration.warehouse.profile import profile_tables

# Which tables have suites does not depend on the moment.
_ANY_MOMENT = datetime(2000, 1, 1)

# Intermediate models that read what identity has written, and what perception has written.
_IDENTIFIED = "fqn:context360.intermediate.identified"
_PERCEIVED = "fqn:context360.intermediate.perceived"

# What models learn from, the part of it that is only made for training, and what has come of earlier predictions.
_PREDICTIONS = "fqn:context360.predictions"
_TRAINING = "fqn:context360.predictions.training"
_JUDGED_PREDICTIONS = "fqn:context360.predictions.judged"


@dataclass(frozen=True)
class Step:
    """A part of the dbt project that runs as one. select, exclude: as dbt writes them."""

    name: str
    select: str
    exclude: str = ""
    suites: SuitesOf | None = None
    judged: tuple[str, ...] = ()  # tables (schema.name) that have suites
    system: Any = None  # for staging: the source system
    due: Callable[[RunResource], bool] | None = None  # whether the tables are wanted in this run
    further: PythonStep | None = None  # what Python makes of the tables within the step


class Translator(DagsterDbtTranslator):
    """Keys and groups follow from schema and name; a landed source is the asset of its stream."""

    def __init__(self, systems: Mapping[str, str]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._systems = systems

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """landing/<system>/<stream> for landed sources, <schema>/<table> for everything else."""
        if dbt_resource_props["resource_type"] == "source":
            system = self._systems.get(dbt_resource_props["source_name"])
            if system:
                return landing_key(system, dbt_resource_props["name"])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer, where the model does not name another group."""
        meta = (dbt_resource_props.get("config") or {}).get("meta") or {}
        return (meta.get("dagster") or {}).get("group") or dbt_resource_props["schema"]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """`meta.dagster.owners` of the model; else the team of its dbt group."""
        group = (dbt_resource_props.get("config") or {}).get("group")
        team = [f"team:{group.replace('_', '-')}"] if group else None
        return super().get_owners(dbt_resource_props) or team


def steps(installation: Installation) -> list[Step]:
    """The cut of the dbt project: the firm's staging and marts, and the layers of the package."""
    firm = installation.dbt.firm.dbt_name
    has_marts = any(node["fqn"][:2] == [firm, "marts"] for node in installation.dbt.manifest["nodes"].values())
    own_marts = [f"fqn:{firm}.marts"] if has_marts else []
    staging = [
        Step(
            f"staging_{system.name}",
            f"fqn:{firm}.staging.{system.staging_folder}",
            suites=_staging_suites_of(installation, system),
            judged=tuple(f"staging.stg_{system.staging_folder}__{stream}" for stream in system.streams),
            system=system,
        )
        for system in installation.catalog.systems.values()
    ]
    core_tables = tuple(core_suites(_ANY_MOMENT, compare_sizes=True))
    marts_tables = (*marts_suites(_ANY_MOMENT), *prediction_suites())
    return [
        Step("seeds", "resource_type:seed fqn:context360.settings"),
        *staging,
        Step("intermediate", "fqn:context360.intermediate", exclude=f"{_IDENTIFIED} {_PERCEIVED}"),
        # A step of its own: influence is ranked between it and core, and inside one step that would cut core to pieces.
        Step(
            "identified",
            f"{_IDENTIFIED} fqn:context360.quality.identity",
            suites=lambda _, run: identity_suites(compare_sizes=not run.accept_shrinkage),
            judged=tuple(identity_suites(compare_sizes=True)),
        ),
        Step(
            "core",
            f"fqn:context360.core {_PERCEIVED}",
            suites=lambda connection, run: core_suites(
                newest_landed_at(connection, run.moment),
                compare_sizes=not run.accept_shrinkage and table_exists(connection, "quality", "published_table"),
            ),
            judged=core_tables,
        ),
        Step("features", _PREDICTIONS, exclude=f"{_TRAINING} {_JUDGED_PREDICTIONS}"),
        Step("training", _TRAINING, due=needs_training_in(installation), further=trained_models(installation)),
        # Touches are valued by a Python step between the two.
        *(
            Step(
                name,
                select,
                exclude=exclude,
                suites=lambda _, run: marts_suites(run.moment) | prediction_suites(),
                judged=marts_tables,
            )
            for name, select, exclude in (
                ("journeys", "fqn:context360.marts.journeys", ""),
                (
                    "marts",
                    " ".join(("fqn:context360.marts", _JUDGED_PREDICTIONS, *own_marts)),
                    "fqn:context360.marts.journeys",
                ),
            )
        ),
        Step("quality", "fqn:context360.quality", exclude="fqn:context360.quality.identity"),
    ]


def warehouse_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """One multi-asset per step."""
    translator = Translator(installation.dbt.variables["adapters"])
    own = own_suites(installation)
    found = steps(installation)
    if own:
        found = [replace(step, suites=with_own(step.suites, own), judged=(*step.judged, *own)) for step in found]
    return [_step_assets(installation, step, translator) for step in found]


def _step_assets(installation: Installation, step: Step, translator: Translator) -> dg.AssetsDefinition:
    manifest = installation.dbt.manifest
    found, dbt_checks = dbt_specs(translator, manifest, select=step.select, exclude=step.exclude)
    unique_ids = {spec.key: unique_id for unique_id, spec in found.items()}
    keys = {"/".join(key.path).replace("/", "."): key for key in unique_ids}
    owner = getattr(step.system, "owner", None) or "team:data-engineering"
    specs = [
        spec if spec.owners else spec.replace_attributes(owners=[owner]) for spec in found.values()
    ]  # fmt: skip
    tests = {(spec.asset_key, spec.name): unique_id for unique_id, spec in dbt_checks.items()}
    judged = {keys[table]: table for table in dict.fromkeys(step.judged) if table in keys}
    further = step.further.specs if step.further else ()

    @dg.multi_asset(
        name=step.name,
        specs=[spec.replace_attributes(skippable=True) for spec in (*specs, *further)],
        check_specs=[*dbt_checks.values(), *(expectations_check(key) for key in judged)],
        can_subset=True,
    )
    def build(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        is_due = step.due is None or step.due(run)
        if is_due:
            yield from build_tables(context, run)
        if step.further:
            yield from step.further.make(context, run, is_due)

    def build_tables(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        chosen = {unique_ids[key]: key for key in context.selected_asset_keys if key in unique_ids}
        checks = context.selected_asset_check_keys
        selection = [*chosen, *(tests[(c.asset_key, c.name)] for c in checks if c.name != EXPECTATIONS)]
        results = _run_dbt(installation, run, selection, context.run_id)
        failed = [result for result in results if not result.is_test and result.status == "error"]
        built = [result for result in results if result.status == "success" and result.unique_id in chosen]
        outcomes: dict[str, list[Outcome]] = {}
        held: dict[str, str] = {}
        still_bad: set[str] = set()
        wanted = [judged[c.asset_key] for c in checks if c.name == EXPECTATIONS]
        if step.suites and wanted and not failed:
            outcomes = _judge(installation, step, wanted, run, context.run_id)
            if step.system:
                held = _hold_bad_loads(installation, step, outcomes, context.run_id)
            if held:
                # Staging again without the held loads: what is below goes on with the last good rows.
                results = _run_dbt(installation, run, selection, context.run_id)
                again = _judge(installation, step, list(held), run, context.run_id, only_failed=True)
                still_bad = {table for table, found in again.items() if any(_is_error(o) for o in found)}
        with installation.warehouse() as connection:
            profiles = profile_tables(connection, [manifest["nodes"][result.unique_id] for result in built])
        for result in built:
            yield dg.MaterializeResult(
                asset_key=chosen[result.unique_id],
                metadata={"seconds": round(result.seconds, 3), **table_metadata(profiles.get(result.unique_id))},
            )
        by_test = {unique_id: key for key, unique_id in tests.items()}
        for result in results:
            if result.is_test and result.status in ("pass", "fail", "warn", "error"):
                asset_key, name = by_test[result.unique_id]
                yield dg.AssetCheckResult(
                    asset_key=asset_key,
                    check_name=name,
                    passed=result.status == "pass",
                    severity=dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR,
                    metadata={} if result.failures is None else {"failing_rows": result.failures},
                    description=None if result.status == "pass" else f"{name}: {result.message}",
                )
        for table in wanted:
            if table in outcomes:
                contained = table in held and table not in still_bad
                yield expectations_result(
                    outcomes[table],
                    key=keys[table],
                    severity=dg.AssetCheckSeverity.WARN if contained else None,
                    sentence=held.get(table, ""),
                )
        if failed:
            raise dg.Failure(
                description="\n".join(dict.fromkeys(_failure(result) for result in failed)), allow_retries=False
            )

    return build


def _failure(result: NodeResult) -> str:
    """A failed model in one sentence; a full disk or a locked file is not the model's fault."""
    message = result.message or "failed without a reason"
    return message if str(result.name) in message or "run again" in message else f"{result.name}: {message}"


def _run_dbt(installation: Installation, run: RunResource, unique_ids: Sequence[str], run_id: str) -> list[NodeResult]:
    with in_one_sentence(DbtError):
        selection = installation.dbt.shortest_selection(unique_ids)
        return installation.dbt.run("build", selection, as_of=run.moment, run_id=run_id, full_refresh=run.full_refresh)


def _judge(
    installation: Installation,
    step: Step,
    tables: Sequence[str],
    run: RunResource,
    run_id: str,
    *,
    only_failed: bool = False,
) -> dict[str, list[Outcome]]:
    """The outcomes per table, kept in the warehouse. only_failed: a second look keeps what the first found."""
    assert step.suites is not None
    found: dict[str, list[Outcome]] = {}
    with installation.warehouse() as connection:
        suites = step.suites(connection, run)
        for table in tables:
            docs = None if only_failed else run.docs
            found[table] = validate(connection, suites.get(table, ()), run_id=run_id, docs=docs)
        kept = [o for outcomes in found.values() for o in outcomes if not (only_failed and o.success)]
        store(connection, kept, run_id=run_id, as_of=run.moment)
    return found


def _hold_bad_loads(
    installation: Installation, step: Step, outcomes: Mapping[str, Sequence[Outcome]], run_id: str
) -> dict[str, str]:
    """Holds what readers have not seen yet of every stream that staging found wrong: table -> sentence."""
    held = {}
    for stream in step.system.streams:
        table = f"staging.stg_{step.system.staging_folder}__{stream}"
        errors = [outcome for outcome in outcomes.get(table, ()) if _is_error(outcome)]
        if not errors:
            continue
        with installation.warehouse() as connection:
            broken = broken_row_rules(connection, step.system.staging_folder, stream)
            landing_url = installation.settings.landing_url
            if hold_unpublished_loads(connection, step.system.name, stream, landing_url=landing_url):
                sentence = held_sentence(f"{step.system.name}/{stream}", errors, broken)
                record_state(
                    connection,
                    StreamState(step.system.name, stream, "held", sentence, held_loads=1),
                    run_id=run_id,
                    system_title=step.system.title,
                )
                held[table] = sentence
    return held


def _is_error(outcome: Outcome) -> bool:
    return not outcome.success and outcome.severity == "error"


def _staging_suites_of(installation: Installation, system: Any) -> SuitesOf:
    folder, nodes = system.staging_folder, installation.dbt.manifest["nodes"]

    def suites(connection: Any, run: RunResource) -> Mapping[str, Sequence[Suite]]:
        landed = newest_landed_at(connection, run.moment)
        found = {}
        for stream in system.streams.values():
            name = f"stg_{folder}__{stream.name}"
            columns = {row[0]: row[1] for row in connection.execute(f"describe staging.{name}").fetchall()}
            found[f"staging.{name}"] = staging_suites(
                folder,
                stream.name,
                nodes[f"model.{installation.dbt.firm.dbt_name}.{name}"],
                landed,
                key=stream.key,
                columns=columns,
            )
        return found

    return suites
