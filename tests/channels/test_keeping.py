"""`keep` at a stream: what is older leaves landing, and is counted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.channels.catalog import FileStream
from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.removal import Verdict, data_files, expire, removed_rows, rewrite

DAYS = [date(2024, 1, 31), date(2024, 2, 1), None, date(2026, 1, 1)]


def _stream(folder: Path, *parts: str) -> StreamFolder:
    for part in parts:
        file = folder / "shop" / "orders" / part / f"1.5.{part}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"order_no": ["a", "b", "c", "d"], "_source_day": pa.array(DAYS, pa.date32())}), file)
    return StreamFolder(str(folder), "shop", "orders")


def _left(folder: StreamFolder) -> dict[str, list[str]]:
    return {file.part: pq.read_table(file.path).column("order_no").to_pylist() for file in data_files(folder)}


def test_older_rows_go_and_rows_without_a_day_stay(tmp_path: Path) -> None:
    folder = _stream(tmp_path, "rows", "held")
    removed = expire(folder, "ordered_at", date(2024, 2, 1))
    assert _left(folder) == {"rows": ["b", "c", "d"], "held": ["b", "c", "d"]}
    assert (removed.expired, removed_rows(folder).expired) == (2, 2)


def test_the_day_column_counts_before_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop" / "orders" / "rows" / "1.5.a.parquet"
    file.parent.mkdir(parents=True)
    texts = ["2024-01-31 23:59:00", "2024-02-01", None, "31/01/2024"]
    days = pa.array([date(2026, 1, 1), None, date(2024, 1, 31), None], pa.date32())
    pq.write_table(pa.table({"order_no": ["a", "b", "c", "d"], "ordered_at": texts, "_source_day": days}), file)
    folder = StreamFolder(str(tmp_path), "shop", "orders")
    assert expire(folder, "ordered_at", date(2024, 2, 1)).expired == 2
    assert _left(folder) == {"rows": ["b", "d"]}  # d: no form of a date that landing reads


def test_a_second_look_takes_nothing_and_counts_nothing(tmp_path: Path) -> None:
    folder = _stream(tmp_path, "rows")
    expire(folder, "ordered_at", date(2024, 2, 1))
    assert expire(folder, "ordered_at", date(2024, 2, 1)).expired == 0
    assert removed_rows(folder).expired == 1


def test_a_file_from_a_backup_does_not_count_twice(tmp_path: Path) -> None:
    folder = _stream(tmp_path, "rows")
    expire(folder, "ordered_at", date(2024, 2, 1))
    _stream(tmp_path, "rows")
    expire(folder, "ordered_at", date(2024, 2, 1))
    assert removed_rows(folder).expired == 1


def test_expired_and_erased_rows_are_counted_apart(tmp_path: Path) -> None:
    folder = _stream(tmp_path, "rows")
    expire(folder, "ordered_at", date(2024, 2, 1))
    (file,) = data_files(folder)
    rewrite(folder, file, Verdict(erased={0}))
    assert (removed_rows(folder).expired, removed_rows(folder).erased) == (1, 1)
    assert _left(folder) == {"rows": ["c", "d"]}


def test_months_and_years_are_read_and_need_a_day() -> None:
    fields = {"name": "orders", "system_name": "shop", "path": "*.csv", "format": "csv", "day": "ordered_at"}
    assert FileStream(**fields, keep="24 months").keep == FileStream(**fields, keep="2 years").keep == 24
    with pytest.raises(ValueError, match="write `day`"):
        FileStream(**fields | {"day": None}, keep="2 years")
    with pytest.raises(ValueError, match="write months or years"):
        FileStream(**fields, keep="2 moons")
