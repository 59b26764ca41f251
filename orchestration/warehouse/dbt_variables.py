"""The variables with which the dbt project of a firm is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.channels.catalog import Catalog
from orchestration.firm.folder import FirmFolder
from orchestration.settings import DBT_PACKAGE, SET_POINTS

PACKAGE_NAME = "context360"


def variables(
    firm: FirmFolder, catalog: Catalog, *, engagement_points: int | None = None, learned_points: Mapping[str, int]
) -> dict[str, Any]:
    """The variables with which the dbt project is parsed: nothing of one home is in them, so that homes can share it.

    engagement_points, learned_points: the version of learned engagement points that counts, and its points per
    touchpoint; None and empty where the points of the seed count.
    """
    adapters = {system.staging_folder: system.name for system in catalog.systems.values()}
    canonical: dict[str, list[dict[str, str]]] = {}
    for adapter, system in sorted(adapters.items()):
        for canonical_stream, model in firm.contributions(adapter):
            canonical.setdefault(canonical_stream, []).append({"model": model, "system": system})
    return {
        "adapters": adapters,
        "streams": [
            {
                "adapter": system.staging_folder,
                "system": system.name,
                "stream": stream.name,
                "delivery": stream.delivery,
                "time_zone": stream.time_zone or system.time_zone,
                "key": list(stream.key),
            }
            for system, stream in catalog.streams()
        ],
        "canonical": canonical,
        # dbt shows the package's own variables to the package's models only, and its macros stand in those of the firm.
        "time_zone": project_variable(firm, "time_zone"),
        "reporting_currency": catalog.reporting_currency or project_variable(firm, "reporting_currency"),
        "profiling_basis": project_variable(firm, "profiling_basis"),
        "own_seeds": firm.own_seeds(),
        "placeholder_identifiers": firm.placeholder_patterns(),
        "engagement_points_version": str(engagement_points or SET_POINTS),
        "learned_engagement_points": dict(learned_points),
    }


def project_variable(firm: FirmFolder, name: str) -> Any:
    """The value of a variable that the orchestration does not set: the firm's, or else the package's."""
    import yaml

    own = yaml.safe_load((firm.path / "dbt_project.yml").read_text()).get("vars") or {}
    package = yaml.safe_load((DBT_PACKAGE / "dbt_project.yml").read_text())["vars"]
    return {**package, **own, **(own.get(PACKAGE_NAME) or {})}[name]
