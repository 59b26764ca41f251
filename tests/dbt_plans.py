"""Query plans of the models: joins that compare every row of one large table with every row of another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

# Operators that compare all pairs. Those for `<` and `between` (IE_JOIN, PIECEWISE_MERGE_JOIN) sort instead.
ALL_PAIRS = {"BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN", "CROSS_PRODUCT"}
# Tables that grow with customers or with what they do; all others are lists, and the reporting currency is one row.
_LARGE = re.compile(
    r"\b(core\.(fct_|bridge_|dim_customer|dim_device)|intermediate\.(?!int_reporting_currency\b)|staging\.|identity\.|predictions\."
    r"|marts\.(customer|relationship|personal|situational|next_best|journey))"
)


def compiled_models(home: Path) -> dict[str, str]:
    """The SQL of every model of a home that has run once, by name, as the run compiled it."""
    files = (home / "dbt" / "target" / "compiled").glob("*/models/**/*.sql")
    return {file.stem: file.read_text() for file in files if file.parent.suffix != ".yml"}  # below it: tests


def joins_of_all_pairs(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """A line per join of all pairs with large tables on both of its sides."""
    # Else tables as small as those of a test are always joined so.
    connection.execute("set nested_loop_join_threshold = 0")
    connection.execute("set merge_join_threshold = 0")
    plan = json.loads(connection.execute(f"explain (format json) {query}").fetchall()[0][1])
    return [line for root in plan for line in _found(root)]


def _found(operator: Mapping[str, Any]) -> Iterator[str]:
    children = operator.get("children", [])
    if operator["name"].strip() in ALL_PAIRS and len(children) == 2:
        sides = [_large_tables(child) for child in children]
        if all(sides):
            first, second = (", ".join(sorted(side)) for side in sides)
            yield f"{operator['name'].strip()} of {first} with {second}: {operator.get('extra_info')}"
    for child in children:
        yield from _found(child)


def _large_tables(operator: Mapping[str, Any]) -> set[str]:
    """Large tables whose rows come up to here: an aggregate of all rows is one row."""
    if operator["name"].strip() in ("UNGROUPED_AGGREGATE", "STREAMING_LIMIT", "LIMIT", "TOP_N"):
        return set()
    scanned = str((operator.get("extra_info") or {}).get("Table", "")).removeprefix("warehouse.")
    own = {scanned} if _LARGE.search(scanned) else set()
    return own.union(*(_large_tables(child) for child in operator.get("children", [])))
