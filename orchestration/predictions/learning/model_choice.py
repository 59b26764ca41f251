"""Chooses the model of a propensity by how it predicts later blocks of rows, and fits and calibrates it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.predictions.learning import learners
from orchestration.predictions.learning.calibration import (
    LEAST_POSITIVES_HELD_OUT,
    Calibration,
    best_calibration,
    level_move,
    level_shift,
    log_loss,
    probability_of,
    scarce_count,
)
from orchestration.predictions.learning.features import FeaturePlan
from orchestration.predictions.learning.learners import Learned, Line

Array = NDArray[np.float64]

FOLDS = 4
NEWEST_SHARE = 0.1  # of the rows: the scores move to their base rate if it differs by more than chance
_CONSISTENT = 2.0  # standard errors over the blocks by which a model must beat a simpler one
_LEAST_GAIN = 0.003  # share of the log loss
_KEPT_SHARES = (0.5, 0.0, 1.0)  # of a new level; the first one if there is no evidence
_LOG_ODDS_RANGE = (-13.8, 13.8)  # of one model in a mean: no model outvotes all others
_ROWS_FOR_FOREST, _CELLS_FOR_FOREST = 4_000, 100_000  # beyond these, boosting is as good and faster
# From the simplest on: the parts of each model, whose log odds are averaged.
_MODELS = {
    "logistic": ("logistic",), "both": ("logistic", "trees"), "trees": ("trees",),
    "all": ("logistic", "trees", "forest"), "forest": ("forest",),
}  # fmt: skip


@dataclass(frozen=True)
class Scorer:
    """A fitted model with its calibration. shift: log odds added for a changed level."""

    name: str
    parts: tuple[Learned, ...]
    calibration: Calibration
    shift: float

    def probability(self, matrix: Array) -> Array:
        """The probability of each row."""
        return probability_of(self.calibration.odds(self.raw(matrix)) + self.shift)

    def raw(self, matrix: Array) -> Array:
        """Log odds before calibration."""
        return _mean_odds([part.odds(matrix) for part in self.parts])


@dataclass(frozen=True)
class Trials:
    """Result of predicting blocks of rows from the rows before them: the best model, and its log odds per block.

    newest: log odds and outcomes of the newest rows before each block, from which the model learned. gains: per row of
    the blocks, the log loss that the model saves if the level of the block is known. line: fitted on all rows.
    """

    name: str
    iterations: int
    scores: list[Array]
    outcomes: list[Array]
    newest: list[tuple[Array, Array]]
    gains: Array
    line: Line | None


def try_models(plan: FeaturePlan, matrix: Array, happened: Array, days: Array | None, seed: int) -> Trials:
    """Chooses a model by its predictions of later rows.

    matrix: features by plan. happened: outcomes, 1 or 0. days: days since 1970, ascending; None if unknown.
    """
    blocks = time_blocks(happened, days)
    outcomes = [happened[begin:end] for begin, end in blocks]
    line = learners.fit_line(matrix, happened, plan.is_category, seed)
    odds, staged, starts = _predict_blocks(plan, matrix, happened, days, blocks, line, seed)
    by_stage = [
        np.mean([_shape_gain(some[stage][-len(seen) :], seen) for some, seen in zip(staged, outcomes, strict=True)])
        for stage in range(len(learners.ITERATIONS))
    ]
    stage = int(np.argmax(by_stage))
    odds["trees"] = [stages[stage] for stages in staged]
    asked_odds = {
        name: [_mean_odds([odds[part][block] for part in parts]) for block in range(len(blocks))]
        for name, parts in _MODELS.items()
        if all(odds[part] for part in parts)
    }
    scores = {
        name: [some[-len(seen) :] for some, seen in zip(found, outcomes, strict=True)]
        for name, found in asked_odds.items()
    }
    best = _best(scores, outcomes)
    newest = [
        (some[: begin - start], happened[start:begin])
        for some, start, (begin, _) in zip(asked_odds[best], starts, blocks, strict=True)
    ]
    gains = np.concatenate([_shape_gains(score, seen) for score, seen in zip(scores[best], outcomes, strict=True)])
    return Trials(best, learners.ITERATIONS[stage], scores[best], outcomes, newest, gains, line)


def _predict_blocks(
    plan: FeaturePlan,
    matrix: Array,
    happened: Array,
    days: Array | None,
    blocks: list[tuple[int, int]],
    line: Line,
    seed: int,
) -> tuple[dict[str, list[Array]], list[list[Array]], list[int]]:
    """Log odds of each block and the newest rows before it, by models of all rows before the block.

    Returns the log odds of line and forest by name, those of the trees per number of iterations, and the position of
    the first of the newest rows before each block.
    """
    forest = len(matrix) <= _ROWS_FOR_FOREST and matrix.size <= _CELLS_FOR_FOREST
    odds: dict[str, list[Array]] = {"logistic": [], "forest": []}
    staged: list[list[Array]] = []
    starts: list[int] = []
    most = learners.ITERATIONS[-1]
    for begin, end in reversed(blocks):
        before, seen, later = matrix[:begin], happened[:begin], matrix[begin:end]
        starts.insert(0, newest_start(begin, days))
        asked = matrix[starts[0] : end]  # the newest rows before the block, and the block
        odds["logistic"].insert(0, learners.fit_line(before, seen, plan.is_category, seed, line).odds(asked))
        trees = learners.fit_trees(before, seen, plan.is_category, seed, most, (later, happened[begin:end]))
        most = min(most, trees.model.n_iter_)  # the newest block has the most rows to learn from
        staged.insert(0, trees.staged_odds(asked))
        if forest:
            odds["forest"].insert(0, learners.fit_forest(before, seen, seed).odds(asked))
    return odds, staged, starts


def fit_scorer(
    trials: Trials, plan: FeaturePlan, matrix: Array, happened: Array, days: Array | None, seed: int
) -> Scorer:
    """The chosen model fitted on all rows, calibrated on its predictions of later rows."""
    parts: list[Learned] = []
    for part in _MODELS[trials.name]:
        if part == "logistic":
            parts.append(trials.line or learners.fit_line(matrix, happened, plan.is_category, seed))
        elif part == "trees":
            parts.append(learners.fit_trees(matrix, happened, plan.is_category, seed, trials.iterations))
        else:
            parts.append(learners.fit_forest(matrix, happened, seed))
    calibration = best_calibration(trials.scores, trials.outcomes)
    # The fitted model has seen the newest rows: a level that it has learned is not added again.
    newest = newest_start(len(happened), days)
    odds = calibration.odds(_mean_odds([part.odds(matrix[newest:]) for part in parts]))
    kept = _kept_levels(calibration, trials)
    return Scorer(trials.name, tuple(parts), calibration, kept * level_shift(odds, happened[newest:]))


def _kept_levels(calibration: Calibration, trials: Trials) -> float:
    """Share of the newest level that lasted into the next block: all, half, or none.

    Some changes last (a crisis), others do not (a season).
    """
    losses = dict.fromkeys(_KEPT_SHARES, 0.0)
    for (before, seen), scores, happened in zip(trials.newest, trials.scores, trials.outcomes, strict=True):
        shift = level_shift(calibration.odds(before), seen)
        for kept in losses:
            losses[kept] += float(log_loss(probability_of(calibration.odds(scores) + kept * shift), happened).sum())
    return min(losses, key=lambda kept: losses[kept])


def _best(raw: dict[str, list[Array]], outcomes: list[Array]) -> str:
    """The model that ranks later rows best; one other than the simplest only if it does so consistently per block.

    After a change, trees repeat the past and a line follows the trend, which pooled rows would hide. A model that does
    not beat the base rate is never chosen for being less wrong. Compares the log loss with the level of each block
    known, relative to that of the block's base rate.
    """
    gains = {
        name: np.array([_shape_gain(score, seen) for score, seen in zip(scores, outcomes, strict=True)])
        for name, scores in raw.items()
    }
    best = plain = next(iter(gains))
    for name in list(gains)[1:]:
        more = gains[name] - gains[best]
        error = more.std(ddof=1) / np.sqrt(len(more)) if len(more) > 1 else abs(more[0]) / 2
        # Once the line has lost, the others need no head start over each other.
        needed = max(_CONSISTENT * error, _LEAST_GAIN) if best == plain else error / 2
        if more.mean() > needed and gains[name].mean() > 0:
            best = name
    return best


def _shape_gain(odds: Array, happened: Array) -> float:
    """Share of the base rate's log loss that scores save once their level is moved to the base rate."""
    if not scarce_count(happened):
        return 0.0
    base = log_loss(np.full(len(happened), happened.mean()), happened).mean()
    return float(_shape_gains(odds, happened).mean() / base)


def _shape_gains(odds: Array, happened: Array) -> Array:
    """Log loss that each row saves once the level of the scores is moved to the base rate."""
    if not scarce_count(happened):
        return np.zeros(len(happened))
    base = log_loss(np.full(len(happened), happened.mean()), happened)
    return base - log_loss(probability_of(odds + level_move(odds, happened)), happened)


def time_blocks(happened: Array, days: Array | None) -> list[tuple[int, int]]:
    """Blocks of rows (begin, end), each predicted from all rows before it. Rows of one moment stay together.

    The first block begins after both outcomes have occurred.
    """
    rows = len(happened)
    seen = np.minimum(np.cumsum(happened), np.cumsum(1 - happened))
    enough = int(np.searchsorted(seen, min(LEAST_POSITIVES_HELD_OUT, seen[-1]))) + 1
    first = min(max(rows // (FOLDS + 1), enough), rows - FOLDS)
    edges = np.linspace(first, rows, FOLDS + 1).astype(int)
    if days is not None and days[0] < days[-1]:
        starts = np.append(np.flatnonzero(np.diff(days)) + 1, rows)
        late_enough = starts[starts >= min(enough, starts[-2])]
        edges = np.unique(late_enough[np.abs(late_enough[:, None] - edges).argmin(axis=0)])
        if len(edges) < 2:
            edges = np.array([late_enough[-2], rows]) if len(late_enough) > 1 else np.array([starts[-2], rows])
    return [(int(begin), int(end)) for begin, end in zip(edges[:-1], edges[1:], strict=True)]


def newest_start(rows: int, days: Array | None) -> int:
    """Position of the first of the newest rows: the last NEWEST_SHARE of the rows, extended to whole moments."""
    begin = rows - max(int(NEWEST_SHARE * rows), 1)
    if days is not None and days[0] < days[rows - 1]:
        begin = int(np.searchsorted(days[:rows], days[begin], "left")) or begin
    return begin


def _mean_odds(odds: list[Array]) -> Array:
    return np.asarray(np.mean([np.clip(some, *_LOG_ODDS_RANGE) for some in odds], axis=0))
