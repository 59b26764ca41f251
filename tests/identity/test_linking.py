"""Linking: rules, clusters against an independent tool, and numbers that last."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import networkx
import numpy
import pyarrow
import pytest
from identity.conftest import COLUMNS, customers, groups, warehouse
from identity.conftest import linked as given

from orchestration.identity.linking import link_records
from orchestration.identity.register import keep_register, restore_register


def test_shared_email_links_in_any_case(connection) -> None:
    given(connection, {"key": "crm/1", "email": "Ann@Example.com"}, {"key": "shop/1", "email": " ann@example.com"})
    assert len(set(customers(connection).values())) == 1


def test_phone_links_only_with_the_same_birth_date(connection) -> None:
    given(
        connection,
        {"key": "crm/mother", "phone": "123", "birth_date": "1960-01-01"},
        {"key": "crm/son", "phone": "123", "birth_date": "1990-01-01"},
        {"key": "shop/son", "phone": "123", "birth_date": "1990-01-01"},
    )
    who = customers(connection)
    assert who["crm/son"] == who["shop/son"] != who["crm/mother"]


def test_links_reach_across_records(connection) -> None:
    result = given(
        connection,
        {"key": "a/1", "email": "x@example.com"},
        {"key": "b/1", "email": "x@example.com", "loyalty_number": "L7"},
        {"key": "c/1", "loyalty_number": "L7", "national_id": "N9"},
        {"key": "d/1", "national_id": "N9"},
        {"key": "e/1"},
    )
    assert (result.records, result.customers) == (5, 2)
    rules = connection.execute("select rule from identity.link order by 1").fetchall()
    assert [rule for (rule,) in rules] == ["email", "loyalty_number", "national_id"]


def test_email_that_many_records_share_links_none_and_is_reported(connection) -> None:
    result = given(connection, *({"key": f"crm/{n}", "email": "info@example.com"} for n in range(21)))
    assert (result.customers, result.ignored_values) == (21, 1)
    assert "info" not in str(connection.execute("from identity.ignored_identifier").fetchall())


def test_empty_values_link_none(connection) -> None:
    result = given(connection, {"key": "crm/1", "email": " "}, {"key": "crm/2", "email": ""}, {"key": "crm/3"})
    assert result.customers == 3


def test_no_records_are_no_customers(connection) -> None:
    result = given(connection)
    assert (result.records, result.customers) == (0, 0)


def test_repeated_key_is_rejected(connection) -> None:
    with pytest.raises(ValueError, match="appear twice"):
        given(connection, {"key": "crm/1"}, {"key": "crm/1"})


def test_clusters_are_the_connected_components_of_random_graphs(connection) -> None:
    """Five graphs beside each other; each edge is an identifier of its own that two records share."""
    size, graph = 300, networkx.Graph()
    for seed in range(5):
        edges = numpy.random.default_rng(seed).integers(0, size, size=(150, 2)) + seed * size
        graph.add_nodes_from(range(seed * size, (seed + 1) * size))
        graph.add_edges_from(map(tuple, edges))
    ends = [(f"{node:04}", f"edge {number}") for number, edge in enumerate(graph.edges) for node in edge]
    connection.execute(f"create or replace table records ({COLUMNS})")
    connection.execute(
        "insert into records (source_system, source_record_id) select 's', lpad(range::varchar, 4, '0') from range(?)",
        [5 * size],
    )
    node, value = (pyarrow.array(column) for column in zip(*ends, strict=True))
    connection.register("ends", pyarrow.table({"node": node, "value": value}))
    connection.execute("""
        create table identifiers as
        select 's' as source_system, node as source_record_id, 'email' as identifier_kind, value as identifier_value
        from ends
    """)
    result = link_records(connection, "records", identifiers="identifiers")
    expected = {frozenset(f"s/{node:04}" for node in component) for component in networkx.connected_components(graph)}
    assert groups(connection) == expected
    assert result.customers == len(expected)


ANN = {"key": "crm/ann", "email": "ann@example.com"}
ANN_SHOP = {"key": "shop/ann", "email": "ann@example.com"}
BOB = {"key": "crm/bob", "email": "bob@example.com"}


def test_unchanged_input_changes_no_number(connection) -> None:
    given(connection, ANN, ANN_SHOP, BOB)
    before = customers(connection)
    result = given(connection, BOB, ANN_SHOP, ANN)
    assert customers(connection) == before
    assert (result.new_customers, result.merged_customers) == (0, 0)


def test_new_record_that_sorts_first_takes_no_assigned_number(connection) -> None:
    given(connection, ANN, BOB)
    before = customers(connection)
    given(connection, {"key": "aaa/new", "email": "new@example.com"}, ANN, BOB)
    after = customers(connection)
    assert {key: after[key] for key in before} == before
    assert after["aaa/new"] not in before.values()


def test_merge_keeps_the_number_of_the_larger_part_and_records_the_other(connection) -> None:
    larger = [{"key": f"crm/{n}", "email": "ann@example.com"} for n in range(3)]
    given(connection, *larger, {"key": "shop/ann", "email": "a@example.com"})
    before = customers(connection)
    result = given(connection, *larger, {"key": "shop/ann", "email": "ann@example.com"})
    assert set(customers(connection).values()) == {before["crm/0"]}
    assert result.merged_customers == 1
    assert connection.execute("from identity.customer_id_change").fetchall() == [
        (before["shop/ann"], before["crm/0"], "merge", datetime(2026, 1, 1))
    ]


def test_split_keeps_the_number_with_the_larger_part_and_never_reuses_one(connection) -> None:
    same = [{"key": f"crm/{n}", "email": "ann@example.com"} for n in range(3)]
    given(connection, *same)
    number = customers(connection)["crm/0"]
    given(connection, *same[:2], {"key": "crm/2", "email": "other@example.com"})
    split = customers(connection)
    assert split["crm/0"] == split["crm/1"] == number != split["crm/2"]
    given(connection, *same)
    given(connection, *same, {"key": "crm/9", "email": "nine@example.com"})
    assert customers(connection)["crm/9"] not in {number, split["crm/2"]}


def test_record_absent_for_a_day_keeps_its_number(connection) -> None:
    given(connection, ANN, ANN_SHOP, BOB)
    before = customers(connection)
    given(connection, BOB)
    assert customers(connection) == {"crm/bob": before["crm/bob"]}
    given(connection, {"key": "crm/new", "email": "new@example.com"}, ANN, ANN_SHOP, BOB)
    after = customers(connection)
    assert {key: after[key] for key in before} == before
    assert after["crm/new"] not in before.values()


def test_decisions_of_an_unpublished_run_are_dropped(connection, tmp_path: Path) -> None:
    given(connection, ANN, BOB)
    keep_register(connection, tmp_path)
    before = customers(connection)
    given(connection, ANN | {"email": "same@example.com"}, BOB | {"email": "same@example.com"})
    restore_register(connection, tmp_path)
    given(connection, ANN, BOB)
    assert customers(connection) == before


def test_numbers_survive_a_rebuilt_warehouse(connection, tmp_path: Path) -> None:
    given(connection, BOB)
    given(connection, ANN, ANN_SHOP, BOB)
    before = customers(connection)
    keep_register(connection, tmp_path / "identity")
    rebuilt = warehouse()
    restore_register(rebuilt, tmp_path / "identity")
    given(rebuilt, ANN, ANN_SHOP, BOB)
    assert customers(rebuilt) == before
