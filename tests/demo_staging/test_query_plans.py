"""No model joins two large tables by comparing all pairs of rows, which grows with the square of the customers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from dbt_plans import compiled_models, joins_of_all_pairs
from demo_staging.conftest import RunCompany
from golden import copy_tree

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject
from orchestration.warehouse.engine_functions import add_functions

# Model -> why its join is small although large tables are below it.
SMALL = {"prediction_base_rate": "The two sides are grouped before: product lines, and two horizons."}


def test_no_model_compares_all_pairs_of_two_large_tables(company: RunCompany, tmp_path: Path) -> None:
    copy_tree(company.installation.home, tmp_path / "home")  # dbt writes there
    file = company.installation.folder / "catalog.yaml"
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path / "home")}, catalog=str(file))
    project = DbtProject(load_catalog(file, {}), settings)
    queries = compiled_models(project, datetime(2026, 1, 1))
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        add_functions(connection)
        found = {name: joins for name, query in queries.items() if (joins := joins_of_all_pairs(connection, query))}
    assert {name: joins for name, joins in found.items() if name not in SMALL} == {}
    assert found.keys() >= SMALL.keys()


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        # A condition on one side of an outer join beside the keys, and an alternative.
        ("select * from core.fct_a a left join core.fct_b b on a.i = b.i and (a.kind = 'x' or b.kind = a.kind)", True),
        ("select * from core.fct_a a left join core.fct_b b on a.i = b.i or a.kind = b.kind", True),
        ("select * from core.fct_a a left join core.fct_b b on a.i = b.i", False),
        ("select * from core.fct_a a join core.fct_b b on a.i < b.i and a.i > b.i - 3", False),  # sorted, then merged
        ("select * from core.fct_a a cross join (select max(i) as newest from core.fct_b)", False),  # one row
        ("select * from core.fct_a a cross join core.fct_b", True),
        ("select * from core.fct_a a left join core.list l on a.i = l.i or a.kind = l.kind", False),  # a list
    ],
)
def test_check_finds_joins_of_all_pairs(query: str, is_found: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema core")
        for name in ("fct_a", "fct_b", "list"):
            connection.execute(f"create table core.{name} as select i, 'k' || i % 5 as kind from range(9000) as t (i)")
        assert bool(joins_of_all_pairs(connection, query)) == is_found
