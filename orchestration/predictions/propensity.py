"""The chance that something happens (a purchase, an answer), learned from any table of what was known before.

Judged as it will be used: learned from the older rows, tried on the newest ones. Where it does not beat the base rate
there, or has seen too little, it abstains and says so. The same input gives the same scores.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from orchestration.predictions import measures
from orchestration.predictions.features import FeaturePlan, days_since_1970, plan_features

Array = NDArray[np.float64]

LEAST_POSITIVES = 50  # and as many negatives: fewer cannot be split into learning, calibrating and judging
LEAST_POSITIVES_HELD_OUT = 10
HELD_OUT_SHARE = 0.2
FOLDS = 4
LEAST_POSITIVES_FOR_ISOTONIC = 1_000
NEWEST_SHARE = 0.1  # of the rows: whose base rate the scores are moved to, where it differs by more than chance
_SURE = 3.0  # standard errors of a changed base rate
_BETTER = 1.64  # standard errors by which the held-out rows must be predicted better than by the base rate
_CONSISTENT = 2.0  # standard errors over the blocks by which a model must be better than the plain one
_LEAST_GAIN = 0.003  # share of the log loss
_LEAK_AUC = 0.99
_ROWS_FOR_USEFULNESS = 4_000
_SMALLEST = 1e-6
_MODELS = ("logistic", "trees", "both")


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
    estimators: tuple[Any, ...]
    calibration: _Calibration
    shift: float

    def probability(self, matrix: Array) -> Array:
        return _probability(self.calibration.odds(_raw(self.estimators, matrix)) + self.shift)


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
    order = np.arange(len(happened)) if days is None else np.argsort(days, kind="stable")
    frame, happened = features.iloc[order], happened[order]
    days = None if days is None else days[order]
    rows, positives = len(happened), int(happened.sum())
    base_rate = float(happened.mean())
    scarce = min(positives, rows - positives)
    if scarce < LEAST_POSITIVES:
        what = "happened" if positives <= rows - positives else "did not happen"
        reason = f"It {what} in {scarce} of {rows} rows; {LEAST_POSITIVES} are needed to learn when it does."
        return _abstaining(reason, rows, positives, base_rate)
    cut = _cut(rows, days)
    held_out = happened[cut:]
    if min(held_out.sum(), len(held_out) - held_out.sum(), _scarce(happened[:cut]) / 3) < LEAST_POSITIVES_HELD_OUT:
        reason = (
            f"Of {positives} positive rows {int(held_out.sum())} are among the newest {len(held_out)}: "
            f"learning and judging need at least {LEAST_POSITIVES_HELD_OUT} of either outcome on either side of time."
        )
        return _abstaining(reason, rows, positives, base_rate)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = _fit_and_judge(frame, happened, days, cut, seed)
    if model.report.held_out is None:
        return model
    held_out = model.report.held_out.set_axis(features.index[order[cut:]])
    return replace(model, report=replace(model.report, held_out=held_out.assign(as_of=_given(as_of, order[cut:]))))


def _fit_and_judge(frame: pd.DataFrame, happened: Array, days: Array | None, cut: int, seed: int) -> PropensityModel:
    rows, positives, base_rate = len(happened), int(happened.sum()), float(happened.mean())
    older = None if days is None else days[:cut]
    plan = plan_features(frame.iloc[:cut], older)
    if not plan.columns:
        reason = "No column says anything: all are empty, the same everywhere, or different in every row."
        return _abstaining(reason, rows, positives, base_rate, plan)
    learned, tried = happened[:cut], happened[cut:]
    learned_rate = float(learned.mean())
    scorer = _fit_scorer(plan, plan.matrix(frame.iloc[:cut], older), learned, seed)
    matrix = plan.matrix(frame.iloc[cut:], None if days is None else days[cut:])
    probability = scorer.probability(matrix)
    notes = list(plan.left_out)
    drift = abs(tried.mean() - learned_rate) / np.sqrt(learned_rate * (1 - learned_rate) / len(tried))
    if drift > _SURE:
        notes.append(f"The base rate has moved from {learned_rate:.1%} to {tried.mean():.1%} in the newest rows.")
    leaks = _suspected_leaks(plan, matrix, tried)
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
        useful_features=_usefulness(scorer, plan, matrix, tried, seed),
        suspected_leaks=leaks,
        notes=tuple(notes),
        held_out=pd.DataFrame({"probability": probability, "outcome": tried.astype(np.int64)}),
    )
    reason = _worse_than_base_rate(probability, tried, learned_rate)
    if reason:
        return PropensityModel(plan, base_rate, report, abstains=reason)
    final_plan = plan_features(frame, days)
    final = _fit_scorer(final_plan, final_plan.matrix(frame, days), happened, seed)
    return PropensityModel(final_plan, base_rate, report, scorer=final)


# --- learning --------------------------------------------------------------------------------------------------------


def _fit_scorer(plan: FeaturePlan, matrix: Array, happened: Array, seed: int) -> _Scorer:
    """Chooses a model by what it says about later rows, calibrates it on the same, and fits it on all rows."""
    blocks = _blocks(happened)
    raw: dict[str, list[Array]] = {name: [] for name in _MODELS}
    for begin, end in blocks:
        fitted = [
            _estimator(kind, plan, happened[:begin], seed).fit(matrix[:begin], happened[:begin]) for kind in _MODELS[:2]
        ]
        for name, chosen in zip(_MODELS, (fitted[:1], fitted[1:], fitted), strict=True):
            raw[name].append(_raw(tuple(chosen), matrix[begin:end]))
    outcomes = [happened[begin:end] for begin, end in blocks]
    best = _best(raw, outcomes)
    calibration = _calibration(raw[best], outcomes)
    kinds = _MODELS[:2] if best == "both" else (best,)
    estimators = tuple(_estimator(kind, plan, happened, seed).fit(matrix, happened) for kind in kinds)
    # Of the fitted model, which has seen the newest rows: what it has learned of a new level is not added again.
    newest = max(int(NEWEST_SHARE * len(happened)), 1)
    shift = _shift(calibration.odds(_raw(estimators, matrix[-newest:])), happened[-newest:])
    return _Scorer(best, estimators, calibration, shift)


def _best(raw: dict[str, list[Array]], outcomes: list[Array]) -> str:
    """The model that tells later rows apart best; another than the plain one only if it does so in block after block.

    Where the world changes, trees repeat what was and a line goes on with the trend: pooled rows would not show it.
    Compared is the log loss with the level of each block known, relative to that of the block's base rate.
    """
    gains = {
        name: np.array([_shape_gain(score, seen) for score, seen in zip(scores, outcomes, strict=True)])
        for name, scores in raw.items()
    }
    best = _MODELS[0]
    for name in _MODELS[1:]:
        more = gains[name] - gains[best]
        if more.mean() > max(_CONSISTENT * more.std(ddof=1) / np.sqrt(len(more)), _LEAST_GAIN):
            best = name
    return best


def _shape_gain(odds: Array, happened: Array) -> float:
    """Share of the base rate's log loss that is saved by scores whose level has been moved to the base rate."""
    if not _scarce(happened):
        return 0.0
    base = _log_loss(np.full(len(happened), happened.mean()), happened).mean()
    return 1 - float(_log_loss(_probability(odds + _move(odds, happened)), happened).mean() / base)


def _blocks(happened: Array) -> list[tuple[int, int]]:
    """Blocks of rows, each of which is predicted from all rows before it.

    The first one begins late enough for both outcomes to have been seen.
    """
    rows = len(happened)
    seen = np.minimum(np.cumsum(happened), np.cumsum(1 - happened))
    enough = int(np.searchsorted(seen, min(LEAST_POSITIVES_HELD_OUT, seen[-1]))) + 1
    first = min(max(rows // (FOLDS + 1), enough), rows - FOLDS)
    edges = np.linspace(first, rows, FOLDS + 1).astype(int)
    return [(int(begin), int(end)) for begin, end in zip(edges[:-1], edges[1:], strict=True)]


def _estimator(kind: str, plan: FeaturePlan, happened: Array, seed: int) -> BaseEstimator:
    categories = plan.is_category
    if kind == "trees":
        # Small leaves let trees learn single rows of a small table.
        rows_per_leaf = int(np.clip(len(happened) // 200, 20, 200))
        trees = HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=120, max_leaf_nodes=12, min_samples_leaf=rows_per_leaf, l2_regularization=5.0,
            categorical_features=categories, early_stopping=False, random_state=seed,
        )  # fmt: skip
        return Pipeline([("empty", _EmptyFilled()), ("trees", trees)])
    numbers = make_pipeline(
        _EmptyFilled(), _Clipped(), SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    # A missing category is a category of its own.
    named = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    parts = [("numbers", numbers, np.flatnonzero(~categories)), ("categories", named, np.flatnonzero(categories))]
    columns = ColumnTransformer([part for part in parts if len(part[2])])
    return Pipeline([("columns", columns), ("logistic", LogisticRegression(C=0.3, max_iter=500, random_state=seed))])


class _EmptyFilled(BaseEstimator):
    """Columns that have no value yet in the rows that are learned from become 0: the trees cannot bin nothing."""

    def fit(self, matrix: Array, _: object = None) -> _EmptyFilled:
        self.empty_ = np.isnan(matrix).all(axis=0)
        return self

    def transform(self, matrix: Array) -> Array:
        """The matrix without them."""
        return np.where(self.empty_, 0.0, matrix)


class _Clipped(BaseEstimator):
    """Keeps numbers within what all but two rows in a thousand had, so that one wild value does not rule a line."""

    def fit(self, matrix: Array, _: object = None) -> _Clipped:
        self.low_, self.high_ = np.nanquantile(matrix, [0.001, 0.999], axis=0)
        return self

    def transform(self, matrix: Array) -> Array:
        """The clipped numbers."""
        return np.clip(matrix, self.low_, self.high_)


def _raw(estimators: tuple[Any, ...], matrix: Array) -> Array:
    """Log odds, the mean of the estimators' ones."""
    odds = [logit(np.clip(estimator.predict_proba(matrix)[:, 1], _SMALLEST, 1 - _SMALLEST)) for estimator in estimators]
    return np.asarray(np.mean(odds, axis=0))


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
    """Platt's scaling (1999). A falling line would turn the order of the model round: then the scores say nothing."""
    line = LogisticRegression(C=1e6, max_iter=1000).fit(scores[:, None], happened)
    ends = np.array([-40.0, 40.0])
    return _Calibration("sigmoid", ends, max(float(line.coef_[0, 0]), 0.0) * ends + float(line.intercept_[0]))


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


def _worse_than_base_rate(probability: Array, happened: Array, base_rate: float) -> str:
    """Why the model is not used, or empty: it must be better in log loss, and not worse in Brier score, beyond chance.

    The Brier score alone says little where the outcome is rare: nearly all of it is noise of a few positives.
    """
    kept = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    gain = _log_loss(np.full(len(kept), base_rate), happened) - _log_loss(kept, happened)
    squares = (base_rate - happened) ** 2 - (probability - happened) ** 2
    surely = gain.mean() > _BETTER * gain.std() / np.sqrt(len(gain))
    not_worse = squares.mean() > -_BETTER * squares.std() / np.sqrt(len(squares))
    ranks = measures.auc(probability, happened) or 0.5
    if surely and not_worse and ranks > 0.5:
        return ""
    return (
        f"On the newest {len(happened)} rows it was not surely better than the base rate "
        f"(Brier skill {measures.brier_skill(probability, happened, base_rate):.4f}, AUC {ranks:.3f})."
    )


def _suspected_leaks(plan: FeaturePlan, matrix: Array, happened: Array) -> tuple[str, ...]:
    leaks = []
    for place, column in enumerate(plan.columns):
        values = matrix[:, place]
        if column.kind == "category":
            values = pd.Series(happened).groupby(pd.Series(values)).transform("mean").to_numpy()
        values = np.nan_to_num(values, nan=np.nanmin(values) - 1 if np.isfinite(values).any() else 0.0)
        ranks = measures.auc(_ranks(values), happened) or 0.5
        if max(ranks, 1 - ranks) > _LEAK_AUC:
            leaks.append(column.name)
    return tuple(leaks)


def _ranks(values: Array) -> Array:
    return pd.Series(values).rank(pct=True).to_numpy()


def _usefulness(scorer: _Scorer, plan: FeaturePlan, matrix: Array, happened: Array, seed: int) -> dict[str, float]:
    """What is lost in AUC when a column is shuffled, most first. On a part of the rows, with both outcomes in it."""
    draws = np.random.default_rng(seed)
    chosen = np.concatenate([
        draws.permutation(np.flatnonzero(happened == side))[: _ROWS_FOR_USEFULNESS // 2] for side in (0, 1)
    ])  # fmt: skip

    def ranking(_: object, some: Array, outcomes: Array) -> float:
        return measures.auc(scorer.probability(some), outcomes) or 0.5

    lost = permutation_importance(
        scorer.estimators[0], matrix[chosen], happened[chosen], scoring=ranking, n_repeats=2, random_state=seed
    )
    ordered = sorted(zip(lost.importances_mean, plan.names, strict=True), key=lambda entry: (-entry[0], entry[1]))
    return {name: float(value) for value, name in ordered}


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


def _cut(rows: int, days: Array | None) -> int:
    """Where the newest rows begin. Rows of one moment stay on one side."""
    cut = int(rows * (1 - HELD_OUT_SHARE))
    if days is None:
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
