"""Homes that cost minutes of processor: made once per content of the code, and kept for the next test run.

They lie in the system's folder for temporary files (CONTEXT360_TEST_HOMES names another one). Whoever needs one first
makes it, also in another process; all others find it. They are read only: a test that changes a home copies it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parents[1]
# What a home is made from, beside the inputs that its maker names.
_CODE = ("orchestration", "expectations", "dbt_project", "examples", "pyproject.toml", "requirements-dev.lock")
_KEPT = 2  # contents of the code per name of a home


def home_of(name: str, make: Callable[[Path], None], *, inputs: str) -> Path:
    """The folder that `make` has filled, for this content of the code.

    inputs: whatever else decides about its content, as text. Raises what `make` raises; the next caller tries again.
    """
    digest = hashlib.sha256(f"{_code()}|{name}|{inputs}".encode()).hexdigest()[:16]
    root = _root()
    folder = root / f"{name}-{digest}"
    with FileLock(root / f"{name}.lock"):
        if not (folder / "complete").exists():
            for old in sorted(root.glob(f"{name}-*"), key=lambda found: found.stat().st_mtime)[: 1 - _KEPT]:
                shutil.rmtree(old)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "complete").touch()
    return folder


def copy_tree(source: Path, target: Path) -> None:
    """Copies a folder; where the file system can, both share their blocks until one is changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["cp", "-a", "--reflink=auto", source, target], capture_output=True, check=False).returncode:
        shutil.copytree(source, target, dirs_exist_ok=True)


def files_digest(*places: Path) -> str:
    """Of the names and contents of all files at or below some places, but what Python and dbt leave there."""
    digest = hashlib.sha256()
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and not {"__pycache__", "target", "logs", "dbt_packages"} & set(file.parts):
                digest.update(f"{file.relative_to(place)}|".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _code() -> str:
    return files_digest(*(REPOSITORY / part for part in _CODE))


def _root() -> Path:
    """One folder per user and checkout: paths of both stand in a home."""
    given = os.environ.get("CONTEXT360_TEST_HOMES")
    base = Path(given) if given else Path(tempfile.gettempdir()) / f"context360-test-homes-{os.getuid()}"
    root = base / hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.mkdir(mode=0o700, exist_ok=True)
    return root
