"""Running dbt inside this process, for one catalog.

What a run needs to know is passed as variables: which staging folders are switched on, where landing is, and the `as
of`. The project is parsed once per process; a run that only changes the `as of` is not parsed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import Catalog
from orchestration.predictions.points_versions import PointsError, points_of
from orchestration.settings import DBT_PROJECT, SET_POINTS, Settings
from orchestration.warehouse.connection import failure_sentence

_LOG = logging.getLogger(__name__)


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


def variables(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    """The variables that the dbt project needs for this catalog (all but the `as of`).

    Raises DbtError where the configured version of learned engagement points cannot be read.
    """
    adapters = {system.staging_folder: system.name for system in catalog.systems.values()}
    canonical: dict[str, list[dict[str, str]]] = {}
    for adapter, system in sorted(adapters.items()):
        for file in sorted((DBT_PROJECT / "models" / "staging" / adapter).glob(f"{adapter}__*.sql")):
            thing = file.stem.removeprefix(f"{adapter}__")
            canonical.setdefault(thing, []).append({"model": file.stem, "system": system})
    return {
        "adapters": adapters,
        "streams": [
            {
                "adapter": system.staging_folder,
                "system": system.name,
                "stream": stream.name,
                "delivery": stream.delivery,
            }
            for system, stream in catalog.streams()
        ],
        "canonical": canonical,
        "landing_url": settings.landing_url,
        "warehouse_path": str(settings.warehouse_path),
        "engagement_points_version": str(settings.engagement_points or SET_POINTS),
        "learned_engagement_points": _learned_points(settings),
    }


def _learned_points(settings: Settings) -> dict[str, int]:
    """Points per touchpoint of the configured version; empty where the set points count."""
    if settings.engagement_points is None:
        return {}
    try:
        return points_of(settings.points_path, settings.engagement_points)
    except PointsError as error:
        raise DbtError(str(error)) from error


def project_variable(name: str) -> Any:
    """What dbt_project.yml says for a variable that the orchestration does not set."""
    import yaml

    return yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())["vars"][name]


def declared_columns(adapter: str, where: str = "The catalog") -> dict[str, dict[str, str]]:
    """Per stream, the columns that the staging folder reads, with their landed types, from its sources file.

    where: who asks, for the message. Raises DbtError where the folder or its sources file is missing.
    """
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table.get("columns", [])}
        for table in _source_tables(adapter, where)
    }


def personal_source_columns(adapter: str) -> dict[str, frozenset[str]]:
    """Per stream, the landed columns that hold personal data: tagged `config: {meta: {personal_data: true}}`.

    Raises DbtError where a column has `meta` outside of `config`: dbt has deprecated that form.
    """
    return {
        table["name"]: frozenset(
            column["name"]
            for column in table.get("columns", [])
            if _column_meta(adapter, table, column).get("personal_data")
        )
        for table in _source_tables(adapter)
    }


def _column_meta(adapter: str, table: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    if "meta" in column:
        raise DbtError(
            f"_{adapter}__sources.yml, table {table['name']}, column {column['name']}: `meta` stands beside `config`; "
            "write `config: {meta: {…}}`."
        )
    return (column.get("config") or {}).get("meta") or {}


def _source_tables(adapter: str, where: str = "The catalog") -> list[dict[str, Any]]:
    folder = DBT_PROJECT / "models" / "staging" / adapter
    file = folder / f"_{adapter}__sources.yml"
    if not file.is_file():
        known = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
        raise DbtError(
            f"{where}: there is no staging folder '{adapter}' (there are {', '.join(known)}): correct `adapter`, "
            f"or add {folder.relative_to(DBT_PROJECT.parent)}/{file.name} and its models."
        )
    return _tables_in(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=200)
def _tables_in(file: Path, _: int) -> list[dict[str, Any]]:
    import yaml

    return [table for source in yaml.safe_load(file.read_text())["sources"] for table in source["tables"]]


def _check_staging_folders(catalog: Catalog, file: str) -> None:
    for system, stream in catalog.streams():
        known = declared_columns(system.staging_folder, f"{file}: system {system.name}")
        if stream.name not in known:
            folder, names = system.staging_folder, ", ".join(sorted(known))
            raise DbtError(
                f"{file}: system {system.name}, stream {stream.name}: the staging folder {folder} does not interpret "
                f"it (it knows {names}); correct the name, or describe it in _{folder}__sources.yml and add its model."
            )


class DbtProject:
    """The dbt project as parsed for one catalog, ready to run selections of it.

    Raises DbtError where the catalog names a staging folder, or a stream of one, that does not exist; and where the
    configured engagement points do not.
    """

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        _check_staging_folders(catalog, settings.catalog_path.name)
        self.settings = settings
        self.variables = variables(catalog, settings)
        self.target_path = settings.dbt_path / "target"
        self._parsed: Any = None
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest as data, parsed only where the project or the catalog has changed since the last time."""
        if self._manifest is None:
            file = self.target_path / "manifest.json"
            fingerprint_file = self.target_path / "manifest.fingerprint"
            fingerprint = self._fingerprint()
            if not (file.exists() and fingerprint_file.exists() and fingerprint_file.read_text() == fingerprint):
                self._parse(write=True)
                fingerprint_file.write_text(fingerprint)
            self._manifest = json.loads(file.read_text())
        return self._manifest

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

    def run(
        self,
        command: str,
        selection: Sequence[str],
        *,
        as_of: datetime,
        run_id: str = "",
        full_refresh: bool = False,
        on_result: Callable[[NodeResult], None] | None = None,
    ) -> list[NodeResult]:
        """Runs `dbt <command>` on the selected nodes and releases the warehouse file.

        selection: names as dbt selects them. as_of: naive UTC. run_id: under which evidence is kept. Returns a result
        per node, in the order they ended.
        Raises DbtError where dbt itself fails (not where a model or test does: that is in the results).
        """
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        if self._parsed is None:
            self._parse()
        build = command == "build"
        arguments = [
            command,
            "--select",
            *selection,
            "--indirect-selection",
            "empty",
            *self._common_arguments(as_of=as_of, run_id=run_id),
            "--no-write-json",  # the results are here already, and the manifest does not change
            # Unit tests prove the SQL, not the data: they are run by `make test`. An exposure has nothing to be built.
            *(["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"] if build else []),
            *(["--full-refresh"] if full_refresh and command in ("build", "run", "seed") else []),
        ]
        callbacks = [_result_callback(on_result)] if on_result else []
        try:
            outcome = dbtRunner(manifest=self._parsed, callbacks=callbacks).invoke(arguments)
        finally:
            DuckDBConnectionManager.close_all_connections()
        results = [self._node_result(result) for result in getattr(outcome.result, "results", None) or []]
        if outcome.exception is not None:
            raise DbtError(self._sentence(str(outcome.exception)))
        return results

    def query(self, model: str, *, as_of: datetime) -> str:
        """The SQL of a model as it would be built at that moment (naive UTC), on the tables of the warehouse.

        The warehouse is not opened. Raises DbtError where dbt fails or there is no such model.
        """
        from dbt.cli.main import dbtRunner

        if self._parsed is None:
            self._parse()
        outcome = dbtRunner(manifest=self._parsed).invoke(
            [
                "compile", "--select", model, "--no-introspect", "--no-populate-cache", "--no-write-json",
                *self._common_arguments(as_of=as_of),
            ]
        )  # fmt: skip
        if outcome.exception is not None:
            raise DbtError(self._sentence(str(outcome.exception)))
        results = list(getattr(outcome.result, "results", None) or [])
        if not results or not results[0].node.compiled_code:
            raise DbtError(f"There is no model {model} in the dbt project: correct the name.")
        return str(results[0].node.compiled_code)

    def document(self, page: Path, *, as_of: datetime) -> None:
        """Writes dbt's documentation of every table and column, with the graph, as one HTML file.

        Reads the warehouse, as it is. Raises DbtError where dbt fails.
        """
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        self.target_path.mkdir(parents=True, exist_ok=True)
        try:
            outcome = dbtRunner().invoke(["docs", "generate", "--static", *self._common_arguments(as_of=as_of)])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if outcome.exception is not None or not outcome.success:
            raise DbtError(self._sentence(str(outcome.exception)))
        page.parent.mkdir(parents=True, exist_ok=True)
        written = page.with_suffix(".part")
        shutil.copyfile(self.target_path / "static_index.html", written)
        written.replace(page)

    def _parse(self, *, write: bool = False) -> None:
        """Parses what has changed and logs dbt's warnings. write: keep the manifest as a file, for the next process."""
        from dbt.cli.main import dbtRunner

        self.target_path.mkdir(parents=True, exist_ok=True)
        outcome = dbtRunner(callbacks=[_log_warning]).invoke(
            ["parse", *self._common_arguments(), "--write-json" if write else "--no-write-json"]
        )
        if outcome.exception is not None or not outcome.success:
            raise DbtError(f"The dbt project cannot be read: {_first_sentence(str(outcome.exception))}")
        self._parsed = outcome.result

    def _common_arguments(self, as_of: datetime | None = None, run_id: str = "") -> list[str]:
        moment = {"as_of": as_of.strftime("%Y-%m-%d %H:%M:%S"), "run_id": run_id} if as_of else {}
        return [
            "--project-dir", str(DBT_PROJECT),
            "--profiles-dir", str(DBT_PROJECT),
            "--target-path", str(self.target_path),
            "--log-path", str(self.settings.dbt_path / "logs"),
            "--vars", json.dumps(self.variables | moment),
            "--log-level", "none",
            "--log-level-file", "none",  # the engine's errors quote values, which may be personal data
            "--no-use-colors",
            "--no-send-anonymous-usage-stats",
            "--no-version-check",
        ]  # fmt: skip

    def _fingerprint(self) -> str:
        files = sorted(
            path
            for folder in ("models", "macros", "seeds", "tests")
            for path in (DBT_PROJECT / folder).rglob("*")
            if path.is_file()
        )
        digest = hashlib.sha256(json.dumps(self.variables, sort_keys=True).encode())
        for path in (DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml", *files):
            state = path.stat()
            digest.update(f"{path.relative_to(DBT_PROJECT)}|{state.st_size}|{state.st_mtime_ns}\n".encode())
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
        return failure_sentence(self.settings.warehouse_path, message) or _first_sentence(message)


def _log_warning(event: Any) -> None:
    """Logs a warning of dbt's parser, which `--log-level none` mutes. It names files, never values."""
    if event.info.level == "warn":
        _LOG.warning("dbt: %s", " ".join(event.info.msg.split()))


def _result_callback(on_result: Callable[[NodeResult], None]) -> Callable[[Any], None]:
    finished = {"LogModelResult", "LogSeedResult", "LogTestResult"}

    def callback(event: Any) -> None:
        if event.info.name in finished:
            info = event.data.node_info
            on_result(NodeResult(info.unique_id, info.node_name, info.node_status, 0.0, None, None))

    return callback


def _first_sentence(message: str) -> str:
    """dbt's messages in one line, without the SQL and the values that the engine quotes: they may be personal data."""
    if re.search(r"(Conversion|Invalid Input|Constraint|Out of Range) Error", message):
        message = re.sub(r"'[^']*'", "'…'", message)
    lines = [line.strip() for line in message.strip().splitlines()]
    kept = [line for line in lines if line and not line.startswith(("compiled code at", "LINE ", "^"))]
    broken_contract = [
        line
        for line in kept[3:]
        if line.startswith("|") and line.endswith(("mismatch |", "definition |", "contract |"))
    ]
    return " ".join(kept[:3] + broken_contract)
