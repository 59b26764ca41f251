"""The purchase models against the papers' tables, another implementation, a hand calculation and customers of known
habits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from predictions import cases

from orchestration.predictions.learning.purchase_models import KINDS, Kind, PurchaseModel, fit_purchase_model
from orchestration.predictions.learning.spend import SpendModel, fit_spend_model
from orchestration.predictions.scoring.purchases import purchase_history

# On the 1/10 sample in weeks: Fader, Hardie and Lee 2005, table 2; Pareto/NBD there too.
PUBLISHED = {
    "bg_nbd": ({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, -9582.4),
    "pareto_nbd": ({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, -9595.0),
}
GRID_FREQUENCY = [0.0, 0.0, 1.0, 2.0, 7.0, 26.0]
GRID_RECENCY = [0.0, 0.0, 3.0, 30.43, 35.0, 30.86]
GRID_AGE = [27.0, 38.86, 30.0, 38.86, 38.9, 31.0]

# Runs where lifetimes is installed, which needs older packages than ours.
_LIFETIMES = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from lifetimes import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
known = {name: np.array(values) for name, values in json.load(sys.stdin).items()}
answer = {}
for kind, fitter in (("bg_nbd", BetaGeoFitter), ("mbg_nbd", ModifiedBetaGeoFitter), ("pareto_nbd", ParetoNBDFitter)):
    model = fitter(penalizer_coef=0).fit(known["frequency"], known["recency"], known["age"])
    grid = known["grid_frequency"], known["grid_recency"], known["grid_age"]
    answer[kind] = {
        "params": dict(model.params_),
        "expected": list(model.conditional_expected_number_of_purchases_up_to_time(39, *grid)),
        "alive": [float(value) for value in model.conditional_probability_alive(*grid)],
    }
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def weeks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CDNOW's calibration period."""
    if not cases.CDNOW.is_dir():
        pytest.skip(f"needs CDNOW in {cases.CDNOW}")
    known = purchase_history(cases.cdnow(), "purchases", cases.CALIBRATION_END)
    return known.frequency, known.recency / 7, known.age / 7


@pytest.fixture(scope="module")
def fitted(weeks: tuple[np.ndarray, ...]) -> Callable[[Kind], PurchaseModel]:
    models = {kind: fit_purchase_model(*weeks, kind=kind) for kind in KINDS}
    return lambda kind: models[kind]


@pytest.fixture(scope="module")
def lifetimes(weeks: tuple[np.ndarray, ...]) -> dict[str, Any]:
    """The same by lifetimes, in its own environment."""
    if not cases.REFERENCE_PYTHON.exists():
        pytest.skip("needs lifetimes: make .venv-reference/installed brings it")
    question = dict(zip(("frequency", "recency", "age"), (list(column) for column in weeks), strict=True))
    question |= {"grid_frequency": GRID_FREQUENCY, "grid_recency": GRID_RECENCY, "grid_age": GRID_AGE}
    done = subprocess.run(
        [cases.REFERENCE_PYTHON, "-c", _LIFETIMES],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", PUBLISHED)
def test_cdnow_gives_the_published_parameters(fitted: Callable[[Kind], PurchaseModel], kind: Kind) -> None:
    params, log_likelihood = PUBLISHED[kind]
    assert fitted(kind).params == pytest.approx(params, abs=0.001)
    assert fitted(kind).log_likelihood == pytest.approx(log_likelihood, abs=0.06)
    assert fitted(kind).customers == 2_357


def test_cdnow_gives_the_published_expectation_of_the_holdout(
    fitted: Callable[[Kind], PurchaseModel], weeks: tuple[np.ndarray, ...]
) -> None:
    made = purchase_history(cases.cdnow(), "purchases", cases.CALIBRATION_END, horizon=cases.HOLDOUT_DAYS).bought_later
    expected = fitted("bg_nbd").expected_purchases(39, *weeks)
    assert made.sum() == 1_882
    assert expected.sum() == pytest.approx(1_653, abs=1)
    assert np.corrcoef(expected, made)[0, 1] == pytest.approx(0.626, abs=0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_lifetimes_finds_the_same(
    fitted: Callable[[Kind], PurchaseModel], lifetimes: dict[str, Any], kind: Kind
) -> None:
    ours, theirs = fitted(kind), lifetimes[kind]
    assert ours.params == pytest.approx(theirs["params"], rel=0.0005)
    grid = GRID_FREQUENCY, GRID_RECENCY, GRID_AGE
    np.testing.assert_allclose(ours.expected_purchases(39, *grid), theirs["expected"], rtol=0.002)
    np.testing.assert_allclose(ours.probability_alive(*grid), theirs["alive"], rtol=0.002)


@pytest.mark.parametrize(
    ("a", "b", "growth", "shape"),
    [(0.793, 2.4, 8.0, 0.24), (0.793, 100.0, 50.0, 97.0), (1.0, 3.0, 1.0, 2.0), (0.79, 2_000.0, 12.0, 2_000.0),
     (0.3, 1.2, 60.0, 1.2), (2.5, 0.7, 3.0, 9.0)],
)  # fmt: skip
def test_expected_purchases_are_the_integral_that_defines_them(a: float, b: float, growth: float, shape: float) -> None:
    """The mean over p ~ Beta(a, b) of (1 - (1 + p z)^-n) / p, by mpmath, also at a = 1 where the closed form fails."""
    # With alpha + age = 1, horizon = z, r + x = n; b + x is the second parameter, so that x = 0 leaves b as it is.
    model = PurchaseModel("bg_nbd", {"r": shape, "alpha": 1.0, "a": a, "b": b}, 0.0, 1, 0.0)
    cuts = [0, 1e-12, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1]
    density = mpmath.quad(
        lambda p: (1 - (1 + p * growth) ** (-shape)) / p * p ** (a - 1) * (1 - p) ** (b - 1), cuts
    ) / mpmath.beta(a, b)
    assert model.expected_purchases(growth, [0], [0], [0])[0] == pytest.approx(float(density), rel=1e-5)


@pytest.mark.parametrize(("s", "expected"), [(0.6, 1.1758), (1.0, 0.8682), (2.5, 0.3543)])
def test_new_pareto_nbd_customer_is_expected_to_buy_as_published(s: float, expected: float) -> None:
    """Schmittlein et al. 1987: r β / (α (s - 1)) · (1 - (β / (β + t))^(s - 1)), and r β / α · ln(1 + t / β) at s = 1.

    r = 0.5, α = 10, β = 12, t = 39, computed apart.
    """
    model = PurchaseModel("pareto_nbd", {"r": 0.5, "alpha": 10.0, "s": s, "beta": 12.0}, 0.0, 1, 0.0)
    assert model.expected_purchases(39, [0], [0], [0])[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_time_does_not_matter(kind: Kind) -> None:
    history = cases.bg_nbd_customers(400, 0.8, 10, 0.8, 2.5, 60)
    in_weeks = fit_purchase_model(*history, kind=kind)
    in_seconds = fit_purchase_model(history[0], history[1] * 604_800, history[2] * 604_800, kind=kind)
    np.testing.assert_allclose(
        in_weeks.expected_purchases(52, *history),
        in_seconds.expected_purchases(52 * 604_800, history[0], history[1] * 604_800, history[2] * 604_800),
        rtol=1e-3,
    )


def test_customers_who_live_by_the_story_give_their_parameters_back() -> None:
    model = fit_purchase_model(*cases.bg_nbd_customers(6_000, 0.8, 10.0, 0.8, 2.5, 80))
    assert model.params["r"] == pytest.approx(0.8, rel=0.1)
    assert model.params["alpha"] == pytest.approx(10.0, rel=0.12)
    # Mean probability of leaving after a purchase: 0.8 / 3.3.
    assert model.params["a"] / (model.params["a"] + model.params["b"]) == pytest.approx(0.2424, rel=0.1)


def test_equal_customers_counted_once_give_the_same_fit() -> None:
    frequency, recency, age = cases.bg_nbd_customers(300, 0.8, 10, 0.8, 2.5, 60)
    once = fit_purchase_model(frequency, recency, age)
    thrice = fit_purchase_model(np.tile(frequency, 3), np.tile(recency, 3), np.tile(age, 3))
    assert thrice.params == pytest.approx(once.params, rel=1e-3)
    assert thrice.log_likelihood == pytest.approx(3 * once.log_likelihood, rel=1e-9)


def test_without_a_repeat_purchase_a_bg_nbd_customer_is_alive() -> None:
    """In the BG/NBD, no customer leaves before the second purchase; in the MBG/NBD some do."""
    history = cases.bg_nbd_customers(300, 0.8, 10, 0.8, 2.5, 60)
    assert fit_purchase_model(*history).probability_alive([0], [0], [50])[0] == 1
    assert fit_purchase_model(*history, kind="mbg_nbd").probability_alive([0], [0], [50])[0] < 0.9


def test_next_purchase_is_the_median_of_the_customers_own_rate() -> None:
    """With rate ~ Gamma(r + x, alpha + age) the wait is longer than t with ((alpha + age) / (alpha + age + t))^(r + x).

    r = 1, x = 1, alpha + age = 10: (10 / (10 + t))² = 1/2 at t = 10 (√2 - 1) = 4.1421.
    """
    model = PurchaseModel("bg_nbd", {"r": 1.0, "alpha": 4.0, "a": 1.0, "b": 3.0}, 0.0, 1, 0.0)
    assert model.time_to_next_purchase([1], [2], [6])[0] == pytest.approx(4.14214, rel=1e-5)


# --- spend -----------------------------------------------------------------------------------------------------------


def test_cdnow_gives_the_published_spend() -> None:
    if not cases.CDNOW.is_dir():
        pytest.skip(f"needs CDNOW in {cases.CDNOW}")
    known = purchase_history(cases.cdnow(), "purchases", cases.CALIBRATION_END)
    bought = known.repeat_value > 0
    model = fit_spend_model(known.frequency[bought], known.repeat_value[bought])
    assert model.buyers == 946
    assert model.params == pytest.approx({"p": 6.25, "q": 3.74, "gamma": 15.44}, abs=0.01)
    assert not model.spend_follows_frequency


def test_expected_spend_lies_between_the_customers_mean_and_that_of_all() -> None:
    """p (gamma + x m) / (p x + q - 1): 6 · (15 + 35) / 9 = 33.33 after one purchase of 35; before, 6 · 15 / 3 = 30."""
    model = SpendModel({"p": 6.0, "q": 4.0, "gamma": 15.0}, 0.0, 1, 0.0)
    assert list(model.expected_spend([1, 0], [35.0, 0.0])) == pytest.approx([33.3333, 30.0], abs=1e-3)


def test_customers_who_spend_by_the_story_give_their_mean_back() -> None:
    """Each has a mean of their own; over all it is p gamma / (q - 1) = 6 · 15 / 3 = 30."""
    draws = np.random.default_rng(5)
    times = draws.integers(1, 9, 4_000)
    scale = draws.gamma(4, 1 / 15, 4_000)
    model = fit_spend_model(times, draws.gamma(6 * times, 1 / scale) / times)
    assert model.expected_spend([0], [0.0])[0] == pytest.approx(30, rel=0.04)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequency", "recency", "age", "said"),
    [
        ([], [], [], "no customers"),
        ([1.0], [2.0, 3.0], [4.0], "one entry per customer"),
        ([-1.0], [0.0], [4.0], "below 0"),
        ([1.5], [1.0], [4.0], "whole number"),
        ([1.0], [5.0], [4.0], "recency above age"),
        ([0.0], [2.0], [4.0], "without a repeat"),
        ([2.0], [0.0], [4.0], "recency 0"),
        ([np.nan], [0.0], [4.0], "missing, infinite"),
        ([1.0], [np.inf], [4.0], "missing, infinite"),
        (["many"], [1.0], [4.0], "not numbers"),
        ([[1.0]], [[1.0]], [[4.0]], "one-dimensional"),
    ],
)
def test_input_that_cannot_be_meant_is_refused_in_a_sentence(frequency: Any, recency: Any, age: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit_purchase_model(frequency, recency, age)


@pytest.mark.parametrize(
    ("frequency", "recency", "age"), [([0] * 50, [0] * 50, [10] * 50), ([3], [2], [5]), ([0], [0], [0])]
)
def test_too_few_repeat_buyers_make_it_abstain(frequency: list[int], recency: list[int], age: list[int]) -> None:
    model = fit_purchase_model(frequency, recency, age)
    assert "needs 10" in model.abstains
    rate = sum(frequency) / sum(age) if sum(age) else 0
    np.testing.assert_allclose(model.expected_purchases(4, frequency, recency, age), 4 * rate)
    # The median of an exponential wait; without any purchase the rate counts as 1e-9.
    np.testing.assert_allclose(model.time_to_next_purchase(frequency, recency, age), np.log(2) / max(rate, 1e-9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("error")
def test_extreme_histories_give_finite_numbers(kind: Kind) -> None:
    history = cases.bg_nbd_customers(300, 0.8, 10, 0.8, 2.5, 60)
    fitted = fit_purchase_model(*history, kind=kind)
    same = fit_purchase_model([5.0] * 40, [9.0] * 40, [10.0] * 40, kind=kind)
    extreme = ([0.0, 1e5, 1.0, 3_000.0], [0.0, 1e4, 1e-6, 1.0], [0.0, 1e4, 1e6, 1e6])
    for model in (fitted, same):
        for horizon in (0.0, 1e-6, 52.0, 1e5):
            expected = model.expected_purchases(horizon, *extreme)
            assert np.isfinite(expected).all()
            assert (expected >= 0).all()
        alive = model.probability_alive(*extreme)
        assert ((alive >= 0) & (alive <= 1)).all()
        assert np.isfinite(model.time_to_next_purchase(*extreme)).all()


def test_a_horizon_that_is_none_is_refused() -> None:
    model = fit_purchase_model(*cases.bg_nbd_customers(300, 0.8, 10, 0.8, 2.5, 60))
    for horizon in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="horizon"):
            model.expected_purchases(horizon, [1], [1], [2])


@pytest.mark.parametrize(
    ("frequency", "value", "said"),
    [([], [], "no customers"), ([2], [-3.0], "not above 0"), ([2], [0.0], "not above 0"), ([2], [np.nan], "missing"),
     ([-2], [5.0], "below 0"), ([1, 2], [5.0], "one entry")],
)  # fmt: skip
def test_spend_that_cannot_be_meant_is_refused(frequency: list[int], value: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit_spend_model(frequency, value)


def test_spend_abstains_where_nothing_can_be_learned() -> None:
    few = fit_spend_model([1, 0], [20.0, np.nan])
    assert "needs 10" in few.abstains
    assert list(few.expected_spend([3, 0], [50.0, np.nan])) == [20, 20]
    equal = fit_spend_model([2] * 30, [9.99] * 30)
    assert "the same" in equal.abstains
    assert equal.expected_spend([1], [100.0])[0] == pytest.approx(9.99)
