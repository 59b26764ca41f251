"""Effects of campaigns, and the judgement of engagement points, as assets between core and the marts."""

import dagster as dg

from orchestration.defs.project import Installation
from orchestration.defs.python_assets import Figures, Work, python_assets, the_moment
from orchestration.predictions.judging.points_versions import PointsError
from orchestration.warehouse.build_record import digest_of_files


def campaign_effect_assets(installation: Installation) -> dg.AssetsDefinition:
    """The effect of each campaign against its hold-out, and pooled by channel."""
    return python_assets(
        installation,
        {
            "predictions.campaign_effect": "One row per campaign, with its effect against its random hold-out and the "
            "interval, or why the effect is unknown.",
            "predictions.campaign_effect_pooled": "One row per channel and one for all, with the common effect of its "
            "measured campaigns.",
        },
        _measure_campaigns,
        reads=["predictions.campaign_reach", "predictions.campaign_group"],
        name="campaign_effects",
        made_from=the_moment,
    )


def _measure_campaigns(work: Work) -> Figures:
    from orchestration.predictions.judging.campaign_effects import write_campaign_effects

    return {"measured_campaigns": write_campaign_effects(work.connection, work.run.moment)}


def engagement_points_assets(installation: Installation) -> dg.AssetsDefinition:
    """Learned points and the judgement of all points, from their files; training learns them."""
    return python_assets(
        installation,
        {
            "predictions.learned_points": "One row per version of learned engagement points and touchpoint.",
            "predictions.points_judgement": "One row per engagement points and month start, with how well they rank "
            "buyers.",
        },
        _restore_points,
        reads=["predictions.trained_model"],  # the same step learns them
        name="engagement_points",
        errors=(PointsError,),
        made_from=lambda installation, _: digest_of_files(installation.settings.points_path.rglob("*")),
    )


def _restore_points(work: Work) -> Figures:
    from orchestration.predictions.judging.engagement_points import restore_points

    settings = work.installation.settings
    return {"versions": restore_points(work.connection, settings.points_path, work.run.known_until)}
