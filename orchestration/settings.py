"""Where things are. The only module that reads the environment; nothing is read at import."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
BUNDLED_CATALOGS = Path(__file__).resolve().parent / "channels" / "catalogs"
DEFAULT_CATALOG = "demo"
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
    def reports_path(self) -> Path:
        return self.home / "reports"

    @property
    def identity_path(self) -> Path:
        return self.home / "identity"

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
        return self.home / "demo_company"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"


def settings_from(
    environment: Mapping[str, str] | None = None, *, catalog: str | None = None, home: Path | None = None
) -> Settings:
    """Settings from environment variables, with the command line's choices on top.

    Reads CONTEXT360_HOME (default ./.context360), CONTEXT360_CATALOG (a file, or the name of a bundled catalog),
    CONTEXT360_LANDING_URL (default: `landing` below home; or an object store such as s3://bucket/landing),
    CONTEXT360_WEBHOOK_URL (called when a run fails) and CONTEXT360_ENGAGEMENT_POINTS (`set`, or the number of a learned
    version). Raises SettingsError where one cannot be used.
    """
    environment = os.environ if environment is None else environment
    home = (home or Path(environment.get("CONTEXT360_HOME") or ".context360")).expanduser().resolve()
    chosen = catalog or environment.get("CONTEXT360_CATALOG") or DEFAULT_CATALOG
    # The demo company writes a catalog of its own, which knows where it is and what its last day was.
    own = home / "demo_company" / "catalog.yaml"
    return Settings(
        home=home,
        catalog_path=own if chosen == "demo" and own.exists() else catalog_path(chosen),
        landing_url=(environment.get("CONTEXT360_LANDING_URL") or str(home / "landing")).rstrip("/"),
        webhook_url=environment.get("CONTEXT360_WEBHOOK_URL") or None,
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


def catalog_path(name_or_path: str) -> Path:
    """The catalog file that a user means: a path, or the name of one of the bundled catalogs."""
    path = Path(name_or_path).expanduser()
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return path.resolve()
    bundled = bundled_catalog(name_or_path)
    if bundled.is_file():
        return bundled
    known = ", ".join(sorted(file.stem for file in BUNDLED_CATALOGS.glob("*.yaml")))
    raise SettingsError(f"There is no catalog '{name_or_path}': give the path of a YAML file, or one of {known}.")


def bundled_catalog(name: str) -> Path:
    """Where the bundled catalog of this name is, or would be."""
    return BUNDLED_CATALOGS / f"{name}.yaml"


def set_up_process(settings: Settings) -> None:
    """Prepares this process and its children: no library reports home, and Dagster finds its folder.

    Call it before Dagster, dbt, dlt or Great Expectations are imported. Raises SettingsError where the home folder
    cannot be written.
    """
    os.environ["CONTEXT360_HOME"] = str(settings.home)
    os.environ["CONTEXT360_CATALOG"] = str(settings.catalog_path)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "1"
    configuration = settings.dagster_home / "dagster.yaml"
    try:
        settings.dagster_home.mkdir(parents=True, exist_ok=True)
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
