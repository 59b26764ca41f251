"""The forecast: what it counts, what it learns from its own past, and that it never looks beyond its moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from benchmarks.predictions import START, draw_purchases
from predictions import cases

from orchestration.predictions.learning.customer_value import Correction, CustomerForecast, learn_forecast
from orchestration.predictions.learning.purchase_models import KINDS, fit_purchase_model
from orchestration.predictions.scoring.purchases import fit_forecast, purchase_history
from orchestration.predictions.scoring.registry import load_model, save_model


def shop(*rows: tuple[str, str, float | None]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table purchases (customer_id varchar, purchased_at timestamp, amount decimal(18, 2))")
    connection.executemany("insert into purchases values (?, ?, ?)", rows)
    return connection


def test_history_counts_days_until_the_moment_and_later_ones_apart() -> None:
    history = purchase_history(
        shop(
            ("anna", "2025-01-01 10:00", 10),
            ("anna", "2025-01-01 15:00", 20),  # the same day: one purchase of 30
            ("anna", "2025-01-11 09:00", 50),
            ("anna", "2025-01-21 09:00", 70),
            ("anna", "2025-02-10 09:00", 99),  # later, within the horizon
            ("anna", "2025-03-30 09:00", 99),  # beyond it
            ("bert", "2025-01-20 09:00", 40),
            ("bert", "2025-01-25 09:00", -40),  # returned: no purchase
            ("carl", "2025-02-02 09:00", 5),  # not yet a customer
        ),
        "purchases",
        date(2025, 1, 31),
        horizon=30,
    )
    assert list(history.customer_id) == ["anna", "bert"]
    assert list(history.frequency) == [2, 0]
    assert list(history.recency) == [20, 0]
    assert list(history.age) == [30, 11]
    assert list(history.repeat_value) == [60, 0]
    assert list(history.total_value) == [150, 40]
    assert list(history.bought_later) == [1, 0]


def test_history_ends_at_the_moment_within_a_day() -> None:
    rows = (("anna", "2025-01-01 10:00", 10.0), ("anna", "2025-01-05 10:00", 10.0), ("anna", "2025-01-05 18:00", 7.0))
    noon = purchase_history(shop(*rows), "purchases", datetime(2025, 1, 5, 12))
    assert (noon.frequency[0], noon.total_value[0]) == (1, 20)


@pytest.fixture(scope="module")
def forecast() -> CustomerForecast:
    if not cases.CDNOW.is_dir():
        pytest.skip(f"needs CDNOW in {cases.CDNOW}")
    return fit_forecast(cases.cdnow(), "purchases", cases.CALIBRATION_END, horizon=cases.HOLDOUT_DAYS)


def test_on_cdnow_it_is_nearer_to_what_was_bought_than_bg_nbd(forecast: CustomerForecast) -> None:
    """BG/NBD: 1,653 of 1,882 (12 % short) with correlation 0.626, root mean square error 1.608 per customer."""
    made = purchase_history(cases.cdnow(), "purchases", cases.CALIBRATION_END, horizon=cases.HOLDOUT_DAYS).bought_later
    expected = forecast.expected_purchases(cases.HOLDOUT_DAYS)
    assert made.sum() == 1_882
    assert abs(expected.sum() - 1_882) < 1_882 - 1_653
    assert np.corrcoef(expected, made)[0, 1] > 0.6265
    assert np.sqrt(((expected - made) ** 2).mean()) < 1.605


def test_it_never_looks_beyond_its_moment(forecast: CustomerForecast) -> None:
    moment = datetime(1997, 9, 30, 12)
    everything, known_then = cases.cdnow(), cases.cdnow()
    everything.execute("insert into purchases select customer_id, timestamp '1997-09-30 18:00', 9 from purchases")
    known_then.execute("delete from purchases where purchased_at > '1997-09-30 12:00'")
    seeing, blind = (
        fit_forecast(connection, "purchases", moment, horizon=cases.HOLDOUT_DAYS)
        for connection in (everything, known_then)
    )
    assert seeing.correction == blind.correction == forecast.correction
    np.testing.assert_array_equal(seeing.expected_purchases(), blind.expected_purchases())


def test_the_correction_is_learned_from_three_windows_that_share_no_day(forecast: CustomerForecast) -> None:
    """272 days known are four parts of 68 days: three are forecast, each from all that was known before it."""
    windows = (("1997-03-11", "1997-05-17"), ("1997-05-18", "1997-07-24"), ("1997-07-25", "1997-09-30"))
    made = sum(
        cases.cdnow()
        .execute(
            "select count(distinct (customer_id, purchased_at)) from purchases as p"
            " where purchased_at between ? and ? and exists"
            " (from purchases as e where e.customer_id = p.customer_id and e.purchased_at < ?)",
            [first, last, first],
        )
        .fetchone()[0]  # type: ignore[index]
        for first, last in windows
    )
    assert forecast.correction.purchases == made
    # They differ: 12, 11 and 2 % is no error that lasts.
    assert forecast.correction.level == 0


def test_an_error_that_lasts_is_corrected_as_far_as_the_windows_reach(tmp_path: Path) -> None:
    """Customers bought half as much again as the models expect in each of three windows of 50 days."""
    file = tmp_path / "purchases.parquet"
    draw_purchases(20_000, file)
    connection, purchases = duckdb.connect(), f"read_parquet('{file}')"
    known = purchase_history(connection, purchases, START + timedelta(days=200), lines=True)
    earlier = [
        purchase_history(connection, purchases, START + timedelta(days=200 - 50 * number), horizon=50)
        for number in (1, 2, 3)
    ]
    more = [replace(history, bought_later=1.5 * history.bought_later) for history in earlier]
    as_it_is, same_length, twice_as_long = (
        learn_forecast(known, histories, horizon=horizon).correction
        for histories, horizon in ((earlier, 50), (more, 50), (more, 100))
    )
    # Less what the windows differ in: the first one begins when customers are hardly known.
    assert 0.5 * np.log(1.5) < same_length.level < np.log(1.5)
    assert twice_as_long.level == pytest.approx(same_length.level / 2)
    assert abs(as_it_is.level) < 0.05
    # The spread of the forecast moves purchases between customers; the level alone changes their sum.
    expected, value = np.array([0.2, 1.0, 3.0]), np.array([1.0, 1.0, 1.0])
    moved = Correction(level=np.log(2), spread=-0.3).factors(expected, value) * expected
    assert moved.sum() == pytest.approx(2 * expected.sum())
    assert moved[0] / expected[0] > moved[2] / expected[2]


def grid() -> Iterator[tuple[date, int]]:
    """Every month-end of CDNOW from the fifth on, and the horizons that end within its 18 months."""
    for month in range(5, 18):
        cut = date(1997 + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        yield from ((cut, days) for days in (90, 180, 273, 365) if cut + timedelta(days=days) <= date(1998, 6, 30))


@pytest.mark.parametrize("cuts", [2, pytest.param(26, marks=pytest.mark.long)])
def test_over_cdnows_cuts_it_is_less_biased_than_pareto_nbd_and_than_three_models_uncorrected(cuts: int) -> None:
    """The two with the longest horizons for their history in every test run; all of them in the long one."""
    if not cases.CDNOW.is_dir():
        pytest.skip(f"needs CDNOW in {cases.CDNOW}")
    chosen = sorted(grid(), key=lambda cut: (-cut[1], cut[0]))[:cuts]
    biases = []
    for as_of, days in chosen:
        forecast = fit_forecast(cases.cdnow(), "purchases", as_of, horizon=days)
        known = forecast.history
        assert known is not None
        made = purchase_history(cases.cdnow(), "purchases", as_of, horizon=days).bought_later.sum()
        warped, length = forecast.clock.warped(known), forecast.clock.horizon(known.as_of, days)
        history = (warped.frequency, warped.recency, warped.age)
        by_kind = {
            kind: fit_purchase_model(*history, kind).expected_purchases(length, *history).sum() for kind in KINDS
        }
        totals = (forecast.expected_purchases(days).sum(), by_kind["pareto_nbd"], np.mean(list(by_kind.values())))
        biases.append([abs(total / made - 1) for total in totals])
    ours, pareto, three = np.mean(biases, axis=0)
    assert ours < pareto
    assert ours < three if cuts == 26 else ours < three + 0.02


def test_the_table_says_what_the_next_year_brings(forecast: CustomerForecast) -> None:
    table = forecast.table()
    assert len(table) == 2_357
    assert table["customer_id"].is_unique
    assert table.drop(columns="next_purchase_date").notna().all().all()
    assert table["probability_alive"].between(0, 1).all()
    np.testing.assert_allclose(table["expected_value"], table["expected_purchases"] * table["expected_spend"])
    # A date exactly for customers who are more likely alive than not.
    assert table.loc[table["probability_alive"] < 0.5, "next_purchase_date"].isna().all()
    assert (table["next_purchase_date"].dropna() > "1997-09-30").all()


def test_it_is_saved_without_its_customers_and_then_asks_for_them(forecast: CustomerForecast, tmp_path: Path) -> None:
    save_model(tmp_path, "value", forecast, trained_as_of=datetime(1997, 9, 30))
    read = load_model(tmp_path, "value")[0]
    assert read.history is None
    assert len((tmp_path / "value" / "000001" / "model.joblib").read_bytes()) < 10_000
    with pytest.raises(ValueError, match="pass the purchase history"):
        read.table()
    history = purchase_history(cases.cdnow(), "purchases", cases.CALIBRATION_END, lines=True)
    pd.testing.assert_frame_equal(read.table(history=history), forecast.table())


def test_where_the_models_are_right_hardly_anything_is_corrected(tmp_path: Path) -> None:
    """Customers who live by BG/NBD: the forecast is what the models say, and near what comes."""
    file = tmp_path / "purchases.parquet"
    draw_purchases(20_000, file)
    connection, purchases, moment = duckdb.connect(), f"read_parquet('{file}')", START + timedelta(days=200)
    forecast = fit_forecast(connection, purchases, moment, horizon=200)
    made = purchase_history(connection, purchases, moment, horizon=200).bought_later
    assert not forecast.correction.reason
    assert abs(forecast.correction.level) < 0.05
    assert abs(forecast.correction.spread) < 0.05
    assert forecast.expected_purchases(200).sum() == pytest.approx(made.sum(), rel=0.06)


def test_short_history_is_reported_and_not_corrected() -> None:
    frequency, recency, age = cases.bg_nbd_customers(100, 1.5, 5, 0.5, 3, 20)
    connection = duckdb.connect()
    connection.execute("create table purchases (customer_id bigint, purchased_at date, amount double)")
    for person, (times, last, old) in enumerate(zip(frequency, recency, age, strict=True)):
        days = {0, *np.linspace(0, int(last), int(times) + 1).astype(int).tolist()}
        connection.executemany(
            "insert into purchases values (?, date '2025-06-30' - ?, 10)", [(person, int(old) - day) for day in days]
        )
    forecast = fit_forecast(connection, "purchases", date(2025, 6, 30), horizon=3_650)
    assert forecast.correction.reason
    assert forecast.correction.factors(np.array([0.1, 5.0]), np.array([1.0, 9.0])) == pytest.approx([1, 1])


def test_a_shop_without_repeat_buyers_gets_the_common_rate_and_the_reason() -> None:
    rows = [(f"c{number}", f"2025-01-{number:02d}", 10.0 * number) for number in range(1, 21)]
    forecast = fit_forecast(shop(*rows), "purchases", date(2025, 12, 31))
    assert "bought again; a purchase model needs" in forecast.abstains
    table = forecast.table()
    assert (table["expected_purchases"] == 0).all()
    assert table["next_purchase_date"].isna().all()
    assert table["expected_spend"].iloc[0] == pytest.approx(105)  # the mean of 10, 20, … 200


def test_amounts_that_cannot_be_added_are_refused() -> None:
    connection = duckdb.connect()
    connection.execute("create table purchases as select 1 as customer_id, date '2025-01-01' as purchased_at, "
                       "'inf'::double as amount")  # fmt: skip
    with pytest.raises(ValueError, match="not numbers or exceed"):
        purchase_history(connection, "purchases", date(2025, 12, 31))


def test_forecast_without_customers_is_an_error() -> None:
    with pytest.raises(ValueError, match="purchases has no purchase up to 2024-01-01"):
        fit_forecast(shop(("anna", "2025-01-01", 10.0)), "purchases", date(2024, 1, 1))
