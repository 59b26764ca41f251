"""The layout of a home folder: the version that wrote it, and the migration of an older layout.

State that cannot be computed again (landing, the register of customer numbers, scores and proposals) stays unchanged.
Other state (warehouse, parsed project) is deleted if its layout has changed, and the next run rebuilds it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from orchestration.firm.examples import demo_generator
from orchestration.settings import DEMO_FOLDER

LAYOUT = 2
STATE_FILE = "state.yaml"
_FIRST_VERSION = "0.1.0"  # wrote no state file


class StateError(Exception):
    """The state of a home folder cannot be used; the message says why and what to do."""


def check_state(home: Path) -> str | None:
    """A message if the home folder holds state of an older version, which the next run migrates; else None.

    Raises StateError if a newer version wrote the state, or the state file cannot be read.
    """
    layout, writer = _layout_of(home)
    if layout > LAYOUT:
        raise StateError(
            f"{home} holds state of context360 {writer}, and this is {_version()}: install {writer} "
            "or newer, or choose another folder with --home."
        )
    if 0 < layout < LAYOUT:
        return f"{home} holds state of context360 {writer}: `context360 run` brings it up to date."
    return None


def bring_up_to_date(home: Path) -> list[str]:
    """Migrates the home folder to this version's layout and returns one message per change. Hold the run's lock.

    Raises StateError as check_state does.
    """
    check_state(home)
    layout, writer = _layout_of(home)
    done = []
    if layout == 1:
        done = [f"{home} holds state of context360 {writer}, which is brought up to date."]
        done += _from_1_to_2(home)
    if layout != LAYOUT:
        home.mkdir(parents=True, exist_ok=True)
        file = home / STATE_FILE
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(yaml.safe_dump({"layout": LAYOUT, "written_by": _version()}, sort_keys=False))
        fresh.replace(file)
    return done


def _from_1_to_2(home: Path) -> list[str]:
    """In 0.1.0, one dbt project held the staging models of all firms: their tables and models have new names now."""
    done = []
    warehouse = home / "warehouse.duckdb"
    if warehouse.exists():
        for file in (warehouse, warehouse.with_name(f"{warehouse.name}.wal")):
            file.unlink(missing_ok=True)
        done.append("The warehouse is rebuilt from landing; customer numbers and earlier predictions are kept.")
    shutil.rmtree(home / "dbt", ignore_errors=True)
    models = home / "predictions" / "models"
    if models.is_dir():
        shutil.rmtree(models)
        done.append("Trained models of that version cannot be read any more: they are trained anew.")
    if (home / DEMO_FOLDER / "company.yaml").is_file():
        demo_generator().write_catalog(home / DEMO_FOLDER)
        done.append("The catalog of the demo company is written anew, with relative paths.")
    return done


def _version() -> str:
    from importlib.metadata import version  # every command asks for the state, and this takes 20 ms

    return version("context360")


def _layout_of(home: Path) -> tuple[int, str]:
    """(layout, version that wrote it); layout 0 means no state."""
    file = home / STATE_FILE
    if not file.is_file():
        has_state = any((home / part).exists() for part in ("warehouse.duckdb", "landing", "identity", "serving"))
        return (1, _FIRST_VERSION) if has_state else (0, "")
    try:
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
        return int(written["layout"]), str(written["written_by"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise StateError(
            f"{file} cannot be read ({type(error).__name__}): put it back from a backup, or delete it if "
            f"context360 {_FIRST_VERSION} wrote this folder."
        ) from error
