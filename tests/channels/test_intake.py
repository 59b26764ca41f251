"""Intake: the state of a stream, and the rows that are accepted."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb

from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.stream_status import StreamState
from orchestration.channels.intake.take_in import take_in

if TYPE_CHECKING:
    from tests.channels.conftest import Bench

DECLARED = {"id": "VARCHAR", "name": "VARCHAR"}


def taken_in(bench: Bench, days: tuple[date, date] | None = None) -> StreamState:
    catalog = bench.files("contacts: {path: '*.csv', format: csv, key: [id]}")
    ((system, stream),) = catalog.streams()
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        source = StreamSource(system, stream, bench.landing_url, bench.working_dir, DECLARED)
        state, _ = take_in(connection, source, IntakeRun("a run", datetime(2025, 2, 1)), days)
    return state


def test_faulty_files_are_reported_and_the_good_rows_are_accepted(bench: Bench) -> None:
    (bench.data / "a.csv").write_text("Id,Name\n1,x\n2,y\n")
    (bench.data / "b.csv").write_bytes(b"")
    (bench.data / "c.csv").write_text("Id\n3\n")
    state = taken_in(bench)
    assert (state.state, state.new_rows) == ("failed", 2)
    assert state.sentence == (
        "shop/contacts: b.csv is empty (0 bytes); deliver it again, or set `allow_empty: true` in test.yaml "
        "(and 1 more)"
    )
    assert bench.rows("id", "shop/contacts/rows") == [("1",), ("2",)]
    (bench.data / "b.csv").write_text("Id,Name\n3,z\n")
    (bench.data / "c.csv").unlink()
    assert (taken_in(bench).state, taken_in(bench).sentence) == ("current", "")
    assert bench.rows("id", "shop/contacts/rows") == [("1",), ("2",), ("3",)]


def test_file_that_repeats_another_gives_a_remark_and_no_fault(bench: Bench) -> None:
    (bench.data / "a.csv").write_text("Id,Name\n1,x\n")
    taken_in(bench)
    (bench.data / "copy.csv").write_text("Id,Name\n1,x\n")
    state = taken_in(bench)
    assert (state.state, state.sentence, state.new_rows) == ("current", "", 0)
    assert state.remark == "shop/contacts: copy.csv repeats what another file has delivered, and did not land again"


def test_days_without_rows_give_a_remark(bench: Bench) -> None:
    (bench.data / "2025-01-31.csv").write_text("Id,Name\n1,x\n")
    taken_in(bench)
    state = taken_in(bench, (date(2024, 1, 1), date(2024, 1, 2)))
    assert (state.state, state.new_rows) == ("current", 0)
    assert state.remark.startswith("shop/contacts: no file belongs to 2024-01-01 to 2024-01-02")
    assert taken_in(bench, (date(2025, 1, 31), date(2025, 1, 31))).new_rows == 1


def test_register_of_an_older_version_gains_columns_and_keeps_its_rows(bench: Bench) -> None:
    """The first shape of quality.load and quality.stream_status, with a load that landed and was published then."""
    (bench.data / "a.csv").write_text("Id,Name\n1,x\n")
    taken_in(bench)
    older = {
        "load": (
            "source_system, stream, load_id, landed_at, row_count, unreadable_rows, state, 'run 1' as published_by_run"
        ),
        "stream_status": (
            "source_system, stream, state, sentence, new_rows, unreadable_rows, held_loads, unknown_columns, run_id, "
            "last_landed_at"
        ),
    }
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        for table, columns in older.items():
            connection.execute(f"create or replace table quality.{table} as select {columns} from quality.{table}")
        (landed_at,) = connection.execute("select landed_at from quality.load").fetchone()
    (bench.data / "b.csv").write_text("Id,Name\n2,y\n")
    state = taken_in(bench)
    # Rows and file names have no moments: the moment of landing stands in, up to the as of.
    assert (state.state, state.new_rows, state.newest_at) == ("current", 1, min(landed_at, datetime(2025, 2, 1)))
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        loads = connection.execute(
            "select row_count, published_by_run, delivered_at from quality.load order by load_id"
        )
        assert loads.fetchall() == [(1, "run 1", None), (1, None, datetime(2025, 2, 1))]
        status = connection.execute("select state, newest_at from quality.stream_status").fetchall()
        assert status == [("current", datetime(2025, 2, 1))]
