"""Customer value: expected purchases, probability of being alive, next purchase, and value of the next 12 months.

`learn_forecast` averages three purchase models and corrects them by their error in an earlier forecast of the same
firm: it forecasts the recent past from the more distant past in the proportion of the question (39 weeks known and 39
asked for: 19.5 known, 19.5 to forecast). It learns the total, the spread and, if it improves the forecast, the part
that spend plays, shrunk by what chance explains. It reads nothing later than as_of.
"""

from __future__ import annotations

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
from orchestration.predictions.learning.purchase_models import KINDS, Kind, PurchaseModel, fit_purchase_model
from orchestration.predictions.learning.season import CALENDAR, SeasonClock

Array = NDArray[np.float64]

YEAR_DAYS = 365.0
LEAST_LATER_PURCHASES = 100  # fewer carry too little information about the error of the models
_RIDGE = 1e-3
_STANDARD_ERRORS = 2.0  # by which spend must improve the forecast: more than chance
_MOST_CORRECTION = 4.0
_DRAWS = 16
_MOST_DRAWN = 20_000


@dataclass(frozen=True)
class Correction:
    """The error of the models as a factor per customer: e^(intercept + coefficients · features).

    features: log of the customer's expectation relative to the mean and, if used, log of their total spend relative to
    the others. customers, purchases, expected: totals that it was learned from. reason: why there is none, or empty.
    """

    intercept: float = 0.0
    spread: float = 0.0
    spend: float = 0.0
    customers: int = 0
    purchases: float = 0.0
    expected: float = 0.0
    reason: str = ""

    def factors(self, expected: Array, total_value: Array) -> Array:
        """The factor for each expectation."""
        features = _features(expected, total_value)
        logs = self.intercept + features @ np.array([self.spread, self.spend])
        return np.exp(np.clip(logs, -np.log(_MOST_CORRECTION), np.log(_MOST_CORRECTION)))


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
    earlier: PurchaseHistory | None,
    *,
    kinds: tuple[Kind, ...] = KINDS,
    clock: SeasonClock = CALENDAR,
) -> CustomerForecast:
    """Fits the models on `known` and the correction on `earlier`.

    known: at least one customer. earlier: the history at an earlier moment, with the purchases after it as
    bought_later (see held_back_days); None if the history is too short. With too few repeat buyers the forecast
    abstains and uses the common rate for all customers.
    """
    models = _fit(kinds, clock.warped(known))
    return CustomerForecast(models, fit_line_spend(known), _correction(earlier, kinds, clock), known, clock)


def held_back_days(known: PurchaseHistory, horizon: float) -> int:
    """Days at the end of the history to forecast from the days before them, in the proportion of history to horizon."""
    return int(known.length * horizon / (known.length + horizon)) if known.length else 0


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


def _correction(earlier: PurchaseHistory | None, kinds: tuple[Kind, ...], clock: SeasonClock) -> Correction:
    if earlier is None:
        return Correction(reason="The history is too short to forecast a part of it from the rest.")
    if not len(earlier.customer_id):
        return Correction(reason="No customer bought before the part of the history that is held back.")
    made = earlier.bought_later
    if made.sum() < LEAST_LATER_PURCHASES:
        return Correction(reason=f"The part that is held back has {counted(int(made.sum()), 'purchase')}; "
                          f"a correction needs {LEAST_LATER_PURCHASES}.")  # fmt: skip
    # The season as known now: the models are not to blame for a season that the earlier forecast could not know.
    models = _fit(kinds, clock.warped(earlier))
    if models[0].abstains:
        return Correction(reason=f"The earlier history is too short: {models[0].abstains}")
    expected = np.maximum(_mean_expected(models, clock, earlier.horizon, earlier), 1e-9)
    features = _features(expected, earlier.total_value)
    plain, with_spend = (_out_of_fold_deviance(features[:, :width], expected, made) for width in (1, 2))
    gain = plain - with_spend
    useful = gain.mean() > _STANDARD_ERRORS * gain.std() / np.sqrt(len(gain))
    width = 2 if useful else 1
    learned = _coefficients(features[:, :width], expected, made)
    length = clock.horizon(earlier.as_of, earlier.horizon)
    kept = _beyond_chance(learned, _chance(clock.warped(earlier), made, length, kinds[0], width))
    return Correction(
        intercept=float(kept[0]),
        spread=float(kept[1]),
        spend=float(kept[2]) if useful else 0.0,
        customers=len(made),
        purchases=float(made.sum()),
        expected=float(expected.sum()),
    )


def _coefficients(features: Array, expected: Array, made: Array) -> Array:
    fitted = _regression(features, expected, made)
    return np.concatenate([[fitted.intercept_], fitted.coef_])


def _beyond_chance(learned: Array, chance: Array) -> Array:
    """The coefficients, shrunk to 0 by what chance explains (positive part, James and Stein 1961)."""
    return learned * np.maximum(0.0, 1 - (chance / np.where(learned == 0, 1.0, learned)) ** 2)


def _chance(earlier: PurchaseHistory, made: Array, horizon: float, kind: Kind, width: int) -> Array:
    """Standard errors of the coefficients by the bootstrap over customers (Efron 1979)."""
    draws = np.random.default_rng(1)
    customers = len(made)
    size = min(customers, _MOST_DRAWN)
    found = []
    for _ in range(_DRAWS):
        some = draws.integers(0, customers, size)
        arguments = (earlier.frequency[some], earlier.recency[some], earlier.age[some])
        model = fit_purchase_model(*arguments, kind)
        expected = np.maximum(model.expected_purchases(horizon, *arguments), 1e-9)
        features = _features(expected, earlier.total_value[some])[:, :width]
        if made[some].sum() > 0:
            found.append(_coefficients(features, expected, made[some]))
    return np.std(found, axis=0, ddof=1) * np.sqrt(size / customers)


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
