"""State holds personal data: only its owner reads it. The settings may open the published warehouse to the group."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from pipeline.installation import Installation

from orchestration.serving.publishing import publish
from orchestration.settings import SettingsError, readers_are_the_group, set_up_process, settings_from


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment and the mask for new files, as they were before the test."""
    for name in ("CONTEXT360_HOME", "CONTEXT360_CATALOG", "DAGSTER_HOME"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    mask = os.umask(0o022)
    yield monkeypatch
    os.umask(mask)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_no_file_of_a_home_is_open_to_other_users(good_company: Installation) -> None:
    found = [good_company.home, *good_company.home.rglob("*")]
    assert len(found) > 100
    assert {f"{path.relative_to(good_company.home)}: {mode(path):o}" for path in found if mode(path) & 0o077} == set()


def test_open_home_of_an_older_version_is_closed(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    set_up_process(settings_from({}, catalog="catalog.yaml", home=home))
    assert mode(home) == 0o700
    (home / "later").touch()
    assert mode(home / "later") == 0o600


@pytest.mark.parametrize(
    ("readers", "modes"), [("owner", (0o700, 0o700, 0o600, 0o700)), ("group", (0o710, 0o750, 0o640, 0o700))]
)
def test_group_reads_the_published_warehouse_alone(
    environment: pytest.MonkeyPatch, tmp_path: Path, readers: str, modes: tuple[int, ...]
) -> None:
    environment.setenv("CONTEXT360_READERS", readers)
    home = tmp_path / "home"
    set_up_process(settings_from({}, catalog="catalog.yaml", home=home))
    (home / "landing").mkdir()
    (home / "serving").mkdir()
    target = home / "serving" / "context360.duckdb"
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("create schema core; create schema marts; create schema quality")
        connection.execute("create table core.dim_day as select 1 as day_key")
        publish(connection, target, run_id="run", as_of=datetime(2026, 1, 1))
    assert (mode(home), mode(target.parent), mode(target), mode(home / "landing")) == modes


def test_unknown_readers_are_refused_with_the_choices(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONTEXT360_READERS", "everyone")
    with pytest.raises(SettingsError, match="'everyone': write `owner` or `group`"):
        readers_are_the_group()
