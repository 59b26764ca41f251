"""Predictions as assets: models are trained weekly and customers scored nightly, between the features and the marts.

Published scores are kept, and judged once their outcome is known.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, PythonStep, RunResource, in_one_sentence
from orchestration.defs.python_assets import Figures, Work, python_assets, results_of, spec_of

_SCORED_FROM = (
    "scoring_customer_feature", "scoring_line_feature", "scoring_channel_feature", "prediction_base_rate",
    "customer_purchase", "trained_model",
)  # fmt: skip
_LEARNED_FROM = (
    "prediction_moment", "prediction_purchase", "prediction_response", "prediction_base_rate", "customer_purchase",
    "training_customer_feature", "training_line_feature", "training_channel_feature", "points_setting", "points_moment",
    "points_touchpoint", "points_example", "points_exchange",
)  # fmt: skip
_TRAINED = {
    "predictions.trained_model": "One row per target and training: how the model did on held-out time, and whether it "
    "is used. Trained weekly, and where no model exists yet.",
    "predictions.score_log": "One row per score that was published, or given to a held-out example of a training.",
    "predictions.value_log": "One row per forecast of a customer that was published, or made for held-out time.",
}
_SCORED = {
    "predictions.propensity_score": "One row per customer and target, with the probability at the as of as its own "
    "model has it; marts.customer_propensity makes them agree.",
    "predictions.value_score": "One row per customer who has bought, with their forecast.",
}


def needs_training_in(installation: Installation) -> Callable[[RunResource], bool]:
    """Whether a run trains: as it was asked to, or else where nothing usable has been trained by its as of.

    A run of a moment before published ones does not: base rates count where nothing had been trained.
    """

    def is_due(run: RunResource) -> bool:
        from orchestration.predictions.scoring.training import is_trained

        if run.train is not None or run.is_replay:
            return bool(run.train)
        return not is_trained(installation.settings.predictions_path, run.moment)

    return is_due


def trained_models(installation: Installation) -> PythonStep:
    """What the step `training` makes of its examples: models in the registry, and the tables about them."""

    def make(context: dg.AssetExecutionContext, run: RunResource, is_due: bool) -> Iterator[Any]:
        from orchestration.predictions.judging.engagement_points import learn_points
        from orchestration.predictions.judging.points_versions import PointsError
        from orchestration.predictions.scoring.registry import RegistryError
        from orchestration.predictions.scoring.score_log import restore_logs
        from orchestration.predictions.scoring.training import train_models

        folder = installation.settings.predictions_path
        with installation.warehouse() as connection:
            with in_one_sentence(PointsError, RegistryError):
                trained = train_models(connection, folder, run.moment, log=context.log.info) if is_due else []
                if is_due:
                    learned = learn_points(connection, installation.settings.points_path)
                    context.log.info(f"Engagement points: {learned.reason}")
            restore_logs(connection, folder, run.known_until)
            decisions = Counter(training.decision for training in trained)
            yield from results_of(connection, list(_TRAINED), {"predictions.trained_model": dict(decisions)})

    reads = [*(f"predictions.{table}" for table in _LEARNED_FROM), "seeds.engagement_bands"]
    return PythonStep(tuple(spec_of(table, text, reads) for table, text in _TRAINED.items()), make)


def scores_assets(installation: Installation) -> dg.AssetsDefinition:
    """The scores of every customer at the as of."""
    from orchestration.predictions.scoring.registry import RegistryError

    return python_assets(
        installation,
        _SCORED,
        _score,
        reads=[f"predictions.{table}" for table in _SCORED_FROM],
        name="scores",
        errors=(RegistryError,),
        made_from=_models_at,
    )


def _models_at(installation: Installation, run: RunResource) -> Any:
    """Beside the features: the as of, and the models that are registered."""
    models = installation.settings.predictions_path / "models"
    return [run.moment, sorted((str(file.relative_to(models)), file.stat().st_size) for file in models.rglob("*"))]


def _score(work: Work) -> Figures:
    from orchestration.predictions.scoring.customer_scores import score_customers

    made = score_customers(work.connection, work.installation.settings.predictions_path, work.run.moment)
    return {
        "predictions.propensity_score": {
            "customers": made.customers,
            "targets_with_a_model": made.modelled,
            "targets_at_the_base_rate": made.at_base_rate,
        },
        "predictions.value_score": {"has_value_model": made.forecast},
    }


def kept_scores_asset(installation: Installation, published_key: dg.AssetKey) -> dg.AssetsDefinition:
    """The scores of this run as files: published scores are compared with outcomes later."""
    return python_assets(
        installation,
        {
            "predictions.kept_score": "One row per published score, in one file per as of. A run for the same as of "
            "replaces it."
        },
        _keep_scores,
        reads=[".".join(published_key.path), "marts.customer_propensity", "predictions.value_score"],
    )


def _keep_scores(work: Work) -> Figures:
    from orchestration.predictions.scoring.score_log import SCORES, file_of, keep_scores

    if work.run.is_replay:
        return {"notes": ["A run of a past moment keeps no scores: those that were published then stay."]}
    folder = work.installation.settings.predictions_path
    kept = keep_scores(work.connection, folder, work.run.moment)
    return {"dagster/row_count": kept, "path": file_of(folder, SCORES, work.run.moment)}
