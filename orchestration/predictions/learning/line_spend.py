"""Spend per purchase, by product line: how likely the next purchase holds each line, and what the customer pays for it.

One mean over a firm's lines says little about anybody: who bought a bell is then expected to spend what a bell and a
bicycle cost on average. Here a customer's lines follow a beta-binomial model, and the amounts on each line the
gamma-gamma model of `spend`: both shrink the customer's own purchases to the line's as far as customers are alike.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaln

from orchestration.predictions.learning.purchase_history import LineHistory, PurchaseHistory
from orchestration.predictions.learning.spend import LEAST_BUYERS, SpendModel, fit_spend_model, with_first_purchase

Array = NDArray[np.float64]

OTHER = ""  # all lines that too few customers buy again
_ALIKE = 10_000.0  # purchases that weigh as much as the line's own share: customers do not differ
_APART = 0.1


@dataclass(frozen=True)
class LineModel:
    """One product line.

    share: of later purchases that hold the line, where the first purchase did not; share_after_first: where it did.
    concentration: how many purchases of a customer weigh as much as these shares. newcomer_amount: mean amount of a
    customer's first purchase of the line. amounts: the model of the later ones. scale: corrects the line's total.
    """

    share: float
    share_after_first: float
    concentration: float
    newcomer_amount: float
    amounts: SpendModel
    scale: float = 1.0

    def shares(self, repeats: Array, held: Array | float = 0.0, began: NDArray[np.bool_] | bool = False) -> Array:
        """The share of customers' next purchases that hold the line.

        repeats: purchases after the first; held: those of them with the line; began: whether the first one held it.
        """
        prior = np.where(began, self.share_after_first, self.share)
        return np.asarray((self.concentration * prior + held) / (self.concentration + repeats))


@dataclass(frozen=True)
class LineSpend:
    """The lines of a firm, and the model of whole purchases that replaces them where they abstain."""

    lines: dict[str, LineModel]
    whole: SpendModel

    @property
    def abstains(self) -> str:
        """Why customers cannot be distinguished, or empty."""
        return self.whole.abstains

    def expected_spend(self, known: PurchaseHistory) -> Array:
        """Expected amount of each customer's next purchase: over the lines, share times amount."""
        if self.abstains or not self.lines:
            return np.full(len(known.customer_id), self.whole.common_mean)
        expected = np.zeros(len(known.customer_id))
        for name, model in sorted(self.lines.items()):
            expected += _expected(model, known, _of_line(known, name, self.lines))
        return expected


def fit_line_spend(known: PurchaseHistory) -> LineSpend:
    """Learns the lines from repeat purchases; abstains where spend per purchase cannot be learned (fit_spend_model).

    Lines that fewer than ten customers bought again are one line together.
    """
    paid = np.where(known.repeat_value > 0, known.frequency, 0.0)
    whole = fit_spend_model(paid, known.repeat_value)
    if whole.abstains:
        mean = float(known.total_value.sum() / (known.frequency + 1).sum())
        return LineSpend({}, replace(whole, common_mean=mean))
    lines = _lines(known)
    again = np.unique(lines.product_line[lines.repeat_days > 0], return_counts=True)
    own = {str(line) for line, buyers in zip(*again, strict=True) if buyers >= LEAST_BUYERS}
    found = {name: _fit(known, _of_line(known, name, own)) for name in sorted(own | {OTHER})}
    return LineSpend({name: model for name, model in found.items() if model is not None}, whole)


def _lines(known: PurchaseHistory) -> LineHistory:
    if known.lines is None:
        raise ValueError("This history has no product lines: count it with lines=True.")
    return known.lines


@dataclass(frozen=True)
class _Line:
    """The purchases of one line, one entry per customer of the firm."""

    began: NDArray[np.bool_]
    held: Array
    first_value: Array
    frequency: Array
    repeat_value: Array
    repeat_total: Array


def _of_line(known: PurchaseHistory, name: str, own: Collection[str]) -> _Line:
    lines, size = _lines(known), len(known.customer_id)
    some = ~np.isin(lines.product_line, [line for line in own if line]) if name == OTHER else lines.product_line == name
    who = lines.customer[some]

    def summed(values: Array) -> Array:
        return np.bincount(who, weights=values[some], minlength=size).astype(np.float64)

    # Several rare lines of one customer count as one: their days add up, at most to the customer's own.
    later = summed(lines.frequency)
    later_value = summed(lines.frequency * lines.repeat_value)
    kinds = np.maximum(np.bincount(who, minlength=size), 1)
    return _Line(
        began=summed(lines.began.astype(np.float64)) > 0,
        held=np.minimum(summed(lines.repeat_days), known.frequency),
        first_value=summed(lines.first_value) / kinds,
        frequency=later,
        repeat_value=later_value / np.maximum(later, 1.0),
        repeat_total=summed(lines.repeat_total),
    )


def _fit(known: PurchaseHistory, line: _Line) -> LineModel | None:
    repeats = known.frequency
    total = float(line.repeat_total.sum())
    if total <= 0:
        return None
    share, after_first = _shares(repeats, line)
    prior = np.where(line.began, after_first, share)
    concentration = _concentration(repeats, line.held, prior)
    bought = line.first_value > 0
    values = np.where(line.frequency > 0, line.repeat_value, 0.0)
    paid = np.where(values > 0, line.frequency, 0.0)
    amounts = fit_spend_model(paid, values)
    if amounts.abstains:
        days = paid + bought
        mean = float((line.first_value + paid * values)[bought].sum() / days[bought].sum())
        amounts = replace(amounts, common_mean=mean)
    amounts = with_first_purchase(amounts, paid, values, line.first_value)
    newcomers = float(line.first_value[bought].mean())
    model = LineModel(share, after_first, concentration, newcomers, amounts)
    found = float((repeats * _expected(model, known, line)).sum())
    return replace(model, scale=total / found) if found > 0 else None


def _expected(model: LineModel, known: PurchaseHistory, line: _Line) -> Array:
    """What the line adds to each customer's next purchase."""
    values = np.where(line.frequency > 0, line.repeat_value, 0.0)
    paid = np.where(values > 0, line.frequency, 0.0)
    own = model.amounts.expected_spend(paid, values, line.first_value)
    amount = np.where(line.first_value > 0, own, model.newcomer_amount)
    return np.asarray(model.shares(known.frequency, line.held, line.began) * amount * model.scale)


def _shares(repeats: Array, line: _Line) -> tuple[float, float]:
    """Share of later purchases with the line, without and with it in the first purchase.

    The difference is shrunk by what chance explains (positive part, James and Stein 1961). Below 0 it counts as 0: a
    purchase of a line never lowers what is expected of it.
    """
    common = float(line.held.sum() / repeats.sum())
    groups = []
    for group in (~line.began, line.began):
        purchases = float(repeats[group].sum())
        if purchases <= 0:
            return common, common
        mean = float(line.held[group].sum()) / purchases
        error = float(np.sqrt(((line.held - mean * repeats)[group] ** 2).sum())) / purchases
        groups.append((mean, error, purchases))
    (without, error_without, many), (after, error_after, few) = groups
    gap = after - without
    error = float(np.hypot(error_without, error_after))
    if gap <= error:
        return common, common
    gap *= 1 - (error / gap) ** 2
    weight = few / (many + few)
    return common - gap * weight, common + gap * (1 - weight)


def _concentration(repeats: Array, held: Array, prior: Array) -> float:
    """By maximum likelihood of the beta-binomial model, over customers who bought again."""
    some = (repeats > 0) & (prior > 0) & (prior < 1)
    if not some.any():
        return _ALIKE
    n, k, p = repeats[some], held[some], prior[some]

    def loss(log: float) -> float:
        weight = np.exp(log)
        return -float((betaln(weight * p + k, weight * (1 - p) + n - k) - betaln(weight * p, weight * (1 - p))).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(_APART), np.log(_ALIKE)), method="bounded").x))
