"""Type-checks and lints all SQL: builds every model of every bundled catalog on empty landing, and lints the result.

An empty build makes the engine bind every column and function and hold every contract against the real types; the
compiled SQL is what both people and engines read in the end. Run by `make check`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from orchestration.channels.catalog import load_catalog
from orchestration.channels.landing import ensure_declared_columns
from orchestration.identity import link_records
from orchestration.settings import BUNDLED_CATALOGS, DBT_PROJECT, settings_from
from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.dbt import DbtProject, NodeResult, declared_columns

ANY_MOMENT = datetime(2026, 1, 1)
BEFORE_IDENTITY = ("resource_type:seed", "path:models/staging", "path:models/intermediate")
AFTER_IDENTITY = ("path:models/intermediate/identified", "path:models/core", "path:models/marts", "path:models/quality")


def main() -> int:
    faults = 0
    for file in sorted(BUNDLED_CATALOGS.glob("*.yaml")):
        with tempfile.TemporaryDirectory() as home:
            faults += check_catalog(file, Path(home))
    return 1 if faults else 0


def check_catalog(file: Path, home: Path) -> int:
    """Builds the project for one catalog below `home`; prints each fault and returns how many there are."""
    settings = settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(file))
    catalog = load_catalog(file, settings.environment)
    for system, stream in catalog.streams():
        columns = declared_columns(system.staging_folder)[stream.name]
        ensure_declared_columns(settings.landing_url, system.name, stream.name, columns)
    project = DbtProject(catalog, settings)
    results = project.run(
        "build", [*BEFORE_IDENTITY, "--exclude", "path:models/intermediate/identified"], as_of=ANY_MOMENT
    )
    with open_warehouse(settings.warehouse_path) as connection:
        link_records(connection, "intermediate.int_source_record", identifiers="intermediate.int_identifier")
    results += project.run("build", list(AFTER_IDENTITY), as_of=ANY_MOMENT)
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
