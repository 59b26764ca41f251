"""Decides whether a new propensity model replaces the current one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.predictions.learning import measures

LEAST_POSITIVES = 10


@dataclass(frozen=True)
class Replacement:
    """Whether a new model replaces the current one, and why. rows: compared. gain: mean log loss saved per row."""

    replace: bool
    reason: str
    rows: int
    gain: float | None = None


def should_replace(current: pd.DataFrame, challenger: pd.DataFrame) -> Replacement:
    """Compares two models on the newest held-out rows, from which neither has learned.

    Both frames: row_id, probability, outcome; rows that both models scored count. The challenger replaces the current
    model if its mean gain in log loss is above 0 by SURE_BY_ERRORS standard errors and its Brier score is not worse.
    Raises ValueError if columns are missing, a row_id repeats, or outcomes of a row differ.
    """
    both = _paired(current, challenger)
    old, happened = measures.checked_scores(both["probability_old"], both["outcome_old"])
    new = measures.checked_scores(both["probability_new"], both["outcome_old"])[0]
    if min(happened.sum(), len(happened) - happened.sum()) < LEAST_POSITIVES:
        reason = f"Kept: {len(both)} rows with {int(happened.sum())} positives are too few to compare models."
        return Replacement(False, reason, len(both))
    losses = [
        -np.where(happened == 1, np.log(kept), np.log1p(-kept))
        for kept in (np.clip(side, 1e-6, 1 - 1e-6) for side in (old, new))
    ]
    gain = losses[0] - losses[1]
    mean = float(gain.mean())
    sure = mean > measures.SURE_BY_ERRORS * float(gain.std(ddof=1)) / np.sqrt(len(gain))
    if sure and measures.brier_score(new, happened) <= measures.brier_score(old, happened):
        reason = f"Replaced: the log loss is lower by {mean:.4f} on {len(both)} rows."
        return Replacement(True, reason, len(both), mean)
    reason = f"Kept: a gain of {mean:.4f} in log loss on {len(both)} rows may be chance."
    return Replacement(False, reason, len(both), mean)


def _paired(current: pd.DataFrame, challenger: pd.DataFrame) -> pd.DataFrame:
    """Rows that both models scored and whose outcome is known."""
    for frame in (current, challenger):
        missing = {"row_id", "probability", "outcome"} - set(frame.columns)
        if missing:
            raise ValueError(f"The scores lack the columns {', '.join(sorted(missing))}.")
        if frame["row_id"].duplicated().any():
            raise ValueError("A row_id repeats: pass one score per row and model.")
    both = current.merge(challenger, on="row_id", suffixes=("_old", "_new")).dropna(subset="outcome_old")
    if (both["outcome_old"] != both["outcome_new"]).any():
        raise ValueError("The two models have different outcomes for the same row.")
    return both
