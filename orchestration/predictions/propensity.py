"""The chance that something happens (a purchase, an answer), learned from any table of what was known before.

Judged as it will be used: learned from the older rows, tried on the newest ones. Where it does not beat the base rate
there, or has seen too little, it abstains and says so. The same input gives the same scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from orchestration.predictions import learners, measures
from orchestration.predictions.features import FeaturePlan, days_since_1970, plan_features
from orchestration.predictions.learners import Learned, Line

Array = NDArray[np.float64]

LEAST_POSITIVES = 50  # and as many negatives: fewer cannot be split into learning, calibrating and judging
LEAST_POSITIVES_HELD_OUT = 10
LEAST_POSITIVES_LEARNED = 30
HELD_OUT_SHARES = (0.2, 0.35)  # the larger one where the smaller one is too little to judge by
FOLDS = 4
LEAST_POSITIVES_FOR_ISOTONIC = 1_000
NEWEST_SHARE = 0.1  # of the rows: whose base rate the scores are moved to, where it differs by more than chance
_SURE = 3.0  # standard errors of a changed base rate
_BETTER = 1.64  # standard errors by which the held-out rows must be predicted better than by the base rate
_BETTER_ALONE = 2.33  # the same, where the rows before them were not predicted better
_CONSISTENT = 2.0  # standard errors over the blocks by which a model must be better than a plainer one
_LEAST_GAIN = 0.003  # share of the log loss
_LEAK_AUC = 0.99
_ROWS_FOR_USEFULNESS = 2_000
_COLUMNS_FOR_USEFULNESS = 20
_LEAST_SLOPE = 0.25
_SMALLEST = 1e-6
_KEPT = (0.5, 0.0, 1.0)  # of a new level; the first one where nothing is known
_ODDS = (-13.8, 13.8)  # log odds of it
_ROWS_FOR_FOREST, _CELLS_FOR_FOREST = 4_000, 100_000  # beyond that boosting does as well, and sooner
# From the plain one on; the parts of each, whose log odds are averaged.
_MODELS = {
    "logistic": ("logistic",), "both": ("logistic", "trees"), "trees": ("trees",),
    "all": ("logistic", "trees", "forest"), "forest": ("forest",),
}  # fmt: skip


@dataclass(frozen=True)
class PropensityReport:
    """How the model did on the newest rows, which it had not seen; the figures are empty where there were too few.

    base_rate: of all rows; base_rate_learned and base_rate_held_out: of the older and the newest rows.
    brier_skill: share of the Brier score saved against the rate that was known beforehand. top_decile_lift: rate in the
    highest tenth over the rate of all. reliability: see measures.reliability_curve. useful_features: what is lost in
    AUC when a column is shuffled. notes: sentences about columns and drift.
    held_out: the newest rows one by one, by their labels in the features: probability (of the judged model, also where
    it was no better than the base rate), outcome, as_of (as it was given; missing where it was not).
    """

    rows: int
    positives: int
    base_rate: float
    base_rate_learned: float | None = None
    base_rate_held_out: float | None = None
    rows_held_out: int = 0
    model: str = ""
    calibration: str = ""
    auc: float | None = None
    brier: float | None = None
    brier_skill: float | None = None
    expected_calibration_error: float | None = None
    top_decile_lift: float | None = None
    reliability: pd.DataFrame | None = None
    useful_features: dict[str, float] = field(default_factory=dict)
    suspected_leaks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held_out: pd.DataFrame | None = None


@dataclass(frozen=True)
class _Scorer:
    """A fitted model with its calibration: numbers in, probabilities out."""

    name: str
    parts: tuple[Learned, ...]
    calibration: _Calibration
    shift: float

    def probability(self, matrix: Array) -> Array:
        return _probability(self.calibration.odds(self.raw(matrix)) + self.shift)

    def raw(self, matrix: Array) -> Array:
        """Log odds before calibration."""
        return _mean([part.odds(matrix) for part in self.parts])


@dataclass(frozen=True)
class PropensityModel:
    """A model of a propensity, or of the base rate where it abstains (abstains says why, otherwise it is empty)."""

    plan: FeaturePlan
    base_rate: float
    report: PropensityReport
    abstains: str = ""
    scorer: _Scorer | None = None

    def without_rows(self) -> PropensityModel:
        """The same model without what it says about single rows of the input: what is saved."""
        return replace(self, report=replace(self.report, held_out=None))

    def predict_probability(self, features: pd.DataFrame, as_of: object = None) -> Array:
        """The probability for each row, between 0 and 1.

        Columns are found by name: further ones are ignored, a missing one is a ValueError, unseen values count as
        rare ones. as_of (one moment, or one per row): where dates were learned relative to it; the newest moment that
        was learned from, if not given.
        """
        if not isinstance(features, pd.DataFrame):
            raise ValueError("features must be a pandas DataFrame with the columns that were learned from.")
        days = None if as_of is None else _moments(as_of, len(features))
        if self.scorer is None or not len(features):
            return np.full(len(features), self.base_rate)
        with threadpool_limits(1):
            return self.scorer.probability(self.plan.matrix(features, days))


def fit_propensity(
    features: pd.DataFrame, outcome: pd.Series, as_of: ArrayLike | pd.Series | None = None, *, seed: int = 1
) -> PropensityModel:
    """Learns the probability of `outcome` from `features`, whose rows say what was known before it.

    features: numbers, truth values, categories, text, dates, with gaps. outcome: true or false, 1 or 0, none missing.
    as_of: the moment of each row; without it the order of the rows is taken as time. ValueError on input that cannot
    be meant; too few examples, or none that helps, give a model that abstains.
    """
    happened, days = _checked(features, outcome, as_of)
    order = np.arange(len(happened))
    if days is not None:
        # Of one moment are all: then time says nothing, and the order of the rows may be that of something else.
        same = days.min() == days.max()
        order = np.random.default_rng(seed).permutation(order) if same else np.argsort(days, kind="stable")
    frame, happened = features if days is None else features.iloc[order], happened[order]
    days = None if days is None else days[order]
    rows, positives = len(happened), int(happened.sum())
    base_rate = float(happened.mean())
    scarce = min(positives, rows - positives)
    if scarce < LEAST_POSITIVES:
        what = "happened" if positives <= rows - positives else "did not happen"
        reason = f"It {what} in {scarce} of {rows} rows; {LEAST_POSITIVES} are needed to learn when it does."
        return _abstaining(reason, rows, positives, base_rate)
    cuts = [_cut(rows, days, share) for share in HELD_OUT_SHARES]
    cut = next((cut for cut in cuts if _splits(happened, cut)), cuts[0])
    held_out = happened[cut:]
    if not _splits(happened, cut):
        reason = (
            f"Of {positives} positive rows {int(held_out.sum())} are among the newest {len(held_out)}: "
            f"of either outcome {LEAST_POSITIVES_LEARNED} are needed before and {LEAST_POSITIVES_HELD_OUT} among them"
            f"{' (without as_of the order of the rows is taken as time)' if days is None else ''}."
        )
        return _abstaining(reason, rows, positives, base_rate)
    with threadpool_limits(1):
        model = _fit_and_judge(frame, happened, days, cut, seed)
    if model.report.held_out is None:
        return model
    held_out = model.report.held_out.set_axis(features.index[order[cut:]])
    return replace(model, report=replace(model.report, held_out=held_out.assign(as_of=_given(as_of, order[cut:]))))


def _fit_and_judge(frame: pd.DataFrame, happened: Array, days: Array | None, cut: int, seed: int) -> PropensityModel:
    rows, positives, base_rate = len(happened), int(happened.sum()), float(happened.mean())
    older, newer = (None, None) if days is None else (days[:cut], days[cut:])
    plan = plan_features(frame.iloc[:cut], older)
    if not plan.columns:
        reason = "No column says anything: all are empty, the same everywhere, or different in every row."
        return _abstaining(reason, rows, positives, base_rate, plan)
    learned, tried = happened[:cut], happened[cut:]
    learned_rate = float(learned.mean())
    matrix, later = plan.matrix(frame.iloc[:cut], older), plan.matrix(frame.iloc[cut:], newer)
    tries = _tries(plan, matrix, learned, older, seed)
    scorer = _scorer(tries, plan, matrix, learned, older, seed)
    raw = scorer.raw(later)
    probability = _probability(scorer.calibration.odds(raw) + scorer.shift)
    notes = list(plan.left_out)
    if days is not None and days[0] == days[-1]:
        notes.append("All rows are of one moment: it was judged on rows drawn at random, not on newer ones.")
    drift = abs(tried.mean() - learned_rate) / np.sqrt(learned_rate * (1 - learned_rate) / len(tried))
    if drift > _SURE:
        notes.append(f"The base rate has moved from {learned_rate:.1%} to {tried.mean():.1%} in the newest rows.")
    apart = _apart(plan, later, tried)
    leaks = tuple(name for name, distance in zip(plan.names, apart, strict=True) if distance > _LEAK_AUC - 0.5)
    if leaks:
        notes.append(f"Tells the outcome nearly by itself; make sure that it was known before: {', '.join(leaks)}.")
    report = PropensityReport(
        rows=rows,
        positives=positives,
        base_rate=base_rate,
        base_rate_learned=learned_rate,
        base_rate_held_out=float(tried.mean()),
        rows_held_out=len(tried),
        model=scorer.name,
        calibration=scorer.calibration.name,
        auc=measures.auc(probability, tried),
        brier=measures.brier_score(probability, tried),
        brier_skill=measures.brier_skill(probability, tried, learned_rate),
        expected_calibration_error=measures.expected_calibration_error(probability, tried),
        top_decile_lift=measures.lift_at(probability, tried),
        reliability=measures.reliability_curve(probability, tried),
        useful_features=_usefulness(scorer, tries.line, plan, apart, later, tried, seed),
        suspected_leaks=leaks,
        notes=tuple(notes),
        held_out=pd.DataFrame({"probability": probability, "outcome": tried.astype(np.int64)}),
    )
    reason = _worse_than_base_rate(probability, tried, learned_rate, tries.gains)
    if reason:
        return PropensityModel(plan, base_rate, report, abstains=reason)
    final_plan = plan_features(frame, days)
    start = _newest(cut, days)
    tried_too = replace(
        tries,
        scores=[*tries.scores, raw],
        outcomes=[*tries.outcomes, tried],
        newest=[*tries.newest, (scorer.raw(matrix[start:]), learned[start:])],
        line=None,
    )
    final = _scorer(tried_too, final_plan, final_plan.matrix(frame, days), happened, days, seed)
    return PropensityModel(final_plan, base_rate, report, scorer=final)


# --- learning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tries:
    """What was found out by predicting blocks of rows from those before: the model to use, and its log odds there.

    newest: log odds and outcomes of the newest rows before each block, which were learned from.
    line: fitted on all of these rows. gains: per row of the blocks, what the model saves in log loss with the level of
    the block known.
    """

    name: str
    iterations: int
    scores: list[Array]
    outcomes: list[Array]
    newest: list[tuple[Array, Array]]
    gains: Array
    line: Line | None


def _tries(plan: FeaturePlan, matrix: Array, happened: Array, days: Array | None, seed: int) -> _Tries:
    """Chooses a model by what it says about later rows."""
    blocks = _blocks(happened, days)
    outcomes = [happened[begin:end] for begin, end in blocks]
    categories = plan.is_category
    line = learners.fit_line(matrix, happened, categories, seed)
    forest = len(matrix) <= _ROWS_FOR_FOREST and matrix.size <= _CELLS_FOR_FOREST
    odds: dict[str, list[Array]] = {"logistic": [], "forest": []}
    staged: list[list[Array]] = []
    starts: list[int] = []
    most = learners.ITERATIONS[-1]
    for begin, end in reversed(blocks):
        before, seen, later = matrix[:begin], happened[:begin], matrix[begin:end]
        starts.insert(0, _newest(begin, days))
        asked = matrix[starts[0] : end]  # the newest rows before the block, and the block
        odds["logistic"].insert(0, learners.fit_line(before, seen, categories, seed, line).odds(asked))
        trees = learners.fit_trees(before, seen, categories, seed, most, (later, happened[begin:end]))
        most = min(most, trees.model.n_iter_)  # the newest block has the most to learn from
        staged.insert(0, trees.staged_odds(asked))
        if forest:
            odds["forest"].insert(0, learners.fit_forest(before, seen, seed).odds(asked))
    by_stage = [
        np.mean([_shape_gain(some[stage][-len(seen) :], seen) for some, seen in zip(staged, outcomes, strict=True)])
        for stage in range(len(learners.ITERATIONS))
    ]
    stage = int(np.argmax(by_stage))
    odds["trees"] = [stages[stage] for stages in staged]
    asked_odds = {
        name: [_mean([odds[part][block] for part in parts]) for block in range(len(blocks))]
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
    return _Tries(best, learners.ITERATIONS[stage], scores[best], outcomes, newest, gains, line)


def _scorer(tries: _Tries, plan: FeaturePlan, matrix: Array, happened: Array, days: Array | None, seed: int) -> _Scorer:
    """The chosen model fitted on all these rows, calibrated by what it said about later rows than it had seen."""
    parts: list[Learned] = []
    for part in _MODELS[tries.name]:
        if part == "logistic":
            parts.append(tries.line or learners.fit_line(matrix, happened, plan.is_category, seed))
        elif part == "trees":
            parts.append(learners.fit_trees(matrix, happened, plan.is_category, seed, tries.iterations))
        else:
            parts.append(learners.fit_forest(matrix, happened, seed))
    calibration = _calibration(tries.scores, tries.outcomes)
    # Of the fitted model, which has seen the newest rows: what it has learned of a new level is not added again.
    newest = _newest(len(happened), days)
    odds = calibration.odds(_mean([part.odds(matrix[newest:]) for part in parts]))
    kept = _kept_levels(calibration, tries)
    return _Scorer(tries.name, tuple(parts), calibration, kept * _shift(odds, happened[newest:]))


def _kept_levels(calibration: _Calibration, tries: _Tries) -> float:
    """How much of the newest level was still there in the next block: all, half, or nothing.

    Some changes stay (a crisis), others go (a season).
    """
    losses = dict.fromkeys(_KEPT, 0.0)
    for (before, seen), scores, happened in zip(tries.newest, tries.scores, tries.outcomes, strict=True):
        shift = _shift(calibration.odds(before), seen)
        for kept in losses:
            losses[kept] += float(_log_loss(_probability(calibration.odds(scores) + kept * shift), happened).sum())
    return min(losses, key=lambda kept: losses[kept])


def _best(raw: dict[str, list[Array]], outcomes: list[Array]) -> str:
    """The model that tells later rows apart best; another than the plain one only if it does so in block after block.

    Where the world changes, trees repeat what was and a line goes on with the trend: pooled rows would not show it.
    Where none says anything about later rows, being less wrong is no reason to be chosen.
    Compared is the log loss with the level of each block known, relative to that of the block's base rate.
    """
    gains = {
        name: np.array([_shape_gain(score, seen) for score, seen in zip(scores, outcomes, strict=True)])
        for name, scores in raw.items()
    }
    best = plain = next(iter(gains))
    for name in list(gains)[1:]:
        more = gains[name] - gains[best]
        error = more.std(ddof=1) / np.sqrt(len(more)) if len(more) > 1 else abs(more[0]) / 2
        # Once the line has lost, the others are alike.
        needed = max(_CONSISTENT * error, _LEAST_GAIN) if best == plain else error / 2
        if more.mean() > needed and gains[name].mean() > 0:
            best = name
    return best


def _shape_gain(odds: Array, happened: Array) -> float:
    """Share of the base rate's log loss that is saved by scores whose level has been moved to the base rate."""
    if not _scarce(happened):
        return 0.0
    base = _log_loss(np.full(len(happened), happened.mean()), happened).mean()
    return float(_shape_gains(odds, happened).mean() / base)


def _shape_gains(odds: Array, happened: Array) -> Array:
    """The same per row, and in units of log loss."""
    if not _scarce(happened):
        return np.zeros(len(happened))
    base = _log_loss(np.full(len(happened), happened.mean()), happened)
    return base - _log_loss(_probability(odds + _move(odds, happened)), happened)


def _blocks(happened: Array, days: Array | None) -> list[tuple[int, int]]:
    """Blocks of rows, each of which is predicted from all rows before it. Rows of one moment stay together.

    The first one begins late enough for both outcomes to have been seen.
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


def _newest(rows: int, days: Array | None) -> int:
    """Where the newest rows begin, of those that are learned from: a share of them, or a moment."""
    begin = rows - max(int(NEWEST_SHARE * rows), 1)
    if days is not None and days[0] < days[rows - 1]:
        begin = int(np.searchsorted(days[:rows], days[begin], "left")) or begin
    return begin


def _mean(odds: list[Array]) -> Array:
    return np.asarray(np.mean([np.clip(some, *_ODDS) for some in odds], axis=0))


# --- calibration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Calibration:
    """From log odds to calibrated log odds: straight lines between points, and on at a slope of 1 beyond the ends.

    Newer rows may have scores that no earlier row had: cutting them off would lose their order.
    """

    name: str
    points: Array
    levels: Array

    def odds(self, scores: Array) -> Array:
        """The calibrated log odds."""
        inside = np.interp(scores, self.points, self.levels)
        return inside + np.minimum(scores - self.points[0], 0.0) + np.maximum(scores - self.points[-1], 0.0)


_UNCALIBRATED = _Calibration("none", np.zeros(1), np.zeros(1))


def _sigmoid(scores: Array, happened: Array) -> _Calibration:
    """Platt's scaling (1999). A falling line would turn the order of the model round: the slope ends at a quarter.

    Rows on which the model says nothing leave it to the newest ones to judge it, in its own order.
    """
    line = LogisticRegression(C=1e6, max_iter=1000).fit(scores[:, None], happened)
    slope, level, ends = float(line.coef_[0, 0]), float(line.intercept_[0]), np.array([-40.0, 40.0])
    if slope < _LEAST_SLOPE:
        slope = _LEAST_SLOPE
        level = _move(slope * scores, happened)
    return _Calibration("sigmoid", ends, slope * ends + level)


def _isotonic(scores: Array, happened: Array) -> _Calibration:
    """Isotonic regression with lines between the middles of its steps, which keep the order of scores within a step.

    Centred isotonic regression (Oron and Flournoy 2017, Statistics in Biopharmaceutical Research 9:258); half a row of
    either outcome is added to a step, so that none is sure.
    """
    level = IsotonicRegression().fit_transform(scores, happened)
    frame = pd.DataFrame({"level": level, "score": scores, "happened": happened})
    steps = frame.groupby("level").agg(score=("score", "mean"), made=("happened", "sum"), rows=("happened", "size"))
    rates = ((steps.made + 0.5) / (steps.rows + 1)).to_numpy()
    return _Calibration("isotonic", steps.score.to_numpy(), np.maximum.accumulate(logit(rates)))


def _calibration(scores: list[Array], outcomes: list[Array]) -> _Calibration:
    """The kind that, learned from the earlier blocks, fits the newest one best; learned again from all blocks."""
    if len(scores) == 1:
        return _sigmoid(scores[0], outcomes[0]) if _scarce(outcomes[0]) else _UNCALIBRATED
    kinds: dict[str, Callable[[Array, Array], _Calibration]] = {"none": lambda *_: _UNCALIBRATED, "sigmoid": _sigmoid}
    if _scarce(np.concatenate(outcomes[:-1])) >= LEAST_POSITIVES_FOR_ISOTONIC:
        kinds["isotonic"] = _isotonic
    earlier = np.concatenate(scores[:-1]), np.concatenate(outcomes[:-1])
    if not _scarce(earlier[1]) or not _scarce(outcomes[-1]):
        return _UNCALIBRATED
    losses = {}
    for name, kind in kinds.items():
        odds = kind(*earlier).odds(scores[-1])
        # The level is moved to the newest rows in any case: what is compared is the shape.
        losses[name] = _log_loss(_probability(odds + _move(odds, outcomes[-1])), outcomes[-1]).mean()
    best = min(kinds, key=lambda name: losses[name])
    return kinds[best](np.concatenate(scores), np.concatenate(outcomes))


def _probability(odds: Array) -> Array:
    return np.clip(expit(odds), _SMALLEST, 1 - _SMALLEST)


def _shift(odds: Array, happened: Array) -> float:
    """Log odds that bring the mean to what happened, where it differs by more than chance."""
    said = expit(odds)
    error = np.sqrt((said * (1 - said)).sum())
    if _scarce(happened) < LEAST_POSITIVES_HELD_OUT or abs(happened.sum() - said.sum()) <= _SURE * error:
        return 0.0
    return _move(odds, happened)


def _move(odds: Array, happened: Array) -> float:
    """Log odds to add, so that the mean probability is the rate of what happened (both outcomes are among them)."""
    return float(brentq(lambda move: expit(odds + move).sum() - happened.sum(), -60.0, 60.0))


# --- judging ---------------------------------------------------------------------------------------------------------


def _log_loss(probability: Array, happened: Array) -> Array:
    return -np.where(happened == 1, np.log(probability), np.log1p(-probability))


def _worse_than_base_rate(probability: Array, happened: Array, base_rate: float, earlier: Array) -> str:
    """Why the model is not used, or empty: it must be better in log loss, and not worse in Brier score, beyond chance.

    The Brier score alone says little where the outcome is rare: nearly all of it is noise of a few positives. Where the
    newest rows are too few to be sure, it is enough that they agree with what the blocks before them say for sure
    (earlier: gains in log loss there).
    """
    kept = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    gain = _log_loss(np.full(len(kept), base_rate), happened) - _log_loss(kept, happened)
    squares = (base_rate - happened) ** 2 - (probability - happened) ** 2
    needed = _BETTER if earlier.mean() > 0 else _BETTER_ALONE
    surely = _standard_errors(gain) > needed or (gain.mean() > 0 and _standard_errors(earlier) > _BETTER)
    ranks = measures.auc(probability, happened) or 0.5
    if surely and _standard_errors(squares) > -_BETTER and ranks > 0.5:
        return ""
    return (
        f"On the newest {len(happened)} rows it was not surely better than the base rate "
        f"(Brier skill {measures.brier_skill(probability, happened, base_rate):.4f}, AUC {ranks:.3f})."
    )


def _standard_errors(values: Array) -> float:
    """By how many of its standard errors the mean is above 0."""
    error = float(values.std()) / np.sqrt(len(values))
    return float(values.mean()) / error if error > 0 else 0.0


def _apart(plan: FeaturePlan, matrix: Array, happened: Array) -> Array:
    """For each column by itself, how far the AUC is from a half. Categories are in the order of their rates."""
    found = []
    for place, column in enumerate(plan.columns):
        values = matrix[:, place]
        if column.kind == "category":
            codes = np.nan_to_num(values, nan=-1.0).astype(np.intp) + 1
            rate = np.bincount(codes, happened) / np.maximum(np.bincount(codes), 1)
            values = rate[codes]
        found.append(abs(measures.auc_of_scores(np.nan_to_num(values, nan=-np.inf), happened) - 0.5))
    return np.array(found)


def _usefulness(
    scorer: _Scorer, line: Line | None, plan: FeaturePlan, apart: Array, matrix: Array, happened: Array, seed: int
) -> dict[str, float]:
    """What is lost in AUC when a column is shuffled, most first. On a part of the rows, with both outcomes in it.

    Of many columns only those that say most by themselves or in the line.
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


# --- input -----------------------------------------------------------------------------------------------------------


def _checked(
    features: pd.DataFrame, outcome: pd.Series, as_of: ArrayLike | pd.Series | None
) -> tuple[Array, Array | None]:
    if not isinstance(features, pd.DataFrame):
        raise ValueError("features must be a pandas DataFrame.")
    values = pd.Series(outcome)
    if len(values) != len(features):
        raise ValueError(f"There are {len(features)} rows of features and {len(values)} outcomes: give one for each.")
    if not len(values):
        raise ValueError("There are no rows to learn from.")
    if isinstance(outcome, pd.Series) and not outcome.index.equals(features.index):
        raise ValueError("features and outcome have different indexes: bring them into one order first.")
    if values.isna().any():
        raise ValueError(f"The outcome is missing in {int(values.isna().sum())} rows: leave them out.")
    numbers = pd.to_numeric(values.astype(object), errors="coerce")
    if not numbers.isin([0, 1]).all():
        raise ValueError("The outcome must be true or false, or 1 or 0.")
    happened = numbers.to_numpy(dtype=np.float64)
    return happened, None if as_of is None else _moments(as_of, len(features))


def _moments(as_of: Any, rows: int) -> Array:
    """Days since 1970 per row; numbers are taken as days, a single moment is that of every row."""
    series = as_of if isinstance(as_of, pd.Series) else pd.Series(as_of if np.ndim(as_of) else [as_of] * rows)
    if len(series) != rows:
        raise ValueError(f"as_of must give the moment of each of the {rows} rows, not {len(series)} moments.")
    numeric = pd.api.types.is_numeric_dtype(series.dtype)
    days = series.to_numpy(dtype=np.float64, na_value=np.nan) if numeric else days_since_1970(series)
    if not np.isfinite(days).all():
        raise ValueError(f"as_of is missing or no moment in {int((~np.isfinite(days)).sum())} rows.")
    return np.asarray(days)


def _given(as_of: Any, places: NDArray[np.intp]) -> Any:
    """The moments of these rows as they came in, without the labels that they came with."""
    if as_of is None or not np.ndim(as_of):
        return np.nan if as_of is None else as_of
    return pd.Series(as_of).iloc[places].array


def _splits(happened: Array, cut: int) -> bool:
    """Whether there is enough of either outcome to learn from before the cut, and to judge by after it."""
    return _scarce(happened[cut:]) >= LEAST_POSITIVES_HELD_OUT and _scarce(happened[:cut]) >= LEAST_POSITIVES_LEARNED


def _cut(rows: int, days: Array | None, share: float) -> int:
    """Where the newest rows begin. Rows of one moment stay on one side."""
    cut = int(rows * (1 - share))
    if days is None or days[0] == days[-1]:
        return cut
    before, after = np.searchsorted(days, days[cut], "left"), np.searchsorted(days, days[cut], "right")
    # Of the two ends of a moment's rows the nearer one, unless nothing would be left on a side.
    ends = [int(end) for end in (before, after) if 0 < end < rows]
    return min(ends, key=lambda end: abs(end - cut)) if ends else cut


def _scarce(happened: Array) -> int:
    """Rows of the rarer outcome."""
    return int(min(happened.sum(), len(happened) - happened.sum()))


def _abstaining(
    reason: str, rows: int, positives: int, base_rate: float, plan: FeaturePlan | None = None
) -> PropensityModel:
    empty = plan or FeaturePlan((), 0.0, False)
    report = PropensityReport(rows, positives, base_rate, notes=empty.left_out)
    return PropensityModel(empty, base_rate, report, abstains=reason)
