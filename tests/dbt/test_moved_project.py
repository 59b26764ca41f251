"""A firm's folder may be moved: what dbt parsed before holds the old paths, and is not used again."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from
from orchestration.warehouse import dbt
from orchestration.warehouse.dbt import DbtProject

SYSTEM = "{connector: files, location: ., streams: {a: {path: a, format: csv}}}"


def test_seed_of_a_moved_folder_is_read_from_its_new_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A project without the package parses in a second.
    monkeypatch.setattr(dbt, "link_package", lambda _: None)
    monkeypatch.setattr(dbt, "check_staging_folders", lambda *_: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "firm"
    (folder / "seeds").mkdir(parents=True)
    (folder / "seeds" / "own_touchpoints.csv").write_text("touchpoint\nvisit\n")
    (folder / "dbt_project.yml").write_text("name: firm\nprofile: context360\n")
    (folder / "catalog.yaml").write_text(f"catalog: firm\nsystems: {{shop: {SYSTEM}}}\n")

    def place_of_the_seed(folder: Path) -> str:
        file = folder / "catalog.yaml"
        settings = settings_from({"CONTEXT360_HOME": str(folder / ".context360")}, catalog=str(file))
        return DbtProject(load_catalog(file, {}), settings).manifest["nodes"]["seed.firm.own_touchpoints"]["root_path"]

    assert place_of_the_seed(folder) == str(folder)
    moved = folder.rename(tmp_path / "moved")
    assert place_of_the_seed(moved) == str(moved)
