"""Pools the effects of several campaigns into one common effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PooledEffect:
    """Common effect of several campaigns with its interval: the difference of the two rates."""

    treated_rate: float
    held_out_rate: float
    effect: float
    low: float
    high: float


def pooled_effect(
    treated: ArrayLike,
    treated_buyers: ArrayLike,
    held_out: ArrayLike,
    held_out_buyers: ArrayLike,
    *,
    confidence: float = 0.95,
) -> PooledEffect:
    """Common effect of several campaigns from their counts of people and buyers per side.

    Compares each campaign only within itself: Mantel and Haenszel's difference of shares (Greenland and Robins 1985,
    Biometrics 41:55) weighs a campaign by treated * held out / all, so that one without a buyer has a finite weight (by
    inverse variance it would be infinite). The interval is Newcombe's for two weighted shares (Yan and Su 2010,
    Statistics in Biopharmaceutical Research 2:329), each with Wilson's interval for its effective number of people, the
    inverse of the sum of weight^2 / people. Intervals from the variance of the difference are too short if few people
    are held out and none of them buys. Raises ValueError if no campaign has people on both sides.
    """
    first, first_buyers, second, second_buyers = (
        np.asarray(counts, dtype=np.float64) for counts in (treated, treated_buyers, held_out, held_out_buyers)
    )
    both = (first > 0) & (second > 0)
    if not both.any():
        raise ValueError("No campaign has people on both sides.")
    weight = (first * second)[both] / (first + second)[both]
    weight /= weight.sum()
    rates, lows, highs = zip(
        *(
            _weighted_share(weight, people[both], buyers[both], confidence)
            for people, buyers in ((first, first_buyers), (second, second_buyers))
        ),
        strict=True,
    )
    effect = rates[0] - rates[1]
    low = effect - float(np.hypot(rates[0] - lows[0], highs[1] - rates[1]))
    high = effect + float(np.hypot(highs[0] - rates[0], rates[1] - lows[1]))
    return PooledEffect(rates[0], rates[1], effect, low, high)


def _weighted_share(weight: Array, people: Array, buyers: Array, confidence: float) -> tuple[float, float, float]:
    """Weighted mean of shares with Wilson's interval (mean, low, high)."""
    share, effective = float((weight * buyers / people).sum()), float(1 / (weight**2 / people).sum())
    squared = float(ndtri((1 + confidence) / 2)) ** 2 / effective
    middle = (share + squared / 2) / (1 + squared)
    width = float(np.sqrt(squared * (share * (1 - share) + squared / 4))) / (1 + squared)
    return share, middle - width, middle + width
