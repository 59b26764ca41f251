"""In whatever order a month is delivered, the warehouse is the same as after one delivery in perfect order.

The order of deliveries is settled in core: everything above is a function of it. Histories stop at core; one runs
whole, to the marts. All are long: in every test run, landing, versions of records and identity are held to the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from pipeline import histories
from pipeline.installation import ABOUT_RUNS, Installation, Said, WarmCommand

# CONTEXT360_HISTORIES=50 draws fifty (make history-trial).
DRAWN = int(os.environ.get("CONTEXT360_HISTORIES", "1"))
# When something arrived, and which versions of a person were ever delivered, is what the histories differ in.
ABOUT_ARRIVAL = ("dim_customer_history", *ABOUT_RUNS)


@pytest.fixture(scope="module")
def installation(warm: WarmCommand, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installation]:
    """Makes an installation whose deliveries lie in the folder `source`."""

    def make(name: str) -> Installation:
        folder = tmp_path_factory.mktemp(name)
        (folder / "catalog.yaml").write_text(histories.CATALOG)
        made = Installation(folder, {"HISTORY": str(folder / "source")}, warm=warm)
        histories.clear(made.source)
        return made

    return make


@pytest.fixture(scope="module")
def perfect(perfect_month: Installation) -> dict[str, list[tuple]]:
    """The content of core after one delivery in perfect order."""
    return content(perfect_month.warehouse)


def content(warehouse: Path) -> dict[str, list[tuple]]:
    """The rows of every table of core and marts, in order, each customer called after their first source record."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("""
            create temp table name_of as
            select customer_key, min(source_system || ':' || source_record_id) as customer
            from core.bridge_source_record
            group by customer_key
        """)
        found = {}
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('core', 'marts')"
        ).fetchall():
            name = f"{schema}.{table}"
            if table in ABOUT_ARRIVAL:
                continue
            relation = f'"{schema}"."{table}"'
            columns = [row[0] for row in connection.execute(f"describe {relation}").fetchall()]
            keys = [column for column in columns if column.endswith("customer_key")]
            joins = "".join(
                f' left join name_of as n{i} on t."{key}" = n{i}.customer_key' for i, key in enumerate(keys)
            )
            chosen = ", ".join(
                f'coalesce(n{keys.index(column)}.customer, t."{column}"::varchar) as "{column}"'
                if column in keys
                else f't."{column}"'
                for column in columns
            )
            found[name] = connection.execute(f"select {chosen} from {relation} as t{joins} order by all").fetchall()
        return found


@pytest.mark.long
def test_the_month_is_as_rich_as_it_should_be(perfect_month: Installation, perfect: dict[str, list[tuple]]) -> None:
    made = histories.world()
    corrected = sum(len(versions) > 1 for keys in made.versions.values() for versions in keys.values())
    assert corrected > 20
    assert len(perfect["core.fct_order_line"]) == sum(
        len(made.versions[stream]) for stream in ("order_lines", "returns")
    )
    # Four accounts were deleted, and three cards; those people are still known from the shop.
    assert sum(row is None for states in made.members.values() for _, row in states) == 3
    assert perfect_month.built_value("select count(*) from core.dim_customer where customer_key > 0") == 24
    # A row that its source deleted is counted as deleted, and is no row in quarantine.
    assert perfect_month.built_value("select sum(deleted_rows) from quality.row_ledger") > 0
    assert perfect_month.built_value("select count(*) from quality.quarantine") == 0


@pytest.mark.long
def test_a_drawn_history_gives_the_same_warehouse_up_to_the_marts(
    installation: Callable[[str], Installation], perfect_month: Installation, tmp_path: Path
) -> None:
    perfect_company = perfect_month.copy_to(tmp_path / "perfect")
    whole = perfect_company.run("--no-train")
    assert whole.code == 0, whole.text
    perfect = content(perfect_company.published)
    company, made = installation("history0"), histories.world()
    for step in histories.history(made, 0):
        histories.deliver(company.source, made, step)
        said = company.run("--no-train")
    found = content(company.published)
    assert found.keys() == perfect.keys()
    _assert_same(company, said, found, perfect)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, DRAWN + 1))
def test_a_drawn_history_gives_the_same_core(
    seed: int, installation: Callable[[str], Installation], perfect: dict[str, list[tuple]]
) -> None:
    company, made = installation(f"history{seed}"), histories.world()
    for step in histories.history(made, seed):
        histories.deliver(company.source, made, step)
        said = company.run("--until", "core")
        company.show_to_readers()
    found = content(company.warehouse)
    assert found.keys() == perfect.keys()
    _assert_same(company, said, found, perfect)


def _assert_same(
    company: Installation, said: Said, found: dict[str, list[tuple]], perfect: dict[str, list[tuple]]
) -> None:
    assert said.code == 0, said.text
    assert said.faults == []
    assert company.built_value("select count(*) from quality.quarantine") == 0
    ledger = company.built(
        "select source_system || '/' || stream, difference from quality.row_ledger where difference <> 0"
    )
    assert ledger == []
    different = {name: _first_difference(perfect[name], found[name]) for name in found if found[name] != perfect[name]}
    assert different == {}


def _first_difference(expected: list[tuple], found: list[tuple]) -> tuple[list[tuple], list[tuple]]:
    """Some rows that only one of the two has."""
    return sorted(set(expected) - set(found), key=str)[:3], sorted(set(found) - set(expected), key=str)[:3]
