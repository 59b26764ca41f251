"""Running dbt inside this process, for one catalog.

The project is parsed with variables that hold nothing of one home or run, and the parse is kept (`parse_cache.py`): a
process, a run or a home parses only where the project or the catalog has changed. A run adds where landing is and the
`as of`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import Catalog
from orchestration.firm.folder import firm_folder
from orchestration.settings import DBT_PACKAGE, Settings
from orchestration.warehouse.build_record import digest_of_files, forget_all
from orchestration.warehouse.connection import failure_sentence, open_warehouse
from orchestration.warehouse.dbt_messages import broken_by, first_sentence, log_warning
from orchestration.warehouse.dbt_variables import PACKAGE_NAME, variables
from orchestration.warehouse.joint_tests import joint_tests, listener
from orchestration.warehouse.manifest_part import part_of
from orchestration.warehouse.node_inputs import ProjectText
from orchestration.warehouse.parse_cache import PARSED_FILES, ParseCache, link_package
from orchestration.warehouse.staging_sources import check_staging_folders

# Commands of dbt after which the tables of the warehouse are as they were.
_READING_COMMANDS = frozenset({"compile", "debug", "deps", "docs", "list", "ls", "parse", "show", "test"})


class DbtError(Exception):
    """dbt could not do what was asked; the message names the model and what is wrong."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    unique_id: str
    name: str
    status: str  # success, pass, warn, fail, error, skipped
    seconds: float
    failures: int | None
    message: str | None

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")


class DbtProject:
    """The dbt project of a firm, on top of the package, as parsed for one catalog; ready to run selections of it.

    learned_points: points per touchpoint of the version of engagement points in the settings. Raises FirmError where
    the catalog has no dbt project, or names a staging folder, or a stream of one, that does not exist.
    """

    def __init__(self, catalog: Catalog, settings: Settings, learned_points: Mapping[str, int] | None = None) -> None:
        self.firm = firm_folder(settings.catalog_path, catalog.project)
        check_staging_folders(self.firm, catalog, settings.catalog_path.name)
        self.settings = settings
        self.variables = variables(
            self.firm,
            catalog,
            engagement_points=settings.engagement_points,
            learned_points=learned_points or {},
        )
        self.target_path = settings.dbt_path / "target"
        self._parsed_path = settings.dbt_path / "parsed"  # dbt writes there when it parses, and nothing else does
        self._cache = ParseCache.of_user()
        self._parsed: Any = None
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest as data, parsed only where the project or the catalog has changed since the last time."""
        if self._manifest is None:
            self._ensure_parsed()
            self._manifest = json.loads((self._parsed_path / "manifest.json").read_text())
        return self._manifest

    @cached_property
    def text(self) -> ProjectText:
        """The text of the project, by which a run finds out what has changed."""
        functions = [Path(__file__).with_name(name) for name in ("engine_functions.py", "contact_details.py")]
        settings = [DBT_PACKAGE / "dbt_project.yml", self.firm.path / "dbt_project.yml", *functions]
        return ProjectText(self.manifest, self.variables, digest_of_files(settings))

    @cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        """The models and seeds of the manifest by unique id."""
        nodes = self.manifest["nodes"]
        return {name: node for name, node in nodes.items() if node["resource_type"] in ("model", "seed")}

    def shortest_selection(self, unique_ids: Collection[str]) -> list[str]:
        """Folders and names that select exactly these nodes, as dbt writes them.

        dbt holds every name against every node: a hundred names cost it half a second.
        """
        wanted = set(unique_ids)
        below: dict[tuple[str, ...], set[str]] = {}
        for unique_id, node in self.manifest["nodes"].items():
            name = tuple(node["fqn"])
            for depth in range(1, len(name) + 1):
                below.setdefault(name[:depth], set()).add(unique_id)
        whole = {folder for folder, nodes in below.items() if nodes <= wanted}
        return sorted("fqn:" + ".".join(folder) for folder in whole if folder[:-1] not in whole)

    def build(
        self,
        unique_ids: Collection[str],
        *,
        as_of: datetime,
        known_until: datetime | None = None,
        run_id: str = "",
        full_refresh: bool = False,
    ) -> list[NodeResult]:
        """Builds models and seeds, then judges tests, and releases the warehouse file.

        unique_ids: of models, seeds and tests. as_of: naive UTC. known_until: the same, where it lies in the past and
        later rows are left out. run_id: under which evidence is kept. Returns a result per node, but for tests of
        tables that were not built. Raises DbtError where dbt itself fails (not where a model or test does: that is in
        the results).
        """
        variables = {"as_of": as_of, "known_until": known_until, "run_id": run_id}
        nodes = self.manifest["nodes"]
        tests = joint_tests(nodes, [name for name in unique_ids if nodes[name]["resource_type"] == "test"])
        joint = {test for tests_of_table in tests for test in tests_of_table}
        built = [unique_id for unique_id in unique_ids if unique_id not in joint]
        results = self._build_nodes(built, full_refresh, **variables) if built else []
        missing = {result.unique_id for result in results if result.status in ("error", "skipped")}
        tests = [
            due
            for tests_of_table in tests
            if (due := [test for test in tests_of_table if missing.isdisjoint(nodes[test]["depends_on"]["nodes"])])
        ]
        return results + (self._judge(tests, **variables) if tests else [])

    def run(self, command: str, selection: Sequence[str], *, as_of: datetime) -> list[NodeResult]:
        """Runs `dbt <command>` on the selected nodes and releases the warehouse file.

        selection: names as dbt selects them. as_of: naive UTC. Returns a result per node, in order of their end.
        Raises DbtError where dbt itself fails (not where a model or test does: that is in the results).
        """
        return self._invoke(self._loaded(), command, selection, full_refresh=False, as_of=as_of)

    def _build_nodes(self, unique_ids: Collection[str], full_refresh: bool, **variables: Any) -> list[NodeResult]:
        """Builds models and seeds, and judges tests as nodes."""
        part = part_of(self._loaded(), unique_ids)
        selection = self.shortest_selection(unique_ids)
        return self._invoke(part, "build", selection, full_refresh=full_refresh, **variables)

    def _judge(self, tests: Sequence[Sequence[str]], **variables: Any) -> list[NodeResult]:
        """Judges tests, those of a table in one statement. tests: lists of unique ids, one per table."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        failures: dict[str, int] = {}
        arguments = ["run-operation", f"{PACKAGE_NAME}.judge_tests", "--args", json.dumps({"tests_of_tables": tests})]
        try:
            runner = dbtRunner(manifest=part_of(self._loaded(), ()), callbacks=[listener(failures)])
            runner.invoke([*arguments, *self._arguments(**variables), "--no-write-json"])
        finally:
            DuckDBConnectionManager.close_all_connections()
        names = self.manifest["nodes"]
        results = [
            NodeResult(
                unique_id=unique_id,
                name=names[unique_id]["name"],
                status="fail" if count else "pass",
                seconds=0,
                failures=count,
                message=broken_by(count),
            )
            for unique_id, count in failures.items()
        ]
        # A query that fails takes those after it along: as nodes, each has its own result and message.
        left = [test for tests_of_table in tests for test in tests_of_table if test not in failures]
        return results + (self._build_nodes(left, False, **variables) if left else [])

    def _invoke(
        self, manifest: Any, command: str, selection: Sequence[str], *, full_refresh: bool, **variables: Any
    ) -> list[NodeResult]:
        """Calls dbt on the nodes of a manifest; a result per node."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        build = command == "build"
        arguments = [
            command,
            "--select",
            *selection,
            "--indirect-selection",
            "empty",
            *self._arguments(**variables),
            "--no-write-json",  # the results are here already, and the manifest does not change
            # Unit tests prove the SQL, not the data: they are run by `make test`. An exposure has nothing to be built.
            *(("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure") if build else ()),
            *(["--full-refresh"] if full_refresh else []),
        ]
        try:
            outcome = dbtRunner(manifest=manifest).invoke(arguments)
        finally:
            DuckDBConnectionManager.close_all_connections()
        results = [self._node_result(result) for result in getattr(outcome.result, "results", None) or []]
        if outcome.exception is not None:
            raise DbtError(self._sentence(str(outcome.exception)))
        return results

    def query(self, model: str, *, as_of: datetime) -> str:
        """The SQL of a model as it would be built at that moment (naive UTC); see `queries`."""
        return self.queries([model], as_of=as_of)[model]

    def queries(self, selection: Sequence[str], *, as_of: datetime) -> dict[str, str]:
        """The SQL of models by name, as they would be built at that moment (naive UTC), on the tables of the warehouse.

        The warehouse is not opened. Raises DbtError where dbt fails or there is no such model.
        """
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner(manifest=self._loaded()).invoke(
            ["compile", "--select", *selection, "--no-introspect", "--no-populate-cache", "--no-write-json",
             *self._arguments(as_of=as_of)]
        )  # fmt: skip
        if outcome.exception is not None:
            raise DbtError(self._sentence(str(outcome.exception)))
        nodes = [result.node for result in list(getattr(outcome.result, "results", None) or [])]
        if not nodes or not all(node.compiled_code for node in nodes):
            raise DbtError(f"There is no model {' '.join(selection)} in the dbt project: correct the name.")
        return {node.name: str(node.compiled_code) for node in nodes}

    def call(self, arguments: Sequence[str], *, as_of: datetime) -> bool:
        """Calls dbt as a person does, with the variables of this project; dbt prints what it does. Returns success.

        arguments: as on dbt's command line. as_of: naive UTC.
        """
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        os.environ["CONTEXT360_DBT_PACKAGE"] = str(DBT_PACKAGE)
        if self.settings.warehouse_path.exists() and not _READING_COMMANDS.intersection(arguments[:1]):
            with open_warehouse(self.settings.warehouse_path) as connection:
                forget_all(connection)
        try:
            return dbtRunner().invoke([*arguments, *self._project_arguments(as_of, "dbt")]).success
        finally:
            DuckDBConnectionManager.close_all_connections()

    def document(self, page: Path, *, as_of: datetime) -> None:
        """Writes dbt's documentation of every table and column, with the graph, as one HTML file.

        Reads the warehouse, as it is. Raises DbtError where dbt fails.
        """
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        self.target_path.mkdir(parents=True, exist_ok=True)
        try:
            outcome = dbtRunner().invoke(["docs", "generate", "--static", *self._arguments(as_of=as_of)])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if outcome.exception is not None or not outcome.success:
            raise DbtError(self._sentence(str(outcome.exception)))
        page.parent.mkdir(parents=True, exist_ok=True)
        written = page.with_suffix(".part")
        shutil.copyfile(self.target_path / "static_index.html", written)
        written.replace(page)

    def _ensure_parsed(self) -> None:
        """Brings the files of this parse into the home: they are there, or come from the cache, or from dbt."""
        fingerprint, known = self._fingerprint(), self._parsed_path / "fingerprint"
        files = [self._parsed_path / name for name in PARSED_FILES]
        if known.exists() and known.read_text() == fingerprint and all(file.exists() for file in files):
            return
        self._parsed_path.mkdir(parents=True, exist_ok=True)
        known.unlink(missing_ok=True)
        self._forget_parse_of_another_place()
        if self._cache is None:
            self._parse()
        else:
            with self._cache.turn(fingerprint):
                if not self._cache.fetch(fingerprint, self._parsed_path):
                    self._parse()
                    self._cache.keep(fingerprint, self._parsed_path)
        known.write_text(fingerprint)

    def _forget_parse_of_another_place(self) -> None:
        """dbt goes on from its last parse, which holds the paths of the firm's folder and of the package."""
        places, file = f"{self.firm.path}\n{DBT_PACKAGE}\n", self._parsed_path / "places"
        if not file.exists() or file.read_text() != places:
            for name in PARSED_FILES:
                (self._parsed_path / name).unlink(missing_ok=True)
            file.write_text(places)

    def _parse(self) -> None:
        """Parses what has changed, keeps the parse as files, and logs dbt's warnings."""
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner(callbacks=[log_warning]).invoke(["parse", *self._arguments(), "--write-json"])
        if outcome.exception is not None or not outcome.success:
            raise DbtError(f"The dbt project cannot be read: {first_sentence(str(outcome.exception))}")
        self._parsed = outcome.result

    def _loaded(self) -> Any:
        """The parse as dbt's own object, read from its file: dbt itself would compare every file again first.

        Forgets what earlier invocations have compiled: dbt keeps the SQL of ephemeral models in the manifest and would
        put it, with its `as of`, into later queries.
        """
        if self._parsed is None:
            self._ensure_parsed()
        if self._parsed is None:
            from dbt.contracts.graph.manifest import Manifest
            from dbt.parser.manifest import extended_mashumuro_decoder

            content = (self._parsed_path / "partial_parse.msgpack").read_bytes()
            manifest: Any = Manifest.from_msgpack(content, decoder=extended_mashumuro_decoder)
            manifest.build_parent_and_child_maps()
            manifest.build_flat_graph()
            self._parsed = manifest
        for node in self._parsed.nodes.values():
            if getattr(node, "compiled", False):
                node.compiled, node.compiled_code = False, None
                node.extra_ctes, node.extra_ctes_injected = [], False
        return self._parsed

    def _arguments(
        self, as_of: datetime | None = None, run_id: str = "", known_until: datetime | None = None
    ) -> list[str]:
        """The options of every silent call of dbt. as_of: of a run; None to parse, which needs nothing of this home."""
        return [
            *self._project_arguments(as_of, run_id, known_until),
            "--log-level", "none",
            "--log-level-file", "none",  # the engine's errors quote values, which may be personal data
            "--no-use-colors",
        ]  # fmt: skip

    def _project_arguments(self, as_of: datetime | None, run_id: str, known_until: datetime | None = None) -> list[str]:
        of_the_run: dict[str, str] = {}
        if as_of:
            of_the_run = {
                "as_of": as_of.strftime("%Y-%m-%d %H:%M:%S"),
                "run_id": run_id,
                "landing_url": self.settings.landing_url,
                "warehouse_path": str(self.settings.warehouse_path),
            }
        if known_until:
            of_the_run["known_until"] = known_until.strftime("%Y-%m-%d %H:%M:%S")
        packages = self._packages()
        link_package(packages)
        os.environ["CONTEXT360_DBT_PACKAGES"] = str(packages)
        return [
            "--project-dir", str(self.firm.path),
            "--profiles-dir", str(DBT_PACKAGE),
            "--target-path", str(self.target_path if as_of else self._parsed_path),
            "--log-path", str(self.settings.dbt_path / "logs"),
            "--vars", json.dumps(self.variables | of_the_run),
            "--no-send-anonymous-usage-stats",
            "--no-version-check",
        ]  # fmt: skip

    def _packages(self) -> Path:
        """The folder in which dbt finds the package: one for all homes, as its path is part of the parse."""
        return self._cache.packages_of(DBT_PACKAGE) if self._cache else self.settings.dbt_path / "packages"

    def _fingerprint(self) -> str:
        """Of all that is parsed: variables, dbt's versions, the places, and the contents of all files."""
        versions = [version("dbt-core"), version("dbt-duckdb")]
        parsed = [self.variables, versions, str(self.firm.path), str(DBT_PACKAGE), str(self._packages())]
        digest = hashlib.sha256(json.dumps(parsed, sort_keys=True).encode())
        for project in (DBT_PACKAGE, self.firm.path):
            files = sorted(
                path
                for folder in ("models", "macros", "seeds", "tests")
                for path in (project / folder).rglob("*")
                if path.is_file()
            )
            for path in (*project.glob("*.yml"), *files):
                digest.update(f"{path.relative_to(project)}|".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _node_result(self, result: Any) -> NodeResult:
        return NodeResult(
            unique_id=result.node.unique_id,
            name=result.node.name,
            status=str(result.status),
            seconds=result.execution_time,
            failures=result.failures,
            message=self._sentence(result.message) if result.message else None,
        )

    def _sentence(self, message: str) -> str:
        return failure_sentence(self.settings.warehouse_path, message) or first_sentence(message)
