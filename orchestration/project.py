"""One installation put together: its catalog, and its dbt project with the engagement points that count."""

from __future__ import annotations

from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.errors import CatalogError
from orchestration.firm.folder import FirmError
from orchestration.predictions.judging.points_versions import PointsError, points_of
from orchestration.settings import Settings
from orchestration.warehouse.dbt import DbtError, DbtProject

# What opening or using a project raises where it cannot be used.
PROJECT_ERRORS = (CatalogError, DbtError, FirmError, PointsError)


def open_project(settings: Settings) -> tuple[Catalog, DbtProject]:
    """The catalog and the dbt project of an installation.

    Raises CatalogError, FirmError or DbtError where they cannot be used, and PointsError where the configured version
    of engagement points cannot be read.
    """
    catalog = load_catalog(settings.catalog_path, settings.environment)
    version = settings.engagement_points
    points = {} if version is None else points_of(settings.points_path, version)
    return catalog, DbtProject(catalog, settings, learned_points=points)
