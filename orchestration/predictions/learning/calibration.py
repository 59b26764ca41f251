"""Calibrates log odds: from what a model said about later rows to the rates that were observed there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float64]

LEAST_POSITIVES_HELD_OUT = 10
LEAST_POSITIVES_FOR_ISOTONIC = 1_000
LEVEL_CHANGED_BY_ERRORS = 3.0  # standard errors by which a base rate must differ to count as changed
SMALLEST_PROBABILITY = 1e-6
_LEAST_SLOPE = 0.25


@dataclass(frozen=True)
class Calibration:
    """Maps log odds to calibrated log odds: linear between points, with slope 1 beyond the ends.

    Clipping at the ends would lose the order of scores that are more extreme than any seen before.
    """

    name: str
    points: Array
    levels: Array

    def odds(self, scores: Array) -> Array:
        """The calibrated log odds."""
        inside = np.interp(scores, self.points, self.levels)
        return inside + np.minimum(scores - self.points[0], 0.0) + np.maximum(scores - self.points[-1], 0.0)


UNCALIBRATED = Calibration("none", np.zeros(1), np.zeros(1))


def _sigmoid(scores: Array, happened: Array) -> Calibration:
    """Platt's scaling (1999). The slope is at least a quarter: a falling line would reverse the order of the model.

    Where the model carries no information, its order stays, and the newest rows judge it.
    """
    line = LogisticRegression(C=1e6, max_iter=1000).fit(scores[:, None], happened)
    slope, level, ends = float(line.coef_[0, 0]), float(line.intercept_[0]), np.array([-40.0, 40.0])
    if slope < _LEAST_SLOPE:
        slope = _LEAST_SLOPE
        level = level_move(slope * scores, happened)
    return Calibration("sigmoid", ends, slope * ends + level)


def _isotonic(scores: Array, happened: Array) -> Calibration:
    """Centred isotonic regression (Oron and Flournoy 2017, Statistics in Biopharmaceutical Research 9:258).

    Lines between the centres of the steps keep the order of scores within a step. Each step gets half a row more of
    either outcome, so that no probability is 0 or 1.
    """
    level = IsotonicRegression().fit_transform(scores, happened)
    frame = pd.DataFrame({"level": level, "score": scores, "happened": happened})
    steps = frame.groupby("level").agg(score=("score", "mean"), made=("happened", "sum"), rows=("happened", "size"))
    rates = ((steps.made + 0.5) / (steps.rows + 1)).to_numpy()
    return Calibration("isotonic", steps.score.to_numpy(), np.maximum.accumulate(logit(rates)))


def best_calibration(scores: list[Array], outcomes: list[Array]) -> Calibration:
    """The kind that fits the newest block best when learned from the earlier blocks; refitted on all blocks.

    scores, outcomes: log odds and outcomes (1 or 0), one array per block in order of time.
    """
    if len(scores) == 1:
        return _sigmoid(scores[0], outcomes[0]) if scarce_count(outcomes[0]) else UNCALIBRATED
    kinds: dict[str, Callable[[Array, Array], Calibration]] = {"none": lambda *_: UNCALIBRATED, "sigmoid": _sigmoid}
    if scarce_count(np.concatenate(outcomes[:-1])) >= LEAST_POSITIVES_FOR_ISOTONIC:
        kinds["isotonic"] = _isotonic
    earlier = np.concatenate(scores[:-1]), np.concatenate(outcomes[:-1])
    if not scarce_count(earlier[1]) or not scarce_count(outcomes[-1]):
        return UNCALIBRATED
    losses = {}
    for name, kind in kinds.items():
        odds = kind(*earlier).odds(scores[-1])
        # Compare shapes: the level is moved to the newest rows in any case.
        losses[name] = log_loss(probability_of(odds + level_move(odds, outcomes[-1])), outcomes[-1]).mean()
    best = min(kinds, key=lambda name: losses[name])
    return kinds[best](np.concatenate(scores), np.concatenate(outcomes))


def probability_of(odds: Array) -> Array:
    """Probabilities of log odds, kept away from 0 and 1."""
    return np.clip(expit(odds), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)


def log_loss(probability: Array, happened: Array) -> Array:
    """Log loss of each row."""
    return -np.where(happened == 1, np.log(probability), np.log1p(-probability))


def level_shift(odds: Array, happened: Array) -> float:
    """Log odds to add so that the mean probability is the observed rate; 0 if chance explains the difference."""
    said = expit(odds)
    error = np.sqrt((said * (1 - said)).sum())
    if (
        scarce_count(happened) < LEAST_POSITIVES_HELD_OUT
        or abs(happened.sum() - said.sum()) <= LEVEL_CHANGED_BY_ERRORS * error
    ):
        return 0.0
    return level_move(odds, happened)


def level_move(odds: Array, happened: Array) -> float:
    """Log odds to add so that the mean probability is the observed rate. Needs both outcomes."""
    return float(brentq(lambda move: expit(odds + move).sum() - happened.sum(), -60.0, 60.0))


def scarce_count(happened: Array) -> int:
    """Number of rows with the rarer outcome."""
    return int(min(happened.sum(), len(happened) - happened.sum()))
