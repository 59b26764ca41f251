"""Training, scoring and keeping scores, on a small warehouse whose truth is drawn."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.predictions.learning import propensity
from orchestration.predictions.scoring import score_log, training
from orchestration.predictions.scoring.customer_scores import score_customers
from orchestration.predictions.scoring.registry import versions
from orchestration.predictions.scoring.score_log import keep_scores, restore_logs
from orchestration.predictions.scoring.targets import Target, targets
from orchestration.predictions.scoring.training import VALUE_MODEL, current_model, is_trained, train_models

AS_OF = datetime(2025, 9, 1)
BIKES = "buy.bikes.30d"
CUSTOMERS = 500


def warehouse(
    *, months: int = 8, until: datetime = AS_OF, turned_from: datetime | None = None
) -> duckdb.DuckDBPyConnection:
    """Customers with one trait x, drawn anew each month, who buy bikes within 30 days with probability 1/(1+e^-(2x-1)).

    Two in three of the purchases are made in the store by who has a positive x; others buy on the web. From turned_from
    on, who would have bought does not, and the other way round. Almost no customer buys parts.
    """
    connection = duckdb.connect()
    connection.execute("create schema core; create schema predictions; select setseed(0.36)")
    connection.execute(f"create table core.dim_customer as select range as customer_key from range(-1, {CUSTOMERS})")
    connection.execute("delete from core.dim_customer where customer_key = 0")
    connection.execute(
        """
        create table predictions.prediction_moment as
        select (date_trunc('month', $until::timestamp) - interval 1 month * (range + 1))::timestamp as moment,
            true as is_for_30d, range % 3 = 2 as is_for_90d
        from range($months) order by 1;
        """,
        {"until": until, "months": months},
    )
    draws = np.random.default_rng(360)
    size = CUSTOMERS * (months + 1)
    rows = {
        "customer_key": np.tile(np.arange(CUSTOMERS), months + 1),
        "month": np.repeat(np.arange(months + 1), CUSTOMERS),
        "x": draws.normal(size=size),
        "luck": draws.random(size),
        "parts": draws.random(size) < 0.002,
        "store": draws.random(size),
    }
    connection.register("drawn", pd.DataFrame(rows))
    connection.execute(
        """
        create table world as
        select customer_key, x, store, parts,
            (date_trunc('month', $until::timestamp) - interval 1 month * month)::timestamp as moment,
            1 / (1 + exp(1 - 2 * x)) as truth,
            (luck < 1 / (1 + exp(1 - 2 * x)))
                <> (date_trunc('month', $until::timestamp) - interval 1 month * month >= $turned::timestamp) as buys
        from drawn where customer_key > 0;
        """,
        {"until": until, "turned": turned_from or datetime(2100, 1, 1)},
    )
    connection.execute("""
        create table predictions.training_customer_feature as
        select customer_key, moment, x from world semi join predictions.prediction_moment using (moment);
        create table predictions.scoring_customer_feature as
        select customer_key, max(moment) as moment, arg_max(x, moment) as x from world group by customer_key;
        create table predictions.training_line_feature (
            customer_key bigint, moment timestamp, product_line varchar, line_purchase_count integer,
            line_value_amount double, line_count_7d integer, line_count_30d integer, line_count_90d integer,
            line_count integer, line_consideration_count_30d integer, line_offer_count_30d integer
        );
        create table predictions.scoring_line_feature as from predictions.training_line_feature;
        create table predictions.training_channel_feature (
            customer_key bigint, moment timestamp, channel varchar, channel_approach_count_90d integer,
            channel_response_count_90d integer, channel_approach_count_365d integer,
            channel_response_count_365d integer, channel_purchase_count integer
        );
        create table predictions.scoring_channel_feature as from predictions.training_channel_feature;
        create table predictions.prediction_purchase as
        select customer_key, moment, 'bikes' as product_line, moment + interval 3 day as bought_at,
            true as is_within_30d, if(x > 0 and store < 0.67, 'store', 'web') as channel
        from world semi join predictions.prediction_moment using (moment) where buys
        union all
        select customer_key, moment, 'parts', moment + interval 3 day, true, 'web'
        from world semi join predictions.prediction_moment using (moment) where parts;
        create table predictions.prediction_response (
            customer_key bigint, moment timestamp, channel varchar, has_responded boolean
        );
        create table predictions.customer_purchase as
        select customer_key as customer_id, moment + interval 1 day * floor(27 * store)::integer as purchased_at,
            100 * (1 + store) as amount,
            'EUR' as currency
        from world semi join predictions.prediction_moment using (moment) where buys;
        create table predictions.prediction_base_rate as
        select 'buy' as target, product_line, null::varchar as channel, 30 as horizon_days,
            count(*) / (select count(*) from predictions.training_customer_feature) as base_rate
        from predictions.prediction_purchase group by product_line
        union all
        select 'channel', 'bikes', channel, 90, count(*) / sum(count(*)) over ()
        from predictions.prediction_purchase where product_line = 'bikes' group by channel
        union all
        select 'respond', null, 'call', 30, 0.25;
    """)
    return connection


def _only_bikes(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same warehouse with one target to learn."""
    connection.execute("delete from predictions.prediction_base_rate where product_line <> 'bikes' or target <> 'buy'")
    return connection


def _only_purchases(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same warehouse without a target to learn: only the purchases of customers are forecast."""
    connection.execute("delete from predictions.prediction_base_rate")
    return connection


def _scores(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime = AS_OF) -> list[tuple]:
    score_customers(connection, folder, as_of)
    return connection.execute("from predictions.propensity_score order by all").fetchall()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """The warehouse and the folder after a training and a scoring."""
    folder = tmp_path_factory.mktemp("predictions")
    connection = warehouse()
    train_models(connection, folder, AS_OF)
    score_customers(connection, folder, AS_OF)
    return connection, folder


def test_scores_come_near_the_true_probabilities(trained) -> None:
    connection, _ = trained
    ((error, correlation),) = connection.execute(
        """
        select avg(abs(probability - truth)), corr(probability, truth)
        from predictions.propensity_score
        inner join (select customer_key, truth from world where moment = ?) using (customer_key)
        where model_name = ? and basis = 'model'
        """,
        [AS_OF, BIKES],
    ).fetchall()
    assert error < 0.03
    assert correlation > 0.99


def test_target_without_a_model_has_the_base_rate_and_is_marked(trained) -> None:
    connection, _ = trained
    rows = connection.execute("""
        select model_name, basis, min(probability) = max(base_rate), count(*), max(model_version)
        from predictions.propensity_score where model_name in ('buy.parts.30d', 'respond.call.30d') group by 1, 2
        order by 1
    """).fetchall()
    assert rows == [
        ("buy.parts.30d", "base rate", True, CUSTOMERS - 1, None),
        ("respond.call.30d", "base rate", True, CUSTOMERS - 1, None),
    ]
    ((decision, reason),) = connection.execute(
        "select decision, reason from predictions.trained_model where model_name = 'buy.parts.30d'"
    ).fetchall()
    assert decision == "abstains"
    assert "learning needs 50" in reason


def test_training_logs_scores_of_held_out_examples(trained) -> None:
    connection, folder = trained
    restore_logs(connection, folder)
    moments, rows = connection.execute(
        "select list(distinct as_of), count(*) from predictions.score_log where origin = 'held out' and model_name = ?",
        [BIKES],
    ).fetchone()
    # The newest fifth of eight months, cut where the month ends.
    assert set(moments) <= {datetime(2025, 7, 1), datetime(2025, 8, 1)}
    assert rows == len(moments) * (CUSTOMERS - 1)
    ((held_out, purchases),) = connection.execute(
        "select count(*), sum(expected_purchases) from predictions.value_log where origin = 'held out'"
    ).fetchall()
    assert held_out > 0
    assert purchases > 0


def test_abstaining_lasts_after_a_later_run_for_an_earlier_as_of(tmp_path: Path) -> None:
    """A run for the past trains, too. What was found out since then stands, in whatever order the runs were made."""
    before = AS_OF - timedelta(days=31)
    connection = _only_bikes(warehouse(until=before))
    connection.execute("delete from predictions.customer_purchase")  # nor is anything forecast
    train_models(connection, tmp_path, before)
    trained = current_model(tmp_path, BIKES, AS_OF)
    assert trained is not None
    connection.execute(
        f"""
        copy (
            select * replace ('abstains' as decision, timestamp '{AS_OF}' as trained_as_of, null as model_version)
            from read_parquet('{score_log.file_of(tmp_path, score_log.TRAININGS, before)}')
        ) to '{score_log.file_of(tmp_path, score_log.TRAININGS, AS_OF)}' (format parquet)
        """
    )
    assert current_model(tmp_path, BIKES, AS_OF) is None
    assert current_model(tmp_path, BIKES, AS_OF + timedelta(days=1), before=True) is None
    assert current_model(tmp_path, BIKES, AS_OF, before=True) == trained
    assert current_model(tmp_path, BIKES, AS_OF - timedelta(days=1)) == trained


def test_the_same_input_gives_the_same_scores_and_no_further_version(trained, tmp_path: Path) -> None:
    connection, folder = trained
    first = _scores(connection, folder)
    again = _only_bikes(warehouse())
    train_models(again, tmp_path, AS_OF)
    second = _scores(again, tmp_path)
    assert second == [row for row in first if row[1] in {row[1] for row in second}]
    train_models(again, tmp_path, AS_OF)
    assert versions(tmp_path / "models", BIKES) == [1]


def test_a_model_is_not_used_before_it_was_trained(trained) -> None:
    connection, folder = trained
    assert is_trained(folder, AS_OF)
    earlier = AS_OF - timedelta(days=1)
    assert not is_trained(folder, earlier)
    assert current_model(folder, BIKES, earlier) is None
    assert {row[8] for row in _scores(connection, folder, earlier)} == {"base rate"}
    _scores(connection, folder)


def test_a_new_model_is_kept_out_while_the_world_is_the_same_and_let_in_when_it_has_turned(
    trained, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained[1], tmp_path / "predictions")
    later = datetime(2026, 3, 1)
    longer = _only_bikes(warehouse(months=14, until=later))
    same = {t.target.name: t for t in train_models(longer, folder, later) if t.target}
    assert same[BIKES].decision == "kept"
    assert same[BIKES].model_version == 1
    turned = _only_bikes(warehouse(months=20, until=datetime(2026, 9, 1), turned_from=datetime(2025, 12, 1)))
    changed = {t.target.name: t for t in train_models(turned, folder, datetime(2026, 9, 1)) if t.target}
    assert changed[BIKES].decision == "replaced", changed[BIKES].reason
    assert changed[BIKES].model_version == 2
    # Whoever asks for the earlier moment is answered by the model of that time.
    manifest = current_model(folder, BIKES, later)
    assert manifest is not None
    assert manifest.version == 1


def test_scores_outlive_the_warehouse_and_a_run_for_the_same_moment_replaces_them(trained, tmp_path: Path) -> None:
    connection, folder = trained
    score_customers(connection, folder, AS_OF)
    # As the mart has it, without what makes models agree (a unit test of dbt).
    connection.execute("""
        create schema marts;
        create view marts.customer_propensity as from predictions.propensity_score
    """)
    for _ in range(2):
        kept = keep_scores(connection, tmp_path, AS_OF)
    keep_scores(connection, tmp_path, AS_OF + timedelta(days=1))
    with duckdb.connect() as other:
        restore_logs(other, tmp_path)
        rows = other.execute(
            "select as_of, count(*), count(distinct (customer_key, model_name)) from predictions.score_log"
            " where origin = 'scored' group by 1 order by 1"
        ).fetchall()
        assert rows == [(AS_OF, kept, kept), (AS_OF + timedelta(days=1), kept, kept)]
        ((customers, horizons),) = other.execute(
            "select count(distinct customer_key), count(distinct horizon_days) from predictions.value_log"
        ).fetchall()
    assert customers > 0
    assert horizons == 2
    assert not list(tmp_path.rglob("*.part"))


def test_a_firm_that_has_sold_nothing_yet_is_scored_without_a_word_about_anybody(tmp_path: Path) -> None:
    connection = warehouse()
    for table in ("prediction_purchase", "customer_purchase", "prediction_base_rate", "prediction_moment",
                  "training_customer_feature"):  # fmt: skip
        connection.execute(f"delete from predictions.{table}")
    done = train_models(connection, tmp_path, AS_OF)
    assert [(one.decision, one.model_version) for one in done] == [("abstains", None)]
    assert "0 customers bought again" in done[0].reason
    scores = score_customers(connection, tmp_path, AS_OF)
    assert (scores.scores, scores.modelled, scores.forecast) == (0, 0, False)
    assert connection.execute("select count(*) from predictions.value_score").fetchone() == (0,)


def test_too_few_repeat_buyers_get_the_common_rate(tmp_path: Path) -> None:
    """One customer of three bought again: 1 repeat day in (100 + 100 + 50) days known, so 365 / 250 in a year."""
    connection = _only_purchases(warehouse())
    connection.execute("""
        create or replace table predictions.customer_purchase as
        select * from (values
            (1, timestamp '2025-05-24', 10.0, 'EUR'), (1, timestamp '2025-07-01', 30.0, 'EUR'),
            (2, timestamp '2025-05-24', 20.0, 'EUR'), (3, timestamp '2025-07-13', 20.0, 'EUR')
        ) as t (customer_id, purchased_at, amount, currency)
    """)
    train_models(connection, tmp_path, AS_OF)
    score_customers(connection, tmp_path, AS_OF)
    rows = connection.execute("""
        select customer_key, basis, expected_purchases_12m, expected_spend_amount, expected_value_12m_amount,
            probability_alive, next_purchase_date
        from predictions.value_score order by 1
    """).fetchall()
    assert [row[0] for row in rows] == [1, 2, 3]
    for row in rows:
        assert row[1] == "base rate"
        assert row[2] == pytest.approx(365 / 250)
        assert (float(row[3]), float(row[4])) == (20.0, pytest.approx(20 * 365 / 250, abs=0.01))
        assert row[5:] == (None, None)


def test_currencies_are_forecast_apart(tmp_path: Path) -> None:
    connection = _only_purchases(warehouse())
    connection.execute("""
        update predictions.customer_purchase set amount = amount * 1000, currency = 'JPY' where customer_id % 2 = 0
    """)
    train_models(connection, tmp_path, AS_OF)
    score_customers(connection, tmp_path, AS_OF)
    spends = dict(connection.execute(
        "select currency, avg(expected_spend_amount)::double from predictions.value_score group by 1"
    ).fetchall())  # fmt: skip
    assert 130 < spends["EUR"] < 170  # 100 × (1 + a number between 0 and 1)
    assert 130_000 < spends["JPY"] < 170_000


def test_names_of_models_are_names_of_folders_and_stay_apart() -> None:
    names = {
        Target("buy", line, None, 30, 0.1).name
        for line in ("bikes", "Bikes", "bikes & more", "bikes_more", "../bikes", "自転車")
    }
    assert len(names) == 6
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._") and ".." not in name for name in names)
    assert Target("channel", "bikes", "web", 90, 0.1).name == "channel.bikes.web.90d"


def test_training_and_the_library_ask_for_as_many_examples() -> None:
    assert training.LEAST_POSITIVES == propensity.LEAST_POSITIVES


def test_targets_are_those_that_have_been_seen(trained) -> None:
    connection, _ = trained
    assert [target.name for target in targets(connection)] == [
        BIKES, "buy.parts.30d", "channel.bikes.store.90d", "channel.bikes.web.90d", "respond.call.30d",
    ]  # fmt: skip


def _firm_that_stopped() -> duckdb.DuckDBPyConnection:
    """300 customers bought every 20 days from 1 September 2024 to 29 April 2025, and one of them on 1 August."""
    connection = _only_purchases(warehouse())
    connection.execute("""
        create or replace table predictions.customer_purchase as
        select who.range as customer_id, timestamp '2024-09-01' + interval 20 day * step.range as purchased_at,
            10.0 as amount, 'EUR' as currency
        from range(300) as who cross join range(13) as step
        union all
        select 0, timestamp '2025-08-01', 10.0, 'EUR'
    """)
    return connection


def _common_forecast(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select basis, expected_purchases_90d, probability_alive, count(*) from predictions.value_score group by all"
    ).fetchall()


def test_forecast_refuted_by_recent_purchases_is_not_used(tmp_path: Path) -> None:
    """One of 300 customers bought in the last 90 days: 1 / (300 × 90) a day is what is left."""
    connection = _firm_that_stopped()
    done = train_models(connection, tmp_path, AS_OF)
    assert done[0].decision == "abstains"
    assert "customers made 1." in done[0].reason
    assert not score_customers(connection, tmp_path, AS_OF).forecast
    assert _common_forecast(connection) == [("base rate", pytest.approx(1 / 300), None, 300)]
    manifest = current_model(tmp_path, VALUE_MODEL, AS_OF)
    assert manifest is not None
    assert manifest.figures["refuted"] == done[0].reason
    assert manifest.version == done[0].model_version


def test_base_rate_before_any_training_is_that_of_the_last_year(tmp_path: Path) -> None:
    """60 customers bought every month of the year before, and once in the last one: 60 repeats in 60 × 365 days."""
    connection = _only_purchases(warehouse())
    connection.execute("""
        create or replace table predictions.customer_purchase as
        select who.range as customer_id, bought.purchased_at, 10.0 as amount, 'EUR' as currency
        from range(60) as who
        cross join (
            select unnest(generate_series(timestamp '2023-09-01', timestamp '2024-08-01', interval 1 month))
                as purchased_at
            union all
            select timestamp '2025-03-01'
        ) as bought
    """)
    assert not score_customers(connection, tmp_path, AS_OF).forecast
    assert _common_forecast(connection) == [("base rate", pytest.approx(90 / 365), None, 60)]


def test_forecast_replaces_the_base_rate_once_purchases_no_longer_refute_it(tmp_path: Path) -> None:
    """The 300 customers buy again every 20 days from 20 September 2025."""
    connection = _firm_that_stopped()
    train_models(connection, tmp_path, AS_OF)
    connection.execute("""
        insert into predictions.customer_purchase
        select who.range, timestamp '2025-09-20' + interval 20 day * step.range, 10.0, 'EUR'
        from range(300) as who cross join range(25) as step
    """)
    later = datetime(2026, 1, 20)
    done = train_models(connection, tmp_path, later)
    assert (done[0].decision, done[0].model_version) == ("replaced", 2), done[0].reason
    assert score_customers(connection, tmp_path, later).forecast
