"""Turns any table into numbers that a model can learn from, and lists what it leaves out.

The plan is made once, on the rows to learn from, and applied in the same way to every later table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

Array = NDArray[np.float64]

MOST_CATEGORIES = 150
LEAST_ROWS_PER_CATEGORY = 5
_PARSED_SHARE = 0.95
_LARGEST = 1e100  # larger numbers cannot be squared
OTHER = 0.0  # the code of rare and of unseen values


@dataclass(frozen=True)
class Column:
    """How to read one column. kind: number, moment or category; values: categories with a code of their own."""

    name: str
    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeaturePlan:
    """The columns to use, and how. left_out: one sentence per column that is left out, with the reason."""

    columns: tuple[Column, ...]
    origin: float  # days since 1970 from which moments are measured if rows have no moment of their own
    by_as_of: bool
    left_out: tuple[str, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        """The columns in use."""
        return [column.name for column in self.columns]

    @property
    def is_category(self) -> NDArray[np.bool_]:
        """Per column, whether its numbers are codes of categories."""
        return np.array([column.kind == "category" for column in self.columns], dtype=bool)

    def matrix(self, features: pd.DataFrame, as_of: Array | None = None) -> Array:
        """One row per row of features, one column per column in use; missing values are NaN, unseen ones OTHER.

        as_of: days since 1970 per row, if moments are relative to it. Raises ValueError if a column is missing.
        """
        frame = unique_names(features)
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise ValueError(f"Columns that the model learned from are missing here: {', '.join(missing)}.")
        origin = as_of if as_of is not None and self.by_as_of else np.full(len(frame), self.origin)
        result = np.empty((len(frame), len(self.columns)))
        for place, column in enumerate(self.columns):
            values = frame[column.name]
            if column.kind == "category":
                result[:, place] = _codes(values, column.values)
            elif column.kind == "moment":
                result[:, place] = origin - days_since_1970(values)
            else:
                result[:, place] = as_numbers(values)
        return result


def plan_features(features: pd.DataFrame, as_of: Array | None = None) -> FeaturePlan:
    """Decides from these rows how to read each column. as_of: days since 1970 per row, if known."""
    frame = unique_names(features)
    columns, left_out = [], []
    for name in frame.columns:
        values = frame[name]
        filled = int(values.notna().sum())
        if not filled:
            left_out.append(f"{name} is empty.")
            continue
        numbers, kind = _read(values, filled)
        if kind == "category":
            column, reason = _category(name, as_text(values), filled)
            if column:
                columns.append(column)
            else:
                left_out.append(reason)
            continue
        finite = numbers[np.isfinite(numbers)]
        varies = len(finite) and (finite.min() < finite.max() or len(finite) < len(numbers))
        if kind == "moment" and as_of is not None:
            varies = len(finite) > 0
        if varies:
            columns.append(Column(name, kind))
        else:
            left_out.append(f"{name} is constant.")
    origin = float(np.nanmax(as_of)) if as_of is not None and len(as_of) else _latest(frame, columns)
    return FeaturePlan(tuple(columns), origin, as_of is not None, tuple(left_out))


def unique_names(features: pd.DataFrame) -> pd.DataFrame:
    """The same columns with unique text names: a repeated name gets a number (amount, amount.2)."""
    seen: dict[str, int] = {}
    taken = {str(name) for name in features.columns}
    names = []
    for label in features.columns:
        name = str(label)
        seen[name] = seen.get(name, 0) + 1
        candidate = name if seen[name] == 1 else f"{name}.{seen[name]}"
        while seen[name] > 1 and candidate in taken:
            seen[name] += 1
            candidate = f"{name}.{seen[name]}"
        taken.add(candidate)
        names.append(candidate)
    return features.set_axis(names, axis=1)


def as_numbers(values: pd.Series) -> Array:
    """Values as numbers; missing, infinite and other values are NaN."""
    if types.is_timedelta64_dtype(values.dtype):
        return np.asarray(values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan))
    if values.dtype == object or isinstance(values.dtype, pd.CategoricalDtype) or types.is_string_dtype(values.dtype):
        return _by_distinct(values, _numbers_of)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), np.clip(numbers, -_LARGEST, _LARGEST), np.nan)


def as_text(values: pd.Series) -> pd.Series:
    """Values as text; missing ones stay missing. Whole numbers read the same with and without decimals."""
    codes, distinct = _distinct(values)
    text = np.full(len(distinct) + 1, None, dtype=object)  # the last one for missing values
    text[:-1] = distinct.map(_text, na_action="ignore")
    return pd.Series(text[codes], index=values.index, dtype=object)


def days_since_1970(values: pd.Series) -> Array:
    """Moments as days since 1970; naive ones count as UTC. Other values are NaN."""
    if values.dtype == object or types.is_string_dtype(values.dtype):
        return _by_distinct(values, lambda distinct: _days(distinct.map(_iso_text, na_action="ignore"), "ISO8601"))
    return _days(values, None)


def _days(values: pd.Series, layout: str | None) -> Array:
    moments = pd.to_datetime(values, errors="coerce", utc=True, format=layout).astype("datetime64[us, UTC]")
    days = moments.astype("int64").to_numpy(dtype=np.float64) / 86_400e6
    return np.where(moments.isna().to_numpy(), np.nan, days)


def _numbers_of(distinct: pd.Series) -> Array:
    numbers = pd.to_numeric(distinct, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), np.clip(numbers, -_LARGEST, _LARGEST), np.nan)


def _by_distinct(values: pd.Series, reading: Callable[[pd.Series], Array]) -> Array:
    """Reads each distinct value once; missing values are NaN."""
    codes, distinct = _distinct(values)
    return np.append(reading(distinct), np.nan)[codes]


def _distinct(values: pd.Series) -> tuple[NDArray[np.intp], pd.Series]:
    """The distinct values as objects, and per row its position among them (-1: missing).

    In Python 1 equals True, and lists have no hash: objects other than text each count as distinct.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(dtype=np.intp), pd.Series(values.cat.categories.astype(object), dtype=object)
    if values.dtype != object or types.infer_dtype(values, skipna=True) == "string":
        codes, distinct = pd.factorize(values)
        return codes, pd.Series(np.asarray(distinct, dtype=object), dtype=object)
    codes = np.where(values.isna().to_numpy(), -1, np.arange(len(values)))
    return codes, values.reset_index(drop=True)


def _codes(values: pd.Series, known: tuple[str, ...]) -> Array:
    numbers = {value: float(code) for code, value in enumerate(known, 1)}
    return _by_distinct(
        values,
        lambda distinct: distinct.map(_text, na_action="ignore").map(numbers).fillna(OTHER).to_numpy(dtype=np.float64),
    )


def _iso_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.number) and float(value) == int(float(value)):
        return str(int(float(value)))
    return str(value)


def _read(values: pd.Series, filled: int) -> tuple[Array, str]:
    if types.is_datetime64_any_dtype(values.dtype) or _holds_dates(values):
        return days_since_1970(values), "moment"
    if _is_number(values):
        return as_numbers(values), "number"
    if types.is_string_dtype(values.dtype) or values.dtype == object:
        # Numbers and ISO dates as text. Other values become missing: at most one in twenty.
        numbers = as_numbers(values)
        if np.isfinite(numbers).sum() >= _PARSED_SHARE * filled:
            return numbers, "number"
        moments = days_since_1970(values)
        if np.isfinite(moments).sum() >= _PARSED_SHARE * filled:
            return moments, "moment"
    return np.empty(0), "category"


def _is_number(values: pd.Series) -> bool:
    if types.is_timedelta64_dtype(values.dtype) or types.is_bool_dtype(values.dtype):
        return True
    if types.is_numeric_dtype(values.dtype):
        return not types.is_complex_dtype(values.dtype)
    if values.dtype == object:  # decimals, booleans with nulls, numbers as Python objects
        return pd.api.types.infer_dtype(values, skipna=True) in {
            "decimal", "boolean", "integer", "floating", "mixed-integer-float",
        }  # fmt: skip
    return False


def _holds_dates(values: pd.Series) -> bool:
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in {
        "datetime",
        "date",
        "datetime64",
    }


def _category(name: str, text: pd.Series, filled: int) -> tuple[Column | None, str]:
    counts = text.value_counts()
    if len(counts) == 1 and filled == len(text):
        return None, f"{name} is constant."
    kept = counts[counts >= LEAST_ROWS_PER_CATEGORY]
    # Equally frequent values in alphabetical order: the codes do not depend on the order of the rows.
    kept = kept.reset_index().sort_values(["count", kept.index.name or "index"], ascending=[False, True])
    if kept.empty:
        return None, f"{name} differs in nearly every row ({len(counts)} values in {filled} rows)."
    return Column(name, "category", tuple(kept.iloc[:MOST_CATEGORIES, 0])), ""


def _latest(frame: pd.DataFrame, columns: list[Column]) -> float:
    newest = [np.nanmax(days_since_1970(frame[column.name])) for column in columns if column.kind == "moment"]
    return float(max(newest, default=0.0))
