"""Where things are. The only module that reads the environment; nothing is read at import."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# A checkout and an installed wheel have the same layout: the dbt package stands beside this package. Only a checkout
# has examples.
INSTALLATION = Path(__file__).resolve().parent.parent
DBT_PACKAGE = INSTALLATION / "dbt_project"
EXAMPLES = INSTALLATION / "examples"
CATALOG_FILE = "catalog.yaml"
DEMO_FOLDER = "demo_company"
SET_POINTS = "set"  # engagement points as people have set them, in the seed touchpoints


class SettingsError(Exception):
    """A setting that cannot be used; the message says which one and what to do."""


@dataclass(frozen=True)
class Settings:
    """The folders and switches of one installation.

    `home` holds all state; everything below it can be rebuilt from `landing/`, except `identity/`, which keeps the
    customer numbers that were ever given out, and `predictions/`, which keeps what was ever predicted.
    """

    home: Path
    catalog_path: Path
    landing_url: str
    webhook_url: str | None = None
    reports_url: str | None = None  # under which the folder of reports is served, for links in Dagster
    engagement_points: int | None = None  # version of learned points that counts; None for those of the seed
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold secrets

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def lock_path(self) -> Path:
        return self.home / "warehouse.lock"

    @property
    def serving_path(self) -> Path:
        return self.home / "serving" / "context360.duckdb"

    @property
    def profiles_path(self) -> Path:
        return self.home / "serving" / "profiles.lmdb"

    @property
    def live_path(self) -> Path:
        return self.home / "live"

    @property
    def event_log_path(self) -> Path:
        return self.live_path / "events"

    @property
    def reports_path(self) -> Path:
        return self.home / "reports"

    @property
    def identity_path(self) -> Path:
        return self.home / "identity"

    @property
    def privacy_path(self) -> Path:
        return self.home / "privacy"

    @property
    def predictions_path(self) -> Path:
        return self.home / "predictions"

    @property
    def points_path(self) -> Path:
        return self.predictions_path / "points"

    @property
    def extraction_path(self) -> Path:
        return self.home / "extraction"

    @property
    def dbt_path(self) -> Path:
        return self.home / "dbt"

    @property
    def demo_path(self) -> Path:
        return self.home / DEMO_FOLDER

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"


def engine_bounds() -> dict[str, str]:
    """What the engine may use of this machine, by DuckDB's names of the settings; what is not set follows the machine.

    Reads CONTEXT360_THREADS (a number) and CONTEXT360_MEMORY_LIMIT (such as 8GB). Raises SettingsError where one cannot
    be used.
    """
    threads, memory = os.environ.get("CONTEXT360_THREADS"), os.environ.get("CONTEXT360_MEMORY_LIMIT")
    if threads and not (threads.isascii() and threads.isdigit() and int(threads)):
        raise SettingsError(f"CONTEXT360_THREADS is '{threads}': write a whole number from 1, such as 4.")
    if memory and not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B", memory):
        raise SettingsError(f"CONTEXT360_MEMORY_LIMIT is '{memory}': write a size with its unit, such as 8GB.")
    return ({"threads": threads} if threads else {}) | ({"memory_limit": memory} if memory else {})


def process_environment() -> Mapping[str, str]:
    """The variables of this process as they are now: what dbt's `env_var()` reads, for instance."""
    return os.environ


def settings_from(
    environment: Mapping[str, str] | None = None, *, catalog: str | None = None, home: Path | None = None
) -> Settings:
    """Settings from environment variables, with the command line's choices on top.

    Reads CONTEXT360_HOME (default ./.context360), CONTEXT360_CATALOG (a file, a folder or the name of an example),
    CONTEXT360_LANDING_URL (default: `landing` below home; or an object store such as s3://bucket/landing),
    CONTEXT360_WEBHOOK_URL (called when a run fails), CONTEXT360_REPORTS_URL (under which the folder of reports is
    served) and CONTEXT360_ENGAGEMENT_POINTS (`set`, or the number of a learned version). Raises SettingsError where one
    of them, or of the bounds of the engine, cannot be used.
    """
    environment = os.environ if environment is None else environment
    engine_bounds()
    home = (home or Path(environment.get("CONTEXT360_HOME") or ".context360")).expanduser().resolve()
    return Settings(
        home=home,
        catalog_path=catalog_path(catalog or environment.get("CONTEXT360_CATALOG"), home),
        landing_url=(environment.get("CONTEXT360_LANDING_URL") or str(home / "landing")).rstrip("/"),
        webhook_url=environment.get("CONTEXT360_WEBHOOK_URL") or None,
        reports_url=environment.get("CONTEXT360_REPORTS_URL") or None,
        engagement_points=_points_version(environment.get("CONTEXT360_ENGAGEMENT_POINTS") or SET_POINTS),
        environment=dict(environment),
    )


def _points_version(chosen: str) -> int | None:
    if chosen == SET_POINTS:
        return None
    if chosen.isascii() and chosen.isdigit():
        return int(chosen)
    raise SettingsError(
        f"CONTEXT360_ENGAGEMENT_POINTS is '{chosen}': write `{SET_POINTS}`, or the number of a learned version."
    )


def catalog_path(chosen: str | None, home: Path) -> Path:
    """The catalog file that a user means.

    chosen: a YAML file, a folder that holds a catalog.yaml, or the name of an example; None for the catalog.yaml of the
    current folder, or else the demo company in the root of a checkout and where `home` holds its data. An example with
    a generator keeps its catalog beside the data that it wrote below `home`. Raises SettingsError where there is no
    such catalog.
    """
    if not chosen:
        here = Path(CATALOG_FILE).resolve()
        is_demo = here.parent == INSTALLATION or (home / DEMO_FOLDER / CATALOG_FILE).is_file()
        if here.is_file() or demo_example() is None or not is_demo:
            return here
        chosen = demo_example()
    path = Path(chosen or "").expanduser()
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return path.resolve()
    if (path / CATALOG_FILE).is_file():
        return (path / CATALOG_FILE).resolve()
    if chosen not in example_names():
        known = f"or the name of an example ({', '.join(example_names())})" if example_names() else ""
        raise SettingsError(
            f"There is no catalog '{chosen}': give the path of a YAML file, or of a folder with a {CATALOG_FILE}"
            f"{', ' if known else ''}{known}."
        )
    generated = home / DEMO_FOLDER / CATALOG_FILE
    if chosen == demo_example() and generated.is_file():
        return generated
    return EXAMPLES / str(chosen) / CATALOG_FILE


def example_names() -> list[str]:
    """The examples of this installation; a wheel has none."""
    return sorted(file.parent.name for file in EXAMPLES.glob(f"*/{CATALOG_FILE}"))


def demo_example() -> str | None:
    """The example whose data a generator writes, or None where this installation has none."""
    return next((name for name in example_names() if (EXAMPLES / name / "generator").is_dir()), None)


def set_up_process(settings: Settings) -> None:
    """Prepares this process and its children: no library reports home, Dagster finds its folder, state is the owner's.

    Files that this process writes are closed to other users, and so is the home folder. Call it before Dagster, dbt,
    dlt or Great Expectations are imported. Raises SettingsError where the home folder cannot be written.
    """
    os.environ["CONTEXT360_HOME"] = str(settings.home)
    os.environ["CONTEXT360_CATALOG"] = str(settings.catalog_path)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "1"
    os.umask(0o077)
    configuration = settings.dagster_home / "dagster.yaml"
    try:
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
        _close_to_others(settings.home)
        content = DAGSTER_CONFIGURATION.format(event_log=json.dumps(str(settings.dagster_home / "history" / "runs")))
        if not configuration.exists() or configuration.read_text() != content:
            configuration.write_text(content)
    except OSError as error:
        raise SettingsError(
            f"{settings.home} cannot be written ({error.strerror}): free space, correct the rights of the folder, "
            "or choose another with --home."
        ) from error


# DuckDB has one writer, so runs queue up. A run whose process was killed is ended by the next one (defs/runs.py).
DAGSTER_CONFIGURATION = """\
event_log_storage:
  module: orchestration.defs.dagster_internals
  class: KeptOpenEventLogStorage
  config:
    base_dir: {event_log}
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def readers_are_the_group() -> bool:
    """Whether users of the owner's group may read what is published, by CONTEXT360_READERS (`owner` or `group`).

    Raises SettingsError where it is neither.
    """
    chosen = os.environ.get("CONTEXT360_READERS") or "owner"
    if chosen not in ("owner", "group"):
        raise SettingsError(f"CONTEXT360_READERS is '{chosen}': write `owner` or `group`.")
    return chosen == "group"


def _close_to_others(home: Path) -> None:
    """Closes the home folder; the group of readers may pass through it.

    The owner's own rights stay as they are, and so does a home of another user.
    """
    status = home.stat()
    if status.st_uid == os.getuid():
        home.chmod((status.st_mode & 0o700) | (0o010 if readers_are_the_group() else 0))
