"""A firm's own folder as the guides say: every file that they show, in one run of an installed wheel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from documents.pages import DOCS, GUIDE, files_shown
from firm.wheel import installed_wheel
from pipeline import little_company
from pipeline.installation import REPOSITORY, Installation, Said

GUIDES = [GUIDE, *(DOCS / "guides" / f"add_a_{thing}.md" for thing in ("touchpoint", "mart", "check", "prediction"))]
# Files of the new folder that the guides replace; everything else that they show is new.
REPLACED = {"catalog.yaml", "checks.yml"}
# The one edit that a guide asks for beside its files.
EDIT = ("'store_purchase' as touchpoint,", "'bike_rental' as touchpoint,")

MEMBERS = """\
member_no,full_name,email,mobile,updated_at
M1,{given} {family},{email},06 12345678,2019-03-01 10:00:00
M2,New Member,new.member@example.org,0031 6 87654321,2019-03-01 10:00:00
M2,New Member,new.member@example.org,0031 6 87654321,2019-03-02 10:00:00
M3,Regular Rider,regular.rider@example.org,,2018-03-01 10:00:00
,Without Key,,,2019-03-01 10:00:00
"""
RENTALS = """\
rental_no,member_no,bike,started_at,price
R1,M1,B7,2019-04-01T09:00:00Z,25.50
R2,M1,B8,2019-04-02T09:00:00Z,30.00
R3,M2,B7,2019-05-24T09:00:00Z,12.25
R4,M2,B7,yesterday,12.25
"""
# A year of rentals, so that there are months to predict from.
MONTHLY = [
    f"L{month},M3,B9,{2018 + (month > 12)}-{(month - 1) % 12 + 1:02d}-10T09:00:00Z,10.00" for month in range(5, 17)
]


def test_guide_shows_a_catalog_and_a_staging_folder_and_no_python() -> None:
    files = files_shown()
    outside = [file for file in files if not file.startswith("models/staging/rental/")]
    assert outside == ["catalog.yaml"]
    assert {Path(file).suffix for file in files} == {".yaml", ".yml", ".sql"}


@pytest.fixture(scope="module")
def new_system(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Said]:
    """A new folder with the files of all guides, run beside a CRM that knows one of the members."""
    folder = tmp_path_factory.mktemp("new_system")
    python = installed_wheel(folder / "wheel")
    firm = folder / "my_firm"
    written = subprocess.run(
        [python.with_name("context360"), "init", "my_firm"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert written.returncode == 0, written.stdout + written.stderr
    before = {str(path.relative_to(firm)) for path in firm.rglob("*") if path.is_file()}
    shown = {path: text for guide in GUIDES for path, text in files_shown(guide).items()}
    assert before & set(shown) == REPLACED
    for name, content in shown.items():
        (firm / name).parent.mkdir(parents=True, exist_ok=True)
        (firm / name).write_text(content.replace(*EDIT))
    shutil.copytree(REPOSITORY / "examples" / "contoso" / "models" / "staging" / "crm", firm / "models/staging/crm")

    little_company.deliver_all(folder / "source")
    deliveries = firm / "deliveries" / "rental"
    deliveries.mkdir(parents=True)
    given, family = little_company.names(7)
    (deliveries / "members_2019-05-24.csv").write_text(
        MEMBERS.format(given=given, family=family, email=little_company.email(7).upper())
    )
    (deliveries / "rentals_2019-05-24.csv").write_text(RENTALS + "\n".join(MONTHLY) + "\n")
    catalog = firm / "catalog.yaml"
    catalog.write_text(
        catalog.read_text().replace("systems:\n", "as_of: 2019-05-25\nsystems:\n" + little_company.CRM_SYSTEM)
    )
    installation = Installation(firm, {"LITTLE_COMPANY": str(folder / "source")}, python=str(python))
    return installation, run(installation)


def run(installation: Installation, *arguments: str) -> Said:
    """`context360 run` in the firm's folder: without --catalog, it takes the folder's own."""
    return installation.cold("run", "--home", installation.home, *arguments)


def test_run_succeeds_and_reports_rows_in_quarantine(new_system: tuple[Installation, Said]) -> None:
    _, said = new_system
    assert said.code == 0, said.text
    assert "In quarantine: 1 row of rental/members (member_no_is_missing)." in said.text
    assert "In quarantine: 1 row of rental/rentals (started_at_is_unreadable)." in said.text


def test_its_rows_are_in_the_star(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    orders = "select count(*), sum(net_amount) from core.fct_order_line where source_system = 'rental'"
    # 25.50 + 30.00 + 12.25 (the fourth has no time) and twelve at 10.00.
    assert installation.ask(orders) == [(15, 187.75)]
    assert installation.value("select count(*) from core.fct_interaction where source_system = 'rental'") == 15
    assert installation.value("select count(*) from core.fct_order_line where customer_key < 0") == 0


def test_its_people_are_customers_and_one_is_linked_with_the_crm(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    systems = "select source_systems from marts.customer_360 where phone = '{}'"
    assert installation.ask(systems.format("+31687654321")) == [("rental",)]
    (customer,) = installation.ask(
        "select customer_key from core.bridge_customer_identifier where identifier_kind = 'rental_member_no'"
        " and identifier_value = 'M1'"
    )
    found = installation.ask(
        f"select source_systems, current_value_amount from marts.customer_360 where customer_key = {customer[0]}"
    )
    assert found == [("crm, rental", 55.50)]


def test_great_expectations_checks_it_without_own_rules(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    rules = dict(
        installation.ask(
            "select table_name || ': ' || rule, success from quality.validation_result where table_name like '%rental%'"
        )
    )
    assert all(rules.values()), rules
    expected = {
        "landing/rental/members (volume): member_no is filled",
        "landing/rental/members: email is delivered",
        "landing/rental/rentals (volume): rows can be read",
        "staging.stg_rental__members (derived): member_no names one row",
        "staging.stg_rental__members (derived): email is plausible",
        "staging.stg_rental__members (derived): phone is plausible",
        "staging.stg_rental__rentals (derived): started_at is plausible",
        # Amounts and currencies are judged row by row where they are contributed (test_row_rules.py).
        "staging.base_rental__rentals (rows of one key): "
        "rows of one key and one delivery are equal, or `version` orders them",
        "staging.base_rental__rentals (newest load): few rows of the newest load are in quarantine",
    }
    assert expected <= set(rules), sorted(rules)


def test_ledger_accounts_for_every_row(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    ledger = installation.ask(
        "select stream, landed_rows, staged_rows, quarantined_rows, repeat_rows, difference from quality.row_ledger"
        " where source_system = 'rental' order by stream"
    )
    assert ledger == [("members", 5, 3, 1, 1, 0), ("rentals", 16, 15, 1, 0, 0)]


def test_own_touchpoint_counts_with_its_points(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    rented = installation.ask(
        "select distinct touchpoint, title, channel, interactions.engagement_points"
        " from core.fct_interaction as interactions inner join core.dim_touchpoint using (touchpoint_key)"
        " where source_system = 'rental'"
    )
    assert rented == [("bike_rental", "Rental of a bike", "store", 40)]
    neutral = installation.value("select count(*) from core.dim_touchpoint where touchpoint = 'store_purchase'")
    assert neutral == 1


def test_own_mart_is_published_with_its_descriptions(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    rented = "select rental_count, rental_amount, currency from marts.customer_rental order by rental_count"
    assert installation.ask(rented) == [(1, 12.25, "EUR"), (2, 55.50, "EUR"), (12, 120, "EUR")]
    comment = (
        "select comment from duckdb_columns() where table_name = 'customer_rental' and column_name = 'rental_count'"
    )
    assert installation.value(comment) == "Rentals."


def test_own_checks_are_judged_and_kept(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    judged = installation.ask(
        "select severity, success, reason from quality.validation_result"
        " where table_name like 'marts.customer_rental%' and layer = 'marts' order by reason"
    )
    assert [(severity, success) for severity, success, _ in judged] == [
        ("error", True),
        ("warn", True),
        ("error", True),
    ]


def test_own_product_line_is_predicted(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    targets = installation.ask(
        "select distinct target, product_line, horizon_days, basis from marts.customer_propensity"
        " where product_line = 'bike_rental' and target = 'buy' order by horizon_days"
    )
    # Too few outcomes for a model: the base rate, and the table says so.
    assert targets == [("buy", "bike_rental", 30, "base rate"), ("buy", "bike_rental", 90, "base rate")]


@pytest.mark.long
def test_late_stream_is_reported_and_makes_contexts_stale(new_system: tuple[Installation, Said]) -> None:
    installation, _ = new_system
    late = "select stream from core.dim_source_stream where is_late order by stream"
    assert installation.ask(late) == []
    assert installation.value("select bool_or(is_stale) from marts.relationship_context") is False
    # Both are late a day and a quarter after their newest record.
    said = run(installation, "--as-of", "2019-05-26T07:00")
    assert said.code == 0, said.text
    late_since = "its newest rows are of 2019-05-25 00:00, and newer ones were expected by 2019-05-26 06:00 (UTC)"
    assert f"rental/members is late: {late_since}" in said.text
    assert installation.ask(late) == [("members",), ("rentals",)]
    freshness = "select is_stale, late_streams, fresh_until::varchar from marts.context_freshness"
    relationship = installation.ask(f"{freshness} where context = 'relationship'")
    assert relationship == [(True, "rental/members, rental/rentals", "2019-05-24 09:00:00")]
    assert installation.value("select bool_and(is_stale) from marts.relationship_context") is True
