"""Days of a stream are loaded again in one run, and partitions show which are there."""

from __future__ import annotations

import os
import sqlite3
from datetime import date, timedelta

import pytest
from pipeline import histories
from pipeline.installation import Installation, Said

FIRST, LAST = date(2025, 3, 12), date(2025, 3, 14)


@pytest.fixture(scope="module")
def company(perfect_month: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A month in perfect order, run once, and then changed at the source in ways that no normal run can see."""
    made = perfect_month.copy_to(tmp_path_factory.mktemp("backfill") / "company")
    # An account is changed behind the back of its cursor.
    with sqlite3.connect(made.source / "crm.db") as connection:
        changed = connection.execute(
            "update accounts set occupation = 'pilot' where deleted = 0 and updated_at like '2025-03-0%'"
        ).rowcount
    connection.close()
    assert changed > 3
    (made.folder / "changed.txt").write_text(str(changed))
    return made


def backfill(company: Installation, *arguments: str) -> Said:
    return company.command("backfill", *arguments, "--catalog", company.catalog_argument, "--home", company.home)


def days_in_landing(company: Installation, system: str, stream: str) -> set[str]:
    """The partitions that Dagster shows as there."""
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(company.home / "dagster")
    with dg.DagsterInstance.get() as instance:
        return set(instance.get_materialized_partitions(dg.AssetKey(["days", system, stream])))


def test_the_partitions_show_the_days_that_are_there(company: Installation) -> None:
    delivered = {path.stem for path in (company.source / "shop" / "orders").glob("*.csv")}
    assert len(delivered) > 10
    assert days_in_landing(company, "shop", "orders") == delivered
    states = histories.world().accounts.values()
    changed_on = {str(histories.FIRST_DAY + timedelta(days=versions[-1][0])) for versions in states}
    assert days_in_landing(company, "crm", "accounts") == changed_on


def test_a_normal_run_does_not_see_what_changed_behind_the_cursor(company: Installation) -> None:
    said = company.run("--until", "core")
    assert said.code == 0, said.text
    assert company.built_value("select count(*) from core.dim_customer where occupation = 'pilot'") == 0


def test_days_are_loaded_again_in_one_run(company: Installation) -> None:
    runs_before = company.built_value("select count(distinct run_id) from quality.row_ledger")
    landed_before = company.landed("shop/orders")
    said = backfill(company, "crm/accounts", "shop/orders", "--from", "2025-03-01", "--to", str(LAST), "--no-train")
    assert said.code == 0, said.text
    assert company.value("select count(distinct run_id) from quality.row_ledger") == runs_before + 1
    changed = int((company.folder / "changed.txt").read_text())
    assert company.value("select count(*) from core.dim_customer where occupation = 'pilot'") == changed
    again = [path for path in (company.source / "shop" / "orders").glob("*.csv") if path.stem <= str(LAST)]
    rows = sum(len(path.read_text().splitlines()) - 1 for path in again)
    assert rows > 0
    assert company.landed("shop/orders") == landed_before + rows
    ledger = company.ask(
        "select landed_rows, staged_rows, repeat_rows, difference from quality.row_ledger"
        " where stream = 'orders' and run_id = (select run_id from quality.publication)"
    )
    assert ledger == [(landed_before + rows, landed_before, rows, 0)]


def test_after_a_backfill_a_normal_run_takes_in_nothing_twice(company: Installation) -> None:
    landed = company.landed("shop/orders"), company.landed("crm/accounts")
    said = company.run("--until", "staging")
    assert said.code == 0, said.text
    assert (company.landed("shop/orders"), company.landed("crm/accounts")) == landed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("shop/order", "--from", "2025-03-01", "--to", "2025-03-02"), "did you mean shop/orders?"),
        (("shop/orders", "--from", "2025-03-02", "--to", "2025-03-01"), "the first must not be after the last"),
        (("shop/orders", "--from", "2014-03-02", "--to", "2025-03-01"), "`first_day` in catalog.yaml"),
    ],
)
def test_what_cannot_be_loaded_again_is_told_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, company: Installation
) -> None:
    said = backfill(company, *arguments)
    assert said.code == 2
    assert sentence in said.text
    assert said.has_no_traceback()
