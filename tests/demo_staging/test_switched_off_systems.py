"""A system that is switched off leaves no trace and breaks nothing."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from empty_warehouse import build_all, show_sources_to_unit_tests

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import DBT_PACKAGE, settings_from
from orchestration.warehouse.dbt import DbtProject

AS_OF = datetime(2026, 1, 1)
# Without the shop, the CRM, the campaigns and all that depends on them.
KEPT = ("loyalty", "pos", "social", "beacon")


def models_of(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The models of a manifest by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def manifest_of(home: Path) -> dict[str, Any]:
    """dbt's manifest of the last run of a home."""
    (file,) = (home / "dbt").rglob("manifest.json")
    return json.loads(file.read_text())


def test_staging_models_read_their_own_system_only(company) -> None:
    """Intermediate models combine systems, because there either may be missing."""
    models = models_of(manifest_of(company.installation.home))
    folders = {name: node["fqn"][2] for name, node in models.items() if node["fqn"][1] == "staging"}
    leaning = [
        f"{name} on {parent}"
        for name, folder in folders.items()
        for parent in (unique_id.split(".")[-1] for unique_id in models[name]["depends_on"]["nodes"])
        if parent in models and folders.get(parent) != folder
    ]
    assert len(folders) > 100
    assert leaning == []


@pytest.mark.long
def test_four_of_seventeen_systems_are_built_without_the_others(company, tmp_path: Path) -> None:
    """On what the run of all systems has landed, up to the marts."""
    whole = yaml.safe_load((company.folder / "catalog.yaml").read_text())
    whole["systems"] = {name: whole["systems"][name] for name in KEPT}
    file = tmp_path / "catalog.yaml"
    file.write_text(yaml.safe_dump(whole, sort_keys=False))
    landing = str(company.installation.home / "landing")
    settings = settings_from(
        {"CONTEXT360_HOME": str(tmp_path / "home"), "CONTEXT360_LANDING_URL": landing}, catalog=str(file)
    )
    project = DbtProject(load_catalog(file, {}), settings)
    results = build_all(project, AS_OF)

    assert {result.name: result.message for result in results if result.status not in ("success", "pass")} == {}
    folders = {node["fqn"][2] for node in models_of(project.manifest).values() if node["fqn"][1] == "staging"}
    assert folders == set(KEPT)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        systems = connection.execute("select distinct source_system from core.fct_interaction order by 1").fetchall()
        offers = connection.execute("select count(*) from intermediate.int_offer_made").fetchall()
    assert systems == [("loyalty",), ("pos",), ("social",)]
    assert offers == [(0,)]


def test_intermediate_names_no_company_and_no_system() -> None:
    """Intermediate models know people, orders and places, whatever system delivers them."""
    words = ("veloheld", "demo", "contoso", "bike")
    found = [
        f"{path.name}: {word}"
        for path in (DBT_PACKAGE / "models" / "intermediate").rglob("*.*")
        for word in words
        if word in path.read_text().lower()
    ]
    assert found == []


def test_dbt_unit_tests_of_the_contributions_pass(company, tmp_path: Path) -> None:
    file = company.folder / "catalog.yaml"
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog=str(file))
    # dbt asks the warehouse for the columns of what an example fills; the rows do not matter.
    shutil.copy(company.installation.home / "warehouse.duckdb", settings.warehouse_path)
    landed = settings_from({"CONTEXT360_HOME": str(company.installation.home)}, catalog=str(file)).landing_url
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path), "CONTEXT360_LANDING_URL": landed}, catalog=str(file))
    catalog = load_catalog(file, {})
    project = DbtProject(catalog, settings)
    show_sources_to_unit_tests(catalog, settings)
    examples = ["test_type:unit,fqn:*.staging.*", "test_type:unit,fqn:context360.intermediate"]
    results = project.run("test", examples, as_of=AS_OF)
    written = [test["fqn"][1] for test in project.manifest["unit_tests"].values()]
    assert len(results) == written.count("staging") + written.count("intermediate") > 15
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


@pytest.mark.parametrize("model", ["int_offer_made", "int_relation", "int_interaction"])
def test_combining_intermediate_model_has_a_unit_test(company, model: str) -> None:
    examples = manifest_of(company.installation.home)["unit_tests"].values()
    assert model in {example["model"] for example in examples}
