"""Propensities on tables of every kind: calibrated, judged on later rows, silent where there is nothing to say."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from predictions import cases
from scipy.special import expit
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from orchestration.predictions.learning import learners, measures
from orchestration.predictions.learning.features import plan_features
from orchestration.predictions.learning.model_choice import time_blocks
from orchestration.predictions.learning.propensity import PropensityModel, fit_propensity


@pytest.fixture(scope="module")
def model() -> PropensityModel:
    return fit_propensity(*cases.answers(12_000, seed=1))


@pytest.fixture(scope="module")
def small() -> tuple[pd.DataFrame, pd.Series, PropensityModel]:
    """1,500 rows, and the model that has learned from them in their order."""
    features, outcome = cases.answers(1_500, seed=3)
    return features, outcome, fit_propensity(features, outcome)


def test_it_comes_near_the_true_probabilities_of_new_rows(model: PropensityModel) -> None:
    features, outcome = cases.answers(20_000, seed=2)
    probability = model.predict_probability(features)
    assert not model.abstains
    assert measures.expected_calibration_error(probability, outcome) <= 0.02
    # The true probabilities rank with an AUC of 0.77; a twentieth of x is missing.
    assert measures.auc(probability, outcome) > 0.74
    assert measures.brier_skill(probability, outcome, outcome.mean()) > 0.14


def test_report_measures_the_newest_fifth_of_the_rows(model: PropensityModel) -> None:
    report = model.report
    outcome = cases.answers(12_000, seed=1)[1]
    assert (report.rows, report.positives, report.rows_held_out) == (12_000, outcome.sum(), 2_400)
    assert report.base_rate_held_out == pytest.approx(outcome.iloc[-2_400:].mean())
    assert report.auc > 0.7
    assert 0 < report.expected_calibration_error < 0.05
    assert report.top_decile_lift > 2
    assert report.reliability["rows"].sum() == 2_400
    assert report.reliability["positives"].sum() == outcome.iloc[-2_400:].sum()
    assert list(report.useful_features)[0] == "x"
    assert {"empty is empty.", "constant is constant."} <= set(report.notes)
    assert any(note.startswith("number differs in nearly every row") for note in report.notes)


def test_held_out_rows_keep_their_labels_even_if_the_model_abstains() -> None:
    features, outcome = cases.answers(1_500, seed=3)
    labels = [f"customer {row}" for row in range(1_500)]
    features, outcome = features.set_axis(labels), outcome.set_axis(labels)
    as_of = pd.Series(pd.date_range("2025-01-01", periods=1_500, freq="h"), index=labels)
    mixed = np.random.default_rng(1).permutation(1_500)
    model = fit_propensity(features.iloc[mixed], outcome.iloc[mixed], as_of.iloc[mixed])
    rows = model.report.held_out
    assert list(rows.index) == labels[1_200:]
    pd.testing.assert_series_equal(rows["outcome"] == 1, outcome[1_200:], check_names=False)
    pd.testing.assert_series_equal(rows["as_of"], as_of[1_200:], check_names=False, check_freq=False)
    assert measures.auc(rows["probability"], rows["outcome"]) == model.report.auc
    assert model.without_rows().report.held_out is None
    np.testing.assert_array_equal(
        model.without_rows().predict_probability(features), model.predict_probability(features)
    )
    turned = fit_propensity(features, outcome.where(np.arange(1_500) < 1_200, features["x"].fillna(0) < -0.5))
    assert turned.abstains
    assert turned.report.held_out["probability"].nunique() > 100
    assert turned.report.held_out["as_of"].isna().all()
    assert fit_propensity(features, outcome & (np.arange(1_500) < 90)).report.held_out is None


def test_the_same_input_gives_the_same_scores(small: tuple[pd.DataFrame, pd.Series, PropensityModel]) -> None:
    features, outcome, first = small
    second = fit_propensity(*cases.answers(1_500, seed=3))
    np.testing.assert_array_equal(first.predict_probability(features), second.predict_probability(features))


def test_rows_in_any_order_give_the_same_model_where_moments_are_given() -> None:
    features, outcome = cases.answers(1_500, seed=3)
    as_of = pd.Series(pd.date_range("2025-01-01", periods=1_500, freq="h"))
    mixed = np.random.default_rng(1).permutation(1_500)
    once = fit_propensity(features, outcome, as_of)
    again = fit_propensity(features.iloc[mixed], outcome.iloc[mixed], as_of.iloc[mixed])
    np.testing.assert_allclose(once.predict_probability(features), again.predict_probability(features))


# --- when it says nothing --------------------------------------------------------------------------------------------


def test_noise_makes_it_abstain_with_the_base_rate() -> None:
    features = cases.answers(4_000, seed=4)[0]
    outcome = pd.Series(np.random.default_rng(11).random(4_000) < 0.1)
    model = fit_propensity(features, outcome)
    assert "not better than the base rate beyond chance" in model.abstains
    np.testing.assert_array_equal(model.predict_probability(features), np.full(4_000, outcome.mean()))
    assert model.report.auc is not None


@pytest.mark.parametrize("positives", [0, 1, 49])
def test_too_few_positives_make_it_abstain(positives: int) -> None:
    features = cases.answers(1_000, seed=4)[0]
    outcome = pd.Series(np.arange(1_000) < positives)
    model = fit_propensity(features, outcome)
    assert f"{positives} of 1000 rows {'is' if positives == 1 else 'are'} positive; learning needs 50" in model.abstains
    assert model.predict_probability(features.head(3)) == pytest.approx([positives / 1_000] * 3)
    # As many negatives are needed.
    assert "negative; learning needs 50" in fit_propensity(features, ~outcome).abstains


def test_positives_of_long_ago_only_make_it_abstain() -> None:
    features = cases.answers(1_000, seed=4)[0]
    model = fit_propensity(features, pd.Series(np.arange(1_000) < 300))
    assert "0 of 300 positive rows are among the newest 200" in model.abstains


def test_a_table_without_information_makes_it_abstain() -> None:
    outcome = pd.Series(np.arange(400) % 3 == 0)
    nothing = pd.DataFrame({"empty": [None] * 400, "constant": [1] * 400, "id": [f"c{row}" for row in range(400)]})
    assert "No column carries information" in fit_propensity(nothing, outcome).abstains
    assert "No column carries information" in fit_propensity(pd.DataFrame(index=range(400)), outcome).abstains


def test_one_in_a_thousand_is_calibrated_too() -> None:
    features, outcome = cases.answers(100_000, seed=6, level=-8.0)
    columns = ["x", "z"]
    model = fit_propensity(features[columns], outcome)
    assert outcome.mean() < 0.0015
    assert not model.abstains
    later, seen = cases.answers(100_000, seed=7, level=-8.0)
    probability = model.predict_probability(later[columns])
    assert probability.mean() == pytest.approx(seen.mean(), rel=0.3)
    assert measures.lift_at(probability, seen) > 3


# --- time ------------------------------------------------------------------------------------------------------------


def test_what_holds_only_in_the_past_is_found_out() -> None:
    """A column that told the outcome until the newest fifth, and the opposite since."""
    draws = np.random.default_rng(5)
    signal = draws.normal(size=5_000)
    sign = np.where(np.arange(5_000) < 4_000, 1, -1)
    outcome = pd.Series(draws.random(5_000) < 1 / (1 + np.exp(-2 * sign * signal)))
    model = fit_propensity(pd.DataFrame({"signal": signal}), outcome)
    assert model.abstains
    assert model.report.auc < 0.5


def test_scores_follow_the_newest_base_rate() -> None:
    """From 10 % to 30 % before the newest labelled tenth: the scores of tomorrow average near 30 %."""
    draws = np.random.default_rng(5)
    x = draws.normal(size=20_000)
    level = np.where(np.arange(20_000) < 14_000, -2.6, -1.1)
    outcome = pd.Series(draws.random(20_000) < 1 / (1 + np.exp(-(level + x))))
    model = fit_propensity(pd.DataFrame({"x": x}), outcome)
    assert not model.abstains
    assert model.predict_probability(pd.DataFrame({"x": x})).mean() == pytest.approx(outcome[14_000:].mean(), abs=0.02)
    assert any("base rate moved" in note for note in model.report.notes)


def test_a_leak_is_pointed_at() -> None:
    features, outcome = cases.answers(1_500, seed=8)
    leaky = features.assign(paid_later=np.where(outcome, "yes", "no"))
    assert fit_propensity(leaky, outcome).report.suspected_leaks == ("paid_later",)


def test_dates_count_from_the_moment_of_their_row() -> None:
    """What matters is that the last purchase was less than 30 days ago, whichever year it is."""
    draws = np.random.default_rng(9)
    as_of = pd.Series(pd.date_range("2022-01-01", "2024-12-31", periods=4_000))
    ago = draws.integers(1, 90, 4_000)
    features = pd.DataFrame({"last_purchase": as_of - pd.to_timedelta(ago, unit="D")})
    outcome = pd.Series(draws.random(4_000) < np.where(ago < 30, 0.5, 0.1))
    model = fit_propensity(features, outcome, as_of)
    asked = pd.DataFrame({"last_purchase": pd.to_datetime(["2026-05-22", "2026-03-13"])})
    # 10 and 80 days before the first of June 2026.
    recent, old = model.predict_probability(asked, as_of=pd.Timestamp("2026-06-01"))
    assert recent == pytest.approx(0.5, abs=0.08)
    assert old == pytest.approx(0.1, abs=0.04)


MOMENTS = pd.Series(pd.date_range("2025-01-01", periods=8, freq="MS"))


def test_rows_of_few_moments_are_judged_and_tried_by_whole_moments() -> None:
    """Customers at eight months' starts, in mixed order: the newest two months are held out, all of their rows."""
    features, outcome = cases.answers(1_600, seed=21)
    month = np.random.default_rng(3).permutation(np.repeat(np.arange(8), 200))
    as_of = pd.Series(MOMENTS.to_numpy()[month])
    rows = fit_propensity(features, outcome, as_of).report.held_out
    assert set(rows["as_of"]) == set(MOMENTS[6:])
    assert sorted(rows.index) == sorted(np.flatnonzero(month >= 6))
    # Six months to learn from: each of the blocks begins with a month and is predicted from whole months before it.
    days = np.sort(month[month < 6]).astype(float)
    blocks = time_blocks(outcome[month < 6].to_numpy(float), days)
    assert {begin % 200 for begin, _ in blocks} == {0}
    assert blocks[-1][1] == 1_200
    assert [end for _, end in blocks[:-1]] == [begin for begin, _ in blocks[1:]]
    # Two months: the second from the first.
    assert time_blocks(outcome[:400].to_numpy(float), days[:400]) == [(200, 400)]


def test_rows_of_one_moment_in_the_order_of_their_outcome_are_judged_all_the_same() -> None:
    features, outcome = cases.answers(1_000, seed=22)
    order = np.argsort(~outcome.to_numpy(), kind="stable")
    assert "row order counts as time" in fit_propensity(features.iloc[order], outcome.iloc[order]).abstains
    model = fit_propensity(features.iloc[order], outcome.iloc[order], pd.Timestamp("2025-06-30"))
    assert not model.abstains
    assert any(note.startswith("All rows are of one moment") for note in model.report.notes)


@pytest.mark.parametrize(("rows", "level"), [(150, 0.0), (2_000, -4.0)])
def test_a_clear_signal_is_used_in_a_small_table_and_with_few_positives(rows: int, level: float) -> None:
    """75 of 150, or some 70 of 2,000 rows."""
    draws = np.random.default_rng(31)
    features = pd.DataFrame(draws.normal(size=(rows, 4)), columns=list("abcd"))
    odds = 1.6 * features["a"] - features["b"] + level
    outcome = pd.Series(draws.random(rows) < 1 / (1 + np.exp(-odds)))
    model = fit_propensity(features, outcome)
    assert not model.abstains
    assert measures.auc(model.predict_probability(features), outcome) > 0.8


def test_levels_that_come_and_go_do_not_rule_the_scores() -> None:
    """A rate of 12 % and of 38 % by turns, the newest tenth at 38 %: the scores stay near the mean of all."""
    draws = np.random.default_rng(6)
    x, turn = draws.normal(size=20_000), np.arange(20_000) // 2_000 % 2
    outcome = pd.Series(draws.random(20_000) < 1 / (1 + np.exp(-(x - 2.4 + 1.8 * turn))))
    said = fit_propensity(pd.DataFrame({"x": x}), outcome).predict_probability(pd.DataFrame({"x": x}))
    assert outcome[-2_000:].mean() > 0.35
    assert said.mean() == pytest.approx(outcome.mean(), abs=0.05)


def test_a_line_through_many_columns_is_pulled_to_what_matters() -> None:
    """Five of 300 columns say something, 400 rows: against scikit-learn's line with its usual strength."""
    draws = np.random.default_rng(41)
    matrix, later = draws.normal(size=(400, 300)), draws.normal(size=(4_000, 300))
    happened, seen = (
        (draws.random(len(side)) < 1 / (1 + np.exp(-side[:, :5].sum(axis=1)))).astype(float) for side in (matrix, later)
    )
    with threadpool_limits(1):  # as fit_propensity does
        line = learners.fit_line(matrix, happened, np.zeros(300, dtype=bool), seed=1)
        usual = LogisticRegression(max_iter=500).fit(matrix, happened)
    assert measures.auc_of_scores(line.odds(later), seen) > measures.auc_of_scores(usual.decision_function(later), seen)
    assert measures.brier_score(expit(line.odds(later)), seen) < measures.brier_score(
        usual.predict_proba(later)[:, 1], seen
    )
    assert set(np.argsort(-line.strength)[:3]) <= set(range(5))


def test_a_line_learns_from_the_size_of_amounts_with_a_long_tail() -> None:
    """Log odds follow the logarithm of an amount: those of the line do too, over four orders of magnitude."""
    draws = np.random.default_rng(42)
    amount = draws.lognormal(3, 2, size=(6_000, 1))
    happened = (draws.random(6_000) < 1 / (1 + np.exp(-(0.8 * np.log(amount[:, 0]) - 4)))).astype(float)
    line = learners.fit_line(amount, happened, np.zeros(1, dtype=bool), seed=1)
    asked = np.array([[1.0], [20.0], [400.0], [8_000.0]])
    # The truth: -4, -1.6, 0.8 and 3.2.
    assert np.corrcoef(line.odds(asked), [-4, -1.6, 0.8, 3.2])[0, 1] > 0.97


def test_on_tumours_it_is_as_good_as_a_plain_line() -> None:
    """569 tumours with 30 measures (Street, Wolberg and Mangasarian 1993), which scikit-learn brings along."""
    found = load_breast_cancer(as_frame=True)
    model = fit_propensity(found.data, found.target)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    plain = line.fit(found.data[:455], found.target[:455]).predict_proba(found.data[455:])[:, 1]
    assert model.report.auc >= measures.auc(plain, found.target[455:]) - 0.005


# --- any table -------------------------------------------------------------------------------------------------------


def test_columns_of_every_type_can_be_learned_from() -> None:
    draws = np.random.default_rng(10)
    rows = 1_000
    flag = draws.random(rows) < 0.5
    features = pd.DataFrame(
        {
            "nullable": pd.array(np.where(flag, 1, None), dtype="Int64"),
            "decimals": [Decimal("1.50") if flagged else None for flagged in flag],
            "category": pd.Categorical(np.where(flag, "a", "b")),
            "mixed": [value if number % 2 else str(value) for number, value in enumerate(draws.integers(0, 9, rows))],
            "truth": pd.array([True, None] * (rows // 2), dtype="boolean"),
            "day": [date(2024, 1, 1 + number % 28) for number in range(rows)],
            "moment": pd.date_range("2024-01-01", periods=rows, freq="h", tz="Europe/Amsterdam"),
            "span": pd.to_timedelta(draws.integers(1, 500, rows), unit="h"),
            "infinite": np.where(flag, np.inf, draws.normal(size=rows)),
            "huge": draws.normal(size=rows) * 1e300,
            "lists": [[number % 3] for number in range(rows)],
            "text": [f"note {number} about {number * 7 % 91}" for number in range(rows)],
            "iso": [f"2024-02-{1 + number % 28:02d}" for number in range(rows)],
        }
    )
    features.columns = [*features.columns[:-1], "lists"]  # a name that occurs twice
    outcome = pd.Series(np.where(flag, 1, 0)).where(draws.random(rows) < 0.9, 0)
    model = fit_propensity(features, outcome)
    assert not model.abstains
    probability = model.predict_probability(features)
    assert np.isfinite(probability).all()
    assert probability[flag].mean() > 0.8
    assert probability[~flag].mean() < 0.1
    assert "lists.2" in [column.name for column in model.plan.columns]


@pytest.mark.filterwarnings("error")
def test_columns_that_were_filled_only_lately_are_no_trouble() -> None:
    features, outcome = cases.answers(1_500, seed=1)
    row = np.arange(1_500)
    late = features.assign(
        late=np.where(row > 1_000, features["z"], np.nan),
        late_colour=features["colour"].where(row > 1_000, None),
        newest=np.where(row > 1_300, features["z"], np.nan),
    )
    model = fit_propensity(late, outcome)
    assert not model.abstains
    assert "newest is empty." in model.report.notes  # where it was judged
    assert np.isfinite(model.predict_probability(late)).all()


def test_a_column_of_numbers_that_are_names_does_not_break_a_numbered_table() -> None:
    features, outcome = cases.answers(1_000, seed=12)
    numbered = pd.DataFrame({0: features["x"], 1: features["colour"]})
    assert len(fit_propensity(numbered, outcome).predict_probability(numbered)) == 1_000


def test_unseen_values_and_further_columns_are_no_trouble(model: PropensityModel) -> None:
    features = cases.answers(50, seed=13)[0].assign(colour="mauve", further=1, x=None)
    probability = model.predict_probability(features[reversed(features.columns)])
    assert ((probability > 0) & (probability < 1)).all()
    assert len(model.predict_probability(features.head(0))) == 0


def test_a_missing_column_is_named(model: PropensityModel) -> None:
    with pytest.raises(ValueError, match="missing here: colour"):
        model.predict_probability(cases.answers(50, seed=13)[0].drop(columns="colour"))


def test_what_was_rare_is_one_group_with_what_was_never_seen() -> None:
    plan = plan_features(pd.DataFrame({"shop": ["north"] * 20 + ["south"] * 9 + ["closed"] * 2}))
    codes = plan.matrix(pd.DataFrame({"shop": ["north", "south", "closed", "new", None]}))[:, 0]
    assert list(codes[:4]) == [1, 2, 0, 0]
    assert np.isnan(codes[4])


@pytest.mark.parametrize(
    ("outcome", "as_of", "said"),
    [
        ([1, 0], None, "outcome 2"),
        ([1, 0, None], None, "missing in 1 rows"),
        ([1, 0, 2], None, "true or false"),
        (["yes", "no", "no"], None, "true or false"),
        ([1, 0, 1], ["2024-01-01"], "1 moments for 3 rows"),
        ([1, 0, 1], [datetime(2024, 1, 1), None, None], "not a moment in 2 rows"),
    ],
)
def test_input_that_cannot_be_meant_is_refused_in_a_sentence(outcome: list[Any], as_of: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit_propensity(pd.DataFrame({"x": [1, 2, 3]}), pd.Series(outcome), as_of)


def test_features_and_outcome_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="different indexes"):
        fit_propensity(pd.DataFrame({"x": [1, 2]}), pd.Series([0, 1], index=[5, 6]))
    with pytest.raises(ValueError, match="no rows"):
        fit_propensity(pd.DataFrame({"x": []}), pd.Series([], dtype=float))


# --- real calls ------------------------------------------------------------------------------------------------------


def test_on_bank_calls_it_is_no_worse_than_a_plain_line_and_better_than_the_base_rate() -> None:
    """The newest fifth of the calls, made in a crisis: 31 % said yes where 6 % had before.

    The plain line is logistic regression on the same columns, learned from the same older rows.
    """
    if not cases.BANK.exists():
        pytest.skip(f"needs {cases.BANK}")
    calls = pd.read_csv(cases.BANK, sep=";")
    features, outcome = calls.drop(columns=["y", "duration"]), calls["y"] == "yes"
    report = fit_propensity(features, outcome).report
    cut = int(len(calls) * 0.8)
    dummies = pd.get_dummies(features, dtype=float)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(dummies[:cut], outcome[:cut])
    plain = line.predict_proba(dummies[cut:])[:, 1]
    assert report.rows_held_out == len(calls) - cut
    assert report.auc >= measures.auc(plain, outcome[cut:]) - 0.005
    assert report.auc > 0.7
    assert report.brier_skill > 0.2
    assert report.expected_calibration_error <= measures.expected_calibration_error(plain, outcome[cut:]) + 0.005
    assert report.top_decile_lift > 1.9
