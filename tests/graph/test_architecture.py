"""Rules of the house, as tests: allowed imports, what every model must say, and which layers it may read."""

from __future__ import annotations

import ast
import graphlib
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.channels.catalog_file import load_catalog
from orchestration.serving.publishing import PUBLISHED_SCHEMAS
from orchestration.settings import DBT_PACKAGE, settings_from
from orchestration.warehouse.dbt import DbtProject

ROOT = DBT_PACKAGE.parent
PACKAGES = ("orchestration", "expectations")
DAGSTER_ALLOWED = {ROOT / "orchestration" / "definitions.py"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory):
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path_factory.mktemp("home"))}, catalog="contoso")
    return DbtProject(load_catalog(settings.catalog_path, {}), settings).manifest


def _imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", ["orchestration", "expectations"])
def test_only_the_definitions_import_dagster(package: str) -> None:
    guilty = [
        str(file.relative_to(ROOT))
        for file in (ROOT / package).rglob("*.py")
        if "defs" not in file.parts and file not in DAGSTER_ALLOWED
        and any(name.split(".")[0] in ("dagster", "dagster_dbt") for name in _imports(file))
    ]  # fmt: skip
    assert guilty == []


def test_only_settings_read_the_environment() -> None:
    allowed = {"settings.py"}
    guilty = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "orchestration").rglob("*.py")
        if file.name not in allowed
        and re.search(r"os\.(getenv|environ\.get|environ\[[^]]+\](?! *=))", file.read_text())
    ]
    assert guilty == []


def test_no_sql_parses_moments_by_a_format() -> None:
    """DuckDB's strptime reads past the end of a text that is shorter than its format, and crashes now and then."""
    files = [
        file
        for folder in ("orchestration", "expectations", "dbt_project", "examples")
        for ending in ("*.py", "*.sql")
        for file in (ROOT / folder).rglob(ending)
    ]
    called = re.compile(r"(?<![\w.])(try_)?strptime\(")  # with a dot before it, it is that of Python or Arrow
    assert [str(file.relative_to(ROOT)) for file in files if called.search(file.read_text())] == []


def test_the_command_answers_help_without_heavy_imports() -> None:
    heavy = ["dagster", "dbt", "great_expectations", "dlt", "pandas", "duckdb", "sqlalchemy", "pyarrow", "scipy"]
    code = f"import sys, orchestration.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = subprocess.run([sys.executable, "-m", "orchestration.cli", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0 and "who" in shown.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Seconds of processor: those of the clock say how crowded the machine is. The promise is 0.5 s.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_every_model_begins_its_description_with_its_grain(manifest) -> None:
    silent = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["fqn"][1] in ("core", "marts", "intermediate", "predictions", "quality")
        and not node["description"].startswith("One row per ")
    ]
    assert silent == []


def test_core_and_marts_have_contracts_and_describe_every_column(manifest) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["fqn"][1] in ("core", "marts"):
            assert node["config"]["contract"]["enforced"], node["name"]
            assert node["columns"], node["name"]
            for column in node["columns"].values():
                assert column["description"] and column["data_type"], f"{node['name']}.{column['name']}"


def test_marts_read_core_and_what_was_computed_from_it_and_nothing_below(manifest) -> None:
    known = manifest["nodes"] | manifest["sources"]

    def tables_behind(node) -> set[str]:
        """What a model reads, with ephemeral models replaced by what they read."""
        found = set()
        for parent in node["depends_on"]["nodes"]:
            is_ephemeral = known[parent]["config"].get("materialized") == "ephemeral"
            found |= tables_behind(known[parent]) if is_ephemeral else {parent}
        return found

    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["fqn"][1] == "marts":
            tables = tables_behind(node)
            assert {table.split(".")[0] for table in tables} <= {"model", "seed", "source"}, node["name"]
            schemas = {known[table]["schema"] for table in tables}
            assert schemas <= {"core", "marts", "seeds", "attribution", "predictions"}, node["name"]


def test_no_model_reads_the_clock(manifest) -> None:
    clocks = re.compile(r"\b(current_date|current_timestamp|now\(\)|today\(\)|get_current_timestamp)\b", re.IGNORECASE)
    guilty = [
        str(file.relative_to(ROOT))
        for folder in ("models", "macros")
        for file in (DBT_PACKAGE / folder).rglob("*.sql")
        if clocks.search(file.read_text())
    ]
    assert guilty == []


def test_personal_columns_are_tagged_wherever_they_are_documented(manifest) -> None:
    personal = {
        "given_name", "family_name", "display_name", "birth_date", "email", "phone", "street", "postal_code",
        "loyalty_number", "national_id", "identifier_value", "verbatim", "last_verbatim",
    }  # fmt: skip
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        for column in node["columns"].values():
            if column["name"] in personal:
                assert column["config"]["meta"].get("personal_data"), f"{node['name']}.{column['name']}"


def test_what_identity_keeps_is_neither_published_nor_previewed(manifest) -> None:
    """Its tables hold names and addresses as compared. Previews are made of dbt's models and seeds only."""
    assert "identity" not in PUBLISHED_SCHEMAS
    previewed = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    assert [node["name"] for node in previewed if node["schema"] == "identity"] == []
    # What core, marts and quality may read of it: numbers, keys and reasons, no values.
    readable = {"assignment", "assignment_history", "link", "refused_link"}
    assert {node["name"] for node in manifest["sources"].values() if node["source_name"] == "identity"} <= readable


def test_figures_about_identity_hold_no_key_of_a_record(manifest) -> None:
    for name in ("identity_health", "identity_breakdown"):
        columns = manifest["nodes"][f"model.context360.{name}"]["columns"]
        assert columns and "source_record_id" not in columns


def test_lock_files_name_packages_with_hashes_and_no_address() -> None:
    for lock in sorted(ROOT.glob("requirements*.lock")):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text and "index-url" not in text, lock.name
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in line for line in pinned), lock.name


# --- modules and packages ---------------------------------------------------------------------------------------------

# Floors of packages: a module may import its own floor and those below. `firm` and `settings` are the ground.
FLOORS = {
    "orchestration.settings": 0,
    "orchestration.counts": 0,
    "orchestration.firm": 0,
    "expectations": 1,
    "orchestration.warehouse": 1,
    "orchestration.channels": 1,
    "orchestration.identity": 2,
    "orchestration.perception": 2,
    "orchestration.journeys": 2,
    "orchestration.predictions": 2,
    "orchestration.project": 3,
    "orchestration.onboarding": 3,
    "orchestration.checking": 3,
    "orchestration.serving": 3,
    "orchestration.privacy": 3,
    "orchestration.defs": 4,
    "orchestration.live": 4,
    "orchestration.definitions": 5,
    "orchestration.console": 6,
    "orchestration.cli_options": 6,
    "orchestration.cli_live": 7,
    "orchestration.cli": 7,
    "orchestration.cli_privacy": 7,
}
# Arrows upwards, each with what ends it. A line that is no longer true must go.
UPWARDS: dict[tuple[str, str], str] = {}


def _modules() -> dict[str, Path]:
    def name(file: Path) -> str:
        parts = file.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    return {name(file): file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}


def _arrows() -> dict[str, set[str]]:
    """Per module the modules that it imports, wherever in the file."""
    modules = _modules()
    found: dict[str, set[str]] = {}
    for module, file in modules.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    targets.add(full if full in modules else node.module)
        found[module] = {target for target in targets if target in modules and target != module}
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        graphlib.TopologicalSorter(_arrows()).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_packages_import_only_their_own_floor_and_those_below() -> None:
    def floor(module: str) -> int:
        return next(level for package, level in FLOORS.items() if module == package or module.startswith(package + "."))

    upwards = {
        (module, target)
        for module, targets in _arrows().items()
        if module != "orchestration"
        for target in targets
        if target != "orchestration" and floor(target) > floor(module)
    }
    assert upwards == set(UPWARDS)
