"""Purchase frequency and churn: three "buy till you die" models of purchase counts.

Each customer buys at random moments at their own rate (gamma distributed) until they leave, which is not observed:
bg_nbd   may leave after each repeat purchase (Fader, Hardie and Lee 2005, Marketing Science 24:275)
mbg_nbd  may also leave after the first one (Batislam, Denizel and Filiztekin 2007, IJRM 24:201)
pareto_nbd  may leave at any moment (Schmittlein, Morrison and Colombo 1987, Management Science 33:1)

Arrays in, arrays out: no tables, amounts or dates. Use the same unit of time in all arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln
from threadpoolctl import threadpool_limits

from orchestration.counts import counted

Array = NDArray[np.float64]
Kind = Literal["bg_nbd", "mbg_nbd", "pareto_nbd"]
KINDS: tuple[Kind, ...] = ("bg_nbd", "mbg_nbd", "pareto_nbd")

LEAST_REPEAT_BUYERS = 10  # fewer do not identify four parameters
_LOG_BOUND = (
    9.0  # parameters between e^-9 and e^9, in units of the mean age: where the likelihood is flat, it ends here
)
_ROWS_AT_ONCE = 50_000  # × nodes × 8 bytes = 13 MB: fits the processor's cache
_ROWS_TO_START = 20_000
_LEGENDRE, _LEGENDRE_WEIGHTS = np.polynomial.legendre.leggauss(24)
_LARGEST = 1e100  # of any input: larger numbers cannot be squared
_NEGLIGIBLE = 40.0  # e^-40 of an integral is left out


@dataclass(frozen=True)
class PurchaseModel:
    """A fitted model of purchases.

    params: by name, in the unit of time of the input: r, alpha (rate), and a, b (leaving) or s, beta. log_likelihood:
    of the input, as in the papers. abstains: why nothing can be learned, or empty; under an abstaining model all
    customers buy at the common rate and none has left.
    """

    kind: Kind
    params: dict[str, float]
    log_likelihood: float
    customers: int
    common_rate: float
    abstains: str = ""
    notes: tuple[str, ...] = field(default=())

    def expected_purchases(self, horizon: float, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """Expected purchases of each customer within `horizon` units of time from now, given their history."""
        if not 0 <= horizon <= _LARGEST:
            raise ValueError(f"horizon must be a number from 0 to {_LARGEST:g}, not {horizon}.")
        x, tx, age_ = checked_history(frequency, recency, age)
        if self.abstains:
            return np.full(len(x), self.common_rate * horizon)
        distinct, place = _distinct(x, tx, age_)
        expected = self._alive(*distinct) * self._expected_if_alive(float(horizon), distinct[0], distinct[2])
        return expected[place]

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """Probability that each customer is still active."""
        x, tx, age_ = checked_history(frequency, recency, age)
        if self.abstains:
            return np.ones(len(x))
        distinct, place = _distinct(x, tx, age_)
        return self._alive(*distinct)[place]

    def time_to_next_purchase(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """Median time from now until the next purchase, if the customer is active and stays until then."""
        x, _, age_ = checked_history(frequency, recency, age)
        if self.abstains:
            rate = max(self.common_rate, 1e-9)
            return np.full(len(x), np.log(2) / rate)
        r, alpha = self.params["r"], self.params["alpha"]
        # The rate is gamma distributed given the history: survival is ((alpha + age) / (alpha + age + t))^(r + x).
        return (alpha + age_) * np.expm1(np.minimum(np.log(2) / (r + x), 100.0))

    def _alive(self, x: Array, tx: Array, age: Array) -> Array:
        if self.kind == "pareto_nbd":
            r, alpha, s, beta = (self.params[name] for name in ("r", "alpha", "s", "beta"))
            alive, left = _pareto_terms(r, alpha, s, beta, x, tx, age)
        else:
            r, alpha, a, b = (self.params[name] for name in ("r", "alpha", "a", "b"))
            alive, left = _beta_terms(r, alpha, a, b, x, tx, age, _chances(self.kind, x))
        return expit(alive - left)

    def _expected_if_alive(self, horizon: float, x: Array, age: Array) -> Array:
        if self.kind == "pareto_nbd":
            r, alpha, s, beta = (self.params[name] for name in ("r", "alpha", "s", "beta"))
            log_growth = np.log1p(horizon / (beta + age))
            # (1 - e^((1 - s) g)) / (s - 1), which is g at s = 1
            survived = log_growth * _expm1_ratio((1 - s) * log_growth)
            return (r + x) / (alpha + age) * (beta + age) * survived
        r, alpha, a, b = (self.params[name] for name in ("r", "alpha", "a", "b"))
        return _expected_by_beta(horizon / (alpha + age), r + x, a, b + _chances(self.kind, x))


def fit_purchase_model(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, kind: Kind = "bg_nbd"
) -> PurchaseModel:
    """Fits a model by maximum likelihood.

    frequency: repeat purchases (the first one is not counted), whole numbers from 0. recency: time from the first to
    the last purchase (0 without a repeat). age: time from the first purchase until now. One entry per customer.
    With fewer than ten repeat buyers the model abstains. Raises ValueError on invalid input.
    """
    if kind not in KINDS:
        raise ValueError(f"Unknown kind of purchase model {kind!r}: choose one of {', '.join(KINDS)}.")
    x, tx, age_ = checked_history(frequency, recency, age)
    repeaters = int((x > 0).sum())
    total_age = float(age_.sum())
    common = float(x.sum()) / total_age if total_age > 0 else 0.0
    if repeaters < LEAST_REPEAT_BUYERS:
        buyers = f"{repeaters} of {counted(len(x), 'customer')}"
        reason = f"{buyers} bought again; a purchase model needs {LEAST_REPEAT_BUYERS}."
        return PurchaseModel(kind, {}, 0.0, len(x), common, abstains=reason)
    scale = total_age / len(age_)
    rows, counts = _counted(x, tx / scale, age_ / scale)
    start = np.zeros(4)
    if kind == "pareto_nbd" and len(counts) > 2 * _ROWS_TO_START:
        chosen = np.random.default_rng(1).choice(len(counts), _ROWS_TO_START, replace=False)
        start = _minimum(kind, tuple(column[chosen] for column in rows), counts[chosen], start)[0]
    logs, notes = _minimum(kind, rows, counts, start)
    values = np.exp(logs)
    names = ("r", "alpha", "s", "beta") if kind == "pareto_nbd" else ("r", "alpha", "a", "b")
    times = {"alpha", "beta"}
    params = {name: float(value * (scale if name in times else 1.0)) for name, value in zip(names, values, strict=True)}
    fitted = -_negative_log_likelihood(kind, logs, rows, counts)[0] - float(x.sum()) * np.log(scale)
    return PurchaseModel(kind, params, float(fitted), len(x), common, notes=notes)


def checked_history(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Array, Array, Array]:
    """The three arrays as numbers. Raises ValueError with the first fault and the number of its rows."""
    columns = [
        _numbers(name, values) for name, values in (("frequency", frequency), ("recency", recency), ("age", age))
    ]
    x, tx, age_ = columns
    if not len(x) == len(tx) == len(age_):
        raise ValueError(
            f"frequency, recency and age must have one entry per customer, not {len(x)}, {len(tx)} and {len(age_)}."
        )
    if not len(x):
        raise ValueError("There are no customers: pass at least one.")
    slack = 1e-9 * np.maximum(age_, 1.0)
    faults = (
        ("frequency below 0 (count the purchases after the first)", x < 0),
        ("a frequency that is not a whole number", x != np.floor(x)),
        ("recency or age below 0", (tx < 0) | (age_ < 0)),
        ("recency above age (the last purchase is after the end of the history)", tx > age_ + slack),
        ("recency without a repeat purchase (it must be 0 where frequency is 0)", (x == 0) & (tx > slack)),
        ("repeat purchases at recency 0 (count several purchases of one day as one)", (x > 0) & (tx <= 0)),
    )
    for sentence, wrong in faults:
        if wrong.any():
            raise ValueError(f"{int(wrong.sum())} of {counted(len(x), 'customer')} with {sentence}.")
    return x, np.minimum(tx, age_), age_


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} has values that are not numbers: convert or exclude those rows.") from None
    if numbers.ndim != 1:
        raise ValueError(f"{name} must be a one-dimensional array, one entry per customer.")
    missing = ~(np.abs(numbers) <= _LARGEST)
    if missing.any():
        rows = f"{int(missing.sum())} of {len(numbers)} rows"
        raise ValueError(f"{name} is missing, infinite or beyond {_LARGEST:g} in {rows}: exclude them.")
    return numbers


def _distinct(x: Array, tx: Array, age: Array) -> tuple[tuple[Array, Array, Array], NDArray[np.intp]]:
    """The distinct rows, and the position of each row among them: many customers share a history."""
    order = np.lexsort((age, tx, x))
    sorted_rows = (x[order], tx[order], age[order])
    new = np.ones(len(x), dtype=bool)
    new[1:] = False
    for column in sorted_rows:
        new[1:] |= column[1:] != column[:-1]
    place = np.empty(len(x), dtype=np.intp)
    place[order] = np.cumsum(new) - 1
    return (sorted_rows[0][new], sorted_rows[1][new], sorted_rows[2][new]), place


def _counted(x: Array, tx: Array, age: Array) -> tuple[tuple[Array, Array, Array], Array]:
    rows, place = _distinct(x, tx, age)
    return rows, np.bincount(place, minlength=len(rows[0])).astype(np.float64)


def _minimum(kind: Kind, rows: tuple[Array, ...], counts: Array, start: Array) -> tuple[Array, tuple[str, ...]]:
    total = counts.sum()

    def objective(logs: Array) -> tuple[float, Array]:
        value, gradient = _negative_log_likelihood(kind, logs, rows, counts)
        return value / total, gradient / total

    with threadpool_limits(1):  # with vectors of four numbers, threads only wait for each other
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=[(-_LOG_BOUND, _LOG_BOUND)] * 4,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
        )  # fmt: skip
    at_bound = np.abs(found.x) > _LOG_BOUND - 1e-6
    notes = ("The customers barely differ: a parameter reached its bound.",) if at_bound.any() else ()
    return found.x, notes


def _negative_log_likelihood(kind: Kind, logs: Array, rows: tuple[Array, ...], counts: Array) -> tuple[float, Array]:
    """Minus the log-likelihood and its gradient in the logarithms of the parameters."""
    value, gradient = 0.0, np.zeros(4)
    parameters = np.exp(logs)
    for begin in range(0, len(counts), _ROWS_AT_ONCE):
        part = slice(begin, begin + _ROWS_AT_ONCE)
        x, tx, age = (column[part] for column in rows)
        if kind == "pareto_nbd":
            likelihood, derivatives = _pareto_gradient(parameters, x, tx, age)
        else:
            likelihood, derivatives = _beta_gradient(parameters, x, tx, age, _chances(kind, x))
        value -= float(counts[part] @ likelihood)
        gradient -= derivatives @ counts[part]
    return value, gradient * parameters


def _chances(kind: Kind, x: Array) -> Array:
    """How often an active customer could have left and did not: the MBG/NBD counts the first purchase too."""
    return x + 1 if kind == "mbg_nbd" else x


# --- BG/NBD and MBG/NBD ----------------------------------------------------------------------------------------------


def _beta_terms(
    r: float, alpha: float, a: float, b: float, x: Array, tx: Array, age: Array, chances: Array
) -> tuple[Array, Array]:
    """Log-likelihoods of the history, up to a common term, if still active and if left at the last purchase."""
    alive = -(r + x) * np.log(alpha + age)
    could = chances > 0
    left = np.full(len(x), -np.inf)
    left[could] = np.log(a) - np.log(b + chances[could] - 1) - (r + x[could]) * np.log(alpha + tx[could])
    return alive, left


def _beta_gradient(parameters: Array, x: Array, tx: Array, age: Array, chances: Array) -> tuple[Array, Array]:
    r, alpha, a, b = parameters
    alive, left = _beta_terms(r, alpha, a, b, x, tx, age, chances)
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + chances) - betaln(a, b)
    likelihood = common + np.logaddexp(alive, left)
    there = expit(alive - left)
    gone = 1 - there
    log_age, log_last = np.log(alpha + age), np.log(alpha + tx)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - there * log_age - gone * log_last
    by_alpha = r / alpha - (r + x) * (there / (alpha + age) + gone / (alpha + tx))
    both = digamma(a + b) - digamma(a + b + chances)
    by_a = both + gone / a
    by_b = digamma(b + chances) - digamma(b) + both - gone / np.where(chances > 0, b + chances - 1, 1.0)
    return likelihood, np.vstack([by_r, by_alpha, by_a, by_b])


def _expected_by_beta(growth: Array, shape: Array, a: float, b: Array) -> Array:
    """Mean of (1 - (1 + p growth)^-shape) / p over p ~ Beta(a, b): purchases of a customer who is active now.

    By Gauss-Jacobi quadrature: the closed form with a hypergeometric function is singular at a = 1 and overflows.
    """
    expected = np.empty(len(growth))
    # The integrand is singular at p = -1 / growth: the closer to it, the more nodes.
    far = growth > 8
    for rows, nodes in ((~far, 40), (far, int(min(5 * growth.max(initial=0.0), 250)))):
        if rows.any():
            expected[rows] = _mean_over_beta(growth[rows], shape[rows], a, b[rows], nodes)
    return expected


def _mean_over_beta(growth: Array, shape: Array, a: float, b: Array, nodes: int) -> Array:
    means = np.empty(len(growth))
    different, place = np.unique(b, return_inverse=True)
    blocks = max(1, 4_000_000 // nodes**2)
    rows_at_once = 2_000_000 // nodes
    for begin in range(0, len(different), blocks):
        points, weights = _beta_quadrature(a, different[begin : begin + blocks], nodes)
        block = np.flatnonzero((place >= begin) & (place < begin + blocks))
        for first in range(0, len(block), rows_at_once):
            some = block[first : first + rows_at_once]
            p = points[place[some] - begin]
            values = -np.expm1(-shape[some, None] * np.log1p(p * growth[some, None])) / p
            means[some] = np.einsum("ij,ij->i", values, weights[place[some] - begin])
    return means


def _beta_quadrature(a: float, b: Array, nodes: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss quadrature for Beta(a, b), one row per b (Golub and Welsch 1969, Math. Comp. 23)."""
    k = np.arange(nodes, dtype=np.float64)
    left, right = a - 1.0, (b - 1.0)[:, None]
    total = 2 * k + left + right
    diagonal = np.empty((len(b), nodes))
    diagonal[:, 1:] = ((left**2 - right**2) / (total * (total + 2)))[:, 1:]
    diagonal[:, 0] = ((left - right) / (left + right + 2))[:, 0]
    k1 = k[1:]
    total = total[:, 1:]
    off = 4 * k1 * (k1 + left) * (k1 + right) * (k1 + left + right) / (total**2 * (total + 1) * (total - 1))
    # At k = 1 a factor cancels that is 0 if a + b = 1.
    off[:, 0] = (4 * (1 + left) * (1 + right) / ((2 + left + right) ** 2 * (3 + left + right)))[:, 0]
    matrices = np.zeros((len(b), nodes, nodes))
    index = np.arange(nodes)
    matrices[:, index, index] = diagonal
    matrices[:, index[1:], index[:-1]] = np.sqrt(off)
    try:
        with threadpool_limits(1):
            roots, vectors = np.linalg.eigh(matrices)
    except LinAlgError as error:
        raise ValueError("The model's parameters are too extreme to compute with: check the histories.") from error
    return np.clip((1 + roots) / 2, 1e-300, 1.0), vectors[:, 0, :] ** 2


# --- Pareto/NBD ------------------------------------------------------------------------------------------------------


def _pareto_nodes(
    r: float, alpha: float, s: float, beta: float, x: Array, tx: Array, age: Array
) -> tuple[Array, Array, Array, Array]:
    """The integral over the moment of leaving: log of its value, and per node alpha + t, beta + t and their weights."""
    first = min(alpha, beta)
    last = np.minimum(age, (alpha + tx) * np.exp(np.minimum(_NEGLIGIBLE / (r + x), 50.0)) - alpha)
    span = np.log1p(np.maximum(last - tx, 0.0) / (first + tx))
    steps = span[:, None] * ((_LEGENDRE + 1) / 2)
    moved = (first + tx)[:, None] * np.exp(steps)  # first + t
    by_alpha, by_beta = moved + (alpha - first), moved + (beta - first)
    logs = -(r + x)[:, None] * np.log(by_alpha) - (s + 1) * np.log(by_beta) + np.log(moved)
    highest = logs.max(axis=1)
    weights = np.exp(logs - highest[:, None]) * _LEGENDRE_WEIGHTS
    sums = weights.sum(axis=1)
    with np.errstate(divide="ignore"):
        integral = highest + np.log(sums * span / 2)
    return integral, by_alpha, by_beta, weights / sums[:, None]


def _pareto_terms(
    r: float, alpha: float, s: float, beta: float, x: Array, tx: Array, age: Array
) -> tuple[Array, Array]:
    alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    left = np.empty(len(x))
    for begin in range(0, len(x), _ROWS_AT_ONCE):
        part = slice(begin, begin + _ROWS_AT_ONCE)
        left[part] = np.log(s) + _pareto_nodes(r, alpha, s, beta, x[part], tx[part], age[part])[0]
    return alive, left


def _pareto_gradient(parameters: Array, x: Array, tx: Array, age: Array) -> tuple[Array, Array]:
    r, alpha, s, beta = parameters
    integral, by_alpha, by_beta, weights = _pareto_nodes(r, alpha, s, beta, x, tx, age)
    log_alpha, log_beta = np.log(alpha + age), np.log(beta + age)
    alive, left = -(r + x) * log_alpha - s * log_beta, np.log(s) + integral
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    there = expit(alive - left)
    gone = 1 - there

    def mean(values: Array) -> Array:
        return np.einsum("ij,ij->i", weights, values)

    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - there * log_alpha - gone * mean(np.log(by_alpha))
    d_alpha = r / alpha - (r + x) * (there / (alpha + age) + gone * mean(1 / by_alpha))
    by_s = np.log(beta) - there * log_beta + gone * (1 / s - mean(np.log(by_beta)))
    d_beta = s / beta - there * s / (beta + age) - gone * (s + 1) * mean(1 / by_beta)
    return common + np.logaddexp(alive, left), np.vstack([by_r, d_alpha, by_s, d_beta])


def _expm1_ratio(value: Array) -> Array:
    """(e^v - 1) / v, which is 1 at 0."""
    safe = np.where(np.abs(value) < 1e-12, 1.0, value)
    return np.where(np.abs(value) < 1e-12, 1.0, np.expm1(np.minimum(safe, 700.0)) / safe)
