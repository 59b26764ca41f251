"""The dbt project, bound on an empty warehouse once for all tests of this folder."""

from __future__ import annotations

import pytest
from empty_warehouse import build_empty_warehouse, show_sources_to_unit_tests

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES
from orchestration.warehouse.dbt import DbtProject


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    file = EXAMPLES / "contoso" / "catalog.yaml"
    project, results = build_empty_warehouse(file, tmp_path_factory.mktemp("home"))
    assert [result for result in results if result.status not in ("success", "pass")] == []
    show_sources_to_unit_tests(load_catalog(file, {}), project.settings)
    return project
