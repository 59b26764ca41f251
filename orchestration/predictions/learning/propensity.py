"""The probability of an event (a purchase, a response), learned from any table of what was known before it.

It is judged as it will be used: learned from the older rows, tried on the newest. A model that does not beat the base
rate there, or has too few examples, abstains and states the reason. The same input gives the same scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from orchestration.counts import is_or_are
from orchestration.predictions.learning import measures
from orchestration.predictions.learning.calibration import (
    LEAST_POSITIVES_HELD_OUT,
    LEVEL_CHANGED_BY_ERRORS,
    probability_of,
)
from orchestration.predictions.learning.features import FeaturePlan, plan_features
from orchestration.predictions.learning.model_choice import Scorer, fit_scorer, newest_start, try_models
from orchestration.predictions.learning.model_judgement import (
    column_separation,
    feature_usefulness,
    worse_than_base_rate,
)
from orchestration.predictions.learning.propensity_input import (
    LEAST_POSITIVES_LEARNED,
    can_split,
    checked_examples,
    given_moments,
    moments_in_days,
    newest_rows_start,
)

Array = NDArray[np.float64]

LEAST_POSITIVES = 50  # and as many negatives: fewer cannot be split into learning, calibrating and judging
HELD_OUT_SHARES = (0.2, 0.35)  # the larger one if the smaller one has too few positives to judge by
_LEAK_AUC = 0.99


@dataclass(frozen=True)
class PropensityReport:
    """Performance on the newest rows, which the model had not seen; measures are None if there were too few.

    base_rate: of all rows; base_rate_learned and base_rate_held_out: of the older and the newest rows.
    brier_skill: share of the Brier score saved against the base rate of the older rows. top_decile_lift: rate in the
    highest tenth of scores over the overall rate. reliability: see measures.reliability_curve. useful_features: AUC
    that is lost when a column is shuffled. notes: sentences about columns and drift.
    held_out: the newest rows by their labels in the features: probability (of the judged model, even if it abstains),
    outcome, as_of (as passed; missing without).
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
class PropensityModel:
    """A propensity model. It scores the base rate if it abstains (abstains: the reason, otherwise empty)."""

    plan: FeaturePlan
    base_rate: float
    report: PropensityReport
    abstains: str = ""
    scorer: Scorer | None = None

    def without_rows(self) -> PropensityModel:
        """The same model without single rows of its input, as it is saved."""
        return replace(self, report=replace(self.report, held_out=None))

    def predict_probability(self, features: pd.DataFrame, as_of: object = None) -> Array:
        """The probability of each row, between 0 and 1.

        Finds columns by name: ignores further ones, raises ValueError if one is missing, treats unseen values as rare.
        as_of: one moment, or one per row, from which dates count; by default the newest moment learned from.
        """
        if not isinstance(features, pd.DataFrame):
            raise ValueError("features must be a pandas DataFrame with the columns that the model learned from.")
        days = None if as_of is None else moments_in_days(as_of, len(features))
        if self.scorer is None or not len(features):
            return np.full(len(features), self.base_rate)
        with threadpool_limits(1):
            return self.scorer.probability(self.plan.matrix(features, days))


def fit_propensity(
    features: pd.DataFrame, outcome: pd.Series, as_of: ArrayLike | pd.Series | None = None, *, seed: int = 1
) -> PropensityModel:
    """Learns the probability of `outcome` from `features`, which were known before it.

    features: numbers, booleans, categories, text, dates, with gaps. outcome: true or false, 1 or 0, none missing.
    as_of: the moment of each row; without it the row order counts as time. With too few examples, or features that do
    not help, the model abstains. Raises ValueError on invalid input.
    """
    happened, days = checked_examples(features, outcome, as_of)
    order = _time_order(days, len(happened), seed)
    frame, happened = features if days is None else features.iloc[order], happened[order]
    days = None if days is None else days[order]
    rows, positives = len(happened), int(happened.sum())
    base_rate = float(happened.mean())
    scarce = min(positives, rows - positives)
    if scarce < LEAST_POSITIVES:
        kind = "positive" if positives <= rows - positives else "negative"
        reason = f"{scarce} of {rows} rows {is_or_are(scarce)} {kind}; learning needs {LEAST_POSITIVES}."
        return _abstaining(reason, rows, positives, base_rate)
    cuts = [newest_rows_start(rows, days, share) for share in HELD_OUT_SHARES]
    cut = next((cut for cut in cuts if can_split(happened, cut)), cuts[0])
    if not can_split(happened, cut):
        newest = int(happened[cut:].sum())
        reason = (
            f"{newest} of {positives} positive rows {is_or_are(newest)} among the newest {rows - cut}: "
            f"either outcome needs {LEAST_POSITIVES_LEARNED} rows before them and {LEAST_POSITIVES_HELD_OUT} among them"
            f"{' (without as_of the row order counts as time)' if days is None else ''}."
        )
        return _abstaining(reason, rows, positives, base_rate)
    with threadpool_limits(1):
        model = _fit_and_judge(frame, happened, days, cut, seed)
    if model.report.held_out is None:
        return model
    held_out = model.report.held_out.set_axis(features.index[order[cut:]])
    held_out = held_out.assign(as_of=given_moments(as_of, order[cut:]))
    return replace(model, report=replace(model.report, held_out=held_out))


def _time_order(days: Array | None, rows: int, seed: int) -> NDArray[np.intp]:
    """Positions of the rows in order of time."""
    order = np.arange(rows)
    if days is None:
        return order
    if days.min() == days.max():
        # All rows share one timestamp, so row order is not time.
        return np.random.default_rng(seed).permutation(order)
    return np.argsort(days, kind="stable")


def _fit_and_judge(frame: pd.DataFrame, happened: Array, days: Array | None, cut: int, seed: int) -> PropensityModel:
    """Learns from the rows before the cut, judges on those after it, and learns again from all rows."""
    rows, positives, base_rate = len(happened), int(happened.sum()), float(happened.mean())
    older, newer = (None, None) if days is None else (days[:cut], days[cut:])
    plan = plan_features(frame.iloc[:cut], older)
    if not plan.columns:
        reason = "No column carries information: each is empty, constant, or different in every row."
        return _abstaining(reason, rows, positives, base_rate, plan)
    learned, tried = happened[:cut], happened[cut:]
    learned_rate = float(learned.mean())
    matrix, later = plan.matrix(frame.iloc[:cut], older), plan.matrix(frame.iloc[cut:], newer)
    trials = try_models(plan, matrix, learned, older, seed)
    scorer = fit_scorer(trials, plan, matrix, learned, older, seed)
    raw = scorer.raw(later)
    probability = probability_of(scorer.calibration.odds(raw) + scorer.shift)
    separation = column_separation(plan, later, tried)
    useful = feature_usefulness(scorer, trials.line, plan, separation, later, tried, seed)
    one_moment = days is not None and days[0] == days[-1]
    report = _report(plan, scorer, separation, useful, probability, happened, cut, one_moment)
    reason = worse_than_base_rate(probability, tried, learned_rate, trials.gains)
    if reason:
        return PropensityModel(plan, base_rate, report, abstains=reason)
    final_plan = plan_features(frame, days)
    start = newest_start(cut, days)
    all_trials = replace(
        trials,
        scores=[*trials.scores, raw],
        outcomes=[*trials.outcomes, tried],
        newest=[*trials.newest, (scorer.raw(matrix[start:]), learned[start:])],
        line=None,
    )
    final = fit_scorer(all_trials, final_plan, final_plan.matrix(frame, days), happened, days, seed)
    return PropensityModel(final_plan, base_rate, report, scorer=final)


def _report(
    plan: FeaturePlan,
    scorer: Scorer,
    separation: Array,
    useful: dict[str, float],
    probability: Array,
    happened: Array,
    cut: int,
    one_moment: bool,
) -> PropensityReport:
    """Measures on the rows after the cut; probability: of these rows."""
    tried, learned_rate = happened[cut:], float(happened[:cut].mean())
    notes = list(plan.left_out)
    if one_moment:
        notes.append("All rows are of one moment: judged on a random sample, not on newer rows.")
    drift = abs(tried.mean() - learned_rate) / np.sqrt(learned_rate * (1 - learned_rate) / len(tried))
    if drift > LEVEL_CHANGED_BY_ERRORS:
        notes.append(f"The base rate moved from {learned_rate:.1%} to {tried.mean():.1%} in the newest rows.")
    leaks = tuple(name for name, distance in zip(plan.names, separation, strict=True) if distance > _LEAK_AUC - 0.5)
    if leaks:
        notes.append(f"Nearly predicts the outcome alone; check that it was known before: {', '.join(leaks)}.")
    return PropensityReport(
        rows=len(happened),
        positives=int(happened.sum()),
        base_rate=float(happened.mean()),
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
        useful_features=useful,
        suspected_leaks=leaks,
        notes=tuple(notes),
        held_out=pd.DataFrame({"probability": probability, "outcome": tried.astype(np.int64)}),
    )


def _abstaining(
    reason: str, rows: int, positives: int, base_rate: float, plan: FeaturePlan | None = None
) -> PropensityModel:
    empty = plan or FeaturePlan((), 0.0, False)
    report = PropensityReport(rows, positives, base_rate, notes=empty.left_out)
    return PropensityModel(empty, base_rate, report, abstains=reason)
