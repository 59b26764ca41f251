"""Effect of a campaign: treated people against a random hold-out. Without a hold-out the effect is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from orchestration.predictions.learning.measures import wilson_interval

Array = NDArray[np.float64]

LEAST_PER_SIDE = 2
MOST_CONFIDENCE = 0.999_999  # above it, intervals become infinite
LARGEST = 1e100  # larger numbers cannot be squared


@dataclass(frozen=True)
class CampaignEffect:
    """Mean of the treated minus mean of the hold-out, with its interval; `unknown` is the reason if there is none.

    adjusted: whether a covariate from before the campaign narrowed the interval. significant: whether the interval
    excludes 0.
    """

    treated: int
    held_out: int
    treated_mean: float | None = None
    held_out_mean: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    method: str = ""
    adjusted: bool = False
    unknown: str = ""

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def campaign_effect(
    treated: ArrayLike, outcome: ArrayLike, covariate: ArrayLike | None = None, *, confidence: float = 0.95
) -> CampaignEffect:
    """Effect per person of a campaign with a random hold-out.

    treated: 1 approached (whether or not it reached them), 0 held out. outcome: 1 or 0 (bought), or an amount.
    covariate: the same figure from before the campaign, if known.
    A share without covariate has Newcombe's interval (1998, Statistics in Medicine 17:873, method 10); otherwise
    Welch's. A covariate adjusts the outcome by CUPED (Deng, Xu, Kohavi and Walker 2013). Without a hold-out the effect
    is unknown. Raises ValueError on invalid input.
    """
    if not 0 < confidence <= MOST_CONFIDENCE:
        raise ValueError(f"confidence must be above 0 and at most {MOST_CONFIDENCE}, not {confidence}.")
    group, values = _numbers("treated", treated), _numbers("outcome", outcome)
    before = None if covariate is None else _numbers("covariate", covariate)
    if len(group) != len(values) or (before is not None and len(before) != len(values)):
        raise ValueError("treated, outcome and covariate must have one entry per person each.")
    if not np.isin(group, (0.0, 1.0)).all():
        raise ValueError("treated must be 1 or 0.")
    with_offer, without = values[group == 1], values[group == 0]
    if min(len(with_offer), len(without)) < LEAST_PER_SIDE:
        side = "hold-out" if len(without) < LEAST_PER_SIDE else "treated group"
        reason = f"Effect unknown: the {side} has fewer than {LEAST_PER_SIDE} people."
        return CampaignEffect(len(with_offer), len(without), confidence=confidence, unknown=reason)
    counts: dict[str, Any] = {
        "treated": len(with_offer),
        "held_out": len(without),
        "treated_mean": float(with_offer.mean()),
        "held_out_mean": float(without.mean()),
        "confidence": confidence,
    }
    if before is not None and before.std() > 0:
        # Deviations from each group's own mean, so that the effect does not bias the slope.
        centred = np.where(group == 1, before - before[group == 1].mean(), before - before[group == 0].mean())
        spread = float((centred**2).sum())
        slope = float((centred * values).sum()) / spread if spread > 0 else 0.0
        adjusted = values - slope * (before - before.mean())
        effect, low, high = _welch(adjusted[group == 1], adjusted[group == 0], confidence)
        return CampaignEffect(**counts, effect=effect, low=low, high=high, method="CUPED", adjusted=True)
    if np.isin(values, (0.0, 1.0)).all():
        effect, low, high = _newcombe(with_offer, without, confidence)
        return CampaignEffect(**counts, effect=effect, low=low, high=high, method="Newcombe")
    effect, low, high = _welch(with_offer, without, confidence)
    return CampaignEffect(**counts, effect=effect, low=low, high=high, method="Welch")


def _newcombe(treated: Array, held_out: Array, confidence: float) -> tuple[float, float, float]:
    first, second = float(treated.mean()), float(held_out.mean())
    first_low, first_high = wilson_interval(treated.sum(), len(treated), confidence)
    second_low, second_high = wilson_interval(held_out.sum(), len(held_out), confidence)
    effect = first - second
    low = effect - float(np.hypot(first - first_low, second_high - second))
    return effect, low, effect + float(np.hypot(first_high - first, second - second_low))


def _welch(treated: Array, held_out: Array, confidence: float) -> tuple[float, float, float]:
    effect = float(treated.mean() - held_out.mean())
    parts = np.array([treated.var(ddof=1) / len(treated), held_out.var(ddof=1) / len(held_out)])
    if not parts.sum():
        return effect, effect, effect
    freedom = parts.sum() ** 2 / (parts**2 / (np.array([len(treated), len(held_out)]) - 1)).sum()
    width = float(stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(parts.sum()))
    return effect, effect - width, effect + width


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers.") from None
    if numbers.ndim != 1 or not (np.abs(numbers) <= LARGEST).all():
        raise ValueError(f"{name} must have one number up to {LARGEST:g} per person, none missing.")
    return numbers
