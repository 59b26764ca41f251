"""What a customer spends on a later purchase: after one, the mean of all, scaled by what the first one says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cases import cdnow

from orchestration.predictions.learning.spend import SpendModel, fit_spend_model, with_first_purchase

MODEL = SpendModel({"p": 2.0, "q": 3.0, "gamma": 10.0}, 0.0, 10, 10.0)


def test_first_purchase_scales_what_is_expected_of_all_until_the_own_purchases_say_more() -> None:
    # p gamma / (q - 1) = 10 of all; with one repeat purchase of 30: 2 (10 + 30) / (2 + 3 - 1) = 20.
    assert MODEL.expected_spend([0, 1], [0, 30]) == pytest.approx([10, 20])
    # Four times the usual first amount, to the power of one half: twice. 2 (2 * 10 + 30) / 4 = 25.
    scaled = SpendModel(MODEL.params, 0.0, 10, 10.0, first_exponent=0.5, first_log=math.log(100))
    assert scaled.expected_spend([0, 1, 0, 0], [0, 30, 0, 0], [400, 400, 100, 0]) == pytest.approx([20, 25, 10, 10])


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_exponent_is_that_of_the_amounts_or_none(exponent: float) -> None:
    draw = np.random.default_rng(3)
    first = np.exp(draw.normal(4, 1, 2_000))
    frequency = draw.integers(0, 5, 2_000).astype(float)
    usual = first**exponent * draw.gamma(2, 0.5, 2_000)
    mean_value = np.where(
        frequency > 0, usual * draw.gamma(3 * np.maximum(frequency, 1)) / np.maximum(3 * frequency, 1), 0
    )
    found = with_first_purchase(fit_spend_model(frequency, mean_value), frequency, mean_value, first)
    assert found.first_exponent == (pytest.approx(exponent, abs=0.1) if exponent else 0.0)


def test_one_large_basket_at_cdnow_is_followed_by_larger_ones() -> None:
    # Of the customers who bought again: later baskets of the fifth with the smallest first one, and with the largest.
    first, frequency, later = (
        column.astype(float)
        for column in cdnow(sample=False)
        .execute("""
            with day as (
                select customer_id, purchased_at, sum(amount) as amount,
                    row_number() over (partition by customer_id order by purchased_at) as number
                from purchases group by customer_id, purchased_at
            )
            select max(case when number = 1 then amount end) as first, count(*) - 1 as frequency,
                coalesce(avg(case when number > 1 then amount end), 0) as later
            from day group by customer_id
        """)
        .fetchnumpy()
        .values()
    )
    paid = np.where(later > 0, frequency, 0.0)
    model = with_first_purchase(fit_spend_model(paid, later), paid, later, first)
    for fifth in (first <= np.quantile(first, 0.2), first >= np.quantile(first, 0.8)):
        again = fifth & (paid > 0)
        made = np.average(later[again], weights=paid[again])
        once = first[fifth]
        assert model.expected_spend(np.zeros(len(once)), np.zeros(len(once)), once).mean() == pytest.approx(
            made, rel=0.2
        )
