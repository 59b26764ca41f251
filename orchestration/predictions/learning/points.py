"""Learns engagement points: one number per touchpoint, from exchanges and the purchases that followed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

Array = NDArray[np.float64]
Index = NDArray[np.int64]

DAYS_BETWEEN_MOMENTS = 30  # month starts
# Standard deviation of learned points around the set ones before any data, as a share of these: points may well halve
# or double, and points of rare touchpoints stay near the set ones.
PRIOR_DEVIATION = 1.0
# If the set points do not predict purchases, their scale is still needed: as if they explained a tenth of them.
LEAST_EXPLAINED = 0.1


@dataclass(frozen=True)
class Exchanges:
    """Exchanges known at month starts and the purchases after them: one row per customer and month start.

    counts: decayed number of exchanges per touchpoint. moment, customer: position of the row's month start and
    customer. bought: 1 if the customer bought within outcome_days after it. exchanges: number of exchanges per
    touchpoint before the newest month start, without decay.
    """

    moments: tuple[datetime, ...]
    touchpoints: tuple[str, ...]
    set_points: Array
    exchanges: Array
    counts: csr_array
    moment: Index
    customer: Index
    bought: Array
    outcome_days: int

    @property
    def row_weight(self) -> float:
        """Each purchase lies in the outcome days of several month starts, but counts once."""
        return DAYS_BETWEEN_MOMENTS / self.outcome_days


def fitted_points(found: Exchanges, learned_from: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Points per touchpoint and their standard errors. learned_from: the rows to learn from.

    The probability to buy is 1 - exp(-rate); the rate of a customer is that of the month plus a decaying amount per
    exchange, so that points add up. Points are non-negative, shrunk to the set points (PRIOR_DEVIATION), and scaled so
    that all exchanges together earn as many points as before. Standard errors are clustered by customer (Liang and
    Zeger 1986, Biometrika 73:13) and take the scale as given, so they are slightly too wide; they are 0 for touchpoints
    that earn nothing.
    """
    counts, bought = found.counts[learned_from], found.bought[learned_from]
    _, month = np.unique(found.moment[learned_from], return_inverse=True)
    months = int(month.max()) + 1
    per_point = _value_of_a_point(counts @ found.set_points, bought, month, months)
    worth = found.set_points * per_point  # purchases per exchange according to the set points
    weight = found.row_weight
    touchpoints = len(worth)

    def objective(parameters: Array) -> tuple[float, Array]:
        loss, slope, base = _loss(parameters[:months], counts @ (worth * parameters[months:]), bought, month)
        away = parameters[months:] - 1
        loss = weight * loss + float((away**2).sum()) / (2 * PRIOR_DEVIATION**2)
        of_months = weight * np.bincount(month, slope * base, months)
        of_points = weight * worth * (counts.T @ slope) + away / PRIOR_DEVIATION**2
        return loss, np.concatenate([of_months, of_points])

    start = np.concatenate([np.log(_rates(bought, month, months) / 2), np.ones(touchpoints)])
    bounds = [(None, None)] * months + [(0, None)] * touchpoints
    best = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2_000}).x
    ratio = best[months:]
    error = _standard_errors(best, counts, bought, month, found.customer[learned_from], worth, weight)
    # Touchpoints without an exchange keep their set points.
    seen = found.exchanges > 0
    points = np.where(seen, ratio * found.set_points, 0)
    scale = (found.exchanges * found.set_points).sum() / max((found.exchanges * points).sum(), 1e-9)
    return np.where(seen, points * scale, found.set_points), np.where(seen, error * found.set_points * scale, 0.0)


def _value_of_a_point(points: Array, bought: Array, month: Index, months: int) -> float:
    """Purchases per set point: the scale that the set points do not determine."""
    mean = float(points.mean())
    if mean <= 0:
        return 1.0
    least = LEAST_EXPLAINED * float(bought.mean()) / mean

    def objective(parameters: Array) -> tuple[float, Array]:
        loss, slope, base = _loss(parameters[:months], points * parameters[months], bought, month)
        return loss, np.concatenate([np.bincount(month, slope * base, months), [float((slope * points).sum())]])

    start = np.concatenate([np.log(_rates(bought, month, months) / 2), [least]])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(None, None)] * months + [(0, None)])
    return max(float(found.x[months]), least)


def _rates(bought: Array, month: Index, months: int) -> Array:
    """Purchase rate per month, always above 0."""
    return (np.bincount(month, bought, months) + 0.5) / (np.bincount(month, minlength=months) + 1)


def _loss(log_base: Array, added: Array, bought: Array, month: Index) -> tuple[float, Array, Array]:
    """Negative log-likelihood of buying with probability 1 - exp(-rate), its slope per row, and the base rate."""
    base = np.exp(np.clip(log_base, -30, 10))[month]
    rate = base + added
    chance = np.maximum(-np.expm1(-rate), 1e-12)
    loss = float((rate * (1 - bought)).sum() - (bought * np.log(chance)).sum())
    return loss, (1 - bought) - bought * np.exp(-rate) / chance, base


def _standard_errors(
    best: Array, counts: csr_array, bought: Array, month: Index, customer: Index, worth: Array, weight: float
) -> Array:
    """Standard errors of the ratios to the set points: sandwich of the penalised fit, clustered by customer."""
    months = len(best) - len(worth)
    _, slope, base = _loss(best[:months], counts @ (worth * best[months:]), bought, month)
    rate = base + counts @ (worth * best[months:])
    chance = np.maximum(-np.expm1(-rate), 1e-12)
    rows = np.arange(len(month))
    of_months = csr_array((base, (rows, month)), shape=(len(month), months))
    # Ratios at the bound do not vary: these touchpoints take no part.
    free = best[months:] > 0
    design = np.concatenate([of_months.toarray(), (counts * worth).toarray()[:, free]], axis=1)
    # Expected information: slope^2 has the mean exp(-rate) / chance.
    information = weight * (design * (np.exp(-rate) / chance)[:, None]).T @ design
    information[months:, months:] += np.eye(int(free.sum())) / PRIOR_DEVIATION**2
    _, cluster = np.unique(customer, return_inverse=True)
    scores = csr_array((weight * slope, (cluster, rows)), shape=(int(cluster.max()) + 1, len(rows))) @ design
    bread = np.linalg.pinv(information)
    variance = np.diag(bread @ (scores.T @ scores) @ bread)[months:]
    errors = np.zeros(len(worth))
    errors[free] = np.sqrt(np.maximum(variance, 0))
    return errors
