"""Spend per purchase: the gamma-gamma model (Fader and Hardie 2013, "The Gamma-Gamma Model of Monetary Value").

It assumes that spend and frequency are independent; spend_follows_frequency checks the assumption. It knows repeat
purchases only. What the first one says about the next ones is learned beside it (with_first_purchase): at a music shop
large first baskets are followed by larger ones, at a bicycle shop the first amount says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from orchestration.counts import counted

Array = NDArray[np.float64]

LEAST_BUYERS = 10
_LOG_BOUND = 12.0
_NOTABLE_CORRELATION = 0.3
_STANDARD_ERRORS = 2.0  # by which the first purchase must matter: more than chance
_LOG_RANGE = 3.0  # of first amounts around their mean logarithm: a factor of twenty either way
_LARGEST = 1e100  # larger numbers cannot be squared


@dataclass(frozen=True)
class SpendModel:
    """A fitted gamma-gamma model.

    params: p, q, gamma (in the currency of the input). correlation: of frequency and mean value among the buyers; the
    model assumes 0. abstains: why nothing can be learned, or empty; an abstaining model gives every customer the common
    mean. first_exponent: later amounts grow with this power of the first one, 0 where it says nothing about them;
    first_log and first_scale: the mean logarithm of first amounts, and the mean of their power, among repeat buyers.
    """

    params: dict[str, float]
    log_likelihood: float
    buyers: int
    common_mean: float
    correlation: float = 0.0
    abstains: str = ""
    first_exponent: float = 0.0
    first_log: float = 0.0
    first_scale: float = 1.0

    @property
    def spend_follows_frequency(self) -> bool:
        """Whether spend depends on frequency so much that the model's assumption does not hold."""
        return abs(self.correlation) > _NOTABLE_CORRELATION

    def expected_spend(
        self, frequency: ArrayLike, mean_value: ArrayLike, first_value: ArrayLike | None = None
    ) -> Array:
        """Expected amount of each customer's next purchase; without repeat purchases, the mean of all customers.

        first_value: amount of the first purchase, which scales that mean as far as it says something (0: unknown).
        """
        x, value = _checked(frequency, mean_value)
        if self.abstains:
            return np.full(len(x), self.common_mean)
        p, q, gamma = self.params["p"], self.params["q"], self.params["gamma"]
        weight = p * x + q - 1
        # Below q = 1 the model's mean over all customers is infinite: the observed mean replaces it.
        of_all = p * gamma / (q - 1) if q > 1.05 else self.common_mean
        usable = (x > 0) & (weight > 0.05)
        factor = self._factor(first_value, len(x))
        return np.where(usable, p * (gamma * factor + x * value) / np.where(usable, weight, 1.0), of_all * factor)

    def _factor(self, first_value: ArrayLike | None, customers: int) -> Array:
        """By how much the first purchase of each customer raises or lowers what is expected of later ones."""
        if first_value is None or not self.first_exponent:
            return np.ones(customers)
        first = np.asarray(first_value, dtype=np.float64)
        logs = np.clip(np.log(np.where(first > 0, first, 1.0)) - self.first_log, -_LOG_RANGE, _LOG_RANGE)
        return np.where(first > 0, np.exp(self.first_exponent * logs) / self.first_scale, 1.0)


def fit_spend_model(frequency: ArrayLike, mean_value: ArrayLike) -> SpendModel:
    """Fits by maximum likelihood.

    frequency: number of purchases in mean_value, per customer; customers with 0 do not count. mean_value: mean amount
    of those purchases, above 0. Abstains below ten buyers, or if all buyers spend the same. Raises ValueError on
    invalid input.
    """
    x, value = _checked(frequency, mean_value)
    bought = x > 0
    x, value = x[bought], value[bought]
    mean = float(value.mean()) if len(value) else 0.0
    if len(x) < LEAST_BUYERS:
        reason = f"{counted(len(x), 'customer')} bought again; learning their spend needs {LEAST_BUYERS}."
        return SpendModel({}, 0.0, len(x), mean, abstains=reason)
    if value.std() <= 1e-9 * mean:
        return SpendModel({}, 0.0, len(x), mean, abstains="All customers spend the same per purchase.")
    correlation = float(np.corrcoef(x, value)[0, 1]) if x.std() > 0 else 0.0
    scaled = value / mean

    def objective(logs: Array) -> tuple[float, Array]:
        p, q, gamma = np.exp(logs)
        px, together = p * x, gamma + x * scaled
        likelihood = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
            + (px - 1) * np.log(scaled) + px * np.log(x) - (px + q) * np.log(together)
        )  # fmt: skip
        by_p = x * (digamma(px + q) - digamma(px) + np.log(scaled) + np.log(x) - np.log(together))
        by_q = digamma(px + q) - digamma(q) + np.log(gamma) - np.log(together)
        by_gamma = q / gamma - (px + q) / together
        gradient = np.array([by_p.mean() * p, by_q.mean() * q, by_gamma.mean() * gamma])
        return -float(likelihood.mean()), -gradient

    found = minimize(
        objective, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(-_LOG_BOUND, _LOG_BOUND)] * 3,
        options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8},
    )  # fmt: skip
    p, q, gamma = (float(number) for number in np.exp(found.x))
    params = {"p": p, "q": q, "gamma": gamma * mean}
    log_likelihood = -float(found.fun) * len(x) - len(x) * float(np.log(mean))
    return SpendModel(params, log_likelihood, len(x), mean, correlation)


def with_first_purchase(
    model: SpendModel, frequency: ArrayLike, mean_value: ArrayLike, first_value: ArrayLike
) -> SpendModel:
    """The model with what the amount of the first purchase says about later ones.

    The mean of later amounts is taken to grow with a power of the first one: a Poisson pseudo-likelihood (Gourieroux,
    Monfort and Trognon 1984), whose standard error holds whatever the amounts are distributed like. The exponent is
    shrunk by what chance explains, and 0 where it is not above 0 beyond chance. Arguments: see fit_spend_model;
    first_value: amount of the first purchase (0: unknown).
    """
    x, value = _checked(frequency, mean_value)
    first = np.asarray(first_value, dtype=np.float64)
    some = (x > 0) & (value > 0) & (first > 0)
    if model.abstains or some.sum() < LEAST_BUYERS:
        return model
    x, value, logs = x[some], value[some] / value[some].mean(), np.log(first[some])
    centre = float(logs.mean())
    logs = np.clip(logs - centre, -_LOG_RANGE, _LOG_RANGE)
    if logs.std() <= 1e-9:
        return model
    columns = np.column_stack([np.ones(len(x)), logs])
    found = minimize(
        lambda b: (float(np.sum(x * (np.exp(columns @ b) - value * (columns @ b)))),
                   columns.T @ (x * (np.exp(columns @ b) - value))),
        np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-_LOG_BOUND, _LOG_BOUND), (-2.0, 2.0)],
    )  # fmt: skip
    mean = np.exp(columns @ found.x)
    bread = np.linalg.inv((columns * (x * mean)[:, None]).T @ columns)
    meat = (columns * ((x * (value - mean)) ** 2)[:, None]).T @ columns
    error = float(np.sqrt((bread @ meat @ bread)[1, 1]))
    slope = float(found.x[1])
    if slope <= _STANDARD_ERRORS * error:
        return model
    exponent = slope * (1 - (error / slope) ** 2)
    scale = float(np.exp(exponent * logs).mean())
    return replace(model, first_exponent=exponent, first_log=centre, first_scale=scale)


def _checked(frequency: ArrayLike, mean_value: ArrayLike) -> tuple[Array, Array]:
    try:
        x = np.asarray(frequency, dtype=np.float64)
        value = np.asarray(mean_value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("frequency and mean_value must be numbers: convert or exclude the other rows.") from None
    if x.ndim != 1 or value.ndim != 1 or len(x) != len(value):
        raise ValueError("frequency and mean_value must be one-dimensional, with one entry per customer each.")
    if not len(x):
        raise ValueError("There are no customers: pass at least one.")
    value = np.where((x == 0) & np.isnan(value), 0.0, value)  # without purchases SQL has null
    faults = (
        ("a frequency that is missing, infinite or below 0", ~np.isfinite(x) | (x < 0)),
        ("purchases whose mean value is missing or infinite", (x > 0) & ~np.isfinite(value)),
        (f"a frequency or mean value beyond {_LARGEST:g}", (x > _LARGEST) | ((x > 0) & (value > _LARGEST))),
        ("purchases whose mean value is not above 0 (net of returns; exclude them)", (x > 0) & (value <= 0)),
    )
    for sentence, wrong in faults:
        if wrong.any():
            raise ValueError(f"{int(wrong.sum())} of {counted(len(x), 'customer')} with {sentence}.")
    return x, value
