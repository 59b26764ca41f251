"""An installation as a test handles it: a catalog, source files and a home, and what can be seen of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from golden import copy_tree

from orchestration.channels.intake.load_register import mark_published

REPOSITORY = Path(__file__).resolve().parents[2]
CONTOSO = REPOSITORY.parent / "shared" / "data" / "contoso"
Content = dict[str, tuple[int, str]]
# They record deliveries, customer numbers ever issued, and trainings: no later delivery changes those.
ABOUT_RUNS = (
    "bridge_customer_number", "dim_source_stream", "stream_latency", "prediction_model", "prediction_performance",
    "prediction_calibration", "value_performance", "value_calibration", "engagement_points_judgement",
    "learned_engagement_points", "action_policy_value",
)  # fmt: skip

STATES = "select source_system || '/' || stream, state from quality.stream_status"
QUARANTINED = "select source_system || '/' || stream, count(*) from quality.quarantine group by 1"


@dataclass(frozen=True)
class Said:
    """How a command ended, and its text."""

    code: int
    text: str

    @property
    def faults(self) -> list[str]:
        """The sentences about what is wrong, without their sign."""
        return [line[2:] for line in self.text.splitlines() if line[:2] in ("✗ ", "! ")]

    def has_no_traceback(self) -> bool:
        return "Traceback" not in self.text


class WarmCommand:
    """The worker process; one order at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            cwd=REPOSITORY, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __call__(self, *arguments: str | Path, variables: Mapping[str, str]) -> Said:
        assert self._process.stdin and self._process.stdout
        order = {"arguments": [str(argument) for argument in arguments], "environment": environment(variables)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the worker died of {arguments}"
        return Said(**json.loads(answer))

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: nothing of this project but what the test gives it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONTEXT360", "DAGSTER", "DBT_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    # As many processes as cores run tests: more threads would wait for each other.
    return {**kept, "CONTEXT360_THREADS": "1", **(variables or {})}


@dataclass
class Installation:
    """One catalog with its home below one folder. `warm`: the process in which commands run, or None for cold ones."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    catalog: str = "catalog.yaml"
    warm: WarmCommand | None = None
    python: str = sys.executable  # of the environment in which cold commands run

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "serving" / "context360.duckdb"

    @property
    def catalog_argument(self) -> str:
        return str(self.folder / self.catalog) if self.catalog.endswith(".yaml") else self.catalog

    def command(self, *arguments: str | Path) -> Said:
        """Any command of context360."""
        if self.warm:
            return self.warm(*arguments, variables=self.variables)
        return self.cold(*arguments)

    def cold(self, *arguments: str | Path, **options: object) -> Said:
        """A command in a process of its own, as a user starts it."""
        done = subprocess.run(
            self.cold_command(*arguments), cwd=self.folder, env=environment(self.variables), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900, check=False, **options,
        )  # type: ignore[call-overload]  # fmt: skip
        return Said(done.returncode, done.stdout)

    def cold_command(self, *arguments: str | Path) -> list[str]:
        return [self.python, "-m", "orchestration.cli", *(str(argument) for argument in arguments)]

    def run_arguments(self, *arguments: str) -> tuple[str | Path, ...]:
        return ("run", "--catalog", self.catalog_argument, "--home", self.home, *arguments)

    def run(self, *arguments: str) -> Said:
        return self.command(*self.run_arguments(*arguments))

    def status(self) -> Said:
        return self.command("status", "--catalog", self.catalog_argument, "--home", self.home)

    def who(self, *identifier: str) -> Said:
        return self.command("who", *identifier, "--home", self.home)

    def copy_to(self, folder: Path, home: Path | None = None) -> Installation:
        """The same installation elsewhere."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("home"))
        copy = Installation(folder, dict(self.variables), self.catalog, self.warm)
        for name, value in copy.variables.items():
            copy.variables[name] = value.replace(str(self.folder), str(folder))
        copy_tree(self.home, home or copy.home)
        return copy

    def ask(self, query: str) -> list[tuple]:
        """Rows from the published warehouse."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def value(self, query: str) -> object:
        """One value from the published warehouse."""
        ((found,),) = self.ask(query)
        return found

    def content(self) -> Content:
        """Rows and content of every published table of core and marts but those about runs."""
        return _content(self.published, ("core", "marts"))

    def built(self, query: str) -> list[tuple]:
        """Rows from the warehouse as the last run left it, published or not."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def built_value(self, query: str) -> object:
        """One value from the warehouse as the last run left it."""
        ((found,),) = self.built(query)
        return found

    def core(self) -> Content:
        """Rows and content of every table of core but those about runs, as the last run left it."""
        return _content(self.warehouse, ("core",))

    def show_to_readers(self) -> None:
        """Notes what the last run took in as published, as a whole run does at its end: later faults do not hold it."""
        with duckdb.connect(str(self.warehouse)) as connection:
            mark_published(connection, "until a layer", datetime.now(UTC).replace(tzinfo=None))

    def states(self) -> dict[str, str]:
        """Stream -> its state, as readers see it."""
        return dict(self.ask(STATES))

    def quarantined(self) -> dict[str, int]:
        """Stream -> rows in quarantine, as readers see it."""
        return dict(self.ask(QUARANTINED))

    def landed(self, stream: str, folder: str = "rows") -> int:
        """Rows of a stream in a folder of landing."""
        files = sorted((self.home / "landing" / stream / folder).glob("[!_]*.parquet"))
        if not files:
            return 0
        ((count,),) = duckdb.execute("select count(*) from read_parquet(?)", [[str(file) for file in files]]).fetchall()
        return count

    def failed_in_dagster(self) -> set[str]:
        """Assets with a failed check in the newest run of Dagster's event log."""
        from dagster import DagsterInstance

        with DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            (newest,) = instance.get_runs(limit=1)
            return {
                "/".join(entry.dagster_event.event_specific_data.asset_key.path)
                for entry in instance.all_logs(newest.run_id)
                if entry.dagster_event
                and entry.dagster_event.event_type_value == "ASSET_CHECK_EVALUATION"
                and not entry.dagster_event.event_specific_data.passed
            }

    def run_states_in_dagster(self) -> list[str]:
        """The states of all runs in Dagster's event log, newest first."""
        from dagster import DagsterInstance

        with DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return [run.status.value for run in instance.get_runs()]


def _content(file: Path, schemas: tuple[str, ...]) -> Content:
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            f" where list_contains({list(schemas)}, schema_name) and table_name not in {ABOUT_RUNS}"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f'select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from "{schema}"."{table}" as t'
            ).fetchone()
            for schema, table in tables
        }


def assert_clear(said: Said, code: int, *words: str) -> None:
    """The command ended with `code` and with exactly one sentence about what is wrong, which holds all words."""
    assert said.has_no_traceback(), said.text
    assert said.code == code, said.text
    assert len(said.faults) == 1, said.text
    missing = [word for word in words if word not in said.faults[0]]
    assert not missing, f"{missing} not in: {said.faults[0]}"
