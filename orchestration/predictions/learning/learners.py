"""What learns a propensity from numbers: a line whose strength is learned with it, boosted trees, a forest. Matrices
in, log odds out. Columns that are codes of categories are told by is_category; what is missing is NaN.
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
_TAIL = 0.005  # numbers are clipped one span of the rest beyond the two tails: a trend goes on, a wild value does not
_LONG_TAIL = 12.0  # times as far from the median as half of what is not the median: the logarithm is learned from
_WEAKEST, _STRONGEST = 1.0, 1e5  # precision of the coefficients
_STEPS, _ROUNDS, _SETTLED = 30, 12, 0.1
_USUAL = (0.5, 0.1)  # coefficients and the sum of their squares that are known beforehand: half of one of usual size
_COST = 2e8  # rows × columns²: more rows are not needed to learn how strongly coefficients are pulled to 0
_CELLS = 6e7  # of the line's table of 8 bytes: more rows are drawn from
_ROWS_AT_ONCE = 4_096

# Trees.
TREE_CATEGORIES = 50  # the rarer ones are one
_BINS, _BINS_OF_MANY_COLUMNS, _MANY_COLUMNS = 255, 64, 60
_RATE = 0.1
_LEAVES = 12
_LEAVES_OF_MANY, _MANY = 24, 5_000  # rows of the rarer outcome
_PULL = 5.0
_PER_LEAF = 10.0  # rows of the rarer outcome, on average
ITERATIONS = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160)
_PATIENCE = 20
_FOREST_TREES, _FOREST_LEAF, _UNSURE = 80, 3, 0.016
_LARGEST = 1e30  # the forest's numbers are short ones
_SMALLEST = 1e-6


class Learned(Protocol):
    """Numbers in, log odds out."""

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""


# --- line ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Design:
    """From columns to what a line can weigh: numbers centred and scaled, gaps and categories as columns of 0 and 1."""

    is_category: NDArray[np.bool_]
    low: Array
    high: Array
    middle: Array
    scale: Array
    long_tail: NDArray[np.bool_]
    mean: Array
    spread: Array
    gaps: NDArray[np.intp]  # among the numbers: with a column that says that it is missing
    codes: tuple[Array, ...]

    @property
    def sources(self) -> NDArray[np.intp]:
        """For each column of the table, the column of the input."""
        numbers, categories = np.flatnonzero(~self.is_category), np.flatnonzero(self.is_category)
        named = [np.full(len(code), place) for place, code in zip(categories, self.codes, strict=True)]
        return np.concatenate([numbers, numbers[self.gaps], *named]).astype(np.intp)

    def table(self, matrix: Array) -> Array:
        """One row per row."""
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
    ordered = np.sort(numbers, axis=0)  # the missing ones last
    filled = np.isfinite(numbers).sum(axis=0)
    columns = np.arange(numbers.shape[1])

    def quantile(share: float) -> Array:
        values = ordered[np.rint(np.maximum(filled - 1, 0) * share).astype(int), columns]
        return np.where(filled > 0, values, 0.0)

    least, middle, most = quantile(_TAIL), quantile(0.5), quantile(1 - _TAIL)
    span = most - least
    # Hardly ever anything else than one value: the span of all.
    narrow = span == 0
    span = np.where(narrow, quantile(1.0) - quantile(0.0), span)
    low, high = least - span, most + span
    # The unit of the logarithm: half of what is not the middle is nearer than that.
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
    """Logistic regression whose coefficients are pulled to 0 as strongly as the rows ask for."""

    design: _Design
    weights: Array
    level: float
    precision: float

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""
        return np.asarray(self.design.table(matrix) @ self.weights + self.level)

    @property
    def strength(self) -> Array:
        """How much each column of the input moves the log odds, roughly."""
        return np.sqrt(np.bincount(self.design.sources, self.weights**2, minlength=len(self.design.is_category)))


def fit_line(
    matrix: Array, happened: Array, is_category: NDArray[np.bool_], seed: int, like: Line | None = None
) -> Line:
    """Fits by penalised likelihood: a normal prior for numbers in units of their spread, and values of categories.

    Its precision is learned from the same rows (evidence, MacKay 1992, Neural Computation 4:415 and 4:720), so that a
    thousand columns or a hundred shops are no trouble. One precision for all: learned for every category by itself, it
    was no better on small tables. like: takes reading and precision from a line fitted before.
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
    """Newton's method, halving steps that do not help: weights with the level last, and the curvature there."""
    weights, pull = start, np.append(np.full(table.shape[1], precision), 0.0)

    def loss(candidate: Array, odds: Array) -> float:
        return float((np.logaddexp(0.0, odds) - happened * odds).sum() + 0.5 * (pull * candidate**2).sum())

    odds = table @ weights[:-1] + weights[-1]
    current = loss(weights, odds)
    curvature = np.eye(len(weights))
    for _ in range(most):
        said = expit(odds)
        gradient = np.append(table.T @ (happened - said), (happened - said).sum()) - pull * weights
        curvature = _curvature(table, np.maximum(said * (1 - said), 1e-9))
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
    """Boosted trees, of which the first `iterations` are asked."""

    model: HistGradientBoostingClassifier
    is_category: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row."""
        return np.asarray(self.model.decision_function(_for_trees(matrix, self.is_category, self.empty)))

    def staged_odds(self, matrix: Array) -> list[Array]:
        """The log odds after each of ITERATIONS; where it stopped earlier, those of the last one go on."""
        stages: list[Array] = []
        last = np.empty(0)
        for number, last in enumerate(
            self.model.staged_decision_function(_for_trees(matrix, self.is_category, self.empty)), 1
        ):
            if number in ITERATIONS:
                stages.append(np.asarray(last).ravel())
        return stages + [np.asarray(last).ravel()] * (len(ITERATIONS) - len(stages))


def _for_trees(matrix: Array, is_category: NDArray[np.bool_], empty: NDArray[np.bool_]) -> Array:
    """Trees cannot bin a column without a value."""
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
    """Boosted trees. later: rows to stop by, some iterations after they are told no better any more."""
    scarce = min(happened.sum(), len(happened) - happened.sum())
    # Small leaves let trees learn single rows of a small table.
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
    """A random forest (Breiman 2001), for tables that boosting would learn by heart."""

    model: RandomForestClassifier
    empty: NDArray[np.bool_]

    def odds(self, matrix: Array) -> Array:
        """The log odds of each row; no leaf is sure, however much of the same it holds."""
        said = self.model.predict_proba(_for_forest(matrix, self.empty))[:, 1]
        return np.asarray(logit(_UNSURE + (1 - 2 * _UNSURE) * said))


def _for_forest(matrix: Array, empty: NDArray[np.bool_]) -> Array:
    return np.clip(np.where(empty, 0.0, matrix), -_LARGEST, _LARGEST)


def fit_forest(matrix: Array, happened: Array, seed: int) -> Forest:
    """A forest; codes of categories are taken as numbers, in the order of how frequent they are."""
    model = RandomForestClassifier(_FOREST_TREES, min_samples_leaf=_FOREST_LEAF, max_features="sqrt", random_state=seed)
    empty = np.asarray(np.isnan(matrix).all(axis=0))
    return Forest(model.fit(_for_forest(matrix, empty), happened), empty)
