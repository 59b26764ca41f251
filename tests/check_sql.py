"""Type-checks and lints all SQL: builds every model of every bundled catalog on empty landing, and lints the result.

An empty build makes the engine bind every column and function and hold every contract against the real types; the
compiled SQL is what both people and engines read in the end. Run by `make check`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from empty_warehouse import build_empty_warehouse

from orchestration.settings import BUNDLED_CATALOGS, DBT_PROJECT
from orchestration.warehouse.dbt import DbtProject, NodeResult


def main() -> int:
    faults = 0
    for file in sorted(BUNDLED_CATALOGS.glob("*.yaml")):
        with tempfile.TemporaryDirectory() as home:
            faults += check_catalog(file, Path(home))
    return 1 if faults else 0


def check_catalog(file: Path, home: Path) -> int:
    """Builds the project for one catalog below `home`; prints each fault and returns how many there are."""
    project, results = build_empty_warehouse(file, home)
    faults = [result for result in results if result.status not in ("success", "pass")]
    for fault in faults:
        print(f"{file.stem}: {fault.name}: {fault.status} {fault.message or ''}")
    print(f"{file.stem}: {len([r for r in results if not r.is_test])} models bound, {len(faults)} faults")
    return len(faults) + lint(compiled_models(project, results))


def compiled_models(project: DbtProject, results: list[NodeResult]) -> list[Path]:
    """The compiled SQL of the models that were built."""
    models = {result.name for result in results if result.unique_id.startswith("model.")}
    return [
        path for path in (project.target_path / "compiled").rglob("*.sql")
        if path.stem in models and "data_tests" not in path.parts
    ]  # fmt: skip


def lint(files: list[Path]) -> int:
    """sqlfluff on the compiled SQL; layout is the templates' business and is not judged here."""
    configuration = str(DBT_PROJECT.parent / ".sqlfluff")
    command = [sys.executable, "-m", "sqlfluff", "lint", "--config", configuration, "--disable-progress-bar"]
    return subprocess.call([*command, *map(str, files)])


if __name__ == "__main__":
    sys.exit(main())
