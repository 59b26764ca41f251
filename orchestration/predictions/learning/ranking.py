"""How well points rank buyers: AUC with DeLong's intervals, and the trend of purchase rates over bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

Array = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ranking:
    """AUC with its interval: the probability that a buyer has more points than a non-buyer."""

    auc: float
    low: float
    high: float


def ranking(points: ArrayLike, bought: ArrayLike, confidence: float = CONFIDENCE) -> Ranking | None:
    """AUC with DeLong's interval (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837).

    None with fewer than two buyers or two non-buyers.
    """
    parts = _placements(np.asarray(points, dtype=np.float64), np.asarray(bought, dtype=np.float64))
    if parts is None:
        return None
    return _interval(parts, confidence, least=0.0)


def ranking_gain(
    points: ArrayLike, others: ArrayLike, bought: ArrayLike, confidence: float = CONFIDENCE
) -> Ranking | None:
    """AUC of points minus AUC of others on the same customers, with DeLong's interval for the difference."""
    happened = np.asarray(bought, dtype=np.float64)
    first = _placements(np.asarray(points, dtype=np.float64), happened)
    second = _placements(np.asarray(others, dtype=np.float64), happened)
    if first is None or second is None:
        return None
    return _interval((first[0] - second[0], first[1] - second[1]), confidence, least=-1.0)


def _placements(points: Array, bought: Array) -> tuple[Array, Array] | None:
    """Per buyer the share of non-buyers below, per non-buyer the share of buyers above; ties count half.

    By midranks (Sun and Xu 2014, IEEE Signal Processing Letters 21:1389).
    """
    buyers, others = points[bought == 1], points[bought == 0]
    if min(len(buyers), len(others)) < 2:
        return None
    ranks = rankdata(points)
    below = (ranks[bought == 1] - rankdata(buyers)) / len(others)
    above = 1 - (ranks[bought == 0] - rankdata(others)) / len(buyers)
    return below, above


def _interval(parts: tuple[Array, Array], confidence: float, *, least: float) -> Ranking:
    below, above = parts
    value = float(below.mean())
    variance = below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above)
    width = float(ndtri((1 + confidence) / 2) * np.sqrt(variance))
    return Ranking(value, max(value - width, least), min(value + width, 1.0))


def rising_trend(counts: ArrayLike, buyers: ArrayLike, scores: ArrayLike) -> tuple[float, float] | None:
    """Whether the share of buyers rises with the band: z and its one-sided p-value.

    counts, buyers: people and buyers per band. scores: order of the bands. Cochran and Armitage's test (Armitage 1955,
    Biometrics 11:375). None with people in one band only, or if all or none of them bought.
    """
    people, bought, rank = (np.asarray(figures, dtype=np.float64) for figures in (counts, buyers, scores))
    everyone = people.sum()
    if not everyone:
        return None
    share = bought.sum() / everyone
    spread = (people * rank**2).sum() - (people * rank).sum() ** 2 / everyone
    if not 0 < share < 1 or spread <= 0:
        return None
    z = float((rank * (bought - people * share)).sum() / np.sqrt(share * (1 - share) * spread))
    return z, float(ndtr(-z))
