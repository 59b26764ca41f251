"""No model joins two large tables by comparing all pairs of rows, which grows with the square of the customers."""

from __future__ import annotations

import json

import duckdb
import pytest
from dbt_plans import compiled_models, joins_of_all_pairs
from demo_staging.conftest import RunCompany

from orchestration.warehouse.engine_functions import add_functions

# Model -> why its join is small although large tables are below it.
SMALL = {"prediction_base_rate": "The two sides are grouped before: product lines, and two horizons."}


def test_no_model_compares_all_pairs_of_two_large_tables(company: RunCompany) -> None:
    home = company.installation.home
    queries = compiled_models(home)
    nodes = json.loads((home / "dbt" / "parsed" / "manifest.json").read_text())["nodes"].values()
    assert queries.keys() == {node["name"] for node in nodes if node["resource_type"] == "model"}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
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
