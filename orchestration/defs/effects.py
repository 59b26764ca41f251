"""What campaigns have changed, and what engagement points are worth, as assets between core and the marts."""

from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.predictions.judging.points_versions import PointsError

_OWNERS = ["team:customer-insight"]
_KINDS = {"duckdb", "python"}


def campaign_effect_assets(installation: Installation) -> dg.AssetsDefinition:
    """The effect of each campaign against its hold-out, and of all campaigns of a channel together."""
    read = [dg.AssetKey(["predictions", table]) for table in ("campaign_reach", "campaign_group")]

    @dg.multi_asset(
        name="campaign_effects",
        specs=[
            dg.AssetSpec(
                ["predictions", "campaign_effect"],
                description="One row per campaign, with what it changed against its random hold-out and the interval, "
                "or why that is unknown.",
                deps=read,
                group_name="predictions",
                owners=_OWNERS,
                kinds=_KINDS,
            ),
            dg.AssetSpec(
                ["predictions", "campaign_effect_pooled"],
                description="One row per channel and one for all, with the common effect of its measured campaigns.",
                deps=read,
                group_name="predictions",
                owners=_OWNERS,
                kinds=_KINDS,
            ),
        ],
    )
    def campaign_effects(run: RunResource) -> Any:
        from orchestration.predictions.judging.campaign_effects import write_campaign_effects

        with installation.warehouse() as connection:
            measured = write_campaign_effects(connection, run.moment)
        for table in ("campaign_effect", "campaign_effect_pooled"):
            yield dg.MaterializeResult(asset_key=["predictions", table], metadata={"measured_campaigns": measured})

    return campaign_effects


def engagement_points_assets(installation: Installation) -> dg.AssetsDefinition:
    """Learned points and the judgement of all points, from their files; they are learned when models are trained."""

    @dg.multi_asset(
        name="engagement_points",
        specs=[
            dg.AssetSpec(
                ["predictions", table],
                description=description,
                deps=[dg.AssetKey(["predictions", "trained_model"])],  # they are learned in the same step
                group_name="predictions",
                owners=_OWNERS,
                kinds=_KINDS,
            )
            for table, description in (
                ("learned_points", "One row per version of learned engagement points and touchpoint."),
                ("points_judgement", "One row per engagement points and month start, with how well they rank buyers."),
            )
        ],
        required_resource_keys={"run"},  # holds the warehouse, so that no second run writes into it
    )
    def engagement_points() -> Any:
        from orchestration.predictions.judging.engagement_points import restore_points

        with in_one_sentence(PointsError), installation.warehouse() as connection:
            versions = restore_points(connection, installation.settings.points_path)
        for table in ("learned_points", "points_judgement"):
            yield dg.MaterializeResult(asset_key=["predictions", table], metadata={"versions": versions})

    return engagement_points
