"""State of an older version: rebuilt or kept with a sentence, never misread. `state_0_1_0` was written by 0.1.0."""

from __future__ import annotations

import hashlib
import shutil
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest
from pipeline.installation import Installation

from orchestration.firm.state import LAYOUT, StateError, bring_up_to_date, check_state

OLD = Path(__file__).with_name("state_0_1_0")
CATALOG = """\
catalog: hotel_only
project: contoso
as_of: 2019-05-25
systems:
  hotel:
    connector: files
    location: source
    streams:
      stays: {path: stays.csv, format: csv, key: [stay_id]}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder as 0.1.0 left it; of its warehouse, two tables that would be misread."""
    shutil.copytree(OLD / "home", tmp_path / "home")
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb")) as connection:
        connection.execute("create schema seeds; create table seeds.touchpoints as select 4 as touchpoint_key")
        connection.execute("create schema staging; create table staging.stg_contoso_hotel__stays as select 1 as stay")
    return tmp_path / "home"


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_old_state_is_recognised_and_readers_are_sent_to_run(home: Path) -> None:
    assert check_state(home) == f"{home} holds state of context360 0.1.0: `context360 run` brings it up to date."
    said = Installation(home.parent, catalog="contoso").command("status", "--home", home)
    assert (said.code, "holds state of context360 0.1.0" in said.text) == (2, True)


def test_irreproducible_state_is_kept_and_the_warehouse_is_rebuilt(home: Path) -> None:
    kept = {part: contents(home / part) for part in ("landing", "identity", "predictions")}
    sentences = bring_up_to_date(home)
    assert [sentence for sentence in sentences if "The warehouse is rebuilt from landing" in sentence]
    assert not (home / "warehouse.duckdb").exists()
    assert {part: contents(home / part) for part in kept} == kept
    assert (home / "state.yaml").stat().st_mode & 0o077 == 0
    assert check_state(home) is None
    assert bring_up_to_date(home) == []


def test_models_of_another_layout_are_trained_anew(home: Path) -> None:
    (home / "predictions" / "models" / "buy").mkdir(parents=True)
    assert [sentence for sentence in bring_up_to_date(home) if "trained anew" in sentence]
    assert not (home / "predictions" / "models").exists()


def test_new_home_starts_with_this_layout(tmp_path: Path) -> None:
    assert check_state(tmp_path / "home") is None
    assert bring_up_to_date(tmp_path / "home") == []
    written = (tmp_path / "home" / "state.yaml").read_text()
    assert written == f"layout: {LAYOUT}\nwritten_by: {version('context360')}\n"


def test_state_of_a_newer_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "state.yaml").write_text("layout: 99\nwritten_by: 9.9.0\n")
    with pytest.raises(StateError, match=r"context360 9\.9\.0, .*install 9\.9\.0 or newer"):
        bring_up_to_date(tmp_path)


def test_unreadable_state_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state.yaml").write_text("layout: [")
    with pytest.raises(StateError, match="put it back from a backup"):
        check_state(tmp_path)


def test_run_on_old_state_keeps_every_customer_number(home: Path) -> None:
    installation = Installation(home.parent)
    (home.parent / "catalog.yaml").write_text(CATALOG)
    shutil.copytree(OLD / "source", home.parent / "source")
    said = installation.run("--until", "identity")
    assert said.code == 0, said.text
    assert "holds state of context360 0.1.0, which is brought up to date" in said.text
    numbers = "select source_record_id, customer_id from '{}' order by all"
    before = duckdb.sql(numbers.format(OLD / "home/identity/state-1/assignment_history.parquet")).fetchall()
    assert installation.built("select source_record_id, customer_id from identity.assignment order by all") == before
    staging = "select count(*) from duckdb_tables() where table_name like '%contoso%'"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute(staging).fetchone() == (0,)
