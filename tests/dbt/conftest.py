"""The dbt project, bound on an empty warehouse once for all tests of this folder."""

from __future__ import annotations

import pytest
from empty_warehouse import empty_home, show_sources_to_unit_tests
from golden import copy_tree

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES, settings_from
from orchestration.warehouse.dbt import DbtProject


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    file = EXAMPLES / "contoso" / "catalog.yaml"
    empty, results = empty_home("contoso")
    assert [result for result in results if result.status not in ("success", "pass")] == []
    home = tmp_path_factory.mktemp("empty") / "home"
    copy_tree(empty, home)
    settings = settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(file))
    catalog = load_catalog(file, {})
    show_sources_to_unit_tests(catalog, settings)
    return DbtProject(catalog, settings)
