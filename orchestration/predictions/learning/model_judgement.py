"""Judges a fitted propensity on held-out rows: against the base rate, and column by column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestration.predictions.learning import measures
from orchestration.predictions.learning.calibration import SMALLEST_PROBABILITY, log_loss
from orchestration.predictions.learning.features import FeaturePlan
from orchestration.predictions.learning.learners import Line
from orchestration.predictions.learning.model_choice import Scorer

Array = NDArray[np.float64]

_SURE_ALONE_BY_ERRORS = 2.33  # standard errors to beat the base rate by (99 %) if the rows before do not support it
_ROWS_FOR_USEFULNESS = 2_000
_COLUMNS_FOR_USEFULNESS = 20


def worse_than_base_rate(probability: Array, happened: Array, base_rate: float, earlier: Array) -> str:
    """Why the model is not used, or empty: its log loss must be lower, and its Brier score not higher, beyond chance.

    With a rare outcome the Brier score alone is mostly noise of a few positives. If the newest rows are too few for a
    decision, it is enough that they agree with a significant gain in the blocks before them (earlier: gains in log loss
    there).
    """
    kept = np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    gain = log_loss(np.full(len(kept), base_rate), happened) - log_loss(kept, happened)
    squares = (base_rate - happened) ** 2 - (probability - happened) ** 2
    needed = measures.SURE_BY_ERRORS if earlier.mean() > 0 else _SURE_ALONE_BY_ERRORS
    surely = _standard_errors(gain) > needed or (
        gain.mean() > 0 and _standard_errors(earlier) > measures.SURE_BY_ERRORS
    )
    ranks = measures.auc(probability, happened) or 0.5
    if surely and _standard_errors(squares) > -measures.SURE_BY_ERRORS and ranks > 0.5:
        return ""
    return (
        f"On the newest {len(happened):,} rows it was not better than the base rate beyond chance "
        f"(Brier skill {measures.brier_skill(probability, happened, base_rate):.4f}, AUC {ranks:.3f})."
    )


def _standard_errors(values: Array) -> float:
    """Number of standard errors by which the mean is above 0."""
    error = float(values.std()) / np.sqrt(len(values))
    return float(values.mean()) / error if error > 0 else 0.0


def column_separation(plan: FeaturePlan, matrix: Array, happened: Array) -> Array:
    """Distance of each column's own AUC from 0.5. Categories are ordered by their rates."""
    found = []
    for place, column in enumerate(plan.columns):
        values = matrix[:, place]
        if column.kind == "category":
            codes = np.nan_to_num(values, nan=-1.0).astype(np.intp) + 1
            rate = np.bincount(codes, happened) / np.maximum(np.bincount(codes), 1)
            values = rate[codes]
        found.append(abs(measures.auc_of_scores(np.nan_to_num(values, nan=-np.inf), happened) - 0.5))
    return np.array(found)


def feature_usefulness(
    scorer: Scorer, line: Line | None, plan: FeaturePlan, apart: Array, matrix: Array, happened: Array, seed: int
) -> dict[str, float]:
    """AUC that shuffling a column loses, largest first, on a sample of the rows with both outcomes.

    With many columns, only those that separate best (apart, see column_separation) or weigh most in the line.
    """
    draws = np.random.default_rng(seed)
    chosen = np.concatenate([
        draws.permutation(np.flatnonzero(happened == side))[: _ROWS_FOR_USEFULNESS // 2] for side in (0, 1)
    ])  # fmt: skip
    some, outcomes = matrix[chosen], happened[chosen]
    rank = np.argsort(np.argsort(-apart, kind="stable"), kind="stable")
    if line is not None:
        rank = np.minimum(rank, np.argsort(np.argsort(-line.strength, kind="stable"), kind="stable"))
    before = measures.auc_of_scores(scorer.raw(some), outcomes)
    lost = []
    for place in np.argsort(rank, kind="stable")[:_COLUMNS_FOR_USEFULNESS]:
        shuffled = some.copy()
        shuffled[:, place] = draws.permutation(some[:, place])
        lost.append((plan.names[place], before - measures.auc_of_scores(scorer.raw(shuffled), outcomes)))
    return dict(sorted(lost, key=lambda entry: (-entry[1], entry[0])))
