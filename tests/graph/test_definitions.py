"""The asset graph, spelled out: what a data engineer finds in Dagster."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_definitions
from orchestration.defs.automation import JOB_NAME
from orchestration.defs.dagster_internals import executable_assets
from orchestration.defs.layers import Layer, assets_until
from orchestration.defs.project import Installation
from orchestration.defs.quality import VERDICT_KEY
from orchestration.defs.steps import steps
from orchestration.settings import Settings, settings_from
from orchestration.warehouse.dbt import DbtProject

STREAMS = {
    "shop/contacts", "shop/online_purchases", "shop/reviews", "loyalty/members", "loyalty/pos_purchases",
    "crm/contacts", "hotel/stays",
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_from({"CONTEXT360_HOME": str(tmp_path_factory.mktemp("home"))}, catalog="contoso")


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions):
    return definitions.resolve_asset_graph()


def test_every_stream_of_the_catalog_is_an_asset_in_landing(graph) -> None:
    landing = {"/".join(key.path[1:]) for key in graph.get_all_asset_keys() if key.path[0] == "landing"}
    assert landing == STREAMS


def test_groups_are_the_layers(graph) -> None:
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {
        "landing", "days", "staging", "intermediate", "identity", "perception", "seeds", "core", "predictions", "marts",
        "quality", "serving",
    }  # fmt: skip


def test_every_asset_has_an_owner_and_says_what_one_row_or_the_thing_is(graph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners, key
        assert node.description, key


def test_descriptions_are_text_and_no_templates(graph) -> None:
    templates = [key for key in graph.get_all_asset_keys() if "{{" in graph.get(key).description]
    templates += [key for key in graph.get_all_asset_keys() if "Raw SQL" in graph.get(key).description]
    assert templates == []


def test_checks_of_every_layer_can_be_run_alone(definitions: dg.Definitions) -> None:
    """Dagster runs checks without their tables where the step may be run in part."""
    tied = [
        spec.key.to_user_string()
        for assets in definitions.resolve_asset_graph().assets_defs
        for spec in assets.check_specs
        if not assets.can_subset
    ]
    assert tied == []


def test_landing_reaches_staging_identity_core_marts_and_readers_in_one_line(graph) -> None:
    below = {key.to_user_string() for key in graph.get(dg.AssetKey(["landing", "shop", "contacts"])).child_keys}
    assert "staging/base_shop__contacts" in below
    upstream = graph.get(dg.AssetKey(["serving", "published_warehouse"])).parent_keys
    assert {"core", "marts", "quality"} == {key.path[0] for key in upstream}
    assert (
        dg.AssetKey(["intermediate", "int_identifier"])
        in graph.get(dg.AssetKey(["identity", "assignment"])).parent_keys
    )
    assert dg.AssetKey(["identity", "assignment"]) in graph.get(dg.AssetKey(["core", "dim_customer"])).parent_keys


def test_a_broken_stream_is_upstream_only_of_its_own_staging_folder(graph) -> None:
    children = graph.get(dg.AssetKey(["landing", "hotel", "stays"])).child_keys
    assert {key.path[0] for key in children} <= {"staging", "quality"}
    assert {key.path[1] for key in children if key.path[0] == "staging"} == {"base_hotel__stays"}


def test_every_model_is_built_in_exactly_one_step(settings: Settings) -> None:
    from orchestration.channels.catalog_file import load_catalog

    catalog = load_catalog(settings.catalog_path, {})
    project = DbtProject(catalog, settings)
    assert [step.name for step in steps(Installation(settings, catalog, project))] == [
        "seeds", "staging_shop", "staging_loyalty", "staging_crm", "staging_hotel", "intermediate",
        "customer_of_activity",
        "core", "features", "training", "journeys", "marts", "quality",
    ]  # fmt: skip


def test_every_model_is_an_asset_and_every_data_test_is_part_of_exactly_one_check(definitions, graph, settings) -> None:
    manifest = DbtProject(_catalog(settings), settings).manifest
    models = {
        (node["schema"], node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        and node["config"]["materialized"] != "ephemeral"  # a part of other models' SQL, and no table
    }
    assets = {tuple(key.path) for key in graph.get_all_asset_keys()}
    assert models <= assets
    tests = Counter(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["config"]["enabled"]
    )
    checks = [graph.get(key) for key in graph.asset_check_keys if key.name == "dbt_tests"]
    named = [line[2:] for check in checks for line in check.description.splitlines() if line.startswith("- ")]
    assert Counter(named) == tests
    assert len(checks) < len(tests) / 2
    assert all(check.blocking for check in checks)


def test_every_gate_blocks_what_is_below_it(graph) -> None:
    gated = {"/".join(key.asset_key.path) for key in graph.asset_check_keys if key.name == "expectations"}
    assert {f"landing/{stream}" for stream in STREAMS} <= gated
    assert {"core/fct_order_line", "core/dim_customer", "marts/relationship_context", "marts/customer_360"} <= gated
    assert sum(table.startswith("staging/stg_") for table in gated) == len(STREAMS)
    assert all(graph.get(key).blocking for key in graph.asset_check_keys if key.name in ("expectations", "delivery"))


def test_one_job_runs_everything_in_one_process(definitions: dg.Definitions, graph) -> None:
    job = definitions.resolve_job_def(JOB_NAME)
    assert job.executor_def is dg.in_process_executor
    executable = {key for key in graph.get_all_asset_keys() if graph.get(key).is_executable}
    assert set(job.asset_layer.executable_asset_keys) == {key for key in executable if key.path[0] != "days"}
    assert job.tags["context360/catalog"] == "contoso"


def test_run_until_a_layer_makes_what_is_below_it_and_nothing_above(definitions: dg.Definitions) -> None:
    executable = executable_assets(definitions.resolve_job_def(JOB_NAME))
    made = {layer: assets_until(definitions, layer, executable) for layer in Layer}
    assert made[Layer.STAGING] < made[Layer.IDENTITY] < made[Layer.CORE] < made[Layer.MARTS] < executable
    below = {"landing", "staging", "seeds", "intermediate", "identity", "perception", "core", "predictions", "marts"}
    above = {
        Layer.STAGING: below - {"landing", "staging"},
        Layer.IDENTITY: {"core", "predictions", "marts"},
        Layer.CORE: {"predictions", "marts"},
        Layer.MARTS: set(),
    }
    for layer, keys in made.items():
        assert {key for key in executable if key.path[0] == layer.value} <= keys
        # Which rows wait in quarantine follows from a part of intermediate.
        assert {key.path[0] for key in keys} & above[layer] <= {"seeds", "intermediate"}
        assert (dg.AssetKey(["intermediate", "int_identifier"]) in keys) is (layer is not Layer.STAGING)
        assert {key for key in keys if key.path[0] == "serving"} == {VERDICT_KEY}
        # Rows are counted as soon as they are staged.
        assert {dg.AssetKey(["quality", "row_ledger"]), dg.AssetKey(["quality", "quarantine"])} <= keys


def test_no_step_of_the_dbt_project_is_cut_into_pieces(definitions: dg.Definitions) -> None:
    # Dagster cuts a step by itself where something outside stands between two of its tables: each piece costs seconds.
    nodes = set(definitions.resolve_job_def(JOB_NAME).graph.node_dict)
    assert {"intermediate", "customer_of_activity", "core"} <= nodes
    assert [name for name in nodes if name.rsplit("_", 1)[-1].isdigit()] == []


def test_days_are_partitions_that_one_run_can_load_again_with_all_that_is_below(
    definitions: dg.Definitions, graph
) -> None:
    job = definitions.resolve_job_def("backfill")
    assert job.executor_def is dg.in_process_executor
    days = {key for key in graph.get_all_asset_keys() if key.path[0] == "days"}
    assert {"/".join(key.path[1:]) for key in days} == STREAMS
    for key in days:
        assert isinstance(graph.get(key).partitions_def, dg.DailyPartitionsDefinition)
        assert graph.get(key).backfill_policy == dg.BackfillPolicy.single_run()
        assert graph.get(key).child_keys == {dg.AssetKey(["landing", *key.path[1:]])}
    assert days < set(job.asset_layer.executable_asset_keys)


def test_loading_the_graph_a_second_time_does_not_parse_the_project_again(settings: Settings, monkeypatch) -> None:
    build_definitions(settings)
    monkeypatch.setattr(DbtProject, "_parse", lambda self: pytest.fail("parsed again"))
    build_definitions(settings)


def test_another_home_shares_the_parse(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    build_definitions(settings)
    monkeypatch.setattr(DbtProject, "_parse", lambda self: pytest.fail("parsed again"))
    other = settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog="contoso")
    project = DbtProject(_catalog(other), other)
    assert project.manifest == DbtProject(_catalog(settings), settings).manifest
    assert str(settings.home) not in json.dumps(project.manifest)
    # What dbt runs is the same graph, and runs below the other home.
    results = project.run("build", ["resource_type:seed"], as_of=datetime(2026, 1, 1))
    assert {result.status for result in results} <= {"success", "pass"}
    assert (tmp_path / "warehouse.duckdb").exists()


def _catalog(settings: Settings):
    from orchestration.channels.catalog_file import load_catalog

    return load_catalog(settings.catalog_path, {})


def test_the_workspace_names_the_module_that_defines_everything() -> None:
    workspace = Path(__file__).resolve().parents[2] / "workspace.yaml"
    assert "orchestration.definitions" in workspace.read_text()
