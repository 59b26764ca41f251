"""Pins the private parts of Dagster and dagster-dbt that `defs/dagster_internals.py` alone uses.

When an upgrade breaks one of these tests, adapt that module and nothing else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from orchestration.defs import dagster_internals as internals
from orchestration.defs.progress import LOGGER_NAME, Progress, listening, progress_logger
from orchestration.settings import INSTALLATION

# Attributes of Dagster's objects that it does not document, by name: used in one module only.
PRIVATE_ATTRIBUTES = (
    "asset_layer", "report_run_failed", "event_log_storage", "event_specific_data", "engine_event_data",
    "dagster_event", "_store_asset_event", "compute_log_manager",
)  # fmt: skip


def test_one_module_uses_private_parts_of_dagster() -> None:
    attributes = re.compile(rf"\.({'|'.join(PRIVATE_ATTRIBUTES)})\b")
    users = set()
    for file in (INSTALLATION / "orchestration").rglob("*.py"):
        text = file.read_text()
        modules = [
            name
            for node in ast.walk(ast.parse(text))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        ]
        if attributes.search(text) or any(name.startswith(("dagster.", "dagster_dbt.")) for name in modules):
            users.add(str(file.relative_to(INSTALLATION)))
    assert users == {"orchestration/defs/dagster_internals.py"}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(f"""
event_log_storage:
  module: orchestration.defs.dagster_internals
  class: KeptOpenEventLogStorage
  config:
    base_dir: {tmp_path / "history" / "runs"}
telemetry:
  enabled: false
""")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_event_log_keeps_its_connections_open(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, internals.KeptOpenEventLogStorage)
    instance.report_runless_asset_event(dg.AssetMaterialization("first"))
    engines = dict(storage._engines)
    instance.report_runless_asset_event(dg.AssetMaterialization("second"))
    assert engines and engines.items() <= storage._engines.items()
    with storage.index_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_pruned_history_keeps_the_newest_runs_and_what_is_newest_about_each_asset(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.multi_asset(
        specs=[dg.AssetSpec("seed", skippable=True), dg.AssetSpec("mart", skippable=True)],
        check_specs=[dg.AssetCheckSpec("holds", asset="seed"), dg.AssetCheckSpec("holds", asset="mart")],
        can_subset=True,
    )
    def build(context):  # type: ignore[no-untyped-def]  # Dagster reads the annotation
        for key in context.selected_asset_keys:
            held = dg.AssetCheckResult(passed=True, asset_key=key, check_name="holds")
            yield dg.MaterializeResult(asset_key=key, check_results=[held])

    def run(*chosen: str) -> str:
        selection = [dg.AssetKey(name) for name in chosen]
        return dg.materialize([build], instance=instance, selection=selection).run_id

    first, *_, fourth, fifth = run("seed", "mart"), run("mart"), run("mart"), run("mart"), run("mart")
    assert internals.prune_history(instance, kept_runs=2) == 3
    assert internals.prune_history(instance, kept_runs=2) == 0
    assert {record.dagster_run.run_id for record in instance.get_run_records()} == {fourth, fifth}
    logs = {file.stem for file in (tmp_path / "history" / "runs").glob("*-*.db")}
    assert logs == {fourth, fifth}
    for name, made_by, events in (("seed", first, 1), ("mart", fifth, 2)):
        newest = instance.get_latest_materialization_event(dg.AssetKey(name))
        assert newest is not None and newest.run_id == made_by
        assert len(instance.fetch_materializations(dg.AssetKey(name), limit=9).records) == events
        key = dg.AssetCheckKey(dg.AssetKey(name), "holds")
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
        assert found[key].run_id == made_by
    assert run("mart") and instance.get_run_records(limit=1)[0].dagster_run.is_success


def test_event_log_overrides_what_its_parent_calls() -> None:
    # Renamed in the parent, these would silently stop to count.
    for name in ("_connect", "from_config_value", "dispose", "has_table"):
        assert name in vars(SqliteEventLogStorage) and name in vars(internals.KeptOpenEventLogStorage)
    name = "_has_asset_key_col_on_connection"
    assert name in vars(SqlEventLogStorage) and name in vars(internals.KeptOpenEventLogStorage)


def test_events_in_one_transaction_read_as_those_reported_one_by_one(instance: dg.DagsterInstance) -> None:
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    internals.report_materializations(instance, [dg.AssetMaterialization("at_once", partition=day) for day in days])
    for day in days:
        instance.report_runless_asset_event(dg.AssetMaterialization("one_by_one", partition=day))
    for asset in ("at_once", "one_by_one"):
        key = dg.AssetKey(asset)
        assert instance.get_materialized_partitions(key) == set(days)
        latest = instance.get_latest_materialization_event(key)
        assert latest is not None and latest.asset_materialization is not None
        assert latest.asset_materialization.partition == days[-1]
        assert key in instance.all_asset_keys()


def test_a_run_whose_process_is_gone_is_marked_as_failed(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED)
    internals.fail_run(instance, run, "The run was interrupted.")
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None and ended.status == dg.DagsterRunStatus.FAILURE


def _job() -> dg.JobDefinition:
    @dg.asset(check_specs=[dg.AssetCheckSpec("complete", asset="orders")])
    def orders() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield dg.MaterializeResult(metadata={"dagster/row_count": 3})
        yield dg.AssetCheckResult(
            check_name="complete", passed=False, severity=dg.AssetCheckSeverity.WARN, description="2 orders are missing"
        )

    @dg.asset(deps=[orders])
    def revenue() -> None:
        raise dg.Failure("The exchange rates are missing.", allow_retries=False)

    @dg.asset
    def unexpected() -> None:
        raise ValueError("ann@example.com")

    definitions = dg.Definitions(
        assets=[orders, revenue, unexpected, dg.AssetSpec("outside")],
        jobs=[dg.define_asset_job("job", executor_def=dg.in_process_executor)],
        loggers={LOGGER_NAME: progress_logger},
    )
    return definitions.resolve_job_def("job")


def test_executable_assets_are_those_that_the_job_makes() -> None:
    assert {key.to_user_string() for key in internals.executable_assets(_job())} == {"orders", "revenue", "unexpected"}


def test_events_carry_materializations_checks_and_errors(instance: dg.DagsterInstance) -> None:
    seen: list[Progress] = []
    with listening(seen.append):
        _job().execute_in_process(instance=instance, raise_on_error=False, run_config={"loggers": {LOGGER_NAME: {}}})
    assert Progress("made", "orders", asset="orders", rows=3) in seen
    assert Progress("check_failed", "orders", asset="orders", text="2 orders are missing") in seen
    assert Progress("step_failed", "revenue", text="The exchange rates are missing.") in seen
    assert (
        Progress(
            "step_failed",
            "unexpected",
            text="stopped by an unexpected ValueError; `context360 ui` shows where, under Runs",
        )
        in seen
    )
    assert [event.kind for event in seen if event.step == "orders"] == [
        "step_started", "made", "check_failed", "step_finished",
    ]  # fmt: skip


def test_an_error_of_a_resource_is_reported(instance: dg.DagsterInstance) -> None:
    @dg.resource
    def warehouse(_: dg.InitResourceContext) -> None:
        raise dg.Failure("The warehouse is in use.", allow_retries=False)

    @dg.asset(required_resource_keys={"warehouse"})
    def orders() -> None: ...

    definitions = dg.Definitions(
        assets=[orders],
        resources={"warehouse": warehouse},
        jobs=[dg.define_asset_job("job", executor_def=dg.in_process_executor)],
        loggers={LOGGER_NAME: progress_logger},
    )
    seen: list[Progress] = []
    with listening(seen.append):
        definitions.resolve_job_def("job").execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {LOGGER_NAME: {}}}
        )
    assert [event.text for event in seen if event.kind == "step_failed"] == ["The warehouse is in use."]


def test_an_unchanged_output_lets_the_steps_below_run_and_records_no_materialization(
    instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    made, kept = dg.AssetKey(["core", "made"]), dg.AssetKey(["core", "kept"])

    @dg.multi_asset(
        specs=[dg.AssetSpec(key, skippable=True) for key in (made, kept)],
        check_specs=[dg.AssetCheckSpec("rules", asset=kept, blocking=True)],
        can_subset=True,
    )
    def above() -> Iterator[object]:
        yield dg.MaterializeResult(made)
        yield dg.AssetObservation(kept, metadata={"unchanged_since_run": "earlier"})
        yield internals.unchanged_output(kept)

    @dg.asset(deps=[kept])
    def below() -> None: ...

    result = dg.materialize([above, below], instance=instance)

    assert result.success
    assert {event.asset_key for event in result.get_asset_materialization_events()} == {made, dg.AssetKey("below")}
    assert {event.asset_key for event in result.get_asset_observation_events()} == {kept}
    assert "emitted no result" not in caplog.text
