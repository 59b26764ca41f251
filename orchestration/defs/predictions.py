"""Predictions as assets: models are trained weekly and customers scored nightly, between the features and the marts;
what was published is kept, to be judged when its time has passed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, PythonStep, RunResource, in_one_sentence

GROUP = "predictions"
_OWNERS = ["team:customer-insight"]
_KINDS = {"duckdb", "python"}
_FEATURES = ("scoring_customer_feature", "scoring_line_feature", "scoring_channel_feature")
_LEARNED_FROM = (
    "prediction_moment", "prediction_purchase", "prediction_response", "prediction_base_rate", "customer_purchase",
    "training_customer_feature", "training_line_feature", "training_channel_feature", "points_setting", "points_moment",
    "points_touchpoint", "points_example", "points_exchange",
)  # fmt: skip
_TRAINED = {
    "trained_model": "One row per target and training: how the model did on time that it had not seen, and whether it "
    "is used. Trained weekly, and where nothing has been trained yet.",
    "score_log": "One row per score that was ever published, or given to an example that training held out.",
    "value_log": "One row per forecast of a customer that was ever published, or made of time that training held out.",
}
_SCORED = {
    "propensity_score": "One row per customer and target, with the probability at the as of.",
    "value_score": "One row per customer who has bought, with what is expected of them.",
}


def predictions_key(table: str) -> dg.AssetKey:
    """The asset of a table of the schema predictions."""
    return dg.AssetKey(["predictions", table])


def _spec(table: str, description: str, deps: list[dg.AssetKey], **more: Any) -> dg.AssetSpec:
    return dg.AssetSpec(
        predictions_key(table),
        group_name=GROUP,
        deps=deps,
        description=description,
        owners=_OWNERS,
        kinds=_KINDS,
        **more,
    )


def needs_training_in(installation: Installation) -> Callable[[RunResource], bool]:
    """Whether a run trains: where it was asked to, or where nothing usable has been trained by its as of."""

    def is_due(run: RunResource) -> bool:
        from orchestration.predictions.scoring.training import is_trained

        return run.train or not is_trained(installation.settings.predictions_path, run.moment)

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
            restore_logs(connection, folder)
            sizes = {
                table: connection.execute(f"select count(*) from predictions.{table}").fetchone()[0]
                for table in _TRAINED
            }
        for table in _TRAINED:
            decisions = [training.decision for training in trained] if table == "trained_model" else []
            yield dg.MaterializeResult(
                asset_key=predictions_key(table),
                metadata={
                    "dagster/row_count": sizes[table],
                    **{decision: decisions.count(decision) for decision in dict.fromkeys(decisions)},
                },
            )

    deps = [
        *(predictions_key(table) for table in _LEARNED_FROM),
        dg.AssetKey(["seeds", "engagement_bands"]),
    ]
    return PythonStep(tuple(_spec(table, text, deps) for table, text in _TRAINED.items()), make)


def scores_assets(installation: Installation) -> dg.AssetsDefinition:
    """The scores of every customer at the as of."""
    deps = [
        predictions_key(table)
        for table in (*_FEATURES, "prediction_base_rate", "customer_purchase", "trained_model")
    ]  # fmt: skip

    @dg.multi_asset(name="scores", specs=[_spec(table, text, deps) for table, text in _SCORED.items()])
    def scores(run: RunResource) -> Iterator[Any]:
        from orchestration.predictions.scoring.customer_scores import score_customers
        from orchestration.predictions.scoring.registry import RegistryError

        with installation.warehouse() as connection:
            with in_one_sentence(RegistryError):
                made = score_customers(connection, installation.settings.predictions_path, run.moment)
            values = connection.execute("select count(*) from predictions.value_score").fetchone()[0]
        yield dg.MaterializeResult(
            asset_key=predictions_key("propensity_score"),
            metadata={
                "dagster/row_count": made.scores,
                "customers": made.customers,
                "targets_with_a_model": made.modelled,
                "targets_at_the_base_rate": made.at_base_rate,
            },
        )
        yield dg.MaterializeResult(
            asset_key=predictions_key("value_score"),
            metadata={"dagster/row_count": values, "has_value_model": made.forecast},
        )

    return scores


def kept_scores_asset(installation: Installation, published_key: dg.AssetKey) -> dg.AssetsDefinition:
    """The scores of this run as files: what readers have seen is held against what happens."""

    @dg.asset(
        key=predictions_key("kept_score"),
        group_name=GROUP,
        deps=[published_key],
        owners=_OWNERS,
        kinds=_KINDS,
        description="One row per score that readers see, in a file of its own per as of. A run for the same as of "
        "replaces it.",
    )
    def kept_score(run: RunResource) -> dg.MaterializeResult[Any]:
        from orchestration.predictions.scoring.score_log import SCORES, file_of, keep_scores

        folder = installation.settings.predictions_path
        with installation.warehouse() as connection:
            kept = keep_scores(connection, folder, run.moment)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": kept,
                "path": dg.MetadataValue.path(str(file_of(folder, SCORES, run.moment))),
            }
        )

    return kept_score
