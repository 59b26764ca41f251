"""What a run says about predictions: those that got worse, and how many campaigns have an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.serving.predictions_report.reading import figures_of, is_drifted, is_worse
from orchestration.warehouse.connection import WarehouseError

if TYPE_CHECKING:
    import duckdb


def prediction_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence per thing to know about the published predictions; none where nothing is predicted or was published.

    The same judgements as in the predictions report: of each model in use, its newest month with known outcomes.
    """
    try:
        found = figures_of(connection, drifted_from=0.0)  # the marts have judged what is drifted
    except WarehouseError:
        return []
    figures = found.figures
    sentences = []
    if figures.models:
        sentences.append(
            f"Predictions: {figures.models - figures.abstaining:,} of {figures.models:,} have a model, the others show "
            "the base rate."
        )
    sentences += [
        f"Prediction that got worse: {model['title']} ({model['newest']['worse_reason'] or 'it has got worse'})."
        for model in found.in_use
        if is_worse(model)
    ]
    sentences += [
        f"Forecast that got worse: purchases within {forecast['horizon_days']} days "
        f"({forecast['worse_reason'] or 'it has got worse'})."
        for forecast in found.newest_forecasts
        if forecast["is_worse"]
    ]
    sentences += [f"Prediction with drifted scores: {model['title']}." for model in found.in_use if is_drifted(model)]
    if figures.campaigns:
        significant = sum(bool(campaign["is_significant"]) for campaign in found.measured)
        sentences.append(
            f"Campaign effects: {figures.measured_campaigns:,} of {figures.campaigns:,} campaigns measured, "
            f"{significant:,} of them significant (marts.campaign_effect)."
        )
    return sentences
