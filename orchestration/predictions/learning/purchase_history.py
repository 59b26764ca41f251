"""The purchase history of customers as arrays: what purchase models learn from and are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LineHistory:
    """What customers paid for product lines: one entry per customer and line.

    customer: index of the customer in the history. began: whether the first purchase day holds the line. repeat_days,
    repeat_total: later purchase days with the line, and what was paid for it then. first_value: amount of the first day
    with the line; frequency, repeat_value: the days with it after that one, and their mean amount (0 without one).
    """

    customer: NDArray[np.intp]
    product_line: NDArray[np.generic]
    began: NDArray[np.bool_]
    repeat_days: Array
    repeat_total: Array
    first_value: Array
    frequency: Array
    repeat_value: Array


@dataclass(frozen=True)
class PurchaseHistory:
    """One entry per customer with a purchase up to the moment as_of, ordered by customer_id.

    frequency: days with a purchase after the first such day. recency, age: days from the first purchase to the last
    one, and to as_of. repeat_value: mean amount of a repeat day (0 without one). total_value: amount of all days.
    bought_later: days with a purchase within the `horizon` days after as_of (0 where no horizon is given). lines: what
    was paid for product lines; None where it was not asked for.
    """

    customer_id: NDArray[np.generic]
    frequency: Array
    recency: Array
    age: Array
    repeat_value: Array
    total_value: Array
    bought_later: Array
    as_of: datetime
    horizon: float
    lines: LineHistory | None = None

    @property
    def length(self) -> float:
        """Days from the first purchase of all customers to as_of."""
        return float(self.age.max(initial=0.0))
