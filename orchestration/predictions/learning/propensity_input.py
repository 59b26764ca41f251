"""Checks the examples of a propensity, and splits them by time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from orchestration.predictions.learning.calibration import LEAST_POSITIVES_HELD_OUT, scarce_count
from orchestration.predictions.learning.features import days_since_1970

Array = NDArray[np.float64]

LEAST_POSITIVES_LEARNED = 30


def checked_examples(
    features: pd.DataFrame, outcome: pd.Series, as_of: ArrayLike | pd.Series | None
) -> tuple[Array, Array | None]:
    """Outcomes as 1 and 0, and moments as days since 1970. Raises ValueError on invalid input."""
    if not isinstance(features, pd.DataFrame):
        raise ValueError("features must be a pandas DataFrame.")
    values = pd.Series(outcome)
    if len(values) != len(features):
        raise ValueError(f"features has {len(features)} rows and outcome {len(values)}: pass one outcome per row.")
    if not len(values):
        raise ValueError("features has no rows: pass at least one.")
    if isinstance(outcome, pd.Series) and not outcome.index.equals(features.index):
        raise ValueError("features and outcome have different indexes: align them first.")
    if values.isna().any():
        raise ValueError(f"The outcome is missing in {int(values.isna().sum())} rows: exclude them.")
    numbers = pd.to_numeric(values.astype(object), errors="coerce")
    if not numbers.isin([0, 1]).all():
        raise ValueError("The outcome must be true or false, or 1 or 0.")
    happened = numbers.to_numpy(dtype=np.float64)
    return happened, None if as_of is None else moments_in_days(as_of, len(features))


def moments_in_days(as_of: Any, rows: int) -> Array:
    """Days since 1970 per row. Numbers count as days; a single moment applies to every row."""
    series = as_of if isinstance(as_of, pd.Series) else pd.Series(as_of if np.ndim(as_of) else [as_of] * rows)
    if len(series) != rows:
        raise ValueError(f"as_of has {len(series)} moments for {rows} rows: pass one per row.")
    numeric = pd.api.types.is_numeric_dtype(series.dtype)
    days = series.to_numpy(dtype=np.float64, na_value=np.nan) if numeric else days_since_1970(series)
    if not np.isfinite(days).all():
        raise ValueError(f"as_of is missing or not a moment in {int((~np.isfinite(days)).sum())} rows.")
    return np.asarray(days)


def given_moments(as_of: Any, places: NDArray[np.intp]) -> Any:
    """The moments of these rows as the caller passed them, without their labels."""
    if as_of is None or not np.ndim(as_of):
        return np.nan if as_of is None else as_of
    return pd.Series(as_of).iloc[places].array


def can_split(happened: Array, cut: int) -> bool:
    """Whether both outcomes occur often enough before the cut to learn from, and after it to judge by."""
    return (
        scarce_count(happened[cut:]) >= LEAST_POSITIVES_HELD_OUT
        and scarce_count(happened[:cut]) >= LEAST_POSITIVES_LEARNED
    )


def newest_rows_start(rows: int, days: Array | None, share: float) -> int:
    """Position of the first of the newest rows (share of all). Rows of one moment stay on one side."""
    cut = int(rows * (1 - share))
    if days is None or days[0] == days[-1]:
        return cut
    before, after = np.searchsorted(days, days[cut], "left"), np.searchsorted(days, days[cut], "right")
    # The nearer end of the moment's rows, unless a side would be empty.
    ends = [int(end) for end in (before, after) if 0 < end < rows]
    return min(ends, key=lambda end: abs(end - cut)) if ends else cut
