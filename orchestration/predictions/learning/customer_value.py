"""Customer value: expected purchases, probability of being alive, next purchase, and value of the next 12 months.

`learn_forecast` takes the mean of two purchase models and corrects it by their error in earlier forecasts of the
same firm: each of the last WINDOWS stretches of equal length is forecast from what was known before it. The stretches
share no day, so an error that lasts is distinguished from a good or bad month. The total, the spread and, if it
improves the forecasts, the part that spend plays are corrected only where all stretches agree, less what they differ
in, and by the length of a stretch relative to the horizon. Nothing later than as_of is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from orchestration.counts import counted
from orchestration.predictions.learning.line_spend import LineSpend, fit_line_spend
from orchestration.predictions.learning.purchase_history import PurchaseHistory
from orchestration.predictions.learning.purchase_models import Kind, PurchaseModel, fit_purchase_model
from orchestration.predictions.learning.season import CALENDAR, SeasonClock

Array = NDArray[np.float64]

YEAR_DAYS = 365.0
# Who may leave after repeat purchases only, and who may leave at any moment: their errors differ most. The MBG/NBD lies
# beside the BG/NBD and would count that story twice.
FORECAST_KINDS: tuple[Kind, ...] = ("bg_nbd", "pareto_nbd")
WINDOWS = 3  # two agree by chance too often
LEAST_LATER_PURCHASES = 100  # per window; fewer carry too little information about the error of the models
_RIDGE = 1e-3
_STANDARD_ERRORS = 2.0  # by which spend must improve the forecast, and an error exceed what windows differ in
_MOST_CORRECTION = 4.0


@dataclass(frozen=True)
class Correction:
    """The error of the models: a factor for the total, e^level, and one per customer that leaves the total as it is.

    The second is e^(spread and spend · features), relative to its mean. features: log of the customer's expectation
    relative to the mean and, if used, log of their total spend relative to the others. customers, purchases, expected:
    sums over the windows that it was learned from. reason: why there is none, or empty.
    """

    level: float = 0.0
    spread: float = 0.0
    spend: float = 0.0
    customers: int = 0
    purchases: float = 0.0
    expected: float = 0.0
    reason: str = ""

    def factors(self, expected: Array, total_value: Array) -> Array:
        """The factor for each expectation."""
        shares = np.exp(_within_bounds(_features(expected, total_value) @ np.array([self.spread, self.spend])))
        moved = float(expected @ shares)
        kept = float(expected.sum()) / moved if moved > 0 else 1.0
        return np.asarray(shares * kept * np.exp(self.level))


@dataclass(frozen=True)
class CustomerForecast:
    """Purchase models whose mean is the forecast, its correction, and the model of spend. Times are in days.

    history: the customers that it was learned from; None in a saved forecast. clock: the season; the models count its
    days.
    """

    models: tuple[PurchaseModel, ...]
    spend: LineSpend
    correction: Correction
    history: PurchaseHistory | None
    clock: SeasonClock = CALENDAR

    @property
    def abstains(self) -> str:
        """Why the models cannot distinguish customers, or empty."""
        return self.models[0].abstains

    def without_rows(self) -> CustomerForecast:
        """The same forecast without its customers, as it is saved: pass a history to each method then."""
        return replace(self, history=None)

    def expected_purchases(self, horizon: float = YEAR_DAYS, history: PurchaseHistory | None = None) -> Array:
        """Purchases expected of each customer within `horizon` days after the history's as_of."""
        known = self._known(history)
        expected = _mean_expected(self.models, self.clock, horizon, known)
        return expected * self.correction.factors(expected, known.total_value)

    def table(self, horizon: float = YEAR_DAYS, history: PurchaseHistory | None = None) -> pd.DataFrame:
        """The forecast, one row per customer.

        customer_id, expected_purchases and expected_value within the horizon, probability_alive, expected_spend per
        purchase, days_to_next_purchase (median if alive), next_purchase_date (missing if churn is more likely than not,
        or if it is more than ten years away).
        """
        known = self._known(history)
        warped = self.clock.warped(known)
        arguments = (warped.frequency, warped.recency, warped.age)
        purchases = self.expected_purchases(horizon, known)
        alive = np.mean([model.probability_alive(*arguments) for model in self.models], axis=0)
        season_days = np.median([model.time_to_next_purchase(*arguments) for model in self.models], axis=0)
        days = self.clock.days_until(known.as_of, season_days)
        spend = self.spend.expected_spend(known)
        has_date = (alive >= 0.5) & (days <= 10 * YEAR_DAYS) & (not self.abstains)
        ahead = pd.to_timedelta(np.where(has_date, np.ceil(days), 0.0), unit="D")
        dates = pd.Timestamp(known.as_of).normalize() + ahead
        return pd.DataFrame(
            {
                "customer_id": known.customer_id,
                "expected_purchases": purchases,
                "expected_value": purchases * spend,
                "expected_spend": spend,
                "probability_alive": alive,
                "days_to_next_purchase": days,
                "next_purchase_date": pd.Series(dates).where(has_date),
            }
        )

    def _known(self, history: PurchaseHistory | None) -> PurchaseHistory:
        known = history or self.history
        if known is None:
            raise ValueError(
                "This forecast was saved without its customers: pass the purchase history of the customers to forecast."
            )
        return known


def learn_forecast(
    known: PurchaseHistory,
    earlier: Sequence[PurchaseHistory],
    *,
    horizon: float,
    kinds: tuple[Kind, ...] = FORECAST_KINDS,
    clock: SeasonClock = CALENDAR,
) -> CustomerForecast:
    """Fits the models on `known` and the correction for a horizon (days) on `earlier`.

    known: at least one customer. earlier: the histories at the beginning of each window (see window_days), with the
    purchases within it as bought_later; none if the history is too short. With too few repeat buyers the forecast
    abstains and uses the common rate for all customers.
    """
    models = _fit(kinds, clock.warped(known))
    return CustomerForecast(models, fit_line_spend(known), _correction(earlier, horizon, kinds, clock), known, clock)


def window_days(known: PurchaseHistory, horizon: float) -> int:
    """Days of each of the last WINDOWS windows: the horizon, or less, so that as many days are left before them."""
    return int(min(horizon, known.length / (WINDOWS + 1)))


def _fit(kinds: tuple[Kind, ...], known: PurchaseHistory) -> tuple[PurchaseModel, ...]:
    first = fit_purchase_model(known.frequency, known.recency, known.age, kinds[0])
    if first.abstains:
        return (first,)
    others = [fit_purchase_model(known.frequency, known.recency, known.age, kind) for kind in kinds[1:]]
    return (first, *others)


def _mean_expected(
    models: tuple[PurchaseModel, ...], clock: SeasonClock, horizon: float, known: PurchaseHistory
) -> Array:
    warped = clock.warped(known)
    arguments = (warped.frequency, warped.recency, warped.age)
    length = clock.horizon(known.as_of, horizon)
    return np.asarray(np.mean([model.expected_purchases(length, *arguments) for model in models], axis=0))


@dataclass(frozen=True)
class _Window:
    """One earlier forecast: expected and made purchases per customer, and features of each."""

    expected: Array
    made: Array
    features: Array


def _correction(
    earlier: Sequence[PurchaseHistory], horizon: float, kinds: tuple[Kind, ...], clock: SeasonClock
) -> Correction:
    if not earlier:
        return Correction(reason="The history is too short to forecast parts of it from what came before.")
    windows = []
    for known in earlier:
        made = known.bought_later
        if made.sum() < LEAST_LATER_PURCHASES:
            return Correction(
                reason=f"A part of the history that was forecast from what came before has "
                f"{counted(int(made.sum()), 'purchase')}; a correction needs {LEAST_LATER_PURCHASES}."
            )
        # The season as known now: the models are not to blame for a season that the earlier forecast could not know.
        models = _fit(kinds, clock.warped(known))
        if models[0].abstains:
            return Correction(reason=f"The earlier history is too short: {models[0].abstains}")
        expected = np.maximum(_mean_expected(models, clock, known.horizon, known), 1e-9)
        windows.append(_Window(expected, made, _features(expected, known.total_value)))
    gain = np.concatenate([_gain_by_spend(window) for window in windows])
    width = 2 if gain.mean() > _STANDARD_ERRORS * gain.std() / np.sqrt(len(gain)) else 1
    found = np.array([_errors(window, width) for window in windows])
    kept = _agreed(found) * min(1.0, earlier[0].horizon / horizon)
    return Correction(
        level=float(_within_bounds(kept[0])),
        spread=float(kept[1]),
        spend=float(kept[2]) if width == 2 else 0.0,
        customers=sum(len(window.made) for window in windows),
        purchases=float(sum(window.made.sum() for window in windows)),
        expected=float(sum(window.expected.sum() for window in windows)),
    )


def _within_bounds(logs: Array) -> Array:
    return np.clip(logs, -np.log(_MOST_CORRECTION), np.log(_MOST_CORRECTION))


def _errors(window: _Window, width: int) -> Array:
    """Log of made over expected purchases, and the coefficients of the features."""
    level = np.log(window.made.sum() / window.expected.sum())
    return np.concatenate([[level], _regression(window.features[:, :width], window.expected, window.made).coef_])


def _agreed(found: Array) -> Array:
    """Per column the mean over the windows, shrunk to 0 by what they differ in; 0 if their signs differ.

    The positive part of James and Stein (1961), with the spread between windows, which holds the chance within each.
    """
    mean = found.mean(axis=0)
    differing = _STANDARD_ERRORS * found.std(axis=0, ddof=1)
    share = np.maximum(0.0, 1 - (differing / np.where(mean == 0, 1.0, mean)) ** 2)
    return np.where((np.sign(found) == np.sign(mean)).all(axis=0), mean * share, 0.0)


def _gain_by_spend(window: _Window) -> Array:
    """Poisson deviance per customer that the feature of spend saves on customers not learned from."""
    plain, with_spend = (
        _out_of_fold_deviance(window.features[:, :width], window.expected, window.made) for width in (1, 2)
    )
    return plain - with_spend


def _features(expected: Array, total_value: Array) -> Array:
    """Relative to the table's own means, so that coefficients of one length of history apply to another."""
    logs = np.log(np.maximum(expected, 1e-9) / max(float(expected.mean()), 1e-9))
    spend = np.log1p(total_value / max(float(total_value.mean()), 1e-9))
    return np.column_stack([np.clip(logs, -5, 5), np.clip(spend - spend.mean(), -3, 3)])


def _regression(features: Array, expected: Array, made: Array) -> PoissonRegressor:
    """Poisson regression of made on expected × e^(features): the offset is the weight, so the ridge shrinks to 1."""
    model = PoissonRegressor(alpha=_RIDGE, max_iter=1000, tol=1e-7)
    with threadpool_limits(1):
        return model.fit(features, made / expected, sample_weight=expected)


def _out_of_fold_deviance(features: Array, expected: Array, made: Array) -> Array:
    """Poisson deviance per customer under a correction fitted on the other folds."""
    deviance = np.empty(len(made))
    for learn, judge in KFold(5, shuffle=True, random_state=1).split(features):
        fitted = _regression(features[learn], expected[learn], made[learn])
        mean = np.maximum(expected[judge] * fitted.predict(features[judge]), 1e-12)
        count = made[judge]
        deviance[judge] = 2 * (xlogy(count, count / mean) - count + mean)
    return deviance
