"""Days can be loaded again, as one load; later loads neither repeat nor miss a row."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.channels.errors import ChannelError
from tests.channels.killed_landing import land_and_die

if TYPE_CHECKING:
    from orchestration.channels.catalog import Catalog
    from orchestration.channels.landing.land import Landing
    from tests.channels.conftest import Bench

CONTACTS = "contacts: {path: '**/*.csv', format: csv}"
DAYS = ("2025-01-30", "2025-01-31")


def deliver(bench: Bench, name: str, *numbers: int) -> None:
    (bench.data / name).write_text("Id\n" + "".join(f"{number}\n" for number in numbers))


def landed_by(bench: Bench, landing: Landing, where: str = "shop/contacts/incoming") -> list[int]:
    rows = bench.rows("id::INT, _dlt_load_id", where)
    return [number for number, load_id in rows if load_id == landing.load_id]


# --- The day of a row ------------------------------------------------------------------------------------------------


def test_rows_of_files_have_the_first_day_of_the_period_in_the_name(bench: Bench) -> None:
    Path(bench.data, "2025/02/01").mkdir(parents=True)
    for number, name in enumerate(("a_2025-01-31.csv", "b_202412.csv", "c.csv", "2025/02/01/d.csv")):
        deliver(bench, name, number)
    deliver(bench, "bad_2025-01-30.csv", 9)
    with (bench.data / "bad_2025-01-30.csv").open("a") as file:
        file.write("too,many\n")
    bench.land(bench.files(CONTACTS))
    assert bench.rows("id::INT, _source_day::VARCHAR") == [
        (0, "2025-01-31"), (1, "2024-12-01"), (2, None), (3, "2025-02-01"), (9, "2025-01-30"),
    ]  # fmt: skip
    assert bench.rows("_source_day::VARCHAR", "shop/contacts/rejects") == [("2025-01-30",)]


# --- Files -----------------------------------------------------------------------------------------------------------


def test_files_of_the_days_land_again_and_nothing_else(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    for number, name in enumerate(("29.csv", "30.csv", "31.csv")):
        deliver(bench, f"2025-01-{name}", number)
    deliver(bench, "month_2025-01.csv", 3)
    deliver(bench, "undated.csv", 4)
    bench.land(catalog)
    again = bench.land(catalog, days=DAYS)
    assert (again.files, again.remark) == (("2025-01-30.csv", "2025-01-31.csv", "month_2025-01.csv"), "")
    assert landed_by(bench, again) == [1, 2, 3]
    assert bench.land(catalog).load_id is None


def test_file_that_is_new_at_a_reload_does_not_land_a_second_time(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "2025-01-29.csv", 0)
    bench.land(catalog)
    deliver(bench, "2025-01-30.csv", 1)
    deliver(bench, "2025-02-01.csv", 2)
    assert landed_by(bench, bench.land(catalog, days=DAYS)) == [1]
    assert landed_by(bench, bench.land(catalog)) == [2]


def test_stream_without_dated_files_lands_whole_with_a_remark(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 1)
    deliver(bench, "b.csv", 2)
    bench.land(catalog)
    again = bench.land(catalog, days=DAYS)
    assert landed_by(bench, again) == [1, 2]
    assert again.remark == "shop/contacts: no file has a date in its name, so all files were loaded again"
    assert bench.land(catalog).load_id is None


def test_days_without_files_land_nothing_with_a_remark(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "2025-01-29.csv", 1)
    nothing = bench.land(catalog, days=DAYS)
    assert (nothing.load_id, nothing.rows) == (None, 0)
    assert nothing.remark.startswith("shop/contacts: no file belongs to 2025-01-30 to 2025-01-31; choose other days")
    assert bench.land(catalog).rows == 1


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("while the source is read", marks=pytest.mark.long),
        pytest.param("before the package is loaded", marks=pytest.mark.long),
        "before the state is stored",
        "before the marker is stored",
    ],
)
def test_killed_reload_lands_whole_or_not_at_all(bench: Bench, point: str) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "2025-01-30_a.csv", 1)
    deliver(bench, "2025-01-30_b.csv", 2)
    bench.land(catalog)
    land_and_die(bench, point, "2025-01-30")
    deliver(bench, "2025-01-31.csv", 3)
    bench.land(catalog)
    by_load: dict[str, list[int]] = {}
    for number, load_id in bench.rows("id::INT, _dlt_load_id"):
        by_load.setdefault(load_id, []).append(number)
    # The reload landed as a whole or not at all.
    assert sorted(by_load.values()) in ([[1, 2], [3]], [[1, 2], [1, 2], [3]])
    assert bench.land(catalog).load_id is None


# --- Snapshots of several files --------------------------------------------------------------------------------------

SNAPSHOT = "contacts: {path: '*.csv', format: csv, delivery: snapshot}"


def test_all_files_of_a_snapshot_land_when_one_of_them_has_changed(bench: Bench) -> None:
    catalog = bench.files(SNAPSHOT)
    deliver(bench, "a.csv", 1)
    deliver(bench, "b.csv", 2)
    deliver(bench, "full_2025-01-31_1.csv", 3)
    deliver(bench, "full_2025-01-31_2.csv", 4)
    assert bench.land(catalog).rows == 4
    deliver(bench, "b.csv", 2, 5)
    assert landed_by(bench, bench.land(catalog)) == [1, 2, 5]
    deliver(bench, "full_2025-01-31_3.csv", 6)
    assert landed_by(bench, bench.land(catalog)) == [3, 4, 6]
    assert bench.land(catalog).load_id is None


def test_new_snapshot_with_the_content_of_an_older_one_lands_alone(bench: Bench) -> None:
    catalog = bench.files(SNAPSHOT)
    for day, numbers in (("01", (1,)), ("02", (1, 2)), ("03", (1,))):
        deliver(bench, f"2025-01-{day}.csv", *numbers)
        assert landed_by(bench, bench.land(catalog)) == list(numbers)


def test_faulty_file_keeps_its_whole_snapshot_out_and_no_other(bench: Bench) -> None:
    catalog = bench.files(SNAPSHOT)
    deliver(bench, "2025-01-01_a.csv", 1)
    (bench.data / "2025-01-01_b.csv").write_bytes(b"")
    deliver(bench, "2025-01-02_a.csv", 3)
    landed = bench.land(catalog)
    assert (landed_by(bench, landed), len(landed.faults)) == ([3], 1)
    deliver(bench, "2025-01-01_b.csv", 2)
    assert landed_by(bench, bench.land(catalog)) == [1, 2]


# --- Databases -------------------------------------------------------------------------------------------------------

INCOMING = "helpdesk/tickets/incoming"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "desk.db", isolation_level=None)
    connection.execute(
        "CREATE TABLE tickets (id INTEGER, updated_at TIMESTAMP, day DATE, version INTEGER, text_at TEXT)"
    )
    yield connection
    connection.close()


def tickets(bench: Bench, fields: str) -> Catalog:
    return bench.catalog(
        f"helpdesk:\n  connector: database\n  url: sqlite:///{bench.folder}/desk.db\n  streams:\n"
        f"    tickets: {{table: tickets{fields}}}\n"
    )


def add(desk: sqlite3.Connection, number: int, at: str) -> None:
    desk.execute(
        "INSERT INTO tickets VALUES (?, ?, ?, ?, ?)", (number, f"{at}.000000", at[:10], number, at.replace(" ", "T"))
    )


@pytest.mark.parametrize("cursor", ["updated_at", "day", "text_at"])
def test_rows_of_the_days_land_again_and_the_cursor_stays(bench: Bench, desk: sqlite3.Connection, cursor: str) -> None:
    catalog = tickets(bench, f", cursor: {cursor}")
    moments = ["2025-01-29 23:59:59", "2025-01-30 00:00:00", "2025-01-31 23:59:59", "2025-02-01 00:00:00"]
    for number, at in enumerate(moments):
        add(desk, number, at)
    bench.land(catalog)
    assert [day for (day,) in bench.rows("_source_day::VARCHAR", INCOMING, "1")] == [at[:10] for at in moments]
    again = bench.land(catalog, days=DAYS)
    assert (landed_by(bench, again, INCOMING), again.files) == ([1, 2], (f"tickets?{cursor}=2025-01-30..2025-01-31",))
    assert bench.land(catalog).load_id is None
    add(desk, 4, "2025-02-02 00:00:00")
    assert landed_by(bench, bench.land(catalog), INCOMING) == [4]
    nothing = bench.land(catalog, days=("2024-01-01", "2024-01-01"))
    assert (nothing.load_id, nothing.rows) == (None, 0)
    assert "no row has a" in nothing.remark


def test_reload_before_anything_has_landed_does_not_hide_the_rest(bench: Bench, desk: sqlite3.Connection) -> None:
    catalog = tickets(bench, ", cursor: updated_at")
    for number, at in enumerate(["2025-01-29 12:00:00", "2025-01-30 12:00:00", "2025-02-03 12:00:00"]):
        add(desk, number, at)
    assert landed_by(bench, bench.land(catalog, days=DAYS), INCOMING) == [1]
    assert landed_by(bench, bench.land(catalog), INCOMING) == [0, 1, 2]


@pytest.mark.parametrize(
    ("fields", "remark"),
    [("", ""), (", cursor: version", "helpdesk/tickets: version holds no days, so all rows were ")],
)
def test_table_without_days_lands_whole(bench: Bench, desk: sqlite3.Connection, fields: str, remark: str) -> None:
    catalog = tickets(bench, fields)
    add(desk, 1, "2024-01-01 00:00:00")
    bench.land(catalog)
    again = bench.land(catalog, days=DAYS)
    assert landed_by(bench, again, INCOMING) == [1]
    assert again.remark.startswith(remark)
    assert bench.land(catalog).load_id is None


# --- Rows that are committed late ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cursor", ["updated_at", "day", "text_at"])
def test_lag_finds_rows_that_are_committed_late_and_does_not_repeat_known_ones(
    bench: Bench, desk: sqlite3.Connection, cursor: str
) -> None:
    catalog = tickets(bench, f", cursor: {cursor}, lag: 2d")
    add(desk, 1, "2025-01-01 12:00:00")
    add(desk, 2, "2025-01-30 12:00:00")
    add(desk, 3, "2025-01-31 12:00:00")
    bench.land(catalog)
    assert bench.land(catalog).load_id is None
    add(desk, 4, "2025-01-30 09:00:00")  # late: the cursor has passed it
    assert 4 in landed_by(bench, bench.land(catalog), INCOMING)
    assert bench.land(catalog).load_id is None
    add(desk, 5, "2025-02-01 12:00:00")
    assert 5 in landed_by(bench, bench.land(catalog), INCOMING)
    assert bench.land(catalog).load_id is None
    desk.execute("UPDATE tickets SET version = 99 WHERE id = 3")
    assert 3 in landed_by(bench, bench.land(catalog), INCOMING)
    assert bench.land(catalog).load_id is None
    # Rows older than the lag are not read again.
    assert bench.rows("count(*)", INCOMING, "1") < [(12,)]
    assert {number for (number,) in bench.rows("id", INCOMING)} == {1, 2, 3, 4, 5}
    shutil.rmtree(bench.working_dir)
    assert bench.land(catalog).load_id is None


def test_late_row_lands_without_the_days_around_it(bench: Bench, desk: sqlite3.Connection) -> None:
    catalog = tickets(bench, ", cursor: updated_at, lag: 2d")
    for number in range(48):
        add(desk, number, f"2025-01-{30 + number // 24} {number % 24:02d}:00:00")
    bench.land(catalog)
    add(desk, 99, "2025-01-30 12:30:00")
    assert landed_by(bench, bench.land(catalog), INCOMING) in ([99], [12, 99])  # lag / 64 is 45 minutes


def test_lag_needs_a_cursor_that_holds_moments(bench: Bench, desk: sqlite3.Connection) -> None:
    catalog = tickets(bench, ", cursor: version, lag: 2d")
    add(desk, 1, "2025-01-31 12:00:00")
    with pytest.raises(ChannelError, match="version holds no moments, so a lag cannot be applied; remove `lag`"):
        bench.land(catalog)
