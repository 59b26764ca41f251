"""What the next purchase costs, by product line: worked out by hand, and held against a drawn world."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from orchestration.predictions.learning.line_spend import LineModel, LineSpend, fit_line_spend
from orchestration.predictions.learning.purchase_history import PurchaseHistory
from orchestration.predictions.learning.spend import SpendModel, fit_spend_model
from orchestration.predictions.scoring.purchases import purchase_history

TODAY = date(2025, 12, 31)


def history(rows: list[tuple[int, str, str, float]]) -> PurchaseHistory:
    connection = duckdb.connect()
    connection.execute(
        "create table purchases (customer_id int, purchased_at timestamp, product_line varchar, amount double)"
    )
    connection.executemany("insert into purchases values (?, ?, ?, ?)", rows)
    return purchase_history(connection, "purchases", TODAY, lines=True)


def test_line_history_counts_days_with_an_amount_per_line() -> None:
    lines = history(
        [
            (1, "2025-01-01", "bikes", 900), (1, "2025-01-01", "bells", 10), (1, "2025-01-01", "bells", 20),
            (1, "2025-02-01", "bells", 40), (1, "2025-03-01", "bells", 60), (1, "2025-03-01", "bikes", 0),
            (2, "2025-01-05", "bells", 5), (2, "2026-01-01", "bikes", 800),
        ]
    ).lines  # fmt: skip
    assert lines is not None
    assert list(zip(lines.customer.tolist(), lines.product_line.tolist(), strict=True)) == [
        (0, "bells"), (0, "bikes"), (1, "bells"),
    ]  # fmt: skip
    assert lines.began.tolist() == [True, True, True]
    assert lines.repeat_days.tolist() == [2, 0, 0]  # a bicycle of 0 EUR was not paid for
    assert lines.repeat_total.tolist() == [100, 0, 0]
    assert lines.first_value.tolist() == [30, 900, 5]
    assert lines.frequency.tolist() == [2, 0, 0]
    assert lines.repeat_value.tolist() == [50, 0, 0]


def test_expected_spend_is_share_times_amount_over_lines() -> None:
    """bells: share (8 × .75 + 2) / (8 + 2) = .8 at 50; bikes: (8 × .05 + 0) / (8 + 2) = .04 at 1,000."""
    every = SpendModel({}, 0.0, 20, 50.0, abstains="one amount for all")
    bikes = LineModel(0.05, 0.05, 8.0, 1_000.0, SpendModel({}, 0.0, 20, 1_200.0, abstains="one amount for all"))
    model = LineSpend({"bells": LineModel(0.75, 0.75, 8.0, 45.0, every), "bikes": bikes}, SpendModel({}, 0.0, 20, 1.0))
    known = history([(1, "2025-01-01", "bells", 30), (1, "2025-02-01", "bells", 40), (1, "2025-03-01", "bells", 60)])
    assert model.expected_spend(known) == pytest.approx([0.8 * 50 + 0.04 * 1_000])


def test_own_purchases_of_a_line_raise_its_share_as_far_as_customers_differ() -> None:
    line = LineModel(0.2, 0.4, 10.0, 1.0, SpendModel({}, 0.0, 20, 1.0))
    # Nothing known but the first purchase: .2 without the line in it, .4 with it; then 5 of 10: (4 + 5) / 20.
    assert line.shares(np.array([0.0, 0.0, 10.0]), np.array([0.0, 0.0, 5.0]), np.array([False, True, True])).tolist() \
        == pytest.approx([0.2, 0.4, 0.45])  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> tuple[PurchaseHistory, pd.DataFrame]:
    """3,000 customers: a bicycle of about 2,500 in each eighth of ten firsts and in few later purchases, else parts.

    Each has their own share of bicycles (mean 4 %) and their own level of parts (mean 60). truth: what the next
    purchase of each costs on average.
    """
    draws = np.random.default_rng(5)
    people = 3_000
    share = draws.beta(0.8, 19.2, people)
    level = 60 * draws.gamma(4, 1 / 4, people)
    rows = []
    for person in range(people):
        for step in range(1 + draws.poisson(2.0 * draws.gamma(1.0))):
            bike = draws.random() < (min(5 * share[person], 1) if step == 0 else share[person])
            amount = 2_500 * draws.gamma(25, 1 / 25) if bike else level[person] * draws.gamma(4, 1 / 4)
            rows.append((person, step, "bikes" if bike else "parts", amount))
    table = pd.DataFrame(rows, columns=["customer_id", "step", "product_line", "amount"])
    table["purchased_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(table.pop("step") * 10, unit="D")
    connection = duckdb.connect()
    connection.register("purchases", table)
    truth = pd.DataFrame({"truth": share * 2_500 + (1 - share) * level})
    return purchase_history(connection, "purchases", TODAY, lines=True), truth


def test_total_of_repeat_purchases_is_kept(drawn: tuple[PurchaseHistory, pd.DataFrame]) -> None:
    known, truth = drawn
    expected = fit_line_spend(known).expected_spend(known)
    paid = (known.frequency * known.repeat_value).sum()
    assert (known.frequency * expected).sum() == pytest.approx(paid, rel=0.001)
    assert expected.mean() == pytest.approx(truth["truth"].mean(), rel=0.05)


def test_it_is_nearer_to_the_truth_than_past_value_and_one_mean(drawn: tuple[PurchaseHistory, pd.DataFrame]) -> None:
    known, truth = drawn
    expected = fit_line_spend(known).expected_spend(known)
    ours = np.abs(expected - truth["truth"]).mean()
    past = np.abs(known.total_value / (known.frequency + 1) - truth["truth"]).mean()
    whole = fit_spend_model(known.frequency, known.repeat_value).expected_spend(known.frequency, known.repeat_value)
    assert ours < 0.5 * past
    assert ours < 0.8 * np.abs(whole - truth["truth"]).mean()
    assert spearmanr(expected, truth["truth"])[0] > 2 * spearmanr(whole, truth["truth"])[0]
    # Who spent 20 EUR once is not expected to spend more than who spent 200 EUR on the same line once.
    once = (known.frequency == 0) & (known.total_value < 500)
    tenths = pd.qcut(known.total_value[once], 5, labels=False)
    means = [expected[once][tenths == tenth].mean() for tenth in range(5)]
    assert means == sorted(means)


def test_more_spent_on_a_line_never_lowers_what_is_expected(drawn: tuple[PurchaseHistory, pd.DataFrame]) -> None:
    model = fit_line_spend(drawn[0])
    for line in ("parts", "bikes"):
        amounts = (10.0, 50.0, 200.0, 1_000.0, 4_000.0)
        once = history([(number, "2025-01-01", line, amount) for number, amount in enumerate(amounts)])
        twice = history(
            [
                row
                for number, amount in enumerate(amounts)
                for row in ((number, "2025-01-01", line, 50.0), (number, "2025-02-01", line, amount))
            ]
        )
        for known in (once, twice):
            expected = model.expected_spend(known)
            assert (np.diff(expected) >= 0).all(), line
