"""Publishing: complete, atomic, described, and honest about what has changed."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.serving.publishing import publish
from orchestration.warehouse.connection import WarehouseError

MOMENT = datetime(2026, 1, 1)


@pytest.fixture
def warehouse(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    connection.execute("""
        create schema core; create schema marts; create schema quality; create schema staging;
        create table core.dim_customer as select range as customer_key, 'name ' || range as name from range(1000);
        comment on table core.dim_customer is 'One row per customer; the analyst''s start';
        comment on column core.dim_customer.name is 'Name';
        create table marts.customer_360 as from core.dim_customer;
        create table staging.secret as select 1 as one;
        create schema identity; create schema intermediate;
        create table identity.comparable_record as select 'a@example.com' as email;
        create table intermediate.int_identifier as select 'a@example.com' as identifier_value;
        create table quality.quarantine as select 'crm' as source_system, 'a@example.com' as raw_row;
    """)
    return connection


def test_readers_get_core_marts_and_quality_with_their_descriptions_and_no_raw_rows(warehouse, tmp_path) -> None:
    publish(warehouse, tmp_path / "serving" / "context360.duckdb", run_id="1", as_of=MOMENT)
    with duckdb.connect(str(tmp_path / "serving" / "context360.duckdb"), read_only=True) as reader:
        tables = reader.execute("select schema_name || '.' || table_name from duckdb_tables() order by 1").fetchall()
        assert [name for (name,) in tables] == [
            "core.dim_customer", "marts.customer_360", "quality.publication", "quality.published_table",
            "quality.quarantine",
        ]  # fmt: skip
        assert reader.execute("select count(*) from core.dim_customer").fetchone() == (1000,)
        comment = reader.execute("select comment from duckdb_tables() where table_name = 'dim_customer'").fetchone()
        assert comment == ("One row per customer; the analyst's start",)
        columns = reader.execute("select column_name from duckdb_columns() where table_name = 'quarantine'").fetchall()
        assert columns == [("source_system",)]


def test_changes_are_detected_by_content_not_by_order(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    assert all(table.is_changed for table in publish(warehouse, target, run_id="1", as_of=MOMENT))
    warehouse.execute("create or replace table core.dim_customer as from core.dim_customer order by customer_key desc")
    assert not any(table.is_changed for table in publish(warehouse, target, run_id="2", as_of=MOMENT))
    warehouse.execute("update core.dim_customer set name = 'new' where customer_key = 7")
    changed = {table.name for table in publish(warehouse, target, run_id="3", as_of=MOMENT) if table.is_changed}
    assert changed == {"core.dim_customer"}


def test_duplicate_rows_are_a_change(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    warehouse.execute("create or replace table core.dim_customer as select 1 as customer_key, 'a' as name")
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    warehouse.execute("insert into core.dim_customer from core.dim_customer")
    warehouse.execute("insert into core.dim_customer from core.dim_customer limit 1")
    changed = [t for t in publish(warehouse, target, run_id="2", as_of=MOMENT) if t.name == "core.dim_customer"]
    assert changed[0].is_changed and (changed[0].previous_rows, changed[0].rows) == (1, 3)


def test_other_values_in_duplicate_rows_are_a_change(warehouse, tmp_path) -> None:
    """A hash in which two equal rows cancel out would not see it."""
    target = tmp_path / "context360.duckdb"
    for value, run in (("a", "1"), ("b", "2")):
        warehouse.execute(f"create or replace table core.dim_customer as select '{value}' as name from range(2)")
        changed = {table.name for table in publish(warehouse, target, run_id=run, as_of=MOMENT) if table.is_changed}
        assert "core.dim_customer" in changed


def test_a_reader_never_meets_a_missing_or_half_written_file(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    publish(warehouse, target, run_id="0", as_of=MOMENT)
    faults: list[BaseException] = []
    counts: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                with duckdb.connect(str(target), read_only=True) as reader:
                    counts.append(reader.execute("select count(*) from marts.customer_360").fetchone()[0])
            except duckdb.Error as fault:
                faults.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    for run in range(15):
        publish(warehouse, target, run_id=str(run), as_of=MOMENT)
    done.set()
    reader.join()
    assert faults == []
    assert len(counts) > 15 and set(counts) == {1000}


def test_a_reader_that_stays_keeps_the_warehouse_it_opened(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    with duckdb.connect(str(target), read_only=True) as reader:
        warehouse.execute("delete from core.dim_customer")
        publish(warehouse, target, run_id="2", as_of=MOMENT)
        assert reader.execute("select count(*) from core.dim_customer").fetchone() == (1000,)


def test_old_file_stays_until_the_new_one_takes_its_name(warehouse, tmp_path, monkeypatch) -> None:
    target = tmp_path / "serving" / "context360.duckdb"
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    before = target.read_bytes()

    def refused(*_: object) -> None:
        assert target.read_bytes() == before
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(WarehouseError):
        publish(warehouse, target, run_id="2", as_of=MOMENT)
    assert target.read_bytes() == before


def test_a_failed_publication_leaves_the_old_file_and_nothing_beside_it(warehouse, tmp_path, monkeypatch) -> None:
    target = tmp_path / "serving" / "context360.duckdb"
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    before = target.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WarehouseError, match="is full: free space and run again"):
        publish(warehouse, target, run_id="2", as_of=MOMENT)
    assert target.read_bytes() == before
    assert [file.name for file in target.parent.iterdir()] == ["context360.duckdb"]


def _read(file: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as reader:
        return reader.execute(query).fetchall()


def test_a_second_copy_holds_what_a_first_one_would(warehouse, tmp_path) -> None:
    target, whole = tmp_path / "context360.duckdb", tmp_path / "whole.duckdb"
    warehouse.execute("create table marts.big as select range as n from range(100000)")
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    warehouse.execute("""
        update core.dim_customer set name = 'new' where customer_key = 7;
        alter table marts.customer_360 rename column name to full_name;
        comment on table core.dim_customer is 'Another description';
        comment on column marts.big.n is 'A number';
        create table marts.added as select 1 as one;
        insert into quality.quarantine values ('pos', 'secret');
    """)
    publish(warehouse, target, run_id="2", as_of=MOMENT)
    warehouse.execute("drop table marts.added")
    publish(warehouse, target, run_id="3", as_of=MOMENT)
    publish(warehouse, whole, run_id="3", as_of=MOMENT)

    tables = [
        f"{schema}.{table}" for schema, table in _read(whole, "select schema_name, table_name from duckdb_tables()")
    ]
    about = (
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() order by all",
        "select schema_name, table_name, comment from duckdb_tables() order by all",
        *(f"from {table} order by all" for table in tables),
    )
    assert len(tables) == 6
    for query in about:
        assert _read(target, query) == _read(whole, query)


def test_a_published_file_of_another_content_is_brought_up_to_date(warehouse, tmp_path) -> None:
    target, older = tmp_path / "context360.duckdb", tmp_path / "older"
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    older.write_bytes(target.read_bytes())
    warehouse.execute("create table marts.big as select range as n from range(100000)")
    warehouse.execute("update core.dim_customer set name = 'new' where customer_key = 7")
    publish(warehouse, target, run_id="2", as_of=MOMENT)
    older.replace(target)  # as from a backup

    publish(warehouse, target, run_id="3", as_of=MOMENT)

    assert _read(target, "select name from core.dim_customer where customer_key = 7") == [("new",)]
    assert _read(target, "select count(*) from marts.big") == [(100_000,)]


def test_a_damaged_published_file_is_written_anew(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    publish(warehouse, target, run_id="1", as_of=MOMENT)
    target.write_bytes(b"no database" * 1000)

    publish(warehouse, target, run_id="2", as_of=MOMENT)

    assert _read(target, "select count(*) from core.dim_customer") == [(1000,)]


def test_the_file_does_not_grow_from_copy_to_copy(warehouse, tmp_path) -> None:
    target = tmp_path / "context360.duckdb"
    warehouse.execute("create table marts.big as select range as n, md5(range::varchar) as text from range(300000)")
    publish(warehouse, target, run_id="0", as_of=MOMENT)
    first = target.stat().st_size
    sizes = []
    for run in range(1, 8):
        warehouse.execute(
            f"create or replace table core.dim_customer as select range as customer_key, md5('{run}' || range) as name"
            " from range(100000)"
        )
        publish(warehouse, target, run_id=str(run), as_of=MOMENT)
        sizes.append(target.stat().st_size)
    assert max(sizes) < 2.5 * first
    assert sizes[-1] <= 1.2 * sizes[1]
