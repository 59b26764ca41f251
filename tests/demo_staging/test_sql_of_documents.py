"""Every SQL block of README and docs runs on what is published. test_ten_questions asks more of its own page."""

from __future__ import annotations

import duckdb
import pytest
from documents.pages import Block, queries


@pytest.mark.parametrize("block", queries(), ids=lambda block: block.place)
def test_query_of_a_document_runs(company, block: Block) -> None:
    published = company.installation.home / "serving" / "context360.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute(block.text)
