"""The data-driven attribution as an asset: between the paths of touches and the credits that follow from them."""

from typing import Any

import dagster as dg

from orchestration.defs.project import Installation
from orchestration.journeys.attribution import write_removal_effects


def attribution_asset(installation: Installation) -> dg.AssetsDefinition:
    """What tracked touches are worth."""

    @dg.asset(
        key=["attribution", "removal_effect"],
        group_name="marts",
        deps=[dg.AssetKey(["marts", "touch_transition"])],
        description="One row per product line and tracked touch, with the share of purchases that would be lost "
        "without it, by a Markov chain over all paths.",
        owners=["team:customer-insight"],
        kinds={"duckdb", "python"},
        required_resource_keys={"run"},  # holds the warehouse, so that no second run writes into it
    )
    def removal_effect() -> dg.MaterializeResult[Any]:
        with installation.warehouse() as connection:
            touches = write_removal_effects(connection)
        return dg.MaterializeResult(metadata={"dagster/row_count": touches})

    return removal_effect
