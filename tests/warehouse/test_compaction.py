"""The warehouse file stays as large as its content needs, and a compacted one holds what it held."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.warehouse import compaction
from orchestration.warehouse.compaction import compact
from orchestration.warehouse.connection import WarehouseError, open_warehouse

TABLES = 4


def night(path: Path, number: int) -> None:
    """Builds every table anew, as runs do: beside the old one, which then goes. Each night has the same rows."""
    with open_warehouse(path) as connection:
        connection.execute("create schema if not exists core")
        for table in range(TABLES):
            connection.execute(f"""
                create table core.fresh as
                select i, md5((i + {table})::varchar) as text from range(50000) as rows (i);
                drop table if exists core.t{table};
                alter table core.fresh rename to t{table};
            """)
        connection.execute("create or replace view core.v as select count(*) as row_count from core.t3")
        connection.execute("comment on table core.t3 is 'One row per number.'")
        connection.execute(f"create or replace table core.nights as select {number} as number")


def content(path: Path) -> list[object]:
    with open_warehouse(path) as connection:
        tables = connection.execute("select table_name, comment from duckdb_tables() order by 1").fetchall()
        sums = [
            connection.execute(f"select sum(hash(t)::hugeint) from core.{name} as t").fetchone() for name, _ in tables
        ]
        return [tables, sums, connection.execute("select row_count from core.v").fetchone()]


def test_file_does_not_grow_from_night_to_night(tmp_path: Path) -> None:
    path, sizes = tmp_path / "warehouse.duckdb", []
    for number in range(6):
        night(path, number)
        compact(path, least_free_bytes=300_000)
        sizes.append(path.stat().st_size)
    with open_warehouse(tmp_path / "least.duckdb") as connection:
        connection.execute(f"attach '{path}' as full_one")
        connection.execute("copy from database full_one to least")
    least = (tmp_path / "least.duckdb").stat().st_size
    assert max(sizes) <= least / compaction.LEAST_USED_SHARE * 1.1, (sizes, least)


def test_compacted_file_holds_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    night(path, 1)
    with open_warehouse(path) as connection:
        for table in (0, 1):  # at the beginning of the file: DuckDB itself returns only what is free at its end
            connection.execute(f"drop table core.t{table}")
    before = content(path)
    assert compact(path, least_free_bytes=300_000) > 0
    assert content(path) == before
    assert compact(path, least_free_bytes=300_000) == 0  # there is nothing left to gain
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "warehouse.duckdb"
    night(path, 1)
    before = content(path)

    def full(*_: object) -> bool:
        path.with_name(".warehouse.duckdb.new").write_bytes(b"half")
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(compaction, "_write_anew", full)
    with pytest.raises(WarehouseError, match="is full"):
        compact(path, least_free_bytes=1)
    assert content(path) == before
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]
