"""The product as a wheel, installed into an environment of its own: what a firm gets that has no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("orchestration", "expectations", "dbt_project", "pyproject.toml", "README.md", "LICENSE")


def installed_wheel(folder: Path) -> Path:
    """Builds the wheel from a copy of the sources, installs it below `folder`, and returns the environment's Python.

    The packages that the product needs are those of this environment: they are seen, not installed again.
    """
    sources = folder / "sources"
    sources.mkdir(parents=True)
    for part in PARTS:
        if (REPOSITORY / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info")
            shutil.copytree(REPOSITORY / part, sources / part, ignore=ignored)
        elif (REPOSITORY / part).is_file():
            shutil.copy(REPOSITORY / part, sources / part)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(sources)])
    shutil.rmtree(sources)
    (wheel,) = folder.glob("context360-*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    site = environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    _run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)])
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _run(command: list[str]) -> None:
    # Compiled once, at install: uncompiled, every start takes three times as long.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, env=environment, cwd=Path(command[-1]).parent)
