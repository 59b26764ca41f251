"""Who has bought how often until a moment, from a table of purchases: DuckDB counts, arrays come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LARGEST = 1e100


@dataclass(frozen=True)
class PurchaseHistory:
    """One entry per customer who had bought by the moment as_of, in the order of customer_id.

    frequency: days with a purchase after the first such day. recency, age: days from the first purchase to the last
    one, and to as_of. repeat_value: mean amount of a repeat day (0 without one). total_value: amount of all days.
    bought_later: days with a purchase within the `horizon` days after as_of, where asked for.
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

    @property
    def length(self) -> float:
        """Days from the first purchase of all to as_of."""
        return float(self.age.max(initial=0.0))


def purchase_history(
    connection: duckdb.DuckDBPyConnection, purchases: str, as_of: date | datetime, *, horizon: float = 0.0
) -> PurchaseHistory:
    """Counts the rows of `purchases` (a table or view: customer_id, purchased_at, amount) up to the end of as_of.

    Several purchases of one customer on one day count as one, as in the papers. as_of: a date means the whole day; the
    purchase days are those of purchased_at, which has no time zone. Rows without customer or moment are not counted; a
    day whose amounts add up to less than 0 (returned) is no purchase. A missing amount is 0. ValueError on amounts that
    are infinite or cannot be added.
    horizon: days after as_of whose purchase days are counted as bought_later.
    """
    day = as_of.date() if isinstance(as_of, datetime) else as_of
    moment = as_of if isinstance(as_of, datetime) else datetime.combine(as_of, datetime.max.time())
    until = day + timedelta(days=horizon)
    columns = connection.execute(
        f"""
        with purchase_day as (
            select customer_id, purchased_at::date as day, sum(coalesce(amount, 0))::double as amount
            from {purchases}
            where customer_id is not null and purchased_at is not null
                and (purchased_at <= $moment or (purchased_at::date > $day and purchased_at::date <= $until))
            group by all
            having sum(coalesce(amount, 0)) >= 0
        ),

        numbered as (
            select *, min(day) over (partition by customer_id) as first_day from purchase_day
        )

        select
            customer_id,
            (count(*) filter (where day <= $day) - 1)::double as frequency,
            (max(day) filter (where day <= $day) - first_day)::double as recency,
            ($day::date - first_day)::double as age,
            coalesce(avg(amount) filter (where day > first_day and day <= $day), 0) as repeat_value,
            sum(amount) filter (where day <= $day) as total_value,
            (count(*) filter (where day > $day))::double as bought_later
        from numbered
        where first_day <= $day
        group by customer_id, first_day
        order by customer_id
        """,
        {"moment": moment, "day": day, "until": until},
    ).fetchnumpy()
    identifiers = np.asarray(columns.pop("customer_id"))
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    if not (arrays["total_value"] <= _LARGEST).all():
        raise ValueError(f"{purchases} holds amounts that are no numbers or beyond {_LARGEST:g}: leave them out.")
    return PurchaseHistory(customer_id=identifiers, as_of=moment, horizon=horizon, **arrays)
