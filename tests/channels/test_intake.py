"""Intake: the state of a stream, and the rows that are accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import duckdb

from orchestration.channels.intake.held_loads import broken_row_rules
from orchestration.channels.intake.judging import judge_again
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.stream_status import (
    StreamState,
    forget_other_streams,
    record_state,
    recorded_state,
)
from orchestration.channels.intake.take_in import take_in
from orchestration.channels.landing.loads import pending_loads

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


def test_new_load_that_is_held_counts_once(bench: Bench) -> None:
    """A full copy of ten rows, then one of four: less than half is cut rather than true."""
    catalog = bench.files("contacts: {path: '*.csv', format: csv, key: [id], delivery: snapshot}")
    ((system, stream),) = catalog.streams()
    source = StreamSource(system, stream, bench.landing_url, bench.working_dir, DECLARED)
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        for rows in (10, 4):
            (bench.data / "a.csv").write_text("Id,Name\n" + "".join(f"{number},x\n" for number in range(rows)))
            state, outcomes = take_in(connection, source, IntakeRun("a run", datetime(2025, 2, 1)))
        again = judge_again(connection, source, IntakeRun("a look", datetime(2025, 2, 1)))
        recorded = recorded_state(connection, stream)
    assert (state.state, state.new_rows, state.held_loads) == ("held", 4, 1)
    assert [outcome.rule for outcome in outcomes if not outcome.success] == ["the copy is whole"]
    # Judged once more, where it lies: the same verdict, and no load has moved.
    assert [outcome.rule for outcome in again if not outcome.success] == ["the copy is whole"]
    assert recorded is not None and (recorded.state, recorded.sentence) == ("held", state.sentence)
    assert [load.state for load in pending_loads(bench.landing_url, "shop", "contacts")] == ["held"]


def test_accepted_load_is_judged_again_without_a_fetch(bench: Bench) -> None:
    catalog = bench.files("contacts: {path: '*.csv', format: csv, key: [id], delivery: snapshot}")
    ((system, stream),) = catalog.streams()
    source = StreamSource(system, stream, bench.landing_url, bench.working_dir, DECLARED)
    run = IntakeRun("a run", datetime(2025, 2, 1))
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        assert recorded_state(connection, stream) is None
        (bench.data / "a.csv").write_text("Id,Name\n1,x\n")
        take_in(connection, source, run)
        (bench.data / "a.csv").write_text("Id,Name\n1,x\n2,y\n")  # not fetched by a look
        wider = replace(source, declared_columns=DECLARED | {"birthday": "DATE"})
        assert all(outcome.success for outcome in judge_again(connection, source, run))
        missing = [outcome.rule for outcome in judge_again(connection, wider, run) if not outcome.success]
    assert "birthday is delivered" in missing
    assert bench.rows("id", "shop/contacts/rows") == [("1",)]


def test_status_of_a_stream_that_left_the_catalog_is_forgotten_and_no_other() -> None:
    with duckdb.connect() as connection:
        for system, stream in (("shop", "contacts"), ("shop", "orders"), ("crm", "contacts")):
            record_state(connection, StreamState(system, stream, "current", ""), run_id="a run")
        forget_other_streams(connection, [("shop", "contacts"), ("crm", "contacts")])
        left = connection.execute("select source_system, stream from quality.stream_status order by all").fetchall()
    assert left == [("crm", "contacts"), ("shop", "contacts")]


def test_broken_row_rules_are_those_of_quarantined_rows_in_the_newest_load() -> None:
    """Of the five rows of load 2, three are in quarantine; its deleted row breaks no rule."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema staging;
            create table staging.base_shop__orders as
            from (values
                ('1', 'quarantined', 'id_is_missing'), ('2', 'staged', null), ('2', 'deleted', null),
                ('2', 'quarantined', 'sold_at_is_unreadable'), ('2', 'quarantined', 'sold_at_is_unreadable'),
                ('2', 'quarantined', 'id_is_missing')
            ) as base(_dlt_load_id, row_fate, quarantine_rule)
        """)
        said = broken_row_rules(connection, "shop", "orders")
        connection.execute(
            "delete from staging.base_shop__orders where row_fate = 'quarantined' and _dlt_load_id = '2'"
        )
        assert broken_row_rules(connection, "shop", "orders") == ""
    assert said == "3 of 5 rows are in quarantine: sold_at_is_unreadable (2), id_is_missing (1)"


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
