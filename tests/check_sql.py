"""Type-checks and lints all SQL: builds every model of every bundled catalog on empty landing, and lints the result.

An empty build makes the engine bind every column and function and hold every contract against the real types; the
compiled SQL is what both people and engines read in the end. Run by `make check`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from empty_warehouse import empty_home

from orchestration.settings import DBT_PACKAGE, example_names
from orchestration.warehouse.dbt import NodeResult


def main() -> int:
    faults = 0
    files: dict[str, Path] = {}  # by their text: most models are the same in every catalog
    for example in example_names():
        home, results = empty_home(example)
        faults += report(example, results)
        files |= {file.read_text(): file for file in compiled_models(home, results)}
    faults += lint(list(files.values()))
    return 1 if faults else 0


def report(catalog: str, results: list[NodeResult]) -> int:
    """Prints each fault of the build and returns how many there are."""
    faults = [result for result in results if result.status not in ("success", "pass")]
    for fault in faults:
        print(f"{catalog}: {fault.name}: {fault.status} {fault.message or ''}")
    print(f"{catalog}: {len([r for r in results if not r.is_test])} models bound, {len(faults)} faults")
    return len(faults)


def compiled_models(home: Path, results: list[NodeResult]) -> list[Path]:
    """The compiled SQL of the models that were built."""
    models = {result.name for result in results if result.unique_id.startswith("model.")}
    return [
        path for path in (home / "dbt" / "target" / "compiled").rglob("*.sql")
        if path.stem in models and "data_tests" not in path.parts
    ]  # fmt: skip


def lint(files: list[Path]) -> int:
    """sqlfluff on the compiled SQL; layout is the templates' business and is not judged here."""
    configuration = str(DBT_PACKAGE.parent / ".sqlfluff")
    options = ["--config", configuration, "--disable-progress-bar", "--processes", "0"]  # 0: as many as there are cores
    command = [sys.executable, "-m", "sqlfluff", "lint", *options]
    return subprocess.call([*command, *map(str, files)])


if __name__ == "__main__":
    sys.exit(main())
