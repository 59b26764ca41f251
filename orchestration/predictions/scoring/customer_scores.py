"""Scores every customer at the as of with the models that were trained by then.

A target without a model, or whose model abstains, gets the base rate of the newest moments, marked as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd

from orchestration.predictions.scoring.registry import load_model
from orchestration.predictions.scoring.score_log import SCORE_COLUMNS
from orchestration.predictions.scoring.targets import Target, scoring_query, targets
from orchestration.predictions.scoring.training import VALUE_MODEL, current_model

_ROWS_AT_ONCE = 100_000  # × 80 columns × 8 bytes: 64 MB


@dataclass(frozen=True)
class Scores:
    """Counts of a scoring. modelled, at_base_rate: targets. forecast: whether a model forecasts customer value."""

    customers: int
    scores: int
    modelled: int
    at_base_rate: int
    forecast: bool


def score_customers(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> Scores:
    """Writes predictions.propensity_score and predictions.value_score for every customer, in one transaction each.

    folder: of the registry. Reads the scoring features, base rates and purchases that dbt built.
    """
    connection.execute("create schema if not exists predictions")
    forecast = _score_value(connection, folder, as_of)
    modelled = _score_propensities(connection, folder, as_of)
    found = connection.execute(
        "select count(distinct customer_key), count(*), count(distinct (target, product_line, channel, horizon_days))"
        " from predictions.propensity_score"
    ).fetchone()
    assert found is not None
    return Scores(found[0], found[1], modelled, found[2] - modelled, forecast)


def _score_value(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> bool:
    manifest = current_model(folder, VALUE_MODEL, as_of)
    forecaster = load_model(folder / "models", VALUE_MODEL, manifest.version)[0] if manifest else None
    any_purchase = connection.execute("select 1 from predictions.customer_purchase limit 1").fetchone()
    connection.begin()
    connection.execute(f"create or replace table predictions.value_score ({SCORE_COLUMNS['value_score']})")
    if any_purchase:
        from orchestration.predictions.scoring.customer_forecast import forecast_customers

        frame = forecast_customers(connection, forecaster, as_of)
        connection.register("_value", frame)
        connection.execute(
            """
            insert into predictions.value_score by name
            select * replace (
                expected_spend_amount::decimal(18, 2) as expected_spend_amount,
                expected_value_12m_amount::decimal(18, 2) as expected_value_12m_amount,
                if(isnan(probability_alive), null, probability_alive) as probability_alive,
                next_purchase_date::date as next_purchase_date
            ), case when basis = 'model' then $version end as model_version,
            case when basis = 'model' then $trained_as_of::timestamp end as trained_as_of
            from _value
            """,
            {
                "version": manifest.version if manifest else None,
                "trained_as_of": manifest.trained_as_of if manifest else None,
            },
        )
        connection.unregister("_value")
    connection.commit()
    return forecaster is not None and not forecaster.is_refuted


def _score_propensities(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> int:
    chosen = targets(connection)
    manifests = {target: current_model(folder, target.name, as_of) for target in chosen}
    if any(manifests.values()):
        from orchestration.predictions.scoring.customer_forecast import write_moment_forecasts

        write_moment_forecasts(connection, [as_of])
    modelled = 0
    connection.execute(f"create or replace temp table _score ({SCORE_COLUMNS['propensity_score']})")
    for target in chosen:
        manifest = manifests[target]
        model = load_model(folder / "models", target.name, manifest.version)[0] if manifest else None
        if manifest is None or model is None or model.abstains:
            _insert_base_rate(connection, target)
            continue
        modelled += 1
        query, parameters = scoring_query(target)
        connection.execute(f"create or replace temp table _feature as {query}", parameters)
        offset = 0
        while True:
            frame = connection.execute(
                f"select * from _feature where rowid >= {offset} and rowid < {offset + _ROWS_AT_ONCE}"
            ).df()
            if frame.empty:
                break
            scored = pd.DataFrame(
                {
                    "customer_key": frame["customer_key"],
                    "probability": model.predict_probability(frame, as_of=frame["moment"]),
                }
            )
            connection.register("_scored", scored)
            connection.execute(
                """
                insert into _score
                select customer_key, $model_name, $target, $product_line, $channel, $horizon_days, probability,
                    $base_rate, 'model', $version, $trained_as_of::timestamp
                from _scored
                """,
                _named(target) | {"version": manifest.version, "trained_as_of": manifest.trained_as_of},
            )
            connection.unregister("_scored")
            offset += _ROWS_AT_ONCE
    connection.execute("drop table if exists _feature")
    # Replaced in one statement. A transaction around the loop would hide the rows of _feature from its row numbers.
    connection.execute("create or replace table predictions.propensity_score as from _score")
    connection.execute("drop table _score")
    return modelled


def _insert_base_rate(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    connection.execute(
        """
        insert into _score
        select customer_key, $model_name, $target, $product_line, $channel, $horizon_days, $base_rate, $base_rate,
            'base rate', null, null
        from predictions.scoring_customer_feature
        """,
        _named(target),
    )


def _named(target: Target) -> dict[str, object]:
    return {
        "model_name": target.name,
        "target": target.target,
        "product_line": target.product_line,
        "channel": target.channel,
        "horizon_days": target.horizon_days,
        "base_rate": target.base_rate,
    }
