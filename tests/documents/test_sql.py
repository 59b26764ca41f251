"""SQL in documents reads tables and columns that exist. tests/demo_staging runs the same blocks on a warehouse."""

from __future__ import annotations

import pytest
import sqlglot
from documents.pages import Block, queries
from documents.test_reference import GENERATOR
from sqlglot.optimizer.qualify import qualify

SCHEMAS = ("core", "marts", "quality")


@pytest.fixture(scope="module")
def contracts() -> dict[str, dict[str, dict[str, str]]]:
    """Schema -> table -> column -> type of everything that is published, as the YAML describes it."""
    found: dict[str, dict[str, dict[str, str]]] = {schema: {} for schema in SCHEMAS}
    for table in GENERATOR._tables("models"):
        schema = table.folder.relative_to(GENERATOR.PACKAGE / "models").parts[0]
        if schema in SCHEMAS and table.columns:
            found[schema][table.name] = {name: "unknown" for name, *_ in table.columns}
    return found


@pytest.mark.parametrize("block", queries(), ids=lambda block: block.place)
def test_query_reads_tables_and_columns_that_exist(block: Block, contracts) -> None:
    query = sqlglot.parse_one(block.text, dialect="duckdb")
    tables = list(query.find_all(sqlglot.exp.Table))
    for table in tables:
        if isinstance(table.this, sqlglot.exp.Identifier) and table.db:
            assert table.name in contracts[table.db], f"{block.place}: {table.db}.{table.name} is not described"
    if all(table.db for table in tables):
        qualify(query, schema=contracts, dialect="duckdb", quote_identifiers=False)


def test_query_with_an_unknown_column_is_noticed(contracts) -> None:
    query = sqlglot.parse_one("select customer_number from marts.customer_360", dialect="duckdb")
    with pytest.raises(sqlglot.errors.OptimizeError):
        qualify(query, schema=contracts, dialect="duckdb", quote_identifiers=False)
