"""Learners of a propensity: a penalised logistic line, boosted trees, and a forest. Matrices in, log odds out.

is_category marks columns with codes of categories; missing values are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

Array = NDArray[np.float64]

# The line.
_TAIL = 0.005  # numbers are clipped one span beyond the tails: trends continue, outliers do not
_LONG_TAIL = 12.0  # times the median distance from the median, beyond which a column is learned by its logarithm
_WEAKEST, _STRONGEST = 1.0, 1e5  # precision of the coefficients
_STEPS, _ROUNDS, _SETTLED = 30, 12, 0.1
_USUAL = (0.5, 0.1)  # prior: number of coefficients and sum of their squares (half of one of usual size)
_COST = 2e8  # rows × columns²: more rows do not improve the precision
_CELLS = 6e7  # of the line's table, of 8 bytes; a larger table is sampled
_ROWS_AT_ONCE = 4_096

# Trees.
TREE_CATEGORIES = 50  # rarer categories are merged
_BINS, _BINS_OF_MANY_COLUMNS, _MANY_COLUMNS = 255, 64, 60
_RATE = 0.1
_LEAVES = 12
_LEAVES_OF_MANY, _MANY = 24, 5_000  # rows of the rarer outcome
_PULL = 5.0
_PER_LEAF = 10.0  # rows of the rarer outcome, on average
ITERATIONS = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160)
_PATIENCE = 20
_FOREST_TREES, _FOREST_LEAF, _UNSURE = 80, 3, 0.016
_LARGEST = 1e30  # the forest computes in single precision
_SMALLEST = 1e-6


class Learned(Protocol):
    """A fitted learner: matrix in, log odds out."""

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""


# --- line ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Design:
    """Turns columns into regressors: centred and scaled numbers; gaps and categories as columns of 0 and 1."""

    is_category: NDArray[np.bool_]
    low: Array
    high: Array
    middle: Array
    scale: Array
    long_tail: NDArray[np.bool_]
    mean: Array
    spread: Array
    gaps: NDArray[np.intp]  # positions among the numbers that get a column for missing values
    codes: tuple[Array, ...]

    @property
    def sources(self) -> NDArray[np.intp]:
        """Per column of the table, its column of the input."""
        numbers, categories = np.flatnonzero(~self.is_category), np.flatnonzero(self.is_category)
        named = [np.full(len(code), place) for place, code in zip(categories, self.codes, strict=True)]
        return np.concatenate([numbers, numbers[self.gaps], *named]).astype(np.intp)

    def table(self, matrix: Array) -> Array:
        """The regressors, one row per row of the input."""
        numbers = matrix[:, ~self.is_category]
        missing = np.isnan(numbers)
        parts = [np.where(missing, 0.0, (self._bent(numbers) - self.mean) / self.spread), missing[:, self.gaps]]
        for place, codes in zip(np.flatnonzero(self.is_category), self.codes, strict=True):
            parts.append(np.nan_to_num(matrix[:, [place]], nan=-1.0) == codes)
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def _bent(self, numbers: Array) -> Array:
        return _bent(numbers, self.low, self.high, self.middle, self.scale, self.long_tail)


def _bent(numbers: Array, low: Array, high: Array, middle: Array, scale: Array, long_tail: NDArray[np.bool_]) -> Array:
    clipped = np.clip(numbers, low, high) - middle
    if long_tail.any():
        some = clipped[:, long_tail]
        clipped[:, long_tail] = np.sign(some) * np.log1p(np.abs(some) / scale[long_tail])
    return clipped


def _design(matrix: Array, is_category: NDArray[np.bool_]) -> _Design:
    numbers = matrix[:, ~is_category]
    ordered = np.sort(numbers, axis=0)  # missing values last
    filled = np.isfinite(numbers).sum(axis=0)
    columns = np.arange(numbers.shape[1])

    def quantile(share: float) -> Array:
        values = ordered[np.rint(np.maximum(filled - 1, 0) * share).astype(int), columns]
        return np.where(filled > 0, values, 0.0)

    least, middle, most = quantile(_TAIL), quantile(0.5), quantile(1 - _TAIL)
    span = most - least
    # Nearly all values are the same: use the full span.
    narrow = span == 0
    span = np.where(narrow, quantile(1.0) - quantile(0.0), span)
    low, high = least - span, most + span
    # The unit of the logarithm: median distance of the values that are not the median.
    away = np.abs(numbers - middle)
    away[away == 0] = np.nan
    away.sort(axis=0)
    others = np.isfinite(away).sum(axis=0)
    scale = np.where(others > 0, away[np.maximum(others // 2 - 1, 0), columns], 1.0)
    long_tail = (np.maximum(most - middle, middle - least) > _LONG_TAIL * scale) & ~narrow
    bent = _bent(numbers, low, high, middle, scale, long_tail)
    count = np.maximum(filled, 1)
    mean = np.nansum(bent, axis=0) / count
    spread = np.sqrt(np.nansum((bent - mean) ** 2, axis=0) / count)
    codes = tuple(np.unique(np.nan_to_num(matrix[:, place], nan=-1.0)) for place in np.flatnonzero(is_category))
    gaps = np.flatnonzero((filled > 0) & (filled < len(numbers)))
    spread = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1.0), spread, np.inf)
    return _Design(is_category, low, high, middle, scale, long_tail, mean, spread, gaps, codes)


@dataclass(frozen=True)
class Line:
    """Logistic regression whose coefficients are shrunk to 0 by a precision learned from the rows."""

    design: _Design
    weights: Array
    level: float
    precision: float

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""
        return np.asarray(self.design.table(matrix) @ self.weights + self.level)

    @property
    def strength(self) -> Array:
        """Approximate influence of each column of the input on the log odds."""
        return np.sqrt(np.bincount(self.design.sources, self.weights**2, minlength=len(self.design.is_category)))


def fit_line(
    matrix: Array, happened: Array, is_category: NDArray[np.bool_], seed: int, like: Line | None = None
) -> Line:
    """Fits by penalised likelihood with a normal prior on the coefficients of scaled numbers and categories.

    The precision of the prior is learned from the same rows (evidence, MacKay 1992, Neural Computation 4:415 and
    4:720), so a thousand columns or a hundred shops are safe. One precision serves all: separate ones per category were
    no better on small tables. like: reuses design and precision of an earlier line.
    """
    design = like.design if like else _design(matrix, is_category)
    columns = len(design.sources)
    draws = np.random.default_rng(seed)
    most = max(int(_CELLS / max(columns, 1)), 1_000)
    if len(matrix) > most:
        chosen = np.sort(draws.permutation(len(matrix))[:most])
        matrix, happened = matrix[chosen], happened[chosen]
    table = design.table(matrix)
    start = np.append(like.weights, like.level) if like else np.append(np.zeros(columns), _log_odds_of(happened))
    precision = like.precision if like else _precision(table, happened, draws)
    weights = _steps(table, happened, precision, start, _STEPS)[0]
    return Line(design, weights[:-1], float(weights[-1]), precision)


def _log_odds_of(happened: Array) -> float:
    return float(logit(np.clip(happened.mean(), _SMALLEST, 1 - _SMALLEST)))


def _precision(table: Array, happened: Array, draws: np.random.Generator) -> float:
    rows, columns = table.shape
    most = max(int(_COST / max(columns, 1) ** 2), 5_000)
    if rows > most:
        some = np.sort(draws.permutation(rows)[:most])
        table, happened = table[some], happened[some]
    precision, weights = 1.0, np.append(np.zeros(columns), _log_odds_of(happened))
    for _ in range(_ROUNDS):
        weights, curvature = _steps(table, happened, precision, weights, 2)
        variance = np.diag(cho_solve(cho_factor(curvature), np.eye(columns + 1)))[:-1]
        known, size = (1 - precision * variance).sum(), (weights[:-1] ** 2).sum()
        before = precision
        precision = float(np.clip((known + _USUAL[0]) / (size + _USUAL[1]), _WEAKEST, _STRONGEST))
        if abs(np.log(precision / before)) < _SETTLED:
            break
    return precision


def _steps(table: Array, happened: Array, precision: float, start: Array, most: int) -> tuple[Array, Array]:
    """Newton's method with step halving: weights with the level last, and the curvature there."""
    weights, pull = start, np.append(np.full(table.shape[1], precision), 0.0)

    def loss(candidate: Array, odds: Array) -> float:
        return float((np.logaddexp(0.0, odds) - happened * odds).sum() + 0.5 * (pull * candidate**2).sum())

    odds = table @ weights[:-1] + weights[-1]
    current = loss(weights, odds)
    curvature = np.eye(len(weights))
    for _ in range(most):
        chance = expit(odds)
        gradient = np.append(table.T @ (happened - chance), (happened - chance).sum()) - pull * weights
        curvature = _curvature(table, np.maximum(chance * (1 - chance), 1e-9))
        curvature[np.diag_indices_from(curvature)] += pull + 1e-9
        step = cho_solve(cho_factor(curvature), gradient)
        moved = table @ step[:-1] + step[-1]
        length = 1.0
        while length > 1e-4 and not loss(weights + length * step, odds + length * moved) <= current + 1e-12 * abs(
            current
        ):
            length /= 2
        weights, odds = weights + length * step, odds + length * moved
        improved, current = current, loss(weights, odds)
        if improved - current <= 1e-7 * abs(current) + 1e-9:
            break
    return weights, curvature


def _curvature(table: Array, weight: Array) -> Array:
    columns = table.shape[1]
    result = np.zeros((columns + 1, columns + 1))
    for begin in range(0, len(table), _ROWS_AT_ONCE):
        some, share = table[begin : begin + _ROWS_AT_ONCE], weight[begin : begin + _ROWS_AT_ONCE]
        weighted = some * share[:, None]
        result[:-1, :-1] += some.T @ weighted
        result[-1, :-1] += weighted.sum(axis=0)
    result[:-1, -1] = result[-1, :-1]
    result[-1, -1] = weight.sum()
    return result


# --- trees -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trees:
    """Boosted trees. empty: columns without a value, which trees cannot bin."""

    model: HistGradientBoostingClassifier
    is_category: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""
        return np.asarray(self.model.decision_function(_for_trees(matrix, self.is_category, self.empty)))

    def staged_odds(self, matrix: Array) -> list[Array]:
        """The log odds after each of ITERATIONS; after an early stop, those of the last iteration repeat."""
        stages: list[Array] = []
        last = np.empty(0)
        for number, last in enumerate(
            self.model.staged_decision_function(_for_trees(matrix, self.is_category, self.empty)), 1
        ):
            if number in ITERATIONS:
                stages.append(np.asarray(last).ravel())
        return stages + [np.asarray(last).ravel()] * (len(ITERATIONS) - len(stages))


def _for_trees(matrix: Array, is_category: NDArray[np.bool_], empty: NDArray[np.bool_]) -> Array:
    """The matrix with rare categories merged and empty columns filled."""
    rare = is_category & (matrix > TREE_CATEGORIES)
    return np.where(rare | empty, 0.0, matrix)


def fit_trees(
    matrix: Array,
    happened: Array,
    is_category: NDArray[np.bool_],
    seed: int,
    iterations: int = ITERATIONS[-1],
    later: tuple[Array, Array] | None = None,
) -> Trees:
    """Fits boosted trees. later: rows for early stopping."""
    scarce = min(happened.sum(), len(happened) - happened.sum())
    # With small leaves, trees memorise single rows of a small table.
    rows_per_leaf = int(np.clip(_PER_LEAF * len(happened) / max(scarce, 1), 20, 200))
    empty = np.asarray(np.isnan(matrix).all(axis=0))
    model = HistGradientBoostingClassifier(
        learning_rate=_RATE,
        max_iter=iterations,
        max_leaf_nodes=_LEAVES_OF_MANY if scarce > _MANY else _LEAVES,
        min_samples_leaf=rows_per_leaf,
        l2_regularization=_PULL,
        max_bins=_BINS if matrix.shape[1] < _MANY_COLUMNS else _BINS_OF_MANY_COLUMNS,
        categorical_features=is_category,
        early_stopping=later is not None,
        n_iter_no_change=_PATIENCE,
        tol=0.0,
        random_state=seed,
    )
    stop = {} if later is None else {"X_val": _for_trees(later[0], is_category, empty), "y_val": later[1]}
    return Trees(model.fit(_for_trees(matrix, is_category, empty), happened, **stop), is_category, empty)


@dataclass(frozen=True)
class Forest:
    """A random forest (Breiman 2001), for small tables that boosting would overfit."""

    model: RandomForestClassifier
    empty: NDArray[np.bool_]

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row, shrunk so that no pure leaf gives 0 or 1."""
        chance = self.model.predict_proba(_for_forest(matrix, self.empty))[:, 1]
        return np.asarray(logit(_UNSURE + (1 - 2 * _UNSURE) * chance))


def _for_forest(matrix: Array, empty: NDArray[np.bool_]) -> Array:
    return np.clip(np.where(empty, 0.0, matrix), -_LARGEST, _LARGEST)


def fit_forest(matrix: Array, happened: Array, seed: int) -> Forest:
    """Fits a forest; codes of categories count as numbers, in order of frequency."""
    model = RandomForestClassifier(_FOREST_TREES, min_samples_leaf=_FOREST_LEAF, max_features="sqrt", random_state=seed)
    empty = np.asarray(np.isnan(matrix).all(axis=0))
    return Forest(model.fit(_for_forest(matrix, empty), happened), empty)
