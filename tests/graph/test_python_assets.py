"""The factory of assets that Python makes."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.defs.project import Installation, run_resource
from orchestration.defs.python_assets import Figures, Work, python_assets, report_asset
from orchestration.defs.serving import connectedness_asset, predictions_report_asset
from orchestration.project import open_project
from orchestration.settings import settings_from
from orchestration.warehouse.connection import only_run
from orchestration.warehouse.failed_steps import failed_steps, forget_other_runs, keep_failure


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog="contoso")
    return Installation(settings, *open_project(settings))


def _materialize(installation: Installation, assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [assets],
        resources={"run": run_resource(installation)},
        raise_on_error=False,
        instance=dg.DagsterInstance.ephemeral(),
    )


def _metadata(result: dg.ExecuteInProcessResult, step: str) -> dict[str, dict[str, object]]:
    return {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.metadata.items()}
        for event in result.asset_materializations_for_node(step)
        if event.asset_key
    }


def test_one_function_makes_several_tables_with_row_counts_and_figures(installation: Installation) -> None:
    def make(work: Work) -> Figures:
        work.connection.execute(
            "create schema toy; create table toy.a as from range(3); create table toy.b as from range(2)"
        )
        return {"toy.b": {"folder": Path("somewhere"), "notes": ["first", "second"]}}

    assets = python_assets(
        installation, {"toy.a": "One row per a.", "toy.b": "One row per b."}, make, reads=["core.c"], name="toys"
    )
    assert _metadata(_materialize(installation, assets), "toys") == {
        "toy/a": {"dagster/row_count": 3},
        "toy/b": {"dagster/row_count": 2, "folder": "somewhere", "notes": "- first\n- second"},
    }
    for spec in assets.specs:
        assert (spec.group_name, list(spec.owners), spec.kinds) == (
            "toy", ["team:customer-insight"], {"duckdb", "python"},
        )  # fmt: skip
        assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["core", "c"])]


def test_figures_without_a_table_are_those_of_all_tables(installation: Installation) -> None:
    assets = python_assets(
        installation, {"toy.a": "A.", "toy.b": "B."}, lambda _: {"measured": 7}, reads=[], name="toys"
    )
    assert _metadata(_materialize(installation, assets), "toys") == {"toy/a": {"measured": 7}, "toy/b": {"measured": 7}}


def test_a_known_error_stops_the_step_with_its_sentence(installation: Installation) -> None:
    def make(work: Work) -> Figures:
        raise ValueError("The rules file is empty: add a rule.")

    assets = python_assets(installation, {"toy.a": "A."}, make, reads=[], errors=(ValueError,))
    result = _materialize(installation, assets)
    failure = result.failure_data_for_node("toy__a")
    assert not result.success and failure is not None and failure.user_failure_data is not None
    assert failure.user_failure_data.description == "The rules file is empty: add a rule."
    with installation.warehouse() as connection:
        assert failed_steps(connection) == [("toy__a", "error", "The rules file is empty: add a rule.")]


def test_error_without_a_sentence_of_ours_is_kept_without_its_text(installation: Installation) -> None:
    """The text may hold personal data."""

    def make(work: Work) -> Figures:
        raise KeyError("jolanthe@example.com")

    _materialize(installation, python_assets(installation, {"toy.a": "A."}, make, reads=[]))
    with installation.warehouse() as connection:
        ((step, severity, sentence),) = failed_steps(connection)
    assert (step, severity) == ("toy__a", "error")
    assert sentence.startswith("stopped by an unexpected KeyError; `context360 ui`")


def test_failures_of_the_newest_run_only_are_kept() -> None:
    with duckdb.connect() as connection:
        assert failed_steps(connection) == []
        keep_failure(connection, "seeds", "own_needs: no column x", run_id="1")
        keep_failure(connection, "core", "unique_a: Got 2 results", run_id="2", severity="warn")
        keep_failure(connection, "core", "unique_a: Got 2 results", run_id="2", severity="warn")
        keep_failure(connection, "core", "not_null_b: Got 1 result", run_id="2")
        assert failed_steps(connection) == [
            ("core", "warn", "unique_a: Got 2 results"), ("core", "error", "not_null_b: Got 1 result"),
        ]  # fmt: skip
        forget_other_runs(connection, "3")
        assert failed_steps(connection) == []


def test_report_holds_no_warehouse_and_builds_no_data_docs(installation: Installation) -> None:
    for assets in (connectedness_asset(installation), predictions_report_asset(installation)):
        assert "run" not in assets.required_resource_keys
    page = report_asset(installation, "serving.page", "A page.", lambda _: {"path": Path("page.html")}, reads=[])
    with only_run(installation.settings.lock_path):
        result = dg.materialize([page], raise_on_error=False, instance=dg.DagsterInstance.ephemeral())
    assert result.success
    assert _metadata(result, "serving__page") == {"serving/page": {"path": "page.html"}}
    assert not installation.settings.reports_path.exists()


def test_report_is_written_again_only_where_what_it_shows_has_changed(installation: Installation) -> None:
    folder = installation.settings.reports_path
    folder.mkdir(parents=True)
    written, content = [], ["a table"]

    def write(_: Installation) -> Figures:
        written.append(content[0])
        (folder / "page.html").write_text(content[0])
        return {"path": folder / "page.html"}

    page = report_asset(
        installation, "serving.page", "A page.", write, reads=[], made_from=lambda _: content[0]
    )  # fmt: skip

    def made() -> bool:
        result = dg.materialize([page], instance=dg.DagsterInstance.ephemeral())
        return bool(result.asset_materializations_for_node("serving__page"))

    assert [made(), made()] == [True, False]
    content[0] = "another table"
    assert [made(), made()] == [True, False]
    (folder / "page.html").unlink()
    assert [made(), made()] == [True, False]
    assert written == ["a table", "another table", "another table"]
