"""The demo company of the command, and the catalog that the command writes for it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

from examples.veloheld.generator.catalog import write_catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES, settings_from


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments], capture_output=True, text=True, check=False
    )


def test_catalog_of_a_new_company_finds_all_systems(tmp_path: Path) -> None:
    out = tmp_path / "company"
    made = command("demo", "create", "--customers", "200", "--days", "30", "--out", str(out))
    assert made.returncode == 0, made.stdout + made.stderr
    assert str(out / "catalog.yaml") in made.stdout
    catalog = load_catalog(out / "catalog.yaml", {})
    # 30 days from 2024-07-01: the last one is 30 July, and it is over at midnight.
    assert str(catalog.as_of)[:10] == "2024-07-31"
    for system in catalog.systems.values():
        if system.connector == "rest_api":
            continue  # its server answers while a run goes on
        place = system.location if system.connector == "files" else system.url.get_secret_value().split("///", 1)[1]
        assert Path(place).exists(), system.name


def test_advance_moves_company_and_catalog_to_the_new_last_day(tmp_path: Path) -> None:
    out = tmp_path / "company"
    command("demo", "create", "--customers", "200", "--days", "30", "--out", str(out))
    lived = command("demo", "advance", "--days", "2", "--out", str(out))
    assert lived.returncode == 0, lived.stdout + lived.stderr
    assert str(load_catalog(out / "catalog.yaml", {}).as_of)[:10] == "2024-08-02"
    assert write_catalog(out).read_text() == (out / "catalog.yaml").read_text()


def test_bad_arguments_are_reported_in_one_sentence_and_change_nothing(tmp_path: Path) -> None:
    for arguments in (("--customers", "-1"), ("--days", "0")):
        refused = command("demo", "create", *arguments, "--out", str(tmp_path / "new"))
        assert refused.returncode == 2
        assert "Traceback" not in refused.stdout + refused.stderr and refused.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "photo.jpg").write_text("mine")
    refused = command("demo", "create", "--out", str(tmp_path))
    assert refused.returncode == 2 and [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_name_of_the_example_selects_the_company_of_this_home(tmp_path: Path) -> None:
    assert settings_from({}, catalog="veloheld", home=tmp_path).catalog_path == EXAMPLES / "veloheld" / "catalog.yaml"
    own = tmp_path / "demo_company" / "catalog.yaml"
    own.parent.mkdir()
    own.write_text(f"catalog: veloheld  # {datetime(2026, 1, 1)}\n")
    assert settings_from({}, catalog="veloheld", home=tmp_path).catalog_path == own
