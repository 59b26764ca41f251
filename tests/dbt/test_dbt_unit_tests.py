"""The unit tests that stand beside the models, run by dbt on an empty warehouse."""

from __future__ import annotations

from pathlib import Path

from empty_warehouse import ANY_MOMENT

from orchestration.warehouse.dbt import DbtProject


def test_every_unit_test_beside_a_model_passes(project: DbtProject) -> None:
    results = project.run("test", ["test_type:unit"], as_of=ANY_MOMENT)
    assert len(results) == len(project.manifest["unit_tests"]) > 0
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


def test_every_test_of_the_project_passes_on_no_data(project: DbtProject) -> None:
    results = project.run("test", ["test_type:data"], as_of=ANY_MOMENT)
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


def test_the_page_of_tables_describes_every_published_table(project: DbtProject, tmp_path: Path) -> None:
    page = tmp_path / "reports" / "tables.html"
    project.document(page, as_of=ANY_MOMENT)
    text = page.read_text()
    for node in project.manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in ("core", "marts"):
            assert f'"{node["unique_id"]}"' in text
    assert [entry.name for entry in page.parent.iterdir()] == ["tables.html"]
