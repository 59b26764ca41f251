"""`context360 check`: one firm with a fault of each kind; all are found at once, with file, line and no value."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.checking.check import findings_of
from orchestration.checking.findings import Finding
from orchestration.console.onboard import add_system
from orchestration.firm.scaffold import write_firm_folder
from orchestration.settings import Settings, set_up_process, settings_from

MEMBERS = "member_no,full_name,email,shoe_size,updated_at\n" + "".join(
    f"M{number},Anna Bos,m{number}@example.org,39,2026-01-05T09:00:00Z\n" for number in range(20)
)
RENTALS = "rental_no,member_no,started_at,price,memo\n" + "".join(
    f"R{number},M{number % 20},2026-01-08T10:00:00Z,12.50,\n" for number in range(40)
)
# The next day: another form, a new column, and as many members again, without a record.
LATE = "rental_no,member_no,started_at,price,memo\nR90,M1,08/01/2026 10:00,12.50,x\n" + "".join(
    f"R{100 + number},M{100 + number},2026-01-09T10:00:00Z,12.50,\n" for number in range(20)
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = write_firm_folder(tmp_path_factory.mktemp("checked") / "firm", None)
    deliveries = root / "deliveries" / "rental"
    deliveries.mkdir()
    (deliveries / "members_2026-01-08.csv").write_text(MEMBERS)
    (deliveries / "rentals_2026-01-08.csv").write_text(RENTALS.replace(",memo", "").replace("12.50,\n", "12.50\n"))
    catalog = str(root / "catalog.yaml")
    home = root / ".context360"
    assert (
        add_system(
            "rental", [str(deliveries)], catalog=catalog, home=home, country="", currency="GLD", zone="", ask=False
        )
        == 0
    )
    staging = root / "models" / "staging" / "rental"
    base = staging / "base_rental__members.sql"
    unread = "        {{ context360.clean_text('shoe_size') }} as shoe_size,\n"
    assert unread in base.read_text()
    base.write_text(base.read_text().replace(unread, ""))
    sources = staging / "_rental__sources.yml"
    marked = "name: email, data_type: varchar, config: {meta: {personal_data: true}}"
    sources.write_text(sources.read_text().replace(marked, "name: email, data_type: varchar"))
    (deliveries / "rentals_2026-01-09.csv").write_text(LATE)
    found = settings_from({}, catalog=catalog, home=home)
    set_up_process(found)
    return found


@pytest.fixture(scope="module")
def findings(settings: Settings) -> list[Finding]:
    found, looked_at = findings_of(settings, "rental")
    assert looked_at["rental/rentals"].rows == 61
    return found


def _one(findings: list[Finding], part: str) -> Finding:
    (found,) = [finding for finding in findings if part in finding.what]
    return found


def test_unreadable_rows_show_the_form_and_the_line_that_reads_them(findings: list[Finding]) -> None:
    found = _one(findings, "started_at is not written")
    assert "rentals: 1 of 61 rows (1.6%) wait in quarantine" in found.what
    assert "forms: `99/99/9999 99:99` (1)" in found.what
    assert found.place.startswith("models/staging/rental/base_rental__rentals.sql:")


def test_unknown_currency_and_touchpoint_stop_a_run(findings: list[Finding]) -> None:
    # All 60 readable rows: the first broken rule of a row is the one that it waits for.
    found = _one(findings, "order_line: 60 of 60 rows")
    assert found.rank == "error"
    assert found.place.startswith("models/staging/rental/rental__order_line.sql:")


def test_people_of_orders_without_a_record_are_counted(findings: list[Finding]) -> None:
    assert "20 of 40 distinct rental_member_no (50.0%) name a person" in _one(findings, "name a person").what


def test_unread_new_and_unmarked_columns_are_listed(findings: list[Finding]) -> None:
    assert _one(findings, "nothing reads shoe_size").place.startswith("models/staging/rental/_rental__sources.yml:")
    assert "memo is delivered and not declared" in _one(findings, "memo").what
    assert _one(findings, "email looks personal").rank == "doubt"


def test_every_todo_is_listed_with_its_line(findings: list[Finding]) -> None:
    listed = [finding for finding in findings if "online_purchase, store_purchase" in finding.what]
    assert [finding.rank for finding in listed] == ["note"]


def test_errors_come_first_and_no_value_is_shown(findings: list[Finding]) -> None:
    ranks = [finding.rank for finding in findings]
    assert ranks == sorted(ranks, key=["error", "doubt", "note"].index)
    text = " ".join(f"{finding.what} {finding.remedy}" for finding in findings)
    for value in ("Anna", "example.org", "08/01/2026"):
        assert value not in text


def test_check_writes_below_its_own_folder_only(settings: Settings, findings: list[Finding]) -> None:
    assert findings
    assert not settings.warehouse_path.exists()
    assert not Path(settings.landing_url).exists()
    assert (settings.home / "check").is_dir()
