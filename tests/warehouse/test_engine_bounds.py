"""What DuckDB may use of the machine is a setting; what does not fit into memory is kept on disk meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.serving.reading import engine_of
from orchestration.settings import SettingsError, settings_from
from orchestration.warehouse.connection import open_warehouse


def test_threads_and_memory_are_those_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXT360_THREADS", "3")
    monkeypatch.setenv("CONTEXT360_MEMORY_LIMIT", "512MiB")
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        assert engine_of(connection).endswith(" with 3 threads and 512.0 MiB of memory")


def test_rows_that_do_not_fit_into_memory_are_sorted_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 million rows of two numbers and a text of 40 characters are 220 MB at least."""
    monkeypatch.setenv("CONTEXT360_MEMORY_LIMIT", "100MiB")
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("""
            create table sorted as
            select i, hash(i) as number, md5(i::varchar) || 'of a row' as text from range(4000000) as r (i)
            order by number
        """)
        row = connection.execute(
            "select count(*), count(distinct i) from sorted where text like '%of a row'"
        ).fetchone()
        assert row == (4_000_000, 4_000_000)
    assert [file.name for file in tmp_path.iterdir()] == ["warehouse.duckdb"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CONTEXT360_THREADS", "0", "CONTEXT360_THREADS is '0': write a whole number from 1, such as 4."),
        ("CONTEXT360_THREADS", "two", "CONTEXT360_THREADS is 'two': write a whole number from 1, such as 4."),
        (
            "CONTEXT360_MEMORY_LIMIT",
            "8",
            "CONTEXT360_MEMORY_LIMIT is '8': write a size with its unit, such as 8GB.",
        ),
    ],
)
def test_a_bound_that_is_none_is_refused(name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        settings_from({"CONTEXT360_HOME": "."}, catalog="contoso")
    assert str(refused.value) == sentence
