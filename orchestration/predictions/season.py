"""The season of a firm, as a clock: in high season more of a customer's time passes in a day than in low season.

Purchase models know rates, not months. Where a customer buys at rate · s(t) at moment t, with a season s of mean 1 that
is common to all, they buy at a constant rate once time is counted as S(t), the integral of s: a change of time makes a
Poisson process with a varying rate one with a constant rate (Daley and Vere-Jones 2003, An Introduction to the Theory
of Point Processes, 7.4). So frequency stays, recency and age are told in days of average season, and a horizon is as
long as the season of its days.

s is e to the power of one or two harmonics of the day of the year (Stolwijk, Straatman and Zielhuis 1999, J. Epidemiol.
Community Health 53:235), learned by a Poisson regression of the repeat purchases of each month on how long people had
been customers, when they came, and the season; only what chance does not explain is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import duckdb
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from orchestration.predictions.purchase_history import PurchaseHistory

Array = NDArray[np.float64]

YEAR_DAYS = 365.2425
LEAST_DAYS = 360  # twelve months: before, a season cannot be told from growth
LEAST_CUSTOMERS = 100  # months with fewer say nothing about a season, and are no part of the twelve
LEAST_REPEATS = 100
MOST_MONTHS = 60  # what was five years ago may not be this firm's season any more
MOST_AMPLITUDE = 1.0  # per harmonic of log s: best day 7.4 times the worst. Beyond is no season, but a shop that closes
_CHANCE = 0.1  # a harmonic that chance alone shows so often is none; asking for more loses seasons of small firms
_RIDGE = 1e-3
_STEPS = 50
_NODES: Array = np.arange(367, dtype=np.float64) * (YEAR_DAYS / 366)


@dataclass(frozen=True)
class SeasonClock:
    """Days of average season. Without harmonics it is the calendar, and says why.

    harmonics: per harmonic of the year the factors of cosine and sine of log s. reason: why there are none, or empty.
    """

    harmonics: tuple[tuple[float, float], ...] = ()
    reason: str = ""

    @property
    def amplitude(self) -> float:
        """Of the first harmonic of log s: 0 is no season, 0.1 is about 10 % more in the best month than on average."""
        return float(np.hypot(*self.harmonics[0])) if self.harmonics else 0.0

    def intensity(self, days: ArrayLike) -> Array:
        """Season of moments, told in days since 1970: mean 1 over a year."""
        return np.exp(self._log_season(np.asarray(days, dtype=np.float64))) * YEAR_DAYS / self._year()[1]

    def season_days(self, days: ArrayLike) -> Array:
        """Days of average season that have passed from 1970 to these moments, told in days."""
        moments = np.asarray(days, dtype=np.float64)
        if not self.harmonics:
            return moments
        years = np.floor(moments / YEAR_DAYS)
        passed, year = self._year()
        return YEAR_DAYS * (years + np.interp(moments - years * YEAR_DAYS, _NODES, passed) / year)

    def calendar_days(self, season_days: ArrayLike) -> Array:
        """The moments at which so many days of average season have passed: the inverse of season_days."""
        seasons = np.asarray(season_days, dtype=np.float64)
        if not self.harmonics:
            return seasons
        years = np.floor(seasons / YEAR_DAYS)
        passed, year = self._year()
        return YEAR_DAYS * years + np.interp(seasons / YEAR_DAYS - years, passed / year, _NODES)

    def warped(self, known: PurchaseHistory) -> PurchaseHistory:
        """The same history with recency and age in days of average season."""
        if not self.harmonics:
            return known
        today = _day(known.as_of)
        first = self.season_days(today - known.age)
        return replace(
            known,
            recency=self.season_days(today - known.age + known.recency) - first,
            age=self.season_days(today) - first,
        )

    def horizon(self, as_of: datetime, days: float) -> float:
        """Days of average season in the `days` after as_of."""
        if not self.harmonics:
            return days
        today = _day(as_of)
        return float(self.season_days(today + days) - self.season_days(today))

    def days_until(self, as_of: datetime, season_days: Array) -> Array:
        """Calendar days after as_of until so many days of average season have passed."""
        if not self.harmonics:
            return season_days
        today = _day(as_of)
        return self.calendar_days(self.season_days(today) + season_days) - today

    def _log_season(self, days: Array) -> Array:
        angles = 2 * np.pi * days / YEAR_DAYS
        logs = np.zeros(days.shape)
        for number, (cosine, sine) in enumerate(self.harmonics, start=1):
            logs += cosine * np.cos(number * angles) + sine * np.sin(number * angles)
        return logs

    def _year(self) -> tuple[Array, float]:
        """Season passed at the nodes of a year by the trapezoidal rule, and in all."""
        season = np.exp(self._log_season(_NODES))
        passed = np.concatenate([[0.0], np.cumsum((season[1:] + season[:-1]) / 2)]) * _NODES[1]
        return passed, float(passed[-1])


CALENDAR = SeasonClock(reason="The season was not asked for.")


def learn_season(connection: duckdb.DuckDBPyConnection, purchases: str, as_of: date | datetime) -> SeasonClock:
    """Learns the season from the rows of `purchases` (customer_id, purchased_at, amount) up to as_of.

    Purchase days are those that purchase_history counts. What chance explains is taken away (James and Stein 1961,
    positive part), and all of a harmonic that chance shows as large in one of ten shops without a season. Less than
    twelve months of history, or too little in them, make it the calendar.
    """
    day = as_of.date() if isinstance(as_of, datetime) else as_of
    moment = as_of if isinstance(as_of, datetime) else datetime.combine(as_of, datetime.max.time())
    cells = _cells(connection, purchases, moment, day)
    if cells is None or cells.days < LEAST_DAYS:
        days = 0 if cells is None else cells.days
        return SeasonClock(reason=f"{days:.0f} days with at least {LEAST_CUSTOMERS} customers; "
                           f"{LEAST_DAYS} are needed to tell a season from growth.")  # fmt: skip
    if cells.repeats.sum() < LEAST_REPEATS:
        return SeasonClock(
            reason=f"{cells.repeats.sum():.0f} repeat purchases; {LEAST_REPEATS} are needed for a season."
        )
    for count in (2, 1):
        harmonics = _harmonics(cells, count)
        if harmonics[-1] != (0.0, 0.0):
            return SeasonClock(harmonics)
    return SeasonClock(reason="The months differ by no more than chance explains.")


@dataclass(frozen=True)
class _Cells:
    """Per customers' first month and calendar month: customer-days and repeat purchases, and the months by number.

    begins, ends: of the calendar month, in days since 1970, as far as it has passed. days: length of the history.
    """

    came: Array
    month: Array
    exposure: Array
    repeats: Array
    begins: Array
    ends: Array
    days: float


def _cells(connection: duckdb.DuckDBPyConnection, purchases: str, moment: datetime, day: date) -> _Cells | None:
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
            -- Of the month in which they came, the days that were left of it.
            coalesce(sum(least(last_day(first_day), $day::date) - first_day) filter (where day = first_day), 0)::double
                as days_left,
            count(*) filter (where day > first_day)::double as repeats
        from numbered
        group by all
        """,
        {"moment": moment, "day": day},
    ).fetchnumpy()
    if not len(columns["came"]):
        return None
    last = (day.year - 1970) * 12 + day.month - 1
    size = last + 1 - int(columns["came"].min())
    came, month = (np.asarray(columns[name]) - (last + 1 - size) for name in ("came", "month"))
    customers, days_left = np.zeros(size), np.zeros(size)
    np.add.at(customers, came, np.asarray(columns["customers"], dtype=np.float64))
    np.add.at(days_left, came, np.asarray(columns["days_left"], dtype=np.float64))
    known = np.cumsum(customers) >= LEAST_CUSTOMERS
    if not known.any():
        return None
    begins = np.arange(last + 1 - size, last + 2).astype("datetime64[M]").astype("datetime64[D]").astype(np.float64)
    begins[-1] = _day(moment) + 1
    first = int(known.argmax())
    first_used = max(first, size - MOST_MONTHS)
    rows, places = np.meshgrid(np.arange(size), np.arange(first_used, size), indexing="ij")
    exposure = np.where(rows == places, days_left[:, None], customers[:, None] * np.diff(begins)[None, first_used:])
    repeats = np.zeros(rows.shape)
    in_use = month >= first_used
    repeats[came[in_use], month[in_use] - first_used] = np.asarray(columns["repeats"], dtype=np.float64)[in_use]
    used = (rows <= places) & (exposure > 0)
    return _Cells(
        came=np.maximum(rows[used] - first, 0.0),
        month=(places[used] - first).astype(np.float64),
        exposure=exposure[used],
        repeats=repeats[used],
        begins=begins[places[used]],
        ends=begins[places[used] + 1],
        days=float(begins[-1] - begins[first]),
    )


def _harmonics(cells: _Cells, count: int) -> tuple[tuple[float, float], ...]:
    """The harmonics of log s, less what chance explains; (0, 0) where that is all."""
    age = cells.month - cells.came
    # Whom the history opens with came before it, and they buy more often than those who are new.
    others = [np.ones(len(age)), age == 0, age == 1, age == 2, np.log1p(age), age / 12, cells.came == 0,
              np.log1p(cells.came)]  # fmt: skip
    waves = [_mean_wave(cells, number, shift) for number in range(1, count + 1) for shift in (np.pi / 2, 0.0)]
    design = np.column_stack([*others, *waves])
    found, covariance, expected = _poisson_regression(design, cells.exposure, cells.repeats)
    # Months differ by more than chance where something else happened in them, too: campaigns, weather, strikes.
    month = cells.month.astype(np.int64) - int(cells.month.min())
    made, told = (np.bincount(month, weights=values) for values in (cells.repeats, expected))
    free = max(len(made) - 2 - 2 * count, 1)
    dispersion = max(1.0, float(((made - told) ** 2 / told).sum()) / free)
    kept = []
    for place in range(len(others), design.shape[1], 2):
        pair = found[place : place + 2]
        sure = float(pair @ np.linalg.solve(covariance[place : place + 2, place : place + 2] * dispersion, pair))
        if sure < chi2.isf(_CHANCE, 2):
            kept.append((0.0, 0.0))
            continue
        pair = pair * (1 - 2 / sure) * min(1.0, MOST_AMPLITUDE / float(np.hypot(*pair)))
        kept.append((float(pair[0]), float(pair[1])))
    return tuple(kept)


def _mean_wave(cells: _Cells, number: int, shift: float) -> Array:
    """Mean over the days of each cell's month of sin(number · angle + shift)."""
    begin, end = (2 * np.pi * number * days / YEAR_DAYS for days in (cells.begins, cells.ends))
    return (np.cos(begin + shift) - np.cos(end + shift)) / (end - begin)


def _poisson_regression(design: Array, exposure: Array, made: Array) -> tuple[Array, Array, Array]:
    """Coefficients, their covariance and the expectations, with a slight ridge on all but the first column.

    By iteratively reweighted least squares (Nelder and Wedderburn 1972, J. R. Stat. Soc. A 135:370).
    """
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[0] = 0.0
    found = np.zeros(design.shape[1])
    found[0] = np.log(made.sum() / exposure.sum())
    for _ in range(_STEPS):
        expected = exposure * np.exp(np.clip(design @ found, -30, 30))
        information = design.T @ (design * expected[:, None]) + np.diag(ridge)
        step = np.linalg.solve(information, design.T @ (made - expected) - ridge * found)
        found = found + step * min(1.0, 2.0 / float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    expected = exposure * np.exp(np.clip(design @ found, -30, 30))
    information = design.T @ (design * expected[:, None]) + np.diag(ridge)
    return found, np.asarray(np.linalg.inv(information), dtype=np.float64), expected


def _day(moment: datetime) -> float:
    return float((moment.date() - date(1970, 1, 1)).days)
