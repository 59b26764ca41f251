"""The measures of scores in the marts against the ones in Python, which are held against scikit-learn and by hand."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import numpy as np
import pandas as pd
import pytest
from warehouse.predictions_marts import published_marts

from orchestration.predictions.learning import measures
from orchestration.warehouse.dbt import DbtProject

AS_OF = datetime(2026, 1, 1)
A_MILLIONTH = 1e-6  # to which the marts round


def population_stability_index(reference: pd.Series | np.ndarray, current: pd.Series | np.ndarray, bins: int = 10):
    """Difference of two distributions: sum of (share - share₀) · ln(share / share₀) over deciles of the reference.

    By convention below 0.1 is stable and above 0.25 changed (Siddiqi 2006, Credit Risk Scorecards). Each bin gets half
    a row more, so that empty bins stay finite.
    """
    before, now = (np.asarray(side, dtype=np.float64) for side in (reference, current))
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for side in (before, now):
        # Left-closed: scores equal to an edge fall on the same side of it.
        counts = np.bincount(np.searchsorted(edges, side, side="left"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def test_population_stability_is_that_of_its_definition() -> None:
    """1,000 scores in equal halves against 250 : 750: (0.25 - 0.5) ln(0.5) + (0.75 - 0.5) ln(1.5) = 0.2747."""
    before, now = np.repeat([0.2, 0.8], [500, 500]), np.repeat([0.2, 0.8], [250, 750])
    assert population_stability_index(before, now, bins=2) == pytest.approx(0.2747, abs=0.002)
    assert population_stability_index(before, before) == pytest.approx(0)


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    """Two models over three months: one that is right, and one whose scores drift while what happens halves."""
    draws = np.random.default_rng(5)
    parts = []
    for name, drift in (("right", 0.0), ("wrong", 1.0)):
        for number, month in enumerate((date(2025, 7, 1), date(2025, 8, 1), date(2025, 9, 1))):
            odds = draws.normal(-1.5 + drift * number, 1.0, 1_500)
            truth = 1 / (1 + np.exp(-(odds - 2 * drift * number)))
            parts.append(
                pd.DataFrame(
                    {
                        "model_name": name,
                        "origin": "scored",
                        "model_version": 1,
                        "scored_month": month,
                        "as_of": pd.Timestamp(month),
                        "customer_key": np.arange(1_500),
                        "horizon_days": 30,
                        "probability": np.round(1 / (1 + np.exp(-odds)), 2),  # many are equal
                        "base_rate": 0.2,
                        "outcome": (draws.random(1_500) < truth).astype(int),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def warehouse(log: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("log", log)
    connection.execute("""
        attach ':memory:' as warehouse; create schema warehouse.predictions; create schema warehouse.marts;
        create table warehouse.predictions.score_outcome as from log;
        create table warehouse.marts.prediction_model as
        select distinct model_name, model_name as title, 'buy' as target, null::varchar as product_line,
            null::varchar as channel, 30 as horizon_days, true as is_current
        from log;
    """)
    return connection


def test_figures_per_month_are_those_of_their_definitions(project: DbtProject, log, warehouse) -> None:
    found = warehouse.execute(
        f"select * from ({project.query('prediction_performance', as_of=AS_OF)}) order by model_name, scored_month"
    ).df()
    assert len(found) == 6
    for row in found.itertuples():
        part = log[(log.model_name == row.model_name) & (log.scored_month == row.scored_month.date())]
        first = log[(log.model_name == row.model_name) & (log.scored_month == date(2025, 7, 1))]
        scores, happened = part.probability.to_numpy(), part.outcome.to_numpy()
        assert (row.score_count, row.positive_count) == (1_500, happened.sum())
        assert row.auc == pytest.approx(measures.auc(scores, happened), abs=A_MILLIONTH)
        assert row.brier == pytest.approx(measures.brier_score(scores, happened), abs=A_MILLIONTH)
        assert row.brier_skill == pytest.approx(measures.brier_skill(scores, happened, 0.2), abs=A_MILLIONTH)
        assert row.expected_calibration_error == pytest.approx(
            measures.expected_calibration_error(scores, happened), abs=A_MILLIONTH
        )
        # Of equal scores at the edge of the top tenth Python takes a part, SQL some.
        assert row.top_decile_lift == pytest.approx(measures.lift_at(scores, happened), rel=0.15)
        drift = population_stability_index(first.probability, scores)
        assert row.population_stability_index == pytest.approx(drift, rel=0.1, abs=0.01)
    worse = found.groupby("model_name").is_worse.agg(list)
    assert worse["right"] == [False, False, False]
    assert worse["wrong"][-1]
    assert found[found.model_name == "wrong"].is_drifted.tolist()[-1]
    assert not found[found.model_name == "right"].is_drifted.any()


def test_score_at_the_edge_of_a_decile_is_in_it(project: DbtProject, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Ten scores, one in each decile; a month later five are the lowest and five the highest of them.

    With half a row more in each: 2 · (5.5/15 - 1/10) · ln(5.5/1.5) + 8 · (0.5/15 - 1/10) · ln(0.5/1.5) = 1.2789.
    """
    warehouse.execute("begin")
    try:
        warehouse.execute("""
            delete from warehouse.predictions.score_outcome where model_name <> 'right';
            create or replace temp table score as
            select * exclude (month, customer, score) replace (
                month as scored_month, month as as_of, customer as customer_key, score as probability
            )
            from (select * from warehouse.predictions.score_outcome limit 1)
            cross join (
                select date '2025-07-01' as month, range as customer, (range + 1) / 10 as score from range(10)
                union all
                select date '2025-08-01', range, if(range < 5, 0.1, 1.0) from range(10)
            );
            delete from warehouse.predictions.score_outcome;
            insert into warehouse.predictions.score_outcome from score
        """)
        query = project.query("prediction_performance", as_of=AS_OF)
        rows = warehouse.execute(
            f"select scored_month::date, population_stability_index from ({query}) order by 1"
        ).fetchall()
    finally:
        warehouse.execute("rollback")
    assert rows == [(date(2025, 7, 1), pytest.approx(0)), (date(2025, 8, 1), pytest.approx(1.2789, abs=1e-4))]


def test_bins_of_calibration_hold_what_was_said_and_what_happened(project: DbtProject, log, warehouse) -> None:
    found = warehouse.execute(
        f"select * from ({project.query('prediction_calibration', as_of=AS_OF)})"
        " where model_name = 'right' order by bin"
    ).df()
    part = log[log.model_name == "right"]
    expected = measures.reliability_curve(part.probability, part.outcome)
    assert found.score_count.tolist() == expected.rows.tolist()
    for column in ("predicted", "observed", "observed_low", "observed_high"):
        assert found[column].to_numpy() == pytest.approx(expected[column].to_numpy(), abs=A_MILLIONTH), column


def test_expected_purchases_meet_those_that_were_made(project: DbtProject) -> None:
    """Of ten customers each was expected to buy half a time; on five days there was a purchase: neither more nor less.

    The other forecast expects two of each and is further off than chance.
    """
    with duckdb.connect() as connection:
        connection.execute("""
            attach ':memory:' as warehouse; create schema warehouse.predictions;
            create table warehouse.predictions.value_outcome as
            select 'scored' as origin, version as model_version, 'model' as basis, 90 as horizon_days,
                timestamp '2025-01-01' as as_of, range as customer_key,
                if(version = 1, 0.5, 2.0) + range / 1000 as expected_purchases, (range % 2)::double as made_purchases
            from range(10) cross join (values (1), (2)) as v (version)
        """)
        rows = connection.execute(
            "select model_version, customer_count, round(expected_purchases, 1), made_purchases, is_worse, worse_reason"
            f" from ({project.query('value_performance', as_of=AS_OF)}) order by 1"
        ).fetchall()
        assert rows == [
            (1, 10, 5.0, 5.0, False, None),
            (2, 10, 20.0, 5.0, True, "customers bought less often than predicted"),
        ]
        deciles = connection.execute(
            "select decile, customer_count, made_purchases"
            f" from ({project.query('value_calibration', as_of=AS_OF)}) where model_version = 1 order by 1"
        ).fetchall()
        assert deciles == [(number + 1, 1, float(number % 2)) for number in range(10)]


def test_the_report_is_tested_on_the_columns_that_the_marts_promise(project: DbtProject) -> None:
    models = {node["name"]: node for node in project.manifest["nodes"].values() if node["resource_type"] == "model"}
    with published_marts(is_empty=True) as connection:
        tables = connection.execute(
            "select table_name, list(column_name order by column_index) from duckdb_columns()"
            " where schema_name = 'marts' group by 1"
        ).fetchall()
    assert len(tables) >= 14
    for table, columns in tables:
        assert set(columns) <= set(models[table]["columns"]), table
