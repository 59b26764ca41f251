"""An installation whose landing is empty, so that every model can be bound without any data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

from golden import files_digest, home_of

from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.intake.register_tables import prepare_register
from orchestration.channels.landing.declared_columns import ensure_declared_columns
from orchestration.identity.linking import link_records
from orchestration.journeys.attribution import prepare_removal_effects
from orchestration.perception import rank_influence, score_verbatims
from orchestration.predictions.judging.action_log import restore_action_log
from orchestration.predictions.judging.campaign_effects import prepare_campaign_effects
from orchestration.predictions.judging.engagement_points import prepare_points
from orchestration.predictions.judging.policy_values import prepare_policy_values
from orchestration.predictions.scoring.score_log import prepare_predictions
from orchestration.settings import EXAMPLES, Settings, settings_from
from orchestration.warehouse.connection import open_warehouse
from orchestration.warehouse.dbt import DbtProject, NodeResult
from orchestration.warehouse.staging_sources import declared_columns

ANY_MOMENT = datetime(2026, 1, 1)
BEFORE_IDENTITY = ("resource_type:seed", "fqn:context360.settings", "fqn:*.staging.*", "fqn:context360.intermediate")
CUSTOMER_OF_ACTIVITY = ("fqn:context360.intermediate.customer_of_activity",)
AFTER_PYTHON = (
    "fqn:context360.intermediate.text_sentiment",
    "fqn:context360.core",
    "fqn:context360.predictions",
    "fqn:context360.marts",
    "fqn:context360.quality",
)


def empty_home(example: str) -> tuple[Path, list[NodeResult]]:
    """A home in which every model of an example is built on nothing, and what became of each node. Not to be changed.

    Made once per content of the code (golden.py): checks and tests share it.
    """

    def make(folder: Path) -> None:
        _, results = build_empty_warehouse(EXAMPLES / example / "catalog.yaml", folder / "home")
        (folder / "results.json").write_text(json.dumps([asdict(result) for result in results]))

    folder = home_of(f"empty_{example}", make, inputs=files_digest(Path(__file__)))
    results = json.loads((folder / "results.json").read_text())
    return folder / "home", [NodeResult(**result) for result in results]


def build_empty_warehouse(catalog_file: Path, home: Path) -> tuple[DbtProject, list[NodeResult]]:
    """Builds every model of a catalog on nothing, below `home`; returns the project and what became of each node."""
    settings = settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(catalog_file))
    catalog = load_catalog(catalog_file, settings.environment)
    project = DbtProject(catalog, settings)
    for system, stream in catalog.streams():
        columns = declared_columns(project.firm, system.staging_folder)[stream.name]
        ensure_declared_columns(settings.landing_url, system.name, stream.name, columns)
    return project, build_all(project, ANY_MOMENT)


def build_all(project: DbtProject, as_of: datetime) -> list[NodeResult]:
    """Builds every model on what has landed, with the Python steps between them; returns what became of each node."""
    later = ["fqn:context360.intermediate.customer_of_activity", "fqn:context360.intermediate.text_sentiment"]
    results = project.build(chosen(project, BEFORE_IDENTITY) - chosen(project, later), as_of=as_of)
    with open_warehouse(project.settings.warehouse_path) as connection:
        prepare_register(connection)
        link_records(connection, "intermediate.int_source_record", identifiers="intermediate.int_identifier")
        score_verbatims(connection, "intermediate.int_verbatim")
    results += project.build(chosen(project, CUSTOMER_OF_ACTIVITY), as_of=as_of)
    with open_warehouse(project.settings.warehouse_path) as connection:
        rank_influence(connection, "intermediate.int_influence_edge")
        prepare_removal_effects(connection)
        prepare_predictions(connection)
        prepare_campaign_effects(connection)
        prepare_points(connection)
        restore_action_log(connection, None)
        prepare_policy_values(connection)
    return results + project.build(chosen(project, AFTER_PYTHON), as_of=as_of)


def chosen(project: DbtProject, selectors: Iterable[str]) -> set[str]:
    """The unique ids of the models, seeds and tests that these selectors of dbt select."""
    found = set()
    for selector in selectors:
        method, value = selector.split(":")
        for unique_id, node in project.manifest["nodes"].items():
            name = ".".join(node["fqn"])
            if fnmatch(f"{name}.", f"{value}.*") if method == "fqn" else node["resource_type"] == value:
                found.add(unique_id)
    return found


def show_sources_to_unit_tests(catalog: Catalog, settings: Settings) -> None:
    """dbt asks the database for the columns of a source that a unit test fills: here they are, as views on landing."""
    with open_warehouse(settings.warehouse_path) as connection:
        for system, stream in catalog.streams():
            folder = f"{settings.landing_url}/{system.name}/{stream.name}/rows"
            connection.execute(f'create schema if not exists "{system.staging_folder}"')
            connection.execute(
                f'create or replace view "{system.staging_folder}"."{stream.name}" as '
                f"from read_parquet('{folder}/*.parquet', union_by_name = true)"
            )
