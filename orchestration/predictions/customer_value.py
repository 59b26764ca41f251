"""What customers are worth: expected purchases, probability of being alive, next purchase, value of the next 12 months.

`fit_purchase_model` and `fit_spend_model` are the published models. `fit_forecast` puts three purchase models together
and corrects them by what an earlier forecast of the same firm got wrong: it forecasts the recent past from the more
distant past, in the same proportion as the question (39 weeks known and 39 asked for: 19.5 known, 19.5 to forecast),
and learns total, spread and, where that helps, the part that spend plays, less what chance explains. Nothing later than
as_of is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from orchestration.predictions.purchase_history import PurchaseHistory, purchase_history
from orchestration.predictions.purchase_models import KINDS, Kind, PurchaseModel, fit_purchase_model
from orchestration.predictions.season import CALENDAR, SeasonClock, learn_season
from orchestration.predictions.spend import SpendModel, fit_spend_model

__all__ = [
    "CustomerForecast",
    "PurchaseHistory",
    "PurchaseModel",
    "SpendModel",
    "fit_forecast",
    "fit_purchase_model",
    "fit_spend_model",
    "purchase_history",
]

Array = NDArray[np.float64]

YEAR_DAYS = 365.0
LEAST_LATER_PURCHASES = 100  # fewer say too little about what the models get wrong
_RIDGE = 1e-3
_STANDARD_ERRORS = 2.0  # spend must improve the forecast by more than chance would
_MOST_CORRECTION = 4.0
_DRAWS = 16
_MOST_DRAWN = 20_000


@dataclass(frozen=True)
class Correction:
    """What the models got wrong, as a factor per customer: e^(intercept + coefficients · features).

    features: log of the customer's expectation relative to the mean and, if used, log of what they have spent in
    all relative to the others. customers, purchases, expected: what it was learned from.
    """

    intercept: float = 0.0
    spread: float = 0.0
    spend: float = 0.0
    customers: int = 0
    purchases: float = 0.0
    expected: float = 0.0
    reason: str = ""

    def factors(self, expected: Array, total_value: Array) -> Array:
        """The factor for every expectation."""
        features = _features(expected, total_value)
        logs = self.intercept + features @ np.array([self.spread, self.spend])
        return np.exp(np.clip(logs, -np.log(_MOST_CORRECTION), np.log(_MOST_CORRECTION)))


@dataclass(frozen=True)
class CustomerForecast:
    """Purchase models whose mean is the forecast, its correction, and the model of spend. Times are in days.

    history: the customers that it was learned from, unless it has been saved without them. clock: the season, whose
    days the models count.
    """

    models: tuple[PurchaseModel, ...]
    spend: SpendModel
    correction: Correction
    history: PurchaseHistory | None
    clock: SeasonClock = CALENDAR

    @property
    def abstains(self) -> str:
        """Why the customers cannot be told apart, or empty."""
        return self.models[0].abstains

    def without_rows(self) -> CustomerForecast:
        """The same forecast without its customers, as it is saved: it then wants the history of those asked about."""
        return replace(self, history=None)

    def expected_purchases(self, horizon: float = YEAR_DAYS, history: PurchaseHistory | None = None) -> Array:
        """Purchases expected of each customer within `horizon` days after the history's as_of."""
        known = self._known(history)
        expected = _mean_expected(self.models, self.clock, horizon, known)
        return expected * self.correction.factors(expected, known.total_value)

    def table(self, horizon: float = YEAR_DAYS, history: PurchaseHistory | None = None) -> pd.DataFrame:
        """One row per customer: what is expected of them.

        customer_id, expected_purchases and expected_value within the horizon, probability_alive, expected_spend per
        purchase, days_to_next_purchase (median if alive), next_purchase_date (empty where the customer has rather left
        than not, or where it is more than ten years away).
        """
        known = self._known(history)
        warped = self.clock.warped(known)
        arguments = (warped.frequency, warped.recency, warped.age)
        purchases = self.expected_purchases(horizon, known)
        alive = np.mean([model.probability_alive(*arguments) for model in self.models], axis=0)
        season_days = np.median([model.time_to_next_purchase(*arguments) for model in self.models], axis=0)
        days = self.clock.days_until(known.as_of, season_days)
        spend = self.spend.expected_spend(_paid(known), known.repeat_value)
        told = (alive >= 0.5) & (days <= 10 * YEAR_DAYS) & (not self.abstains)
        dates = pd.Timestamp(known.as_of).normalize() + pd.to_timedelta(np.where(told, np.ceil(days), 0.0), unit="D")
        return pd.DataFrame(
            {
                "customer_id": known.customer_id,
                "expected_purchases": purchases,
                "expected_value": purchases * spend,
                "expected_spend": spend,
                "probability_alive": alive,
                "days_to_next_purchase": days,
                "next_purchase_date": pd.Series(dates).where(told),
            }
        )

    def _known(self, history: PurchaseHistory | None) -> PurchaseHistory:
        known = history or self.history
        if known is None:
            raise ValueError(
                "This forecast was saved without its customers: give their history, as purchase_history counts it."
            )
        return known


def fit_forecast(
    connection: duckdb.DuckDBPyConnection,
    purchases: str,
    as_of: date | datetime,
    *,
    horizon: float = YEAR_DAYS,
    kinds: tuple[Kind, ...] = KINDS,
    season: bool = True,
) -> CustomerForecast:
    """Learns from `purchases` (customer_id, purchased_at, amount) up to as_of what to expect in the horizon (days).

    ValueError where nobody has bought by as_of. Too few repeat buyers make the forecast abstain (the common rate for
    everybody); too little for a correction leaves the models as they are and says why. season: whether time
    is counted by the firm's season, where twelve months or more show one.
    """
    if not (np.isfinite(horizon) and horizon > 0):
        raise ValueError(f"horizon must be a number of days above 0, not {horizon}.")
    known = purchase_history(connection, purchases, as_of)
    if not len(known.customer_id):
        raise ValueError(f"No purchase in {purchases} until {as_of}: there is nothing to forecast from.")
    clock = learn_season(connection, purchases, as_of) if season else CALENDAR
    models = _fit(kinds, clock.warped(known))
    spend = fit_spend_model(_paid(known), known.repeat_value)
    if spend.abstains:
        spend = replace(spend, common_mean=float(known.total_value.sum() / (known.frequency + 1).sum()))
    return CustomerForecast(
        models, spend, _correction(connection, purchases, known, horizon, kinds, clock), known, clock
    )


def _paid(known: PurchaseHistory) -> Array:
    """Repeat purchases of those who paid for them: gifts say how often somebody comes, not what they spend."""
    return np.where(known.repeat_value > 0, known.frequency, 0.0)


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


def _correction(
    connection: duckdb.DuckDBPyConnection,
    purchases: str,
    known: PurchaseHistory,
    horizon: float,
    kinds: tuple[Kind, ...],
    clock: SeasonClock,
) -> Correction:
    held_back = int(known.length * horizon / (known.length + horizon)) if known.length else 0
    if held_back < 1:
        return Correction(reason="The history is too short to forecast a part of it from the rest.")
    earlier_day = (known.as_of - timedelta(days=held_back)).date()
    # Of the day of as_of, only what had been bought by then.
    until_now = f"(select * from {purchases} where purchased_at <= timestamp '{known.as_of}')"
    earlier = purchase_history(connection, until_now, earlier_day, horizon=held_back)
    if not len(earlier.customer_id):
        return Correction(reason="Nobody had bought before the part of the history that is held back.")
    made = earlier.bought_later
    if made.sum() < LEAST_LATER_PURCHASES:
        return Correction(reason=f"{int(made.sum())} purchases in the part that is held back; "
                          f"{LEAST_LATER_PURCHASES} are needed.")  # fmt: skip
    # The season as it is known now: what the earlier forecast could not know of it is no fault of the models.
    models = _fit(kinds, clock.warped(earlier))
    if models[0].abstains:
        return Correction(reason=f"The earlier history says too little: {models[0].abstains}")
    expected = np.maximum(_mean_expected(models, clock, held_back, earlier), 1e-9)
    features = _features(expected, earlier.total_value)
    plain, with_spend = (_out_of_fold_deviance(features[:, :width], expected, made) for width in (1, 2))
    gain = plain - with_spend
    useful = gain.mean() > _STANDARD_ERRORS * gain.std() / np.sqrt(len(gain))
    width = 2 if useful else 1
    learned = _coefficients(features[:, :width], expected, made)
    kept = _beyond_chance(
        learned, _chance(clock.warped(earlier), made, clock.horizon(earlier.as_of, held_back), kinds[0], width)
    )
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
    """What was learned, pulled to 0 by as much as chance explains (positive part of James and Stein 1961)."""
    return learned * np.maximum(0.0, 1 - (chance / np.where(learned == 0, 1.0, learned)) ** 2)


def _chance(earlier: PurchaseHistory, made: Array, horizon: float, kind: Kind, width: int) -> Array:
    """Standard errors of the coefficients, by drawing the customers again and fitting anew (bootstrap, Efron 1979)."""
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
    """Relative to the table's own means, so that what was learned at one length of history applies to another."""
    logs = np.log(np.maximum(expected, 1e-9) / max(float(expected.mean()), 1e-9))
    spend = np.log1p(total_value / max(float(total_value.mean()), 1e-9))
    return np.column_stack([np.clip(logs, -5, 5), np.clip(spend - spend.mean(), -3, 3)])


def _regression(features: Array, expected: Array, made: Array) -> PoissonRegressor:
    """Poisson regression of made on expected × e^(features): the offset as weight, so that the ridge pulls to 1."""
    model = PoissonRegressor(alpha=_RIDGE, max_iter=1000, tol=1e-7)
    with threadpool_limits(1):
        return model.fit(features, made / expected, sample_weight=expected)


def _out_of_fold_deviance(features: Array, expected: Array, made: Array) -> Array:
    """Poisson deviance of every customer, judged by a correction that has not seen them."""
    deviance = np.empty(len(made))
    for learn, judge in KFold(5, shuffle=True, random_state=1).split(features):
        fitted = _regression(features[learn], expected[learn], made[learn])
        mean = np.maximum(expected[judge] * fitted.predict(features[judge]), 1e-12)
        count = made[judge]
        deviance[judge] = 2 * (xlogy(count, count / mean) - count + mean)
    return deviance
