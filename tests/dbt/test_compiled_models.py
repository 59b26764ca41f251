"""Models that are worked out by hand: the compiled SQL, run on the rows of the files in compiled_models.

dbt's own unit tests replace the direct parents of a model. These run over the ephemeral models between it and its
tables, as `context360 who --as-of` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.warehouse.dbt import DbtProject

CASES = {
    case: content
    for file in sorted(Path(__file__).with_name("compiled_models").glob("*.yml"))
    for case, content in yaml.safe_load(file.read_text(encoding="utf-8")).items()
}
KEYS = {"description", "as_of", "vars", "given"}


@pytest.mark.parametrize(
    ("case", "model"), [(case, model) for case, content in CASES.items() for model in sorted(content.keys() - KEYS)]
)
def test_model_is_as_worked_out_by_hand(case: str, model: str, project: DbtProject) -> None:
    content = CASES[case]
    with variables(project, content.get("vars", {})):
        query = project.query(model, as_of=datetime.fromisoformat(content["as_of"]))
    with warehouse_of(project, content["given"], query) as connection:
        result = connection.execute(query)
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    expected = content[model]
    found = [{name: plain(row[name]) for name in expected[0]} for row in rows]
    wanted = [{name: plain(value) for name, value in row.items()} for row in expected]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


def test_query_for_one_moment_leaves_nothing_in_the_query_for_the_next(project: DbtProject) -> None:
    first, second = (project.query("situational_context", as_of=datetime(year, 1, 1)) for year in (2001, 2002))
    assert "2001-01-01" in first and "2001-01-01" not in second
    assert first.replace("2001-01-01", "2002-01-01") == second


def test_every_channel_and_step_of_the_seeds_has_a_column_that_models_learn_from(project: DbtProject) -> None:
    query = project.query("scoring_customer_feature", as_of=datetime(2026, 1, 1))
    with duckdb.connect(str(project.settings.warehouse_path), read_only=True) as connection:
        ((channels, steps),) = connection.execute(
            "select (select list(channel) from seeds.channels), (select list(journey_step) from seeds.journey_steps)"
        ).fetchall()
    assert "post" in channels
    assert [channel for channel in channels if f"{channel}_count_90d," not in query] == []
    assert [step for step in steps if f"{step}_step_count_30d," not in query] == []


@contextmanager
def variables(project: DbtProject, chosen: dict[str, Any]) -> Iterator[None]:
    """The project with these variables instead of its own."""
    kept = dict(project.variables)
    project.variables.update(chosen)
    try:
        yield
    finally:
        project.variables.clear()
        project.variables.update(kept)


def warehouse_of(project: DbtProject, given: dict[str, list[dict[str, Any]]], query: str) -> duckdb.DuckDBPyConnection:
    """A warehouse in memory with these rows for a query.

    Other tables that it reads are empty, other seeds and settings are the project's.
    """
    connection = duckdb.connect()
    connection.execute(f"attach '{project.settings.warehouse_path}' as everything (read_only)")
    connection.execute("attach ':memory:' as warehouse")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'everything'"
        " and schema_name in ('core', 'marts', 'predictions', 'seeds') union all"
        # The settings, which read the seeds.
        " select schema_name, view_name from duckdb_views()"
        " where database_name = 'everything' and schema_name = 'seeds'"
    ).fetchall()
    assert given.keys() <= {table for _, table in tables}
    for schema, table in tables:
        if schema != "seeds" and table not in given and f'"{table}"' not in query:
            continue
        rows = "" if schema == "seeds" and table not in given else "limit 0"
        connection.execute(f"create schema if not exists warehouse.{schema}")
        connection.execute(f"create table warehouse.{schema}.{table} as from everything.{schema}.{table} {rows}")
        for row in given.get(table, []):
            connection.execute(
                f"insert into warehouse.{schema}.{table} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()),
            )
    return connection


def plain(value: Any) -> Any:
    """Numbers and moments as YAML has them."""
    if isinstance(value, datetime | date):
        return str(value)
    return value if isinstance(value, str | bool | None) else round(float(value), 9)
