"""`context360 first-look` on the demo company: every invariant holds, and each one breaks under its fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from demo_staging.conftest import RunCompany

from orchestration.serving.first_look import Found, first_look, found_by, invariants, prepare
from orchestration.warehouse.connection import WarehouseError

BUYER = "(select max(customer_key) from marts.relationship_context where purchase_count > 0)"
FAULTS: dict[str, str] = {
    claim: fault.replace("{buyer}", BUYER)
    for claim, fault in yaml.safe_load(Path(__file__).with_name("first_look_faults.yml").read_text()).items()
}


@pytest.fixture(scope="module")
def published(company: RunCompany, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the run has published."""
    copy = tmp_path_factory.mktemp("published") / "context360.duckdb"
    copy.write_bytes((company.installation.home / "serving" / "context360.duckdb").read_bytes())
    return copy


@pytest.fixture(scope="module")
def connection(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the copy, to plant faults in transactions that are rolled back."""
    with duckdb.connect(str(published)) as opened:
        prepare(opened)
        yield opened


def test_every_invariant_holds_for_the_demo_company(connection: duckdb.DuckDBPyConnection) -> None:
    broken = {one.invariant.claim: one.examples for one in first_look(connection) if one.broken}
    assert broken == {}


def test_every_invariant_has_a_fault() -> None:
    assert [claim for claim, one in zip(FAULTS, invariants(), strict=True) if not one.claim.startswith(claim)] == []


@pytest.mark.parametrize("claim", list(FAULTS))
def test_invariant_breaks_under_its_fault(connection: duckdb.DuckDBPyConnection, claim: str) -> None:
    (invariant,) = (one for one in invariants() if one.claim.startswith(claim))
    connection.execute("begin")
    try:
        connection.execute(FAULTS[claim])
        found = found_by(connection, invariant)
    finally:
        connection.execute("rollback")
    assert found.broken > 0
    assert 0 < len(found.examples) <= 3
    assert all(key and expected != shown for key, expected, shown in found.examples)


def test_example_names_the_customer_and_both_figures(connection: duckdb.DuckDBPyConnection) -> None:
    (invariant,) = (one for one in invariants() if one.claim.startswith("Purchases of each customer"))
    ((key, count),) = connection.execute(
        f"select customer_key, purchase_count from marts.customer_360 where customer_key = {BUYER}"
    ).fetchall()
    connection.execute("begin")
    connection.execute(FAULTS["Purchases of each customer"])
    found: Found = found_by(connection, invariant)
    connection.execute("rollback")
    assert found.examples == ((f"C-{key}", str(count), str(count + 1)),)


def test_published_warehouse_of_another_version_is_named(published: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.duckdb"
    older.write_bytes(published.read_bytes())
    with duckdb.connect(str(older)) as opened:
        opened.execute("alter table core.fct_interaction drop column took_place")
        with pytest.raises(WarehouseError, match="of another version.*took_place.*context360 run"):
            first_look(opened)


def test_command_prints_every_claim_and_exits_with_zero(company: RunCompany) -> None:
    installation = company.installation
    said = installation.command("first-look", "--catalog", installation.catalog_argument, "--home", installation.home)
    assert said.code == 0, said.text
    assert f"All {len(invariants())} invariants hold." in said.text
    assert [one.claim for one in invariants() if one.claim not in said.text] == []
