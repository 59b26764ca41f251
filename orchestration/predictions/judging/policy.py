"""Estimates what another way of choosing actions would have brought, from a log of partly random proposals.

The log must have the probability with which each action was proposed; without it, only a trial answers the question.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from orchestration.predictions.judging.uplift import LARGEST, MOST_CONFIDENCE

Array = NDArray[np.float64]

_LEAST_EFFECTIVE_ROWS = 30
_WEIGHTS_OFF_BY_ERRORS = 4.0  # standard errors by which the mean weight may differ from 1


@dataclass(frozen=True)
class PolicyValue:
    """Mean reward per decision under a policy.

    low, high: infinite with a single decision. effective_rows: number of equally weighted rows that the estimate is
    worth (Kish 1965). notes: reasons for caution.
    """

    method: str
    value: float
    low: float
    high: float
    rows: int
    effective_rows: float
    notes: tuple[str, ...] = ()


def evaluate_policy(
    reward: ArrayLike, logged_propensity: ArrayLike, target_probability: ArrayLike, *, confidence: float = 0.95
) -> dict[str, PolicyValue]:
    """Estimates by method; the arrays have one entry per logged action.

    reward: outcome of the logged action. logged_propensity: probability with which it was proposed, above 0.
    target_probability: probability with which the judged policy would propose the same action.
    ips: inverse propensity weighting (Horvitz and Thompson 1952). snips: with weights normalised to a sum of 1
    (Swaminathan and Joachims 2015); missing if no weight is above 0. Intervals are normal ones. Raises ValueError on
    invalid input.
    """
    rewards, logged, target = _checked(reward, logged_propensity, target_probability, confidence)
    weights = target / logged
    total = float(weights.sum())
    effective = total**2 / float((weights**2).sum()) if total > 0 else 0.0
    notes = _notes(weights, effective)
    width = float(ndtri((1 + confidence) / 2))

    def estimate(method: str, per_row: Array, value: float) -> PolicyValue:
        error = float(per_row.std(ddof=1)) / np.sqrt(len(per_row)) if len(per_row) > 1 else float("inf")
        return PolicyValue(method, value, value - width * error, value + width * error, len(per_row), effective, notes)

    weighted = weights * rewards
    found = {"ips": estimate("ips", weighted, float(weighted.mean()))}
    if total > 0:
        value = float(weighted.sum()) / total
        found["snips"] = estimate("snips", weights * (rewards - value) / weights.mean(), value)
    return found


def _notes(weights: Array, effective: float) -> tuple[str, ...]:
    notes = []
    if effective < _LEAST_EFFECTIVE_ROWS:
        notes.append(f"The policies rarely agree: the estimate rests on about {effective:.0f} rows.")
    # The weights of a complete log average 1.
    error = weights.std() / np.sqrt(len(weights))
    if len(weights) > 1 and abs(weights.mean() - 1) > _WEIGHTS_OFF_BY_ERRORS * error + 1e-9:
        notes.append(f"The weights average {weights.mean():.2f} instead of 1: the logged propensities are not right.")
    return tuple(notes)


def _checked(
    reward: ArrayLike, logged_propensity: ArrayLike, target_probability: ArrayLike, confidence: float
) -> tuple[Array, Array, Array]:
    rewards = _numbers("reward", reward)
    logged = _numbers("logged_propensity", logged_propensity)
    target = _numbers("target_probability", target_probability)
    if not len(rewards) == len(logged) == len(target):
        raise ValueError("reward, logged_propensity and target_probability must have one entry per logged action each.")
    if not len(rewards):
        raise ValueError("The log is empty: judging a policy needs logged actions.")
    if (logged <= 0).any() or (logged > 1).any():
        raise ValueError("logged_propensity must be above 0 and at most 1.")
    if (target < 0).any() or (target > 1).any():
        raise ValueError("target_probability must be between 0 and 1.")
    if not 0 < confidence <= MOST_CONFIDENCE:
        raise ValueError(f"confidence must be above 0 and at most {MOST_CONFIDENCE}, not {confidence}.")
    return rewards, logged, target


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers.") from None
    if numbers.ndim != 1 or not (np.abs(numbers) <= LARGEST).all():
        raise ValueError(f"{name} must have one number up to {LARGEST:g} per logged action, none missing.")
    return numbers
