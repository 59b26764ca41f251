"""What a run leaves out changes no figure: after any one change, it gives what a full refresh gives."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline import little_company
from pipeline.installation import Installation, WarmCommand

from orchestration.settings import EXAMPLES

CATALOG = little_company.CATALOG.replace("project: contoso\n", "")
ORDER_LINE = "models/staging/shop/shop__order_line.sql"


@pytest.fixture(scope="module")
def first(warm: WarmCommand, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The little company in a firm's folder of its own, after a run to core. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("firm") / "firm"
    shutil.copytree(EXAMPLES / "contoso", folder, ignore=shutil.ignore_patterns("catalog.yaml", "README.md"))
    (folder / "catalog.yaml").write_text(CATALOG)
    little_company.deliver_all(folder / "source")
    company = Installation(folder, {"LITTLE_COMPANY": str(folder / "source")}, warm=warm)
    said = company.run("--until", "core")
    assert said.code == 0, said.text
    company.show_to_readers()
    return company


def made_by_the_last_run(company: Installation) -> set[str]:
    """Models and seeds, by name, that the newest run has made."""
    rows = company.built("""
        select name from build.made_from
        where run_id = (select max_by(run_id, rowid) from quality.row_ledger)
            and (name like 'model.%' or name like 'seed.%')
    """)
    return {name.rsplit(".", 1)[1] for (name,) in rows}


def change(company: Installation, file: str, pattern: str, text: str) -> None:
    path = company.folder / file
    before = path.read_text()
    after = re.sub(pattern, text, before, count=1)
    assert after != before
    path.write_text(after)


def a_row(company: Installation) -> None:
    path = company.source / "online_purchases.csv"
    lines = path.read_text().splitlines()
    columns = lines[-1].split(",")
    path.write_text("\n".join([*lines, ",".join(["another", *columns[1:]])]) + "\n")


def a_seed(company: Installation) -> None:
    change(company, "seeds/own_touchpoints.csv", "use,50,", "use,51,")


def a_filter(company: Installation) -> None:
    change(company, ORDER_LINE, r"(?s)\Z", "where purchase_id not like '%7'\n")


def a_variable(company: Installation) -> None:
    change(company, "dbt_project.yml", r"(?s)\Z", "vars:\n  time_zone: Asia/Tokyo\n")


def a_macro(company: Installation) -> None:
    change(company, ORDER_LINE, "total_price_amount as", "{{ twice('total_price_amount') }} as")
    twice = company.folder / "macros" / "twice.sql"
    twice.write_text("{% macro twice(amount) %}2 * {{ amount }}{% endmacro %}\n")


def a_rule(company: Installation) -> None:
    change(company, "identity_rules.yml", "sharing: one_person", "sharing: may_be_shared")


# What changes, and a table of core that must be made again because of it.
CHANGES = {
    a_row: "fct_order_line",
    a_seed: "dim_touchpoint",
    a_filter: "fct_order_line",
    a_variable: "fct_interaction",
    a_macro: "fct_order_line",
    a_rule: "bridge_source_record",
}


def test_a_second_run_makes_no_table_again_up_to_core(company: Installation, good_company: Installation) -> None:
    said = company.run("--until", "core")
    assert said.code == 0, said.text
    # How many rows of a stream were new is a figure of the run.
    assert made_by_the_last_run(company) <= {"dim_source_stream"}
    assert company.core() == good_company.core()


@pytest.mark.long
@pytest.mark.parametrize("make", CHANGES, ids=lambda change: str(change.__name__))
def test_after_one_change_a_run_gives_what_a_full_refresh_gives(
    make: Callable[[Installation], None], first: Installation, tmp_path: Path
) -> None:
    company = first.copy_to(tmp_path / "changed")
    make(company)
    company.run("--until", "core")
    found, made = company.core(), made_by_the_last_run(company)
    company.run("--full-refresh", "--until", "core")

    assert found == company.core()
    # The change was seen, and not everything was made again because of it.
    assert CHANGES[make] in made
    assert found != first.core()
    assert len(made) < len(made_by_the_last_run(company))
