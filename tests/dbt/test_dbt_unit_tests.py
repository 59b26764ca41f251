"""The unit tests that stand beside the models, run by dbt on an empty warehouse."""

from __future__ import annotations

from empty_warehouse import ANY_MOMENT

from orchestration.warehouse.dbt import DbtProject


def test_every_unit_test_beside_a_model_passes(project: DbtProject) -> None:
    results = project.run("test", ["test_type:unit"], as_of=ANY_MOMENT)
    assert len(results) == len(project.manifest["unit_tests"]) > 0
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


def test_every_test_of_the_project_passes_on_no_data(project: DbtProject) -> None:
    results = project.run("test", ["test_type:data"], as_of=ANY_MOMENT)
    assert {result.name: result.message for result in results if result.status != "pass"} == {}
