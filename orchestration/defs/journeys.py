"""The data-driven attribution as an asset: between the paths of touches and the credits that follow from them."""

import dagster as dg

from orchestration.defs.project import Installation
from orchestration.defs.python_assets import Figures, Work, nothing_else, python_assets


def attribution_asset(installation: Installation) -> dg.AssetsDefinition:
    """The removal effect of tracked touches."""
    return python_assets(
        installation,
        {
            "attribution.removal_effect": "One row per product line and tracked touch, with the share of purchases "
            "that would be lost without it, by a Markov chain over all paths."
        },
        _value_touches,
        reads=["marts.touch_transition"],
        group="marts",
        made_from=nothing_else,
    )


def _value_touches(work: Work) -> Figures:
    from orchestration.journeys.attribution import write_removal_effects

    write_removal_effects(work.connection)
    return {}
