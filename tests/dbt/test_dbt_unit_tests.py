"""The unit tests that stand beside the models, run by dbt on an empty warehouse."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest
from empty_warehouse import ANY_MOMENT

from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.dbt import DbtProject


def test_every_unit_test_beside_a_model_passes(project: DbtProject) -> None:
    results = project.run("test", ["test_type:unit"], as_of=ANY_MOMENT)
    assert len(results) == len(project.manifest["unit_tests"]) > 0
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


def test_every_test_of_the_project_passes_on_no_data(project: DbtProject) -> None:
    results = project.run("test", ["test_type:data"], as_of=ANY_MOMENT)
    assert {result.name: result.message for result in results if result.status != "pass"} == {}


@pytest.mark.long
def test_the_page_of_tables_describes_every_published_table(project: DbtProject, tmp_path: Path) -> None:
    page = tmp_path / "reports" / "tables.html"
    project.document(page, as_of=ANY_MOMENT)
    text = page.read_text()
    for node in project.manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in ("core", "marts"):
            assert f'"{node["unique_id"]}"' in text
    assert [entry.name for entry in page.parent.iterdir()] == ["tables.html"]


def test_what_reaches_the_marts_is_what_dbt_says_is_below_each_contribution(project: DbtProject) -> None:
    """Held against the child map that dbt itself writes, walked by networkx."""
    children = nx.DiGraph((parent, child) for parent, found in project.manifest["child_map"].items() for child in found)
    nodes = project.manifest["nodes"].items()
    children.remove_nodes_from([key for key, node in nodes if node["config"].get("meta", {}).get("hands_on_no_data")])
    marts = {
        unique_id: node["name"]
        for unique_id, node in project.manifest["nodes"].items()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts" and node["fqn"][2] != "connectedness"
    }
    # Contributions are models of the firm's project.
    models = {node["name"]: unique_id for unique_id, node in project.manifest["nodes"].items()}
    expected = {
        (contribution["system"], marts[unique_id], stream)
        for stream, contributions in project.variables["canonical"].items()
        for contribution in contributions
        for unique_id in nx.descendants(children, models[contribution["model"]]) & marts.keys()
    }
    with open_warehouse(project.settings.warehouse_path, read_only=True) as connection:
        rows = connection.execute(
            "select source_system, mart, canonical_streams, readers from marts.source_system_reach"
        ).fetchall()
    assert {(system, mart, stream) for system, mart, streams, _ in rows for stream in streams.split(", ")} == expected
    assert {system for system, *_ in expected} == {"shop", "loyalty", "crm", "hotel"}
    readers = {mart: readers for _, mart, _, readers in rows}
    assert readers["customer_timeline"] == "Card of the customer, BI tools"
    # The card reads it through customer_360, the selection through next_best_action, the report through customer_value.
    everybody = (
        "Card of the customer, Predictions report, Selection for campaigns, What is held about a customer, BI tools"
    )
    assert readers["relationship_context"] == everybody
    assert readers["engagement_band_outcome"] == "Predictions report, BI tools"


def test_a_short_selection_selects_what_is_wanted_and_nothing_else(project: DbtProject) -> None:
    nodes = {unique_id: ".".join(node["fqn"]) for unique_id, node in project.manifest["nodes"].items()}
    core = {unique_id for unique_id, name in nodes.items() if name.startswith("context360.core.")}
    assert project.shortest_selection(core) == ["fqn:context360.core"]
    for left_out in ("model.context360.dim_customer", "model.context360.fct_order_line"):
        wanted = core - {left_out}
        chosen = [selector.removeprefix("fqn:") for selector in project.shortest_selection(wanted)]
        found = {
            unique_id for unique_id, name in nodes.items()
            if any(name == selector or name.startswith(f"{selector}.") for selector in chosen)
        }  # fmt: skip
        assert found == wanted
