"""Rules of predictions: sound figures pass, and each fault fails its own rule."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from expectations.predictions import prediction_suites
from expectations.validation import validate


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two customers, one with a purchase; models of one product line and its two channels; one judged month."""
    with duckdb.connect() as opened:
        opened.execute("""
            create schema core; create schema marts; create schema predictions;
            create table core.dim_customer as select * from (values (-1), (1), (2)) as t (customer_key);
            create table core.dim_customer_profiling as
            select *, null::varchar as no_profile_reason from core.dim_customer;
            create table marts.customer_value as
            select 1 as customer_key, 'EUR' as currency, 40::decimal(18, 6) as current_value_amount,
                'model' as basis, 0.9::double as probability_alive, 0.1::double as churn_risk,
                0.0::double as value_percentile, 0.1::double as expected_purchases_30d,
                0.3::double as expected_purchases_90d, 1.2::double as expected_purchases_12m,
                50::decimal(18, 2) as expected_spend_amount, 60::decimal(18, 2) as expected_value_12m_amount
            union all
            select 2, 'EUR', 0, 'no purchase yet', null, null, null, null, null, null, null, null;
            create table marts.customer_propensity as
            select customer_key, model_name, target, product_line, 30 as horizon_days, 'model' as basis, probability,
                0.3::double as base_rate
            from (values (1), (2)) as t (customer_key)
            cross join (values ('buy.bikes.30d', 'buy', 'bikes', 0.2::double), ('buy.any.30d', 'buy', 'any', 0.2),
                ('channel.bikes.web.90d', 'channel', 'bikes', 0.25),
                ('channel.bikes.store.90d', 'channel', 'bikes', 0.75))
                as m (model_name, target, product_line, probability);
            create table predictions.prediction_base_rate as select distinct model_name from marts.customer_propensity;
            create table marts.prediction_performance as
            select 'buy.bikes.30d' as model_name, 'scored' as origin, 1 as model_version,
                date '2025-01-01' as scored_month, false as is_worse, false as is_drifted;
            create table marts.value_performance as
            select 90 as horizon_days, 'scored' as origin, 1 as model_version, timestamp '2025-01-01' as as_of,
                false as is_worse;
        """)
        yield opened


def _failed(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    outcomes = [
        outcome for suites in prediction_suites().values() for outcome in validate(connection, suites, run_id="test")
    ]
    assert len(outcomes) == 19
    return {outcome.rule: outcome.severity for outcome in outcomes if not outcome.success}


def test_sound_figures_pass(connection) -> None:
    assert _failed(connection) == {}


@pytest.mark.parametrize(
    ("fault", "part", "severity"),
    [
        (
            "update marts.customer_value set probability_alive = 1.2 where customer_key = 1",
            "probability_alive",
            "error",
        ),
        (
            "update marts.customer_value set expected_purchases_12m = 'nan' where customer_key = 1",
            "purchases_12m",
            "error",
        ),
        (
            "update marts.customer_value set expected_spend_amount = -1 where customer_key = 1",
            "expected_spend",
            "error",
        ),
        (
            "update marts.customer_value set expected_value_12m_amount = null where customer_key = 1",
            "silent_customers",
            "error",
        ),
        ("update marts.customer_propensity set probability = -0.1 where target = 'buy'", "probability", "error"),
        ("delete from marts.customer_propensity where model_name like 'buy.bikes%'", "missing_targets", "error"),
        ("delete from marts.customer_propensity where customer_key = 2 and target = 'buy'", "missing_scores", "error"),
        (
            "update marts.customer_propensity set probability = 0.5 where model_name like '%web%' and customer_key = 1",
            "incomplete_choices",
            "error",
        ),
        (
            "update marts.customer_propensity set probability = 0.3 where product_line = 'bikes' and target = 'buy'",
            "likelier_than_anything",
            "error",
        ),
        ("update marts.prediction_performance set is_worse = true", "no model has got worse", "warn"),
        ("update marts.prediction_performance set is_drifted = true", "scores are distributed as before", "warn"),
        ("update marts.value_performance set is_worse = true", "the forecast of purchases holds", "warn"),
    ],
)
def test_fault_fails_its_own_rule(connection, fault: str, part: str, severity: str) -> None:
    connection.execute(fault)
    failed = _failed(connection)
    assert len(failed) == 1
    ((rule, found),) = failed.items()
    assert part in rule
    assert found == severity


def test_only_the_newest_published_scores_are_judged(connection) -> None:
    connection.execute("""
        insert into marts.prediction_performance values
            ('buy.bikes.30d', 'scored', 1, date '2024-12-01', true, true),
            ('buy.bikes.30d', 'held out', 2, date '2025-02-01', true, true)
    """)
    assert _failed(connection) == {}
