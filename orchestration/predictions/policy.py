"""What another way of choosing actions would have brought, from a log of actions that were proposed partly at random.

The log must say with which probability each action was proposed at the time. Without that, the question cannot be
answered from the log, only with a trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from orchestration.predictions.uplift import LARGEST, MOST_CONFIDENCE

Array = NDArray[np.float64]

LEAST_PROPENSITY = 1e-4
_LEAST_EFFECTIVE_ROWS = 30


@dataclass(frozen=True)
class PolicyValue:
    """Mean reward per decision that a policy would have had.

    low, high: infinite where a single decision says nothing about how sure the value is. effective_rows: how many
    equally weighted rows the estimate is worth (Kish 1965). notes: why to be careful.
    """

    method: str
    value: float
    low: float
    high: float
    rows: int
    effective_rows: float
    notes: tuple[str, ...] = ()


def evaluate_policy(
    reward: ArrayLike,
    logged_propensity: ArrayLike,
    target_probability: ArrayLike,
    *,
    expected_logged: ArrayLike | None = None,
    expected_target: ArrayLike | None = None,
    longest_weight: float | None = None,
    confidence: float = 0.95,
) -> dict[str, PolicyValue]:
    """Estimates by name, one row of the log per entry of the arrays.

    reward: what came of the logged action. logged_propensity: the probability with which it was proposed, above 0.
    target_probability: the probability with which the judged policy would propose the same action there.
    expected_logged, expected_target: a model's expectation of the reward of the logged action, and on average over the
    judged policy's actions; a model that was not learned from these rows. longest_weight: where given, weights are cut
    off there: less noise, some bias.
    ips: inverse propensity weighting (Horvitz and Thompson 1952), snips: the same with weights that add up (Swaminathan
    and Joachims 2015), doubly_robust: where a model is given (Dudík, Langford and Li 2011). Intervals are normal ones.
    """
    rewards = _numbers("reward", reward)
    logged = _numbers("logged_propensity", logged_propensity)
    target = _numbers("target_probability", target_probability)
    if not len(rewards) == len(logged) == len(target):
        raise ValueError("reward, logged_propensity and target_probability must have one entry per logged action each.")
    if not len(rewards):
        raise ValueError("The log is empty: there is nothing to judge a policy by.")
    if (logged < LEAST_PROPENSITY).any() or (logged > 1).any():
        raise ValueError(
            f"logged_propensity must be between {LEAST_PROPENSITY} and 1: what was never proposed is unknown."
        )
    if (target < 0).any() or (target > 1).any():
        raise ValueError("target_probability must be between 0 and 1.")
    if not 0 < confidence <= MOST_CONFIDENCE:
        raise ValueError(f"confidence must be above 0 and at most {MOST_CONFIDENCE}, not {confidence}.")
    if longest_weight is not None and not longest_weight > 0:
        raise ValueError(f"longest_weight must be above 0, not {longest_weight}.")
    weights = target / logged
    cut = longest_weight is not None and bool((weights > longest_weight).any())
    if longest_weight is not None:
        weights = np.minimum(weights, longest_weight)
    total = float(weights.sum())
    effective = total**2 / float((weights**2).sum()) if total > 0 else 0.0
    notes = []
    if effective < _LEAST_EFFECTIVE_ROWS:
        notes.append(f"The policies hardly agree: the estimate rests on about {effective:.0f} rows.")
    if cut:
        notes.append("Long weights were cut off: the estimate is biased towards what was logged.")
    if len(rewards) > 1 and abs(weights.mean() - 1) > 4 * weights.std() / np.sqrt(len(weights)) + 1e-9 and not cut:
        # The weights of a complete log average 1.
        notes.append(f"The weights average {weights.mean():.2f} instead of 1: the logged propensities are not right.")
    width = float(ndtri((1 + confidence) / 2))

    def estimate(method: str, per_row: Array, value: float) -> PolicyValue:
        error = float(per_row.std(ddof=1)) / np.sqrt(len(per_row)) if len(per_row) > 1 else float("inf")
        return PolicyValue(
            method, value, value - width * error, value + width * error, len(per_row), effective, tuple(notes)
        )

    weighted = weights * rewards
    found = {"ips": estimate("ips", weighted, float(weighted.mean()))}
    if total > 0:
        value = float(weighted.sum()) / total
        found["snips"] = estimate("snips", weights * (rewards - value) / weights.mean(), value)
    if expected_logged is not None and expected_target is not None:
        of_logged, of_target = (
            _numbers("expected_logged", expected_logged),
            _numbers("expected_target", expected_target),
        )
        if not len(of_logged) == len(of_target) == len(rewards):
            raise ValueError("expected_logged and expected_target must have one entry per logged action each.")
        per_row = of_target + weights * (rewards - of_logged)
        found["doubly_robust"] = estimate("doubly_robust", per_row, float(per_row.mean()))
    return found


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers.") from None
    if numbers.ndim != 1 or not (np.abs(numbers) <= LARGEST).all():
        raise ValueError(f"{name} must be one number per logged action, none missing or beyond {LARGEST:g}.")
    return numbers
