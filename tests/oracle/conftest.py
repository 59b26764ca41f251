"""Drawn companies, loaded as the facts and dimensions of a warehouse, and the marts that dbt makes from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from empty_warehouse import empty_home
from golden import copy_tree
from oracle.company import AS_OF, Company, Row
from oracle.content import draw_readers
from oracle.data_use import draw_attributes
from oracle.dimensions import draw_dimensions
from oracle.facts import draw_facts
from oracle.offers import draw_offers
from oracle.paths import draw_marks
from oracle.profiling import draw_refusals
from oracle.relationship import know_from_first_acts
from oracle.situations import draw_situations
from oracle.voices import draw_voices

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES, settings_from
from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.dbt import DbtProject

# In this order dbt needs no second look: what a model reads stands before it.
MODELS = (
    "marts.consent.customer_consent",
    "marts.consent.customer_contact",
    "marts.consent.customer_data_use",
    "marts.customer.context_freshness",
    "marts.customer.relationship_context",
    "marts.customer.customer_segment",
    "marts.engagement.customer_engagement",
    "marts.engagement.customer_stage",
    "marts.personal",
    "marts.customer.personal_context",
    "marts.customer.situational_context",
    "marts.customer.customer_need",
    "intermediate.journeys",
    "marts.journeys",
    "marts.offers",
)


_SEEDS = ("stated_preferences",)


class Marts:
    """The marts of a drawn company, as dbt makes them."""

    def __init__(self, company: Company, connection: duckdb.DuckDBPyConnection) -> None:
        self.company = company
        self._connection = connection
        self._expected: dict[str, dict[Any, Row]] = {}

    def expected(self, mart: str, compute: Callable[[Company], dict[Any, Row]]) -> dict[Any, Row]:
        """What the oracle computes for a mart, once."""
        if mart not in self._expected:
            self._expected[mart] = compute(self.company)
        return self._expected[mart]

    def rows(self, mart: str, key: tuple[str, ...]) -> dict[Any, Row]:
        """Every row of a mart by its key (of one column, by its value), without the columns of the key."""
        answer = self._connection.execute(f"from marts.{mart}")
        columns = [column[0] for column in answer.description]
        found = {}
        for values in answer.fetchall():
            row = dict(zip(columns, values, strict=True))
            parts = tuple(row.pop(name) for name in key)
            found[parts if len(key) > 1 else parts[0]] = row
        return found


@pytest.fixture(scope="package")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Marts]:
    """Draws a company by its number, with some customers, and builds its marts: seconds of dbt for each."""

    def built(number: int, customers: int) -> Marts:
        empty, _ = empty_home("contoso")
        home = tmp_path_factory.mktemp("drawn") / "home"
        copy_tree(empty, home)
        return _build(home, number, customers)

    return built


@pytest.fixture(scope="package")
def marts(build: Callable[[int, int], Marts]) -> Marts:
    """The marts of one company, for every run of the tests."""
    return build(1, 300)


def _build(home: Path, number: int, customers: int) -> Marts:
    company = Company(number, customers)
    draw_dimensions(company)
    draw_facts(company)
    draw_voices(company)
    draw_situations(company)
    draw_offers(company)
    draw_readers(company)
    draw_marks(company)
    draw_attributes(company)
    know_from_first_acts(company)
    draw_refusals(company)
    catalog_file = EXAMPLES / "contoso" / "catalog.yaml"
    settings = settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(catalog_file))
    with open_warehouse(settings.warehouse_path) as connection:
        for table, rows in company.tables.items():
            if rows:
                _insert(connection, "seeds.neutral_stated_preferences" if table in _SEEDS else f"core.{table}", rows)
        connection.execute("update core.dim_currency set is_reporting = (currency = 'EUR')")
    project = DbtProject(load_catalog(catalog_file, settings.environment), settings)
    results = project.run("run", [f"fqn:context360.{model}" for model in MODELS], as_of=AS_OF)
    assert {result.name: result.message for result in results if result.status != "success"} == {}
    return Marts(company, duckdb.connect(str(settings.warehouse_path), read_only=True))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    """Adds rows to a table; columns that they do not have are null."""
    columns = sorted({column for row in rows for column in row})
    drawn_rows = pa.table({column: pa.array([row.get(column) for row in rows]) for column in columns})
    connection.register("drawn_rows", drawn_rows)
    connection.execute(f"insert into {table} by name from drawn_rows")
    connection.unregister("drawn_rows")
