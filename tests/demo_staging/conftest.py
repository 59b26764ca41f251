"""A demo company that has been run once with all its systems; its files and its truth beside the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from demo_company.conftest import spelled_out
from pipeline.installation import Installation

from examples.veloheld.generator.catalog import write_catalog
from examples.veloheld.generator.company import create

# Many people and few days: files cost more than rows.
CUSTOMERS, DAYS, SEED = 1_500, 120, 23


@dataclass(frozen=True)
class RunCompany:
    """The company's folder, the installation that has coupled it, and what the run said."""

    folder: Path
    installation: Installation
    said: str


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> RunCompany:
    """All seventeen systems, run once: read only."""
    folder = tmp_path_factory.mktemp("demo") / "company"
    create(folder, customers=CUSTOMERS, days=DAYS, seed=SEED)
    write_catalog(folder)
    installation = Installation(folder)
    said = installation.run()
    assert said.has_no_traceback(), said.text
    return RunCompany(folder, installation, said.text)


@pytest.fixture(scope="package")
def ask(company: RunCompany) -> Callable[[str], list[tuple]]:
    """Asks the warehouse, the files ({web}, {orders}, …) and the truth ({truth:persons}) in one question."""
    connection = duckdb.connect(str(company.installation.home / "warehouse.duckdb"), read_only=True)
    connection.execute("set timezone = 'UTC'")
    return lambda question: connection.execute(spelled_out(question, company.folder)).fetchall()
