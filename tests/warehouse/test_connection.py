"""Ways in which the warehouse file can fail, each in one sentence with a remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.warehouse.connection import WarehouseError, failure_sentence, only_run, open_warehouse

HOLDER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_file_that_another_program_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(WarehouseError, match="in use by another program"), open_warehouse(path):
            pass
    finally:
        holder.communicate("")
    with open_warehouse(path) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("content", [b"not a database at all" * 1000, b"\x00" * 20_000])
def test_file_that_is_no_database_is_reported_as_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(content)
    with pytest.raises(WarehouseError, match="is damaged: move it away and run again"), open_warehouse(path):
        pass
    assert path.read_bytes() == content


def test_truncated_file_is_reported_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path) as connection:
        connection.execute("create table t as select range as n, repeat('x', 50) as text from range(200000)")
    path.write_bytes(path.read_bytes()[:300_000])
    with pytest.raises(WarehouseError, match="is damaged"), open_warehouse(path) as connection:
        connection.execute("select sum(n), max(text) from t").fetchone()


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    with only_run(tmp_path / "warehouse.lock"):
        code = (
            "from pathlib import Path; import sys\n"
            "from orchestration.warehouse.connection import only_run, WarehouseError\n"
            "try:\n    with only_run(Path(sys.argv[1])): print('ran')\n"
            "except WarehouseError as error: print(error)"
        )
        second = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "warehouse.lock")], capture_output=True, text=True
        )
    assert second.stdout.startswith("Another run is using this warehouse")


def test_other_errors_keep_their_own_message(tmp_path: Path) -> None:
    assert failure_sentence(tmp_path / "w", duckdb.CatalogException("Table with name x does not exist!")) is None
