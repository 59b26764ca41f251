"""The report on predictions shows the figures of the marts, which models to trust, and nothing about one person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from predictions_marts import published_marts
from report_reading import Page, assert_asks_nothing_of_another_address

from orchestration.serving import report_page
from orchestration.serving.predictions_report import (
    PredictionsFigures,
    figures_of,
    page_of,
    plots,
    prediction_sentences,
    write_predictions_report,
)
from orchestration.serving.predictions_report.reading import is_drifted, is_worse
from orchestration.serving.predictions_report.wording import amount, number, off, points, rate
from orchestration.warehouse.connection import WarehouseError

DRIFTED_FROM = 0.25
LIVE_TABLES = ("prediction_performance", "prediction_calibration", "value_performance", "value_calibration")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[PredictionsFigures, str]:
    """The report on the warehouse as predictions_marts describes it."""
    target = tmp_path_factory.mktemp("home") / "reports" / "predictions.html"
    with published_marts() as connection:
        figures = write_predictions_report(connection, target, drifted_from=DRIFTED_FROM)
    return figures, target.read_text(encoding="utf-8")


@pytest.fixture
def page(written: tuple[PredictionsFigures, str]) -> str:
    return written[1]


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The same warehouse, to be changed."""
    with published_marts() as connection:
        yield connection


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws nothing: plots have tests of their own and take longest."""
    for name in (
        "expected_over_time", "expected_by_decile", "value_distribution", "reliability", "over_months", "effects",
        "band_rates", "policy_values",
    ):  # fmt: skip
        monkeypatch.setattr(plots, name, lambda *_, **__: None)


def text_in(page: str) -> str:
    """The words of a page, without the spaces that elements leave before a comma."""
    return re.sub(r" (?=[;:,.)])", "", Page(page).text.replace("( ", "("))


def text_of(connection: duckdb.DuckDBPyConnection) -> str:
    return text_in(page_of(figures_of(connection, drifted_from=DRIFTED_FROM)))


def test_the_figures_are_those_of_the_marts(written: tuple[PredictionsFigures, str]) -> None:
    figures, page = written
    assert (figures.customers, figures.forecast) == (2_000, 1_430)
    assert (figures.models, figures.trusted, figures.worse, figures.abstaining, figures.drifted) == (7, 3, 1, 3, 1)
    assert (figures.worse_forecasts, figures.measured_campaigns, figures.campaigns) == (0, 3, 6)
    assert page.startswith("<!doctype html>")


def test_summary_comes_first_in_sentences(page: str) -> None:
    short = text_in(page).partition("2. Customer value")[0]
    for sentence in (
        "As of 31 January 2026, 06:00 UTC.",
        "1,430 of 2,000 customers have a forecast; the other 570 have not bought anything yet.",
        # 0 + 1 + … + 1,429 = 1,021,735
        "Their total expected value is about EUR 1.02 million for the 12 months from 31 January 2026.",
        "The latest forecast with a known outcome (published, 90 days from 31 October 2025) was 10 % too high: 330 "
        "days with a purchase expected, 300 actual.",
        "7 propensities are scored, such as the probability to buy a product line: 3 by a model that holds up, 1 by a "
        "model that has got worse; 3 abstain and show the base rate (too few cases to learn from: 1; "
        "not trained yet: 1; no model beats the base rate: 1).",
        "Needs attention: Buys parts within 90 days and Buys insurance within 90 days. See the warnings below.",
    ):
        assert sentence in short, sentence


def test_warnings_about_worse_and_drifted_models_precede_all_other_figures(page: str) -> None:
    models = text_in(page).partition("3. Propensities")[2]
    assert models.strip().startswith("2 models need attention: Buys parts within 90 days")
    assert (
        "it happened less often than predicted. 2,000 scores of October 2025 (live): 18 % predicted on average, 11 % "
        "observed." in models
    )
    assert "(PSI 0.31, the threshold is 0.25). 2,000 scores" in models
    assert "No model has got worse" not in models


def test_model_that_recovered_is_no_warning(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("""
        update marts.prediction_performance set is_worse = scored_month = '2025-09-01', is_drifted = false
        where model_name in ('buy.parts.90d', 'buy.insurance.90d')
    """)
    models = figures_of(warehouse, drifted_from=DRIFTED_FROM).models
    assert not any(is_worse(model) or is_drifted(model) for model in models)


def test_live_scores_take_precedence_over_newer_held_out_ones(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("update marts.prediction_performance set scored_month = '2025-12-01' where origin = 'held out'")
    newest = {model["model_name"]: model["newest"] for model in figures_of(warehouse, drifted_from=DRIFTED_FROM).models}
    assert newest["buy.parts.90d"]["origin"] == "scored" and newest["buy.parts.90d"]["is_worse"]
    assert newest["respond.email.30d"]["origin"] == "held out"
    assert newest["buy.lease.30d"] is None


def test_run_names_each_prediction_that_got_worse(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Of seven predictions three abstain, one got worse and one drifted; three of six campaigns are measured."""
    ((significant,),) = warehouse.execute(
        "select count(*) from marts.campaign_effect where state = 'measured' and is_significant"
    ).fetchall()
    assert prediction_sentences(warehouse) == [
        "Predictions: 4 of 7 have a model, the others show the base rate.",
        "Prediction that got worse: Buys parts within 90 days (it happened less often than predicted).",
        "Prediction with drifted scores: Buys insurance within 90 days.",
        f"Campaign effects: 3 of 6 campaigns measured, {significant} of them significant (marts.campaign_effect).",
    ]
    warehouse.execute("update marts.value_performance set is_worse = true, worse_reason = 'fewer purchases' ")
    assert "Forecast that got worse: purchases within 90 days (fewer purchases)." in prediction_sentences(warehouse)


def test_run_without_predictions_says_nothing_about_them(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("drop view marts.prediction_target")
    assert prediction_sentences(warehouse) == []


def test_earlier_version_that_got_worse_is_no_warning(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("update marts.prediction_performance set model_version = 0 where is_worse")
    assert figures_of(warehouse, drifted_from=DRIFTED_FROM).figures.worse == 0


def test_figures_of_a_model_are_those_of_the_training_that_made_it(page: str) -> None:
    row = re.search(r'<tr><td rowspan="2">Buys parts within 90 days.*?</tr>\s*<tr>.*?</tr>', page, flags=re.DOTALL)
    assert row is not None
    words = text_in(row.group())
    # The last training tried one with an AUC of 0.84 and kept the present one, of 0.74.
    assert "held out 18 % 0.84" not in words
    assert words.endswith(
        "held out 18 % 0.74 12 % 1.1 2.9 × 30 Jun 2025 25 Jan 2026: the present model stays"
        " live, Oct 2025 11 % 0.73 −3.4 % 7.1 1.2 ×"
    )


def test_abstaining_predictions_show_the_base_rate_and_the_reason(page: str) -> None:
    words = text_in(page).partition("Without a model")[2]
    assert "Buys lease within 30 days 0.4 % Too few cases to learn from. It happened in 12 of 3000 examples" in words
    assert "Buys parts by store, if at all 37 % No model beats the base rate." in words
    assert "Respond sms within 30 days 5.1 % Not trained yet." in words


def test_page_lists_every_month_of_the_marts(page: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    table = page.partition("All months as a table")[2].partition("</table>")[0]
    rows = [Page(row).text for row in re.findall(r"<tr><td>.*?</tr>", table, flags=re.DOTALL)]
    expected = warehouse.execute("""
        select count(*), count(*) filter (origin = 'held out'),
            min(printf('%.1f ×', top_decile_lift)), max(printf('%.2f', population_stability_index))
        from marts.prediction_performance
    """).fetchone()
    assert expected == (len(rows), sum("held out" in row for row in rows), "1.2 ×", "0.31") == (16, 4, "1.2 ×", "0.31")
    assert sum("1.2 ×" in row for row in rows) == 1 and sum(row.endswith("0.31") for row in rows) == 1


def test_the_plots_show_forecasts_values_curves_months_effects_bands_and_policies(page: str) -> None:
    pictures = [Page(picture).text for picture in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)]
    over_time, deciles, values, *curves, lift, error, drift, campaigns, bands, policies = pictures
    assert "330 → 300" in over_time and "900 → 870" in over_time and "365 days from 31 Jan 2025" in over_time
    assert "held out" in deciles and "Expected per customer" in deciles
    assert "Expected value in 12 months, EUR" in values and "430" in values  # 1,000 and more: 1,000 to 1,429
    assert len(curves) == 4
    assert all("Buys parts within 90 days" in plot and "2025-10" in plot for plot in (lift, error, drift))
    assert "drifted above 0.25" in drift and "no better than chance" in lift
    assert "All channels (3)" in campaigns and "+1.8 (+0.2 to +3.4)" in campaigns
    assert "Helmet week, Sep 2025 (C3)" in campaigns and "−0.6 (−9.0 to +4.0)" in campaigns
    assert "25 %" in bands and "very high" not in bands  # it holds no customer
    assert "1.88 (1.44 to 2.32)" in policies and "1.95" not in policies


def test_campaigns_without_an_effect_say_why(page: str) -> None:
    text = text_in(page)
    assert "3 of 6 campaigns are measured. Pooled, they changed the purchase rate by +1.8 percentage points" in text
    assert "1 campaign: there is no hold-out to compare with (at least 2 people). Opening (May 2025)" in text
    assert "1 campaign: no recipient or hold-out is listed. C5." in text
    assert "Winter check. It runs until 2026-02-28" in text


def test_points_are_judged_at_the_newest_moment_beside_learned_ones(page: str) -> None:
    text = text_in(page)
    assert "in 68 % of all pairs (63 % to 73 %; chance is 50 %)" in text and "61 %" not in text
    assert "does so in 73 %: a difference of +5.0 points (+1.2 to +8.8)" in text
    assert "Appointment 100 64 812 Chat with an expert 20 31 4,211 newsletter signup 5 2 950" in text


def test_intervals_of_purchase_rates_are_wilsons() -> None:
    low = next(
        band
        for band in figures_of(published_marts(), drifted_from=DRIFTED_FROM).engagement_bands
        if band["engagement_band"] == "low"
    )
    # 30 of 300: (0.1 + 1.92073 / 300 ± 1.96 sqrt(0.09 / 300 + 0.9604 / 90000)) / (1 + 3.84146 / 300)
    assert (round(low["low"], 3), round(low["high"], 3)) == (0.071, 0.139)


def test_actions_and_policies_are_listed_with_their_counts(page: str) -> None:
    text = text_in(page).partition("6. Next best actions")[2]
    assert "Proposed now: 165 actions." in text
    assert "Reward the loyalty reward 120 Help with the need ease 45" in text
    assert "Always the best doubly robust 1.88 1.44 to 2.32 900 240" in text
    assert "too short to decide on" not in text


def test_log_of_few_effective_decisions_is_called_too_short(
    warehouse: duckdb.DuckDBPyConnection, without_plots: None
) -> None:
    warehouse.execute("update marts.action_policy_value set effective_decisions = 29 where policy = 'at random'")
    assert "The log is too short to decide on." in text_of(warehouse)


def test_page_requests_no_external_address_and_runs_no_script(page: str) -> None:
    assert_asks_nothing_of_another_address(page)


def test_page_holds_no_name_of_a_customer(page: str) -> None:
    assert "Jolanthe" not in page and "Quorzan" not in page


def test_titles_are_escaped(page: str) -> None:
    assert "<new>" not in page and "Buys bikes &lt;new&gt; within 30 days" in page


def test_first_run_shows_held_out_figures_and_says_that_outcomes_are_unknown(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    for table in LIVE_TABLES:
        warehouse.execute(f"delete from marts.{table} where origin = 'scored'")
    warehouse.execute("delete from marts.action_policy_value; delete from marts.learned_engagement_points")
    data = figures_of(warehouse, drifted_from=DRIFTED_FROM)
    page = page_of(data)
    text = text_in(page)
    assert data.figures.worse == 0 and data.figures.trusted == 4
    assert "(a test on held-out days, 90 days from 30 June 2025) was 15 % too high" in text
    assert "No published score is old enough yet to be compared with its outcome." in text
    assert "There is one month so far." in text
    assert "no proposal is old enough to have an outcome" in text
    assert len(re.findall("<svg", page)) == 3 + 4 + 2  # value, a curve per model, campaigns and bands


def test_forecast_that_has_got_worse_is_a_warning(warehouse: duckdb.DuckDBPyConnection, without_plots: None) -> None:
    warehouse.execute("""
        update marts.value_performance set is_worse = true, worse_reason = 'customers bought less often than predicted'
        where as_of = '2025-10-31'
    """)
    text = text_of(warehouse)
    assert figures_of(warehouse, drifted_from=DRIFTED_FROM).figures.worse_forecasts == 1
    assert "Needs attention: the forecast of purchases, Buys parts within 90 days and Buys insurance" in text
    assert "Warning: customers bought less often than predicted. Of the 90 days from 31 October 2025" in text


def test_empty_warehouse_has_a_report(tmp_path: Path) -> None:
    figures = write_predictions_report(
        published_marts(is_empty=True), tmp_path / "report.html", drifted_from=DRIFTED_FROM
    )
    text = text_in((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert (figures.customers, figures.models, figures.trusted) == (0, 0, 0)
    for sentence in (
        "There are no customers yet", "There are no propensities yet.", "There are no campaigns.",
        "No action is proposed now.",
    ):  # fmt: skip
        assert sentence in text


def test_customers_without_a_purchase_have_no_forecast(without_plots: None) -> None:
    with published_marts(is_empty=True) as connection:
        connection.execute("""
            insert into marts.customer_value by name select number as customer_key, 'no purchase yet' as basis
            from range(30) as numbers (number)
        """)
        assert "None of 30 customers has a forecast: there are no purchases yet." in text_of(connection)


def test_report_hides_figures_that_would_be_about_one_customer() -> None:
    with published_marts(is_empty=True) as connection:
        connection.execute("""
            insert into marts.customer_value by name
            select 1 as customer_key, 'EUR' as currency, 777.77 as expected_value_12m_amount,
                5.55 as expected_purchases_12m, 'base rate' as basis;
            insert into marts.value_performance values
                ('scored', null, 'base rate', '2025-10-31', 90, 1, 33.3, 44.4, null, 55.5, 55.5, true, 'more');
            insert into marts.value_calibration values ('scored', null, timestamp '2025-10-31', 90, 1, 1, 33.3, 44.4);
        """)
        page = page_of(figures_of(connection, drifted_from=DRIFTED_FROM))
    text = text_in(page)
    assert (
        "1 of 1 customer has a forecast" in text
        and "It is a base-rate forecast, the same for everyone. No forecast has been trained yet. Rank by" in text
    )
    assert "Their expected value is not shown for fewer than 10 customers" in text
    assert "The forecast error is not shown for fewer than 10 customers." in text
    assert "<svg" not in page and not re.search(r"777|778|5\.55|5\.6|33|44|55", text)


def test_highest_band_of_values_holds_at_least_ten_customers(
    warehouse: duckdb.DuckDBPyConnection, without_plots: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1,430 customers, 9 are expected to bring 50,000 and one 3 million: those ten are one band."""
    warehouse.execute("""
        update marts.customer_value set expected_value_12m_amount = case customer_key when 1 then 3e6 else 5e4 end
        where customer_key <= 10
    """)
    drawn = {}
    monkeypatch.setattr(plots, "value_distribution", lambda bands: drawn.update(bands=bands))
    page_of(figures_of(warehouse, drifted_from=DRIFTED_FROM))
    assert (drawn["bands"][-1]["least_amount"], drawn["bands"][-1]["upper_amount"]) == (50_000, None)
    assert drawn["bands"][-1]["customer_count"] == 10


def test_amounts_of_two_currencies_are_never_added(warehouse: duckdb.DuckDBPyConnection, without_plots: None) -> None:
    warehouse.execute("update marts.customer_value set currency = 'CHF' where customer_key <= 20")
    # 0 + 1 + … + 19 = 190 francs; the rest of 1,021,735 are euros
    assert "about EUR 1.02 million and about CHF 190 for the 12 months" in text_of(warehouse).replace("  ", " ")


def test_warehouse_without_predictions_says_what_to_do(tmp_path: Path) -> None:
    with published_marts(is_empty=True) as connection:
        connection.execute("drop table marts.value_performance")
        with pytest.raises(WarehouseError, match="value_performance is missing.*start `context360 run` again"):
            write_predictions_report(connection, tmp_path / "report.html", drifted_from=DRIFTED_FROM)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_finished_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("the last one")
    monkeypatch.setattr(report_page.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(WarehouseError, match="is full: free space"):
        write_predictions_report(published_marts(is_empty=True), target, drifted_from=DRIFTED_FROM)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert target.read_text() == "the last one"


@pytest.mark.parametrize(
    ("said", "words"),
    [(amount(1_021_735), "1.02 million"), (amount(412_345.6), "412,000"), (amount(87.2), "87"),
     (amount(999_600), "1 million"), (number(None), "–"), (number(2_145.4), "2,145"), (number(3.14), "3.1"),
     (number(9.96), "10"),
     (rate(None), "–"), (rate(0.0), "0 %"), (rate(0.0004), "< 0.1 %"), (rate(0.042), "4.2 %"), (rate(0.0999), "10 %"),
     (rate(0.37), "37 %"),
     (rate(-0.034), "−3.4 %"), (points(0.0179), "+1.8"), (points(-0.006), "−0.6"), (points(0.011, sign=False), "1.1"),
     (off({"expected_purchases": 330, "made_purchases": 300}), "10 % too high"),
     (off({"expected_purchases": 90, "made_purchases": 100}), "10 % too low"),
     (off({"expected_purchases": 100.2, "made_purchases": 100}), "within one percent"),
     (off({"expected_purchases": 1.5, "made_purchases": 0}), "nothing was bought")],
)  # fmt: skip
def test_figures_have_no_false_precision(said: str, words: str) -> None:
    assert said.replace("\N{NO-BREAK SPACE}", " ") == words
