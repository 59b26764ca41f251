"""The seasonal clock: a season that is there is found again, one that is not is not, and time is only stretched."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pyarrow
import pytest
from numpy.typing import NDArray

from orchestration.predictions.learning.season import LEAST_DAYS, YEAR_DAYS, SeasonClock
from orchestration.predictions.scoring.purchases import fit_forecast, learn_season, purchase_history

START = date(2023, 1, 1)
DAYS = 730
DRAWN_SEASON = SeasonClock(harmonics=((-0.3, 0.2), (0.05, -0.1)))
NOW = datetime(2024, 12, 30, 12)


def shop(season: SeasonClock, *, days: int = DAYS, seed: int = 1, joined: NDArray[np.float64] | None = None,
         customers: int = 3_000) -> duckdb.DuckDBPyConnection:  # fmt: skip
    """Customers who buy by chance in the time of a season, with rates of their own, until they leave.

    joined: day of the first purchase, evenly over the days unless told.
    """
    draws = np.random.default_rng(seed)
    first = (START - date(1970, 1, 1)).days
    begins = draws.uniform(0, days, customers) if joined is None else joined
    rate, leaves = draws.gamma(0.9, 1 / 100, customers), draws.beta(1, 5, customers)
    who, moment = np.arange(customers), season.season_days(first + begins)
    people, moments = [who], [moment]
    while len(who):
        moment = moment + draws.exponential(1 / rate[who])
        kept = season.calendar_days(moment) < first + days
        who, moment = who[kept], moment[kept]
        people.append(who)
        moments.append(moment)
        kept = draws.random(len(who)) >= leaves[who]
        who, moment = who[kept], moment[kept]
    day = np.floor(season.calendar_days(np.concatenate(moments))).astype(np.int32)
    connection = duckdb.connect()
    connection.register("drawn", pyarrow.table({"customer_id": np.concatenate(people), "day": day}))
    connection.execute(
        "create table purchases as"
        " select customer_id, (date '1970-01-01' + day)::timestamp as purchased_at, 10.0 as amount from drawn"
    )
    return connection


@pytest.fixture(scope="module")
def seasonal() -> duckdb.DuckDBPyConnection:
    return shop(DRAWN_SEASON)


def intensity(clock: SeasonClock, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Season of moments (days since 1970) by the definition: e to the harmonics, with mean 1 over a year."""

    def season(moments: NDArray[np.float64]) -> NDArray[np.float64]:
        angles = 2 * np.pi * moments / YEAR_DAYS
        waves = [a * np.cos(k * angles) + b * np.sin(k * angles) for k, (a, b) in enumerate(clock.harmonics, 1)]
        return np.exp(np.sum([np.zeros(len(moments)), *waves], axis=0))

    return season(days) / season(np.linspace(0, YEAR_DAYS, 10_000, endpoint=False)).mean()


def end_of(days: int) -> date:
    return START + timedelta(days=days - 1)


def test_a_drawn_season_is_found_again(seasonal: duckdb.DuckDBPyConnection) -> None:
    days = np.arange(19_000.0, 19_365.0)
    drawn, found = intensity(DRAWN_SEASON, days), intensity(learn_season(seasonal, "purchases", end_of(DAYS)), days)
    assert np.ptp(drawn) > 0.7
    assert np.abs(found - drawn).mean() < 0.05  # 5 % of an average day
    assert np.corrcoef(found, drawn)[0, 1] > 0.97


@pytest.mark.parametrize(
    "joined",
    [
        pytest.param(None, id="evenly"),
        pytest.param(DAYS * np.log1p(np.linspace(0, np.e**3 - 1, 3_000)) / 3, id="ever more"),
        pytest.param(np.tile(np.linspace(80, 140, 1_500), 2) + np.repeat([0, 365], 1_500), id="in two springs"),
    ],
)
def test_where_customers_come_by_season_but_buy_without_one_hardly_any_is_seen(
    joined: NDArray[np.float64] | None,
) -> None:
    clocks = [
        learn_season(shop(SeasonClock(), seed=seed, joined=joined), "purchases", end_of(DAYS)) for seed in range(10)
    ]
    seen = [np.abs(intensity(clock, np.arange(365.0)) - 1).mean() for clock in clocks]
    assert np.mean(seen) < 0.015  # of 120 other draws of each kind: 0.006 at most, and 76 % without any season
    assert max(seen) < 0.06
    assert any(clock.reason == "Chance explains the differences between months." for clock in clocks)


def test_less_than_twelve_months_are_no_season_and_say_so(seasonal: duckdb.DuckDBPyConnection) -> None:
    clock = learn_season(seasonal, "purchases", end_of(LEAST_DAYS - 60))
    assert clock.harmonics == ()
    assert f"a season needs {LEAST_DAYS}" in clock.reason
    assert learn_season(seasonal, "purchases", START - timedelta(days=9)).reason.startswith("0 days")


def test_ten_months_are_no_season(seasonal: duckdb.DuckDBPyConnection) -> None:
    """A season needs twelve months: with fewer, growth looks like one."""
    clock = learn_season(seasonal, "purchases", end_of(300))
    assert clock.harmonics == ()
    assert clock.reason.endswith("a season needs 360.")


def test_calendar_days_undo_season_days() -> None:
    days = np.array([0.0, 100.5, 365.2425, 19_000.0, 19_200.25])
    assert DRAWN_SEASON.calendar_days(DRAWN_SEASON.season_days(days)) == pytest.approx(days, abs=1e-6)


def test_few_repeat_purchases_are_no_season_and_say_so() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table purchases as"
        " select n as customer_id, timestamp '2023-01-01' + to_days(n::integer) as purchased_at, 10.0 as amount"
        " from range(700) as numbers(n)"
    )
    assert learn_season(connection, "purchases", end_of(DAYS)).reason.startswith("0 repeat purchases")


def test_nothing_after_the_moment_is_looked_at(seasonal: duckdb.DuckDBPyConnection) -> None:
    moment = datetime(2024, 6, 15, 12)
    blind = shop(DRAWN_SEASON)
    blind.execute("delete from purchases where purchased_at > ?", [moment])
    seeing = learn_season(seasonal, "purchases", moment)
    assert seeing.harmonics
    assert seeing == learn_season(blind, "purchases", moment)


def test_a_moment_thousands_of_years_away_costs_no_memory(seasonal: duckdb.DuckDBPyConnection) -> None:
    """A table of all months by all months would take 68 GB."""
    tracemalloc.start()
    clock = learn_season(seasonal, "purchases", date(9990, 1, 1))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert clock.harmonics == () and clock.reason
    assert peak_bytes < 1e9


def test_a_year_is_a_year_and_horizons_add_up() -> None:
    assert DRAWN_SEASON.horizon(NOW, YEAR_DAYS) == pytest.approx(YEAR_DAYS)
    later = NOW + timedelta(days=30)
    assert DRAWN_SEASON.horizon(NOW, 90) == pytest.approx(
        DRAWN_SEASON.horizon(NOW, 30) + DRAWN_SEASON.horizon(later, 60)
    )
    # By hand: the mean of the season over these days, times how many they are.
    days = 20_087 + np.arange(0, 90, 0.01) + 0.005  # 2024-12-30 is day 20,087 after 1970-01-01
    assert DRAWN_SEASON.horizon(NOW, 90) == pytest.approx(90 * intensity(DRAWN_SEASON, days).mean(), rel=1e-4)
    assert DRAWN_SEASON.horizon(NOW, 90) < 80  # winter is low season
    assert SeasonClock().horizon(NOW, 90) == 90


def test_the_way_back_leads_to_the_same_moment() -> None:
    days = np.linspace(19_000, 23_000, 5_000)
    np.testing.assert_allclose(DRAWN_SEASON.calendar_days(DRAWN_SEASON.season_days(days)), days, atol=1e-6)
    assert DRAWN_SEASON.days_until(NOW, np.array([DRAWN_SEASON.horizon(NOW, 45)])) == pytest.approx([45])


def test_a_history_keeps_its_order_and_its_counts(seasonal: duckdb.DuckDBPyConnection) -> None:
    known = purchase_history(seasonal, "purchases", NOW)
    warped = DRAWN_SEASON.warped(known)
    np.testing.assert_array_equal(warped.frequency, known.frequency)
    assert ((warped.recency > 0) == (known.recency > 0)).all()
    assert (warped.recency <= warped.age + 1e-9).all()
    assert warped.age.max() == pytest.approx(known.age.max(), rel=0.03)  # two whole years, but for a few days
    assert SeasonClock().warped(known) is known


@pytest.mark.parametrize(("moment", "horizon", "sign"), [(date(2024, 3, 31), 60, -1), (date(2024, 8, 31), 90, 1)])
def test_the_forecast_knows_the_season_that_comes(
    seasonal: duckdb.DuckDBPyConnection, moment: date, horizon: int, sign: int
) -> None:
    """Without the season, far too little is expected of April and May, and far too much of autumn."""
    made = purchase_history(seasonal, "purchases", moment, horizon=horizon).bought_later.sum()
    knowing, plain = (
        fit_forecast(seasonal, "purchases", moment, horizon=horizon, kinds=("bg_nbd",), season=season)
        for season in (True, False)
    )
    assert plain.clock.reason == "No season was requested."
    with_season, without = (forecast.expected_purchases(horizon).sum() / made - 1 for forecast in (knowing, plain))
    assert abs(with_season) < 0.13
    assert sign * without > 2 * abs(with_season)


def test_the_next_purchase_is_dated_by_the_calendar(seasonal: duckdb.DuckDBPyConnection) -> None:
    """At 30 December, a low season: a median of so many days of average season takes longer."""
    forecast = replace(
        fit_forecast(seasonal, "purchases", NOW, horizon=90, kinds=("bg_nbd",), season=False), clock=DRAWN_SEASON
    )
    assert forecast.history is not None
    warped = DRAWN_SEASON.warped(forecast.history)
    season_days = forecast.models[0].time_to_next_purchase(warped.frequency, warped.recency, warped.age)
    days = forecast.table()["days_to_next_purchase"].to_numpy()
    np.testing.assert_allclose([DRAWN_SEASON.horizon(NOW, day) for day in days[:50]], season_days[:50])
    soon = season_days < 60
    assert soon.any()
    assert (days[soon] > season_days[soon]).all()
