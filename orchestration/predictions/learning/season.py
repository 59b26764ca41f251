"""The season of a firm as a clock: in high season, more of a customer's time passes per day than in low season.

Purchase models know rates, not months. A customer who buys at rate · s(t) at moment t, with a season s of mean 1 that
all customers share, buys at a constant rate if time is counted as S(t), the integral of s: this change of time turns a
Poisson process with a varying rate into one with a constant rate (Daley and Vere-Jones 2003, An Introduction to the
Theory of Point Processes, 7.4). Frequency stays the same; recency, age and horizons are in days of average season.

log s is one or two harmonics of the day of the year (Stolwijk, Straatman and Zielhuis 1999, J. Epidemiol. Community
Health 53:235), fitted by a Poisson regression of the repeat purchases per month on tenure, month of the first purchase
and season. Harmonics that chance explains are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from orchestration.counts import counted
from orchestration.predictions.learning.purchase_history import PurchaseHistory

Array = NDArray[np.float64]

YEAR_DAYS = 365.2425
LEAST_DAYS = 360  # twelve months: with fewer, season and growth cannot be separated
LEAST_CUSTOMERS = 100  # months with fewer carry too little information and do not count towards the twelve
LEAST_REPEATS = 100
MOST_MONTHS = 60  # a season from more than five years ago may no longer apply
MOST_AMPLITUDE = 1.0  # per harmonic of log s: best day 7.4 times the worst; beyond it, the shop closes for months
_CHANCE = 0.1  # p-value above which a harmonic is dropped; a stricter one misses the seasons of small firms
_RIDGE = 1e-3
_STEPS = 50
_NODES: Array = np.arange(367, dtype=np.float64) * (YEAR_DAYS / 366)


@dataclass(frozen=True)
class SeasonClock:
    """Counts time in days of average season. Without harmonics it equals the calendar.

    harmonics: per harmonic of the year, coefficients of cosine and sine in log s. reason: why there are none, or empty.
    """

    harmonics: tuple[tuple[float, float], ...] = ()
    reason: str = ""

    def season_days(self, days: ArrayLike) -> Array:
        """Days of average season from 1970 to these moments (days since 1970)."""
        moments = np.asarray(days, dtype=np.float64)
        if not self.harmonics:
            return moments
        years = np.floor(moments / YEAR_DAYS)
        passed, year = self._year()
        return YEAR_DAYS * (years + np.interp(moments - years * YEAR_DAYS, _NODES, passed) / year)

    def calendar_days(self, season_days: ArrayLike) -> Array:
        """The moments (days since 1970) at which so many days of average season have passed: inverse of season_days."""
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


CALENDAR = SeasonClock(reason="No season was requested.")


@dataclass(frozen=True)
class MonthlyPurchases:
    """One entry per month of the first purchase and calendar month, both counted from January 1970.

    came, month: the two months. customers: first purchases (where the months are the same). days_left: their days from
    the first purchase to the end of that month or to as_of. repeats: purchase days after the first one.
    """

    came: NDArray[np.int64]
    month: NDArray[np.int64]
    customers: NDArray[np.int64]
    days_left: Array
    repeats: Array
    as_of: datetime


def season_clock(purchases: MonthlyPurchases) -> SeasonClock:
    """Learns the season from monthly purchases.

    Shrinks each harmonic by what chance explains (positive part, James and Stein 1961) and drops it if one in ten firms
    without a season would show one as large. Returns the calendar, with the reason, if the history has less than twelve
    months or too few repeat purchases.
    """
    cells = _cells(purchases)
    if cells is None or cells.days < LEAST_DAYS:
        days = counted(0 if cells is None else round(cells.days), "day")
        return SeasonClock(reason=f"{days} with at least {LEAST_CUSTOMERS} customers; a season needs {LEAST_DAYS}.")
    if cells.repeats.sum() < LEAST_REPEATS:
        repeats = counted(round(cells.repeats.sum()), "repeat purchase")
        return SeasonClock(reason=f"{repeats}; a season needs {LEAST_REPEATS}.")
    for count in (2, 1):
        harmonics = _harmonics(cells, count)
        if harmonics[-1] != (0.0, 0.0):
            return SeasonClock(harmonics)
    return SeasonClock(reason="Chance explains the differences between months.")


@dataclass(frozen=True)
class _Cells:
    """Per month of the first purchase and calendar month: customer-days and repeat purchases; months are numbered.

    begins, ends: of the calendar month, in days since 1970, up to as_of. days: length of the history.
    """

    came: Array
    month: Array
    exposure: Array
    repeats: Array
    begins: Array
    ends: Array
    days: float


def _cells(purchases: MonthlyPurchases) -> _Cells | None:
    if not len(purchases.came):
        return None
    day = purchases.as_of.date()
    last = (day.year - 1970) * 12 + day.month - 1
    size = last + 1 - int(purchases.came.min())
    came, month = (months - (last + 1 - size) for months in (purchases.came, purchases.month))
    customers, days_left = np.zeros(size), np.zeros(size)
    np.add.at(customers, came, np.asarray(purchases.customers, dtype=np.float64))
    np.add.at(days_left, came, np.asarray(purchases.days_left, dtype=np.float64))
    known = np.cumsum(customers) >= LEAST_CUSTOMERS
    if not known.any():
        return None
    begins = np.arange(last + 1 - size, last + 2).astype("datetime64[M]").astype("datetime64[D]").astype(np.float64)
    begins[-1] = _day(purchases.as_of) + 1
    first = int(known.argmax())
    first_used = max(first, size - MOST_MONTHS)
    rows, places = np.meshgrid(np.arange(size), np.arange(first_used, size), indexing="ij")
    exposure = np.where(rows == places, days_left[:, None], customers[:, None] * np.diff(begins)[None, first_used:])
    repeats = np.zeros(rows.shape)
    in_use = month >= first_used
    repeats[came[in_use], month[in_use] - first_used] = np.asarray(purchases.repeats, dtype=np.float64)[in_use]
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
    """The harmonics of log s, shrunk by what chance explains; (0, 0) if chance explains all."""
    age = cells.month - cells.came
    # Customers of the first month were mostly customers before it; they buy more often than new ones.
    others = [np.ones(len(age)), age == 0, age == 1, age == 2, np.log1p(age), age / 12, cells.came == 0,
              np.log1p(cells.came)]  # fmt: skip
    waves = [_mean_wave(cells, number, shift) for number in range(1, count + 1) for shift in (np.pi / 2, 0.0)]
    design = np.column_stack([*others, *waves])
    found, covariance, expected = _poisson_regression(design, cells.exposure, cells.repeats)
    # Campaigns, weather or strikes make months differ by more than chance.
    month = cells.month.astype(np.int64) - int(cells.month.min())
    made, forecast = (np.bincount(month, weights=values) for values in (cells.repeats, expected))
    free = max(len(made) - 2 - 2 * count, 1)
    dispersion = max(1.0, float(((made - forecast) ** 2 / forecast).sum()) / free)
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
    """Mean of sin(number · angle + shift) over the days of each cell's month."""
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
