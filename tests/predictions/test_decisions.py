"""Campaign effects, other policies, scores over time, saved models: against hand calculations or a known truth."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from predictions import cases
from scipy import stats

from orchestration.firm.folder import FirmFolder
from orchestration.predictions.judging.policy import evaluate_policy
from orchestration.predictions.judging.uplift import campaign_effect
from orchestration.predictions.learning import measures
from orchestration.predictions.learning.propensity import fit_propensity
from orchestration.predictions.learning.replacement import should_replace
from orchestration.predictions.scoring.registry import (
    RegistryError,
    is_readable,
    load_model,
    manifest_of,
    save_model,
    versions,
)
from orchestration.settings import EXAMPLES
from orchestration.warehouse.dbt_variables import project_variable

# --- campaign effect -------------------------------------------------------------------------------------------------


def bought(with_offer: int, of: int, without: int, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    treated = np.repeat([1, 0], [of, held_out])
    outcome = np.concatenate([np.arange(of) < with_offer, np.arange(held_out) < without])
    return treated, outcome.astype(int)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 10), 0.6075, 1.0)],
)
def test_newcombes_own_examples_come_out(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10: examples (a), (b) and (h)."""
    found = campaign_effect(*bought(*counts))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    assert found.significant


def test_without_a_hold_out_the_effect_is_unknown() -> None:
    found = campaign_effect([1, 1, 1], [1, 0, 1])
    assert found.unknown.startswith("Effect unknown")
    assert found.effect is None
    assert not found.significant
    assert campaign_effect([], []).unknown


def test_a_covariate_narrows_the_interval_and_keeps_the_effect() -> None:
    draws = np.random.default_rng(4)
    before = draws.gamma(2, 50, 4_000)
    treated = draws.permutation(np.repeat([1, 0], 2_000))
    spent = 0.9 * before + draws.normal(0, 10, 4_000) + 5 * treated
    plain, adjusted = campaign_effect(treated, spent), campaign_effect(treated, spent, before)
    assert adjusted.adjusted
    assert adjusted.low < 5 < adjusted.high
    assert adjusted.high - adjusted.low < 0.25 * (plain.high - plain.low)


def test_interval_of_an_amount_is_the_one_that_scipy_gives() -> None:
    with_offer, without = [12.0, 0.0, 30.5, 8.0, 19.0], [3.0, 0.0, 11.0]
    found = campaign_effect([1] * 5 + [0] * 3, with_offer + without, confidence=0.9)
    expected = stats.ttest_ind(with_offer, without, equal_var=False).confidence_interval(0.9)
    assert (found.method, found.low, found.high) == ("Welch", pytest.approx(expected.low), pytest.approx(expected.high))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    draws = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        treated = np.repeat([1, 0], [300, 100])
        outcome = draws.random(400) < np.where(treated == 1, 0.12, 0.08)
        found = campaign_effect(treated, outcome)
        held += found.low <= 0.04 <= found.high
    assert 0.92 <= held / 400 <= 0.985


@pytest.mark.parametrize(("treated", "outcome"), [([1, 2], [0, 1]), ([1, 0], [np.nan, 1]), ([1], [1, 0])])
def test_campaign_figures_that_cannot_be_meant_are_refused(treated: list[float], outcome: list[float]) -> None:
    with pytest.raises(ValueError, match=r"treated|outcome"):
        campaign_effect(treated, outcome)


# --- other policies --------------------------------------------------------------------------------------------------


def test_weights_are_those_of_the_definition() -> None:
    """Rewards 1, 0, 1 with weights 0.5 / 0.25 = 2, 1 / 0.5 = 2, 0.5 / 1 = 0.5: 2.5 / 3 and 2.5 / 4.5."""
    found = evaluate_policy([1, 0, 1], [0.25, 0.5, 1.0], [0.5, 1.0, 0.5])
    assert found["ips"].value == pytest.approx(2.5 / 3)
    assert found["snips"].value == pytest.approx(2.5 / 4.5)
    assert found["ips"].effective_rows == pytest.approx(4.5**2 / 8.25)


def test_a_policy_that_was_never_tried_gets_its_true_value() -> None:
    """Three actions; the log mostly did the first. The judged policy does what suits each customer: 0.30 on average."""
    draws = np.random.default_rng(2)
    rows = 40_000
    customer = draws.integers(0, 3, rows)
    # Reward rate of action j for kind of customer i.
    rate = np.array([[0.10, 0.20, 0.05], [0.10, 0.05, 0.30], [0.40, 0.05, 0.10]])
    chances = np.array([0.7, 0.2, 0.1])
    action = draws.choice(3, rows, p=chances)
    reward = (draws.random(rows) < rate[customer, action]).astype(float)
    best = rate.argmax(axis=1)
    target = (action == best[customer]).astype(float)
    found = evaluate_policy(reward, chances[action], target)
    truth = rate.max(axis=1).mean()
    assert truth == pytest.approx(0.30)
    assert abs(reward.mean() - truth) > 0.1  # what the log itself earned is no answer
    for estimate in found.values():
        assert estimate.low <= truth <= estimate.high
        assert estimate.high - estimate.low < 0.05
        assert not estimate.notes
    assert set(found) == {"ips", "snips"}


def test_wrong_propensities_are_noticed() -> None:
    draws = np.random.default_rng(2)
    action = draws.choice(2, 5_000, p=[0.9, 0.1])
    found = evaluate_policy(draws.random(5_000), np.full(5_000, 0.5), (action == 0).astype(float))
    assert "propensities are not right" in found["ips"].notes[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ([], [], []),
        ([1.0], [0.0], [0.5]),
        ([1.0], [0.5], [1.5]),
        ([np.nan], [0.5], [0.5]),
        ([1e300, 1.0], [0.5, 0.5], [0.5, 0.5]),
        ([1.0], [0.5], []),
    ],
)
def test_a_log_that_cannot_answer_is_refused(arguments: tuple[list[float], ...]) -> None:
    with pytest.raises(ValueError, match=r"reward|propensity|probability|empty"):
        evaluate_policy(*arguments)


def test_an_interval_that_would_have_no_end_is_refused() -> None:
    one = evaluate_policy([1.0], [0.5], [0.5])["ips"]
    assert (one.value, one.low, one.high) == (1.0, -np.inf, np.inf)  # one decision: any interval would be made up
    for confidence in (0.0, 1 - 1e-16, float("nan")):
        with pytest.raises(ValueError, match="confidence must be above 0"):
            evaluate_policy([1.0, 0.0], [0.5, 0.5], [0.5, 0.5], confidence=confidence)
        with pytest.raises(ValueError, match="confidence must be above 0"):
            campaign_effect([1, 1, 0, 0], [1, 2, 3, 4], confidence=confidence)


# --- scores over time ------------------------------------------------------------------------------------------------


def test_measures_are_those_of_their_definitions() -> None:
    scores, happened = [0.1, 0.1, 0.6, 0.8], [0, 0, 1, 0]
    # Squares 0.01, 0.01, 0.16, 0.64; against 0.25 everywhere: 3 · 0.0625 + 0.5625 = 0.75.
    assert measures.brier_score(scores, happened) == pytest.approx(0.205)
    assert measures.brier_skill(scores, happened, 0.25) == pytest.approx(1 - 0.82 / 0.75)
    # The one positive ranks above two of three negatives.
    assert measures.auc(scores, happened) == pytest.approx(2 / 3)
    # Two bins of two rows: 0.1 said and 0 seen, 0.7 said and 0.5 seen.
    assert measures.expected_calibration_error(scores, happened, bins=2) == pytest.approx((0.1 + 0.2) / 2)
    # The best half holds the positive: 0.5 against 0.25. All tied: no lift.
    assert measures.lift_at(scores, happened, 0.5) == pytest.approx(2)
    assert measures.lift_at([0.3] * 4, happened, 0.5) == pytest.approx(1)
    assert measures.lift_at(scores, [0, 0, 0, 0]) is None


def test_a_model_is_replaced_only_by_one_that_is_surely_better() -> None:
    draws = np.random.default_rng(6)
    truth = draws.beta(2, 8, 4_000)
    happened = (draws.random(4_000) < truth).astype(float)

    def said(probability: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"row_id": range(4_000), "probability": probability, "outcome": happened})

    old = said(np.full(4_000, happened.mean()))
    assert should_replace(old, said(truth)).replace
    assert not should_replace(said(truth), old).replace
    assert not should_replace(said(truth), said(np.clip(truth + 0.001, 0, 1))).replace
    few = should_replace(old.head(20), said(truth).head(20))
    assert not few.replace
    assert "too few" in few.reason


# --- saved models ----------------------------------------------------------------------------------------------------

MOMENT = datetime(2025, 6, 30)


def test_a_model_comes_back_as_it_was_with_its_manifest(tmp_path: Path) -> None:
    saved = save_model(tmp_path, "buy_bikes", {"coefficient": 2.5}, trained_as_of=MOMENT, seed=3, figures={"auc": 0.7})
    model, manifest = load_model(tmp_path, "buy_bikes")
    assert model == {"coefficient": 2.5}
    assert manifest == saved
    assert (manifest.version, manifest.seed, manifest.trained_as_of) == (1, 3, "2025-06-30T00:00:00")
    assert "scikit-learn" in manifest.libraries


def test_a_fitted_propensity_comes_back_with_the_same_scores(tmp_path: Path) -> None:
    features, outcome = cases.answers(1_000, seed=1)
    fitted = fit_propensity(features, outcome)
    save_model(tmp_path, "answers", fitted, trained_as_of=MOMENT)
    read = load_model(tmp_path, "answers")[0]
    np.testing.assert_array_equal(read.predict_probability(features), fitted.predict_probability(features))
    assert fitted.report.held_out is not None
    assert read.report.held_out is None


def test_versions_count_up_and_equal_content_is_saved_once(tmp_path: Path) -> None:
    for content in ("a", "a", "b"):
        save_model(tmp_path, "churn", content, trained_as_of=MOMENT)
    assert versions(tmp_path, "churn") == [1, 2]
    assert load_model(tmp_path, "churn", 1)[0] == "a"
    assert load_model(tmp_path, "churn")[0] == "b"


def test_a_changed_file_is_not_opened(tmp_path: Path) -> None:
    save_model(tmp_path, "churn", "a", trained_as_of=MOMENT)
    (tmp_path / "churn" / "000001" / "model.joblib").write_bytes(b"something else")
    with pytest.raises(RegistryError, match="not the file that was saved"):
        load_model(tmp_path, "churn")


def test_a_half_saved_model_is_not_seen(tmp_path: Path) -> None:
    save_model(tmp_path, "churn", "a", trained_as_of=MOMENT)
    with pytest.raises(RegistryError, match="was not saved"):
        save_model(tmp_path, "churn", "b", trained_as_of=MOMENT, figures={"auc": object()})
    assert versions(tmp_path, "churn") == [1]
    assert sorted(entry.name for entry in (tmp_path / "churn").iterdir()) == ["000001"]


@pytest.mark.parametrize("name", ["../other", "", "Großes", "a/b"])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError, match="cannot be the name"):
        save_model(tmp_path, name, 1, trained_as_of=MOMENT)


def test_another_release_of_the_library_is_refused(tmp_path: Path) -> None:
    saved = save_model(tmp_path, "churn", "a", trained_as_of=MOMENT)
    file = tmp_path / "churn" / "000001" / "manifest.json"
    file.write_text(file.read_text().replace(saved.libraries["scikit-learn"], "0.1"))
    assert manifest_of(tmp_path, "churn", 1) == replace(saved, libraries=saved.libraries | {"scikit-learn": "0.1"})
    with pytest.raises(RegistryError, match="train again"):
        load_model(tmp_path, "churn")


def test_a_model_of_an_older_format_is_not_read_and_says_to_train_again(tmp_path: Path) -> None:
    """Manifests of version 0.1.0 have no format; their classes were in other modules."""
    save_model(tmp_path, "churn", "a", trained_as_of=MOMENT)
    file = tmp_path / "churn" / "000001" / "manifest.json"
    content = json.loads(file.read_text())
    del content["model_format"]
    file.write_text(json.dumps(content))
    assert not is_readable(manifest_of(tmp_path, "churn", 1))
    with pytest.raises(RegistryError, match="saved by another release of context360: train again"):
        load_model(tmp_path, "churn")


def test_the_project_and_the_models_require_the_same_certainty() -> None:
    firm = FirmFolder(EXAMPLES / "contoso")
    assert project_variable(firm, "prediction")["worse_by_errors"] == measures.SURE_BY_ERRORS
