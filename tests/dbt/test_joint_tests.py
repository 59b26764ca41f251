"""Tests that are judged in one statement per table find what dbt finds when each is a node of its own."""

from __future__ import annotations

from itertools import groupby

import pytest
from empty_warehouse import ANY_MOMENT
from golden import copy_tree

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES, settings_from
from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.dbt import DbtProject
from orchestration.warehouse.joint_tests import joint_tests

JOINT = {"attached_node": "model.f.a", "depends_on": {"macros": ["macro.dbt.test_unique"], "nodes": ["model.f.a"]}}
CONFIG = {"severity": "ERROR", "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0"}
NAMED = {"test_metadata": {"name": "unique", "kwargs": {"column_name": "a", "model": "{{ ref('a') }}"}}}
TABLE = {"model.f.a": {"relation_name": '"warehouse"."core"."a"'}}


@pytest.fixture(scope="module")
def faulty(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """Every table holds two empty rows, and two equal rows whose numbers name nothing."""
    home = tmp_path_factory.mktemp("faulty") / "home"
    copy_tree(project.settings.home, home)
    file = EXAMPLES / "contoso" / "catalog.yaml"
    settings = settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(file))
    with open_warehouse(settings.warehouse_path) as connection:
        tables: dict[tuple[str, str], list[str]] = {}
        for schema, table, column, data_type in connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where schema_name in ('core', 'marts', 'seeds', 'predictions', 'quality', 'intermediate')"
            " and table_name in (select table_name from duckdb_tables())"
        ).fetchall():
            numbers = tables.setdefault((schema, table), [])
            if data_type in ("BIGINT", "INTEGER"):
                numbers.append(column)
        for place, ((schema, table), numbers) in enumerate(tables.items(), start=1_000):
            for _ in range(2):
                connection.execute(f'insert into {schema}."{table}" default values')
                if numbers:
                    named, values = (
                        ", ".join(f'"{column}"' for column in numbers),
                        ", ".join([str(place)] * len(numbers)),
                    )
                    connection.execute(f'insert into {schema}."{table}" ({named}) values ({values})')
    return DbtProject(load_catalog(file, {}), settings)


# Of each kind of test, or all of them: dbt needs a tenth of a second for each.
@pytest.mark.parametrize("most", [12, pytest.param(10_000, marks=pytest.mark.long)])
def test_joint_tests_count_the_rows_that_dbt_counts(faulty: DbtProject, most: int) -> None:
    tests: list[str] = []
    for _, of_kind in groupby(sorted(_data_tests(faulty)), key=lambda test: test[0]):
        tests += [name for _, name in of_kind][:most]
    selection = faulty.shortest_selection(tests)
    as_nodes = {result.unique_id: result for result in faulty.run("test", selection, as_of=ANY_MOMENT)}
    joint = {result.unique_id: result for result in faulty.build(tests, as_of=ANY_MOMENT)}
    assert joint.keys() == as_nodes.keys() == set(tests)
    assert {name: (r.status, r.failures) for name, r in joint.items()} == {
        name: (r.status, r.failures) for name, r in as_nodes.items()
    }
    broken = [result for result in joint.values() if result.status == "fail"]
    assert {result.message for result in broken if result.failures in (1, 2)} == {
        "1 row breaks this test", "2 rows break this test",
    }  # fmt: skip
    assert {result.message for result in joint.values() if result.status == "pass"} == {None}
    kinds = {faulty.manifest["nodes"][result.unique_id]["test_metadata"]["name"] for result in broken}
    assert kinds >= {"not_null", "unique", "unique_combination", "relationships", "joins"}
    assert len(broken) > len(tests) / 2


def _data_tests(project: DbtProject) -> list[tuple[str, str]]:
    """(kind, unique id) of each data test."""
    nodes = project.manifest["nodes"].items()
    return [(node["test_metadata"]["name"], name) for name, node in nodes if node["resource_type"] == "test"]


def test_a_query_that_fails_leaves_the_other_tests_their_results(faulty: DbtProject) -> None:
    with open_warehouse(faulty.settings.warehouse_path) as connection:
        connection.execute("drop table core.dim_channel")
    tests = [
        name
        for name, node in faulty.manifest["nodes"].items()
        if node["resource_type"] == "test" and node["attached_node"].endswith((".dim_channel", ".dim_currency"))
    ]
    results = {result.unique_id: result for result in faulty.build(tests, as_of=ANY_MOMENT)}
    assert results.keys() == set(tests)
    of_channel = [result for name, result in results.items() if "dim_channel" in name]
    assert of_channel
    assert {result.status for result in of_channel} == {"error"}
    assert all("dim_channel" in (result.message or "") for result in of_channel)
    assert {result.status for name, result in results.items() if "dim_channel" not in name} <= {"pass", "fail"}


@pytest.mark.parametrize(
    "changed",
    [
        {"config": CONFIG | {"where": "a > 0"}},
        {"config": CONFIG | {"severity": "warn"}},
        {"config": CONFIG | {"error_if": "> 10"}},
        {"config": CONFIG | {"store_failures": True}},
        {"config": CONFIG | {"fail_calc": "sum(a)"}},
        {"test_metadata": None},
        {"attached_node": None},
        {"depends_on": {"macros": ["macro.firm.test_unique"], "nodes": ["model.f.a"]}},
        {"test_metadata": {"name": "unique", "kwargs": {"column_name": "{{ var('a') }}"}}},
    ],
)
def test_a_test_with_settings_of_its_own_stays_a_node(changed: dict) -> None:
    plain = {**JOINT, **NAMED, "config": CONFIG}
    assert joint_tests({"t": plain, **TABLE}, ["t"]) == [["t"]]
    assert joint_tests({"t": plain | changed, **TABLE}, ["t"]) == []


def test_tests_of_one_table_are_one_statement() -> None:
    other = {**JOINT, **NAMED, "config": CONFIG, "attached_node": "model.f.b"}
    nodes = {"t": {**JOINT, **NAMED, "config": CONFIG}, "u": {**JOINT, **NAMED, "config": CONFIG}, "v": other}
    tables = {**TABLE, "model.f.b": {"relation_name": "b"}}
    assert joint_tests({**nodes, **tables}, ["t", "v", "u"]) == [["t", "u"], ["v"]]
    assert joint_tests({**nodes, **TABLE}, ["t", "v", "u"]) == [["t", "u"]]


def test_a_test_of_a_table_that_was_not_built_has_no_result(faulty: DbtProject) -> None:
    """The timeline reads a table that is gone: it fails, and the rows of its old table say nothing."""
    with open_warehouse(faulty.settings.warehouse_path) as connection:
        connection.execute("drop table if exists core.dim_channel")
    timeline, nodes = "model.context360.customer_timeline", faulty.manifest["nodes"]
    tests = [name for name, node in nodes.items() if node.get("attached_node") == timeline]
    assert tests
    results = faulty.build([timeline, *tests], as_of=ANY_MOMENT)
    assert [(result.unique_id, result.status) for result in results] == [(timeline, "error")]
