"""Every column of a profile has the gate, and the tests of the gate find a violation of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from check_sql import compiled_models
from column_lineage import Column, column_lineage
from empty_warehouse import empty_home

from orchestration.warehouse.dbt import DbtProject

FACTS: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("facts_of_behaviour.yml").read_text())
TEST, GATE = "no_profile_against_objection", "dim_customer_profiling"
# Tables of what customers do, and of what models and texts say about them.
BEHAVIOUR = ("fct_", "bridge_interaction_", "propensity_score", "value_score", "score_log", "value_log")


def _gates(project: DbtProject) -> dict[str, dict[str, Any]]:
    """Per table with a gate: the arguments of its test."""
    nodes = project.manifest["nodes"]
    return {
        nodes[node["attached_node"]]["name"]: node["test_metadata"]["kwargs"]
        for node in nodes.values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == TEST
    }


@pytest.fixture(scope="module")
def behaviour() -> dict[str, set[str]]:
    """Per mart with customers: the columns that depend on what they do."""
    home, results = empty_home("contoso")
    files = compiled_models(home, results)
    # Lineage begins in the star.
    queries = {file.stem: file.read_text() for file in files if "core" not in file.parts}
    columns: dict[str, list[str]] = {}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        for table, column in connection.execute(
            "select table_name, column_name from information_schema.columns order by ordinal_position"
        ).fetchall():
            columns.setdefault(table, []).append(column)
    lineage = column_lineage(queries, columns)
    marts = [file.stem for file in files if "marts" in file.parts]
    return {
        mart: {column for column in columns[mart] if _shows_behaviour(column, lineage[mart].get(column, frozenset()))}
        for mart in marts
        if any(column.endswith("customer_key") for column in columns[mart])
    }


def _shows_behaviour(column: str, behind: frozenset[Column]) -> bool:
    return not column.endswith("_key") and any(table.startswith(BEHAVIOUR) for table, _ in behind)


def test_every_column_that_depends_on_behaviour_has_the_gate_or_is_a_fact(
    project: DbtProject, behaviour: dict[str, set[str]]
) -> None:
    gates = _gates(project)
    ungated = {}
    for mart, columns in behaviour.items():
        gate = gates.get(mart, {})
        if gate.get("rows"):  # rows that are a profile do not exist
            continue
        facts = _facts_of(mart)
        if found := sorted(columns - set(gate.get("columns", ())) - facts):
            ungated[mart] = found
    assert ungated == {}


def test_every_fact_of_behaviour_is_one(behaviour: dict[str, set[str]]) -> None:
    assert {
        mart: sorted(set(entry["columns"]) - behaviour.get(mart, set()))
        for mart, entry in FACTS.items()
        if not set(entry["columns"]) <= behaviour.get(mart, set())
    } == {}


def test_lineage_finds_a_score_without_a_gate() -> None:
    query = "with sums as (select customer_key, sum(amount) as total from fct_order_line group by 1)"
    models = {"customer_score": f"{query} select customer_key, total * 2 as score from sums"}
    lineage = column_lineage(models, {"fct_order_line": ["customer_key", "amount"]})
    assert _shows_behaviour("score", lineage["customer_score"]["score"])


def test_every_gated_table_reads_the_gate(project: DbtProject) -> None:
    nodes = project.manifest["nodes"]
    by_name = {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}

    def reads(name: str) -> bool:
        parents = [nodes[parent] for parent in by_name[name]["depends_on"]["nodes"] if parent in nodes]
        models = [parent["name"] for parent in parents if parent["resource_type"] == "model"]
        return GATE in models or any(reads(model) for model in models)

    assert [name for name in _gates(project) if not reads(name)] == []


def test_each_kind_of_violation_is_counted(project: DbtProject) -> None:
    """A customer who refused has one value in one column of one table; the test of this table finds the row."""
    missed = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{project.settings.warehouse_path}' as everything (read_only)")
        connection.execute(
            "create table gate as select 7 as customer_key, 'no consent to profiling' as no_profile_reason"
        )
        for table, arguments in _gates(project).items():
            schema = connection.execute(
                "select schema_name from duckdb_tables() where table_name = ? and schema_name in ('core', 'marts')",
                [table],
            ).fetchone()
            assert schema, table
            kinds = [*arguments.get("columns", ()), *(["is_profile"] if arguments.get("rows") else [])]
            for column in kinds:
                connection.execute(f"create or replace table planted as from everything.{schema[0]}.{table} limit 0")
                connection.execute("insert into planted (customer_key) values (7)")
                query = _test_query(arguments)
                if connection.execute(query).fetchall():
                    missed.append((table, column, "finds what is sound"))
                ((kind,),) = connection.execute(
                    "select data_type from duckdb_columns() where table_name = 'planted' and column_name = ?", [column]
                ).fetchall()
                connection.execute(f"update planted set {column} = {_some_value(kind)}")
                if connection.execute(query).fetchall() != [(7,)]:
                    missed.append((table, column, "misses the violation"))
    assert missed == []


def _some_value(kind: str) -> str:
    if kind == "BOOLEAN":
        return "true"
    if kind in ("TIMESTAMP", "DATE"):
        return f"{kind} '2026-01-01'"
    return "'text'" if kind == "VARCHAR" else "1"


def _test_query(arguments: dict[str, Any]) -> str:
    """The generic test as dbt renders it for the planted table."""
    import jinja2

    from orchestration.settings import DBT_PACKAGE

    text = (DBT_PACKAGE / "tests" / "generic" / f"{TEST}.sql").read_text()
    body = text.split("%}", 1)[1].rsplit("{%", 1)[0]
    return jinja2.Template(body).render(
        model="planted", to="gate", columns=arguments.get("columns", []), rows=arguments.get("rows")
    )


def _facts_of(mart: str) -> set[str]:
    if mart != "customer_360":
        return set(FACTS.get(mart, {}).get("columns", ()))
    return {column for entry in FACTS.values() for column in entry["columns"]}


def test_every_table_with_a_customer_is_part_of_what_is_held(project: DbtProject) -> None:
    """customer_data_use answers what is held: a new table with people must be in it, or say where its data is."""
    nodes = project.manifest["nodes"]
    elsewhere: dict[str, str] = yaml.safe_load(Path(__file__).with_name("held_elsewhere.yml").read_text())
    published = {
        node["name"]: node
        for node in nodes.values()
        if node["resource_type"] == "model"
        and node["schema"] in ("core", "marts")
        and node["name"] != "customer_data_use"
    }
    personal = {name for name, node in published.items() if _holds_people(node)}
    read = {
        nodes[parent]["name"]
        for node in nodes.values()
        if node["name"] == "customer_data_use" and node["resource_type"] == "model"
        for parent in node["depends_on"]["nodes"]
    }
    assert sorted(personal - read - elsewhere.keys()) == []
    assert sorted(elsewhere.keys() - personal) == []
    with duckdb.connect(str(project.settings.warehouse_path), read_only=True) as connection:
        kinds = {kind for (kind,) in connection.execute("select attribute from seeds.data_attributes").fetchall()}
    assert set(elsewhere.values()) <= kinds
    assert {"fct_position", "fct_product_reading", "customer_propensity", "customer_segment"} <= personal & read


def _holds_people(node: dict[str, Any]) -> bool:
    return any(
        name.endswith("customer_key") or (column["config"].get("meta") or {}).get("personal_data")
        for name, column in node["columns"].items()
    )
