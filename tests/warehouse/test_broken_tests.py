"""What a broken dbt test shows: what is expected, and a few values that break it, but no personal one."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from orchestration.warehouse.broken_tests import WITHHELD, explain
from orchestration.warehouse.dbt import NodeResult


def _model(name: str, *personal: str) -> dict[str, Any]:
    columns = {column: {"config": {"meta": {"personal_data": True}}} for column in personal}
    return {"schema": "core", "name": name, "relation_name": f"core.{name}", "columns": columns}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("""
        create schema core;
        create table core.orders as from (values
            (1, 10, 'open', 'a@x.test'), (2, 10, 'lost', 'b@x.test'), (2, 99, 'open', 'b@x.test'),
            (null, 10, null, null)
        ) as orders(order_key, customer_key, state, email);
        create table core.customers as select 10 as customer_key;
    """)
    return connection


@pytest.mark.parametrize(
    ("test", "arguments", "expected", "sample"),
    [
        ("unique", {"column_name": "order_key"}, "order_key occurs once", "2"),
        ("not_null", {"column_name": "order_key"}, "order_key is never empty", ""),
        ("accepted_values", {"column_name": "state", "values": ["open", "paid"]}, "state is one of open, paid", "lost"),
        ("unique_combination", {"columns": ["order_key", "state"]}, "order_key, state together occur once", ""),
        ("relationships", {"column_name": "customer_key", "field": "customer_key"},
         "customer_key is a customer_key of core.customers", "99"),
        ("joins", {"column_name": "customer_key", "field": "customer_key"},
         "customer_key is never empty, and a customer_key of core.customers", "99"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_personal", [False, True])
def test_broken_test_shows_expectation_and_sample(
    connection: duckdb.DuckDBPyConnection, test: str, arguments: dict[str, Any], expected: str, sample: str,
    is_personal: bool,
) -> None:  # fmt: skip
    nodes = {
        "model.orders": _model("orders", *(["email"] if is_personal else [])),
        "model.customers": _model("customers"),
        "test.broken": {
            "test_metadata": {"name": test, "kwargs": arguments},
            "attached_node": "model.orders",
            "depends_on": {"nodes": ["model.orders", "model.customers"]},
        },
    }
    result = NodeResult("test.broken", "broken", "fail", 0, 1, "1 row breaks this test")
    found = explain(connection, nodes, [result])["test.broken"]
    assert (found.expected, found.observed) == (expected, "1 row breaks this test")
    columns = arguments.get("columns") or [arguments["column_name"]]
    is_hidden = is_personal and test != "not_null" and not all(column.endswith("_key") for column in columns)
    assert found.sample == (WITHHELD if is_hidden else sample)


def test_test_of_a_firms_own_shows_its_description(connection: duckdb.DuckDBPyConnection) -> None:
    nodes = {"test.own": {"description": "Every order has a line.", "depends_on": {"nodes": []}}}
    result = NodeResult("test.own", "orders_have_lines", "warn", 0, 3, "3 rows break this test")
    assert explain(connection, nodes, [result])["test.own"].expected == "Every order has a line."
