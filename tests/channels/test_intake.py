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
