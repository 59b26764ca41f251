"""Building what has changed of a part of the dbt project: the rest keeps its tables, and its tests their verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import expectations
import orchestration
from orchestration.channels.landing.loads import landed_files
from orchestration.warehouse.build_record import (
    content_of,
    digest,
    digest_of_files,
    existing,
    forget,
    keep,
    read_record,
)
from orchestration.warehouse.dbt import DbtProject, NodeResult
from orchestration.warehouse.dbt_variables import PACKAGE_NAME
from orchestration.warehouse.node_inputs import NodeInputs, is_stored

OpenWarehouse = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class ChangedBuild:
    """What a build has done.

    results: dbt's, of the nodes that were due. unchanged: unique id of the others -> the run that made it.
    """

    results: list[NodeResult]
    unchanged: Mapping[str, str]


def build_changed(
    dbt: DbtProject,
    open_warehouse: OpenWarehouse,
    selection: Sequence[str],
    *,
    as_of: datetime,
    known_until: datetime | None = None,
    run_id: str,
    full_refresh: bool = False,
) -> ChangedBuild:
    """Builds and tests those of the selected nodes whose inputs differ from the last time; all on a full refresh.

    selection: unique ids of models, seeds and tests. as_of: naive UTC. known_until: the same where it lies in the past.
    Raises DbtError where dbt itself fails.
    """
    inputs = node_inputs(dbt, open_warehouse, as_of, known_until)
    with open_warehouse() as connection:
        record = read_record(connection)
        due = list(selection) if full_refresh else inputs.due(list(selection), existing(connection))
        forget(connection, due)
    is_due = set(due)
    unchanged = {unique_id: record[unique_id].run_id for unique_id in selection if unique_id not in is_due}
    if not due:
        return ChangedBuild([], unchanged)
    results = dbt.build(due, as_of=as_of, run_id=run_id, full_refresh=full_refresh, known_until=known_until)
    nodes = dbt.manifest["nodes"]
    with open_warehouse() as connection:
        contents = {
            result.unique_id: _content(connection, nodes[result.unique_id])
            for result in results
            if result.status in ("success", "pass")
        }
        keep(connection, inputs.made(contents, run_id))
    return ChangedBuild(results, unchanged)


def node_inputs(
    dbt: DbtProject, open_warehouse: OpenWarehouse, as_of: datetime, known_until: datetime | None
) -> NodeInputs:
    """The fingerprints of the project's nodes, as the warehouse and landing stand."""
    landing_url = dbt.settings.landing_url
    adapters, sources = dbt.variables["adapters"], dbt.manifest["sources"]
    delivered = {(stream["adapter"], stream["stream"]) for stream in dbt.variables["streams"]}
    with open_warehouse() as connection:
        record = read_record(connection)

    def version_of_source(unique_id: str) -> str:
        source = sources[unique_id]
        if source["package_name"] == PACKAGE_NAME:
            with open_warehouse() as connection:
                # What reads the run itself is built by every run anyway.
                return content_of(connection, source["schema"], source["identifier"], without=("run_id",))
        folder, stream = source["source_name"], source["name"]
        if (folder, stream) not in delivered:
            return ""
        return digest(landed_files(landing_url, adapters[folder], stream))

    return NodeInputs(
        dbt.text,
        record,
        as_of=as_of,
        known_until=known_until,
        landing_url=landing_url,
        version_of_source=version_of_source,
    )


def table_versions(
    dbt: DbtProject,
    open_warehouse: OpenWarehouse,
    tables: Sequence[str],
    as_of: datetime,
    known_until: datetime | None,
) -> dict[str, str | None]:
    """The versions of tables (`schema.table`) of dbt or of a Python step; None for one that is about to change."""
    inputs = node_inputs(dbt, open_warehouse, as_of, known_until)
    known = {f"{node['schema']}.{node['alias']}": unique_id for unique_id, node in dbt.tables.items()}
    versions = {table: inputs.version(known[table]) for table in tables if table in known}
    with open_warehouse() as connection:
        return versions | {table: content_of(connection, *table.split(".")) for table in tables if table not in known}


def tables_in(text: str, dbt: DbtProject) -> set[str]:
    """The tables (`schema.table`) that a text names, in SQL or elsewhere."""
    schemas = {node["schema"] for node in dbt.tables.values()}
    schemas |= {source["schema"] for source in dbt.manifest["sources"].values()}
    return set(
        re.findall(rf"\b(?:{'|'.join(sorted(schemas))})\.[a-z][a-z0-9_]*", text.replace('"', "").replace("\\", ""))
    )


@cache
def code_version() -> str:
    """The fingerprint of the product's Python code, rules included."""
    packages = [Path(orchestration.__file__).parent, Path(expectations.__file__).parent]
    return digest_of_files(file for package in packages for file in package.rglob("*.py"))


def _content(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> str:
    has_rows = node["resource_type"] in ("model", "seed") and is_stored(node)
    return content_of(connection, node["schema"], node["alias"]) if has_rows else ""
