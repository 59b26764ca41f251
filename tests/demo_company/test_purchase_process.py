"""Purchases follow the stated process: maximum likelihood recovers its parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from examples.veloheld.generator.behaviour import REPEAT, History, live
from examples.veloheld.generator.parameters import load_parameters
from examples.veloheld.generator.people import NEVER, People
from examples.veloheld.generator.population import people_of
from examples.veloheld.generator.season import Calendar

P = load_parameters()
END = 548
LAST_BLOCK = END // P.company.block_days


@pytest.fixture(scope="module")
def people() -> People:
    return people_of(5, 0, 20_000, P)


@pytest.fixture(scope="module")
def history(people: People) -> History:
    return live(people, P, LAST_BLOCK)


def test_rates_and_drop_out_are_recovered_by_maximum_likelihood(people: People, history: History) -> None:
    calendar = Calendar(P)
    end = (LAST_BLOCK + 1) * P.company.block_days
    customers = np.flatnonzero((people.joined < end - 30) & (np.arange(len(people)) < people.customers))
    repeat = history.purchases["kind"] == REPEAT
    person, day = history.purchases["person"][repeat], history.purchases["day"][repeat]
    born = calendar.season_time(people.joined + 1)
    x = np.bincount(person, minlength=len(people))[customers].astype(float)
    last = np.zeros(len(people))
    np.maximum.at(last, person, calendar.season_time(day) + 0.5 - born[person])
    recency = np.maximum(last[customers], 0.0)
    age = (calendar.season_time(end) - born)[customers]

    def minus_log_likelihood(log_parameters: np.ndarray) -> float:
        """Fader, Hardie and Lee (2005), equation 6."""
        r, alpha, a, b = np.exp(log_parameters)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
        gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + recency)
        return -float(np.sum(common + np.where(x > 0, np.logaddexp(alive, gone), alive))) / len(x)

    start = np.log([0.5, 100.0, 0.5, 2.0])
    found = np.exp(minimize(minus_log_likelihood, start, method="L-BFGS-B").x)
    r, alpha, a, b = found
    p = P.purchases
    assert r == pytest.approx(p.rate_shape, rel=0.1)
    assert r / alpha == pytest.approx(p.rate_shape / p.rate_scale_days, rel=0.07)
    assert a / (a + b) == pytest.approx(p.dropout_a / (p.dropout_a + p.dropout_b), rel=0.12)
    assert a == pytest.approx(p.dropout_a, rel=0.3)


def test_spend_follows_gamma_gamma(people: People, history: History) -> None:
    p = P.purchases
    rows = (history.purchases["kind"] <= REPEAT) & (history.purchases["spend_eur"] > 0)
    spend, person = history.purchases["spend_eur"][rows], history.purchases["person"][rows]
    scaled = spend * people.traits["spend_rate"][person]
    # Times the person's rate, spend is a gamma variate of shape p: mean p, variance p.
    assert scaled.mean() == pytest.approx(p.spend_shape, rel=0.02)
    assert scaled.var() == pytest.approx(p.spend_shape, rel=0.04)
    rate = people.traits["spend_rate"][: people.customers]
    assert rate.mean() == pytest.approx(p.spend_mix_shape / p.spend_scale_eur, rel=0.02)
    assert rate.var() / rate.mean() ** 2 == pytest.approx(1 / p.spend_mix_shape, rel=0.06)


def test_months_and_weekdays_have_their_factors() -> None:
    calendar = Calendar(P)
    per_day = np.diff(calendar.season_time(np.arange(0, 4 * 365 + 2)))
    days = np.datetime64(P.company.starts_on) + np.arange(len(per_day))
    saturday = np.datetime64("2025-05-03") - np.datetime64(P.company.starts_on)
    january = np.datetime64("2025-01-04") - np.datetime64(P.company.starts_on)
    may, jan = P.purchases.month_factors[4], P.purchases.month_factors[0]
    assert per_day[saturday.astype(int)] / per_day[january.astype(int)] == pytest.approx(may / jan, rel=1e-6)
    assert per_day.mean() == pytest.approx(1.0, abs=0.01)
    assert len(days) == len(per_day)


def test_customer_does_not_buy_after_dropout(history: History) -> None:
    repeat = history.purchases["kind"] == REPEAT
    person, day = history.purchases["person"][repeat], history.purchases["day"][repeat]
    # A store is closed on Sundays: a purchase may be made the day after.
    assert (day <= history.death[person] + 1).all()
    assert (history.death < NEVER).sum() > 1_000


def test_an_open_complaint_prevents_purchases(history: History) -> None:
    p = history.purchases
    complaints = history.complaints
    key = (complaints["person"] << 34) | complaints["opened"]
    order = np.argsort(key)
    key, closed = key[order], complaints["closed"][order]
    process = p["kind"] <= REPEAT
    person, t, prevented = p["person"][process], p["t"][process], p["suppressed"][process]
    at = np.searchsorted(key, (person << 34) | t, side="right") - 1
    during = (at >= 0) & (key[at] >> 34 == person) & (t < closed[at])
    assert during.sum() > 150
    expected = P.purchases.suppressed_by_complaint
    assert prevented[during].mean() == pytest.approx(expected, abs=4 * np.sqrt(0.24 / during.sum()) + 0.05)
    assert prevented[~during].mean() < 0.001


def test_more_blocks_never_change_earlier_ones(people: People, history: History) -> None:
    shorter = live(people, P, LAST_BLOCK - 2)
    for name in ("purchases", "complaints", "recipients", "needs"):
        long, short = getattr(history, name), getattr(shorter, name)
        for column, values in short.items():
            assert (long[column][: len(values)] == values).all(), (name, column)


def test_product_lines_that_need_a_bike_follow_a_bike(history: History) -> None:
    p = history.purchases
    needs_bike = (p["kind"] <= REPEAT) & ((p["line"] == 2) | (p["line"] == 3))
    assert (history.owns_since[p["person"][needs_bike]] <= p["day"][needs_bike]).all()
