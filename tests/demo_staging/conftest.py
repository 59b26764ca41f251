"""A demo company that has been run once with all its systems; its files and its truth beside the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from demo_company.conftest import spelled_out
from golden import home_of
from pipeline.installation import Installation

from examples.veloheld.generator.catalog import write_catalog
from examples.veloheld.generator.company import create

# Many people and few days: files cost more than rows.
CUSTOMERS, DAYS, SEED = 1_500, 120, 23


@dataclass(frozen=True)
class RunCompany:
    """The company's folder, the installation that has loaded it, and the output of the run."""

    folder: Path
    installation: Installation
    said: str


@pytest.fixture(scope="package")
def company() -> RunCompany:
    """All seventeen systems, run once: read only."""

    def make(kept: Path) -> None:
        folder = kept / "company"
        create(folder, customers=CUSTOMERS, days=DAYS, seed=SEED)
        write_catalog(folder)
        said = Installation(folder).run()
        assert said.has_no_traceback(), said.text
        (kept / "said.txt").write_text(said.text)

    kept = home_of("demo_company", make, inputs=f"{CUSTOMERS} {DAYS} {SEED}")
    return RunCompany(kept / "company", Installation(kept / "company"), (kept / "said.txt").read_text())


@pytest.fixture(scope="package")
def ask(company: RunCompany) -> Callable[[str], list[tuple]]:
    """Runs SQL over the warehouse, the files ({web}, {orders}, …) and the truth ({truth:persons})."""
    connection = duckdb.connect(str(company.installation.home / "warehouse.duckdb"), read_only=True)
    connection.execute("set timezone = 'UTC'")
    return lambda question: connection.execute(spelled_out(question, company.folder)).fetchall()
