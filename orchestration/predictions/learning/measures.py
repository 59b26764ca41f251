"""Measures of probabilities against outcomes: calibration, lift, ranking. Arrays and small frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, rankdata
from sklearn.metrics import brier_score_loss

Array = NDArray[np.float64]
BINS = 10
# Standard errors by which one forecast must beat another before we call it better: one-sided 95 %, so that a model
# without merit wins one comparison in twenty. More would keep worse models for months, less would change them by luck.
# The variable prediction.worse_by_errors of the dbt project is the same number.
SURE_BY_ERRORS = 1.64


def checked_scores(probability: ArrayLike, outcome: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays of numbers. Raises ValueError unless they pair up and are probabilities and 0 or 1."""
    try:
        scores, happened = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("Probabilities and outcomes must be numbers.") from None
    if scores.ndim != 1 or scores.shape != happened.shape:
        raise ValueError("Probabilities and outcomes have different lengths: pass one outcome per probability.")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("A probability is missing or not between 0 and 1.")
    if not np.isin(happened, (0.0, 1.0)).all():
        raise ValueError("An outcome is missing or neither 0 nor 1.")
    return scores, happened


def reliability_curve(probability: ArrayLike, outcome: ArrayLike, bins: int = BINS) -> pd.DataFrame:
    """Predicted against observed rate in bins of equally many rows: one row per bin, with Wilson's 95 % interval.

    Equal scores share a bin, so there can be fewer bins than requested.
    """
    scores, happened = checked_scores(probability, outcome)
    # The middle of a row's place: the first of ten rows is in the first of ten bins.
    place = (pd.Series(scores).rank(method="average").to_numpy() - 0.5) / max(len(scores), 1)
    bin_of = (place * bins).astype(int)
    frame = pd.DataFrame({"bin": bin_of, "predicted": scores, "observed": happened})
    curve = frame.groupby("bin").agg(
        rows=("observed", "size"), predicted=("predicted", "mean"), observed=("observed", "mean"),
        positives=("observed", "sum"),
    )  # fmt: skip
    intervals = [wilson_interval(row.positives, row.rows) for row in curve.itertuples()]
    curve["observed_low"], curve["observed_high"] = zip(*intervals, strict=True) if intervals else ((), ())
    return curve.reset_index(drop=True)


def expected_calibration_error(probability: ArrayLike, outcome: ArrayLike, bins: int = BINS) -> float:
    """Mean distance of predicted and observed rate over bins of equally many rows (Naeini et al. 2015)."""
    curve = reliability_curve(probability, outcome, bins)
    return float(np.average((curve.predicted - curve.observed).abs(), weights=curve.rows)) if len(curve) else 0.0


def lift_at(probability: ArrayLike, outcome: ArrayLike, share: float = 0.1) -> float | None:
    """Rate among the highest `share` of scores over the overall rate; ties count pro rata. None without a positive."""
    scores, happened = checked_scores(probability, outcome)
    if not happened.sum():
        return None
    wanted = max(share * len(scores), 1.0)
    threshold = np.sort(scores)[::-1][int(np.ceil(wanted)) - 1]
    above, tied = scores > threshold, scores == threshold
    found = happened[above].sum() + happened[tied].mean() * (wanted - above.sum())
    return float(found / wanted / happened.mean())


def auc(probability: ArrayLike, outcome: ArrayLike) -> float | None:
    """Probability that a positive row scores higher than a negative one. None if all outcomes are equal."""
    scores, happened = checked_scores(probability, outcome)
    if happened.min(initial=1) == happened.max(initial=0):
        return None
    return auc_of_scores(scores, happened)


def auc_of_scores(scores: Array, happened: Array) -> float:
    """AUC of any ranking scores, by Mann and Whitney's statistic (1947); needs both outcomes."""
    positives = happened.sum()
    above = rankdata(scores)[happened == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(happened) - positives)))


def brier_score(probability: ArrayLike, outcome: ArrayLike) -> float:
    """Mean squared difference of probability and outcome."""
    scores, happened = checked_scores(probability, outcome)
    return float(brier_score_loss(happened, scores, pos_label=1.0)) if len(scores) else 0.0


def brier_skill(probability: ArrayLike, outcome: ArrayLike, base_rate: float) -> float:
    """Share of the base rate's Brier score that the probabilities save: 0 is no better, 1 is perfect."""
    happened = checked_scores(probability, outcome)[1]
    reference = float(((happened - base_rate) ** 2).mean()) if len(happened) else 0.0
    return 1 - brier_score(probability, outcome) / reference if reference > 0 else 0.0


def wilson_interval(successes: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval (1927) for a proportion; 0 to 1 without trials."""
    if trials < 1:
        return 0.0, 1.0
    found = binomtest(int(successes), int(trials)).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)
