"""Writes a new firm's folder from the template."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from orchestration.firm.folder import FirmError

TEMPLATE = Path(__file__).resolve().parent / "template"
_PLACEHOLDER = "__firm__"


def write_firm_folder(folder: Path, name: str | None = None) -> Path:
    """Writes a folder that `context360 run` can work in, and returns it.

    name: of the firm and of its dbt project; None takes it from the folder. Writes all or nothing. Raises FirmError
    if the folder is not empty, cannot be written, or the name is not valid for a dbt project.
    """
    folder = folder.expanduser().resolve()
    firm = name or re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", firm) or firm == "context360":
        raise FirmError(f"'{firm}' cannot name a dbt project: give one in snake_case with --name, as in my_firm.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FirmError(f"{folder} holds something already: choose a folder that is new or empty.")
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(TEMPLATE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        for file in fresh.rglob("*"):
            if file.is_file():
                file.write_text(file.read_text(encoding="utf-8").replace(_PLACEHOLDER, firm), encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()
        fresh.replace(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise FirmError(
            f"{folder} cannot be written ({error.strerror}): correct its rights or choose another."
        ) from error
    return folder
