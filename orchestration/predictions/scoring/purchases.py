"""Reads purchases from the warehouse as arrays, and fits the forecast of purchases and value from them.

`purchases` is a table, view or subquery with customer_id, purchased_at and amount, and with product_line where lines
are known. Its rows are counted anew for each moment that a caller asks about, so the counting cannot be a model of the
dbt project.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.predictions.learning.customer_value import (
    FORECAST_KINDS,
    WINDOWS,
    YEAR_DAYS,
    CustomerForecast,
    learn_forecast,
    window_days,
)
from orchestration.predictions.learning.purchase_history import LineHistory, PurchaseHistory
from orchestration.predictions.learning.purchase_models import Kind
from orchestration.predictions.learning.season import CALENDAR, MonthlyPurchases, SeasonClock, season_clock

_LARGEST = 1e100  # larger amounts cannot be squared


def purchase_history(
    connection: duckdb.DuckDBPyConnection,
    purchases: str,
    as_of: date | datetime,
    *,
    horizon: float = 0.0,
    lines: bool = False,
) -> PurchaseHistory:
    """Counts the rows of `purchases` up to as_of; a date includes the whole day.

    Several purchases of one customer on one day count as one, as in the papers. A purchase day is the date of
    purchased_at, which has no time zone. Rows without customer or moment do not count; a day whose amounts sum to less
    than 0 (returns) is not a purchase. A missing amount is 0. horizon: days after as_of whose purchase days count as
    bought_later. lines: also count what was paid for each product line. Raises ValueError if an amount is infinite or
    amounts cannot be added.
    """
    day, moment = _day_and_moment(as_of)
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
        raise ValueError(f"{purchases} has amounts that are not numbers or exceed {_LARGEST:g}: exclude these rows.")
    counted_lines = _line_history(connection, purchases, day, moment, identifiers) if lines else None
    return PurchaseHistory(customer_id=identifiers, as_of=moment, horizon=horizon, lines=counted_lines, **arrays)


def _line_history(
    connection: duckdb.DuckDBPyConnection,
    purchases: str,
    day: date,
    moment: datetime,
    customers: NDArray[np.generic],
) -> LineHistory:
    """Lines of the purchase days that purchase_history counts; a line without an amount above 0 was not paid for."""
    described = connection.execute(f"describe select * from {purchases}").fetchall()
    line = "coalesce(product_line, '')" if "product_line" in [name for name, *_ in described] else "''"
    columns = connection.execute(
        f"""
        with line_day as (
            select customer_id, purchased_at::date as day, {line} as product_line,
                sum(coalesce(amount, 0))::double as amount
            from {purchases}
            where customer_id is not null and purchased_at is not null and purchased_at <= $moment
                and purchased_at::date <= $day
            group by all
        ),

        numbered as (
            select *, min(day) over (partition by customer_id) as first_day
            from line_day
            qualify sum(amount) over (partition by customer_id, day) >= 0
        ),

        paid as (
            select *, min(day) over (partition by customer_id, product_line) as line_day
            from numbered
            where amount > 0
        )

        select
            customer_id,
            product_line,
            bool_or(day = first_day) as began,
            count(*) filter (where day > first_day)::double as repeat_days,
            coalesce(sum(amount) filter (where day > first_day), 0) as repeat_total,
            sum(amount) filter (where day = line_day) as first_value,
            (count(*) - 1)::double as frequency,
            coalesce(avg(amount) filter (where day > line_day), 0) as repeat_value
        from paid
        group by customer_id, product_line
        order by customer_id, product_line
        """,
        {"moment": moment, "day": day},
    ).fetchnumpy()
    values = {name: np.asarray(column) for name, column in columns.items()}
    customer = pd.Index(customers).get_indexer(pd.Index(values.pop("customer_id")))
    return LineHistory(customer=customer, **values)


def learn_season(connection: duckdb.DuckDBPyConnection, purchases: str, as_of: date | datetime) -> SeasonClock:
    """Learns the season from the rows of `purchases` up to as_of; a purchase day is what purchase_history counts."""
    day, moment = _day_and_moment(as_of)
    columns = connection.execute(
        f"""
        with purchase_day as (
            select customer_id, purchased_at::date as day
            from {purchases}
            where customer_id is not null and purchased_at <= $moment
            group by all
            having sum(coalesce(amount, 0)) >= 0
        ),

        numbered as (
            select day, min(day) over (partition by customer_id) as first_day from purchase_day
        )

        select
            datediff('month', date '1970-01-01', first_day) as came,
            datediff('month', date '1970-01-01', day) as month,
            count(*) filter (where day = first_day) as customers,
            -- Customer-days in the month of the first purchase: the days after it.
            coalesce(sum(least(last_day(first_day), $day::date) - first_day) filter (where day = first_day), 0)::double
                as days_left,
            count(*) filter (where day > first_day)::double as repeats
        from numbered
        group by all
        """,
        {"moment": moment, "day": day},
    ).fetchnumpy()
    counts = {name: np.asarray(values) for name, values in columns.items()}
    return season_clock(MonthlyPurchases(**counts, as_of=moment))


def fit_forecast(
    connection: duckdb.DuckDBPyConnection,
    purchases: str,
    as_of: date | datetime,
    *,
    horizon: float = YEAR_DAYS,
    kinds: tuple[Kind, ...] = FORECAST_KINDS,
    season: bool = True,
) -> CustomerForecast:
    """Learns from `purchases` up to as_of to forecast purchases and value within the horizon (days).

    With too few repeat buyers the forecast abstains and uses the common rate for all; with too few later purchases the
    models stay uncorrected, and the correction states the reason. season: whether to count time by the firm's season,
    which needs twelve months or more. Raises ValueError if there is no purchase by as_of or the horizon is invalid.
    """
    if not (np.isfinite(horizon) and horizon > 0):
        raise ValueError(f"horizon must be a number of days above 0; it is {horizon}.")
    known = purchase_history(connection, purchases, as_of, lines=True)
    if not len(known.customer_id):
        raise ValueError(f"{purchases} has no purchase up to {as_of}: a forecast needs at least one.")
    clock = learn_season(connection, purchases, as_of) if season else CALENDAR
    days = window_days(known, horizon)
    # On the day of as_of, only purchases up to that moment.
    until_now = f"(select * from {purchases} where purchased_at <= timestamp '{known.as_of}')"
    beginnings = [(known.as_of - timedelta(days=days * number)).date() for number in range(1, WINDOWS + 1)]
    earlier = [purchase_history(connection, until_now, day, horizon=days) for day in beginnings if days]
    return learn_forecast(known, earlier, horizon=horizon, kinds=kinds, clock=clock)


def _day_and_moment(as_of: date | datetime) -> tuple[date, datetime]:
    """The day of as_of, and the moment itself: the end of the day for a date."""
    if isinstance(as_of, datetime):
        return as_of.date(), as_of
    return as_of, datetime.combine(as_of, datetime.max.time())
