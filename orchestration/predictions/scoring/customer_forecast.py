"""Learns, applies and judges the forecast of every customer's purchases and value in the warehouse.

`learning.customer_value` has the models; this module applies them to the tables, separately per currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from orchestration.counts import counted
from orchestration.predictions.learning.customer_value import CustomerForecast
from orchestration.predictions.learning.measures import SURE_BY_ERRORS
from orchestration.predictions.learning.purchase_history import PurchaseHistory
from orchestration.predictions.learning.purchase_models import fit_purchase_model
from orchestration.predictions.scoring.purchases import fit_forecast, learn_season, purchase_history

Array = NDArray[np.float64]

PURCHASES = "predictions.customer_purchase"
YEAR_DAYS, QUARTER_DAYS, MONTH_DAYS = 365, 90, 30
LEAST_REPEAT_BUYERS = 50  # with fewer, the four parameters of a model fit chance
_MOST_OFF = 2.0  # times: a season may halve purchases; a larger change means that the past no longer applies
_SEES_LEAVING = (
    0.99  # the most that the least probable customer may have: above it, no customer is believed to have left
)
_REFUTED_BY_ERRORS = 3.0  # standard errors by which the total must be off


@dataclass(frozen=True)
class Forecaster:
    """The saved model: per currency a forecast of the next quarter and one of the next year, without customers.

    Each horizon has its own forecast, because the correction comes from an earlier forecast of the same length. Without
    any currency, recent purchases refuted the forecast: `REFUTED`.
    """

    quarter: dict[str, CustomerForecast]
    year: dict[str, CustomerForecast]

    @property
    def is_refuted(self) -> bool:
        """Whether it stands for a forecast that recent purchases refuted: every customer gets the common rate."""
        return not self.year


REFUTED = Forecaster({}, {})


def learn_forecaster(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, *, quarter_only: bool = False
) -> tuple[Forecaster | None, str]:
    """Learns from purchases up to as_of; None and the reason if no currency has enough repeat buyers.

    quarter_only: leave the forecast of the year out.
    """
    quarter, year = {}, {}
    repeaters = 0
    for currency in currencies(connection):
        purchases = _in_currency(currency)
        known = purchase_history(connection, purchases, as_of)
        buyers = int((known.frequency > 0).sum())
        repeaters = max(repeaters, buyers)
        if buyers < LEAST_REPEAT_BUYERS:
            continue
        quarter[currency] = fit_forecast(connection, purchases, as_of, horizon=QUARTER_DAYS).without_rows()
        if not quarter_only:
            year[currency] = fit_forecast(connection, purchases, as_of, horizon=YEAR_DAYS).without_rows()
    if not quarter:
        reason = f"{counted(repeaters, 'customer')} bought again; a forecast needs {LEAST_REPEAT_BUYERS}."
        return None, reason
    return Forecaster(quarter, year), ""


def currencies(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The currencies in which customers pay, in alphabetical order."""
    rows = connection.execute(f"select distinct currency from {PURCHASES} where currency is not null order by 1")
    return [currency for (currency,) in rows.fetchall()]


def _in_currency(currency: str) -> str:
    quoted = currency.replace("'", "''")
    return f"(select * from {PURCHASES} where currency = '{quoted}')"


def forecast_customers(
    connection: duckdb.DuckDBPyConnection, forecaster: Forecaster | None, as_of: datetime
) -> pd.DataFrame:
    """The forecast after as_of, one row per customer with a purchase.

    customer_key, currency, expected_purchases_30d, _90d and _12m, probability_alive, expected_spend_amount per
    purchase, expected_value_12m_amount, next_purchase_date, basis. Without a forecast for the currency, a row has the
    common rate and the common spend, basis 'base rate', and neither probability nor date. forecaster: None if none has
    been trained.
    """
    days = QUARTER_DAYS if forecaster is not None and forecaster.is_refuted else YEAR_DAYS
    parts = []
    for currency in currencies(connection):
        history = purchase_history(connection, _in_currency(currency), as_of, lines=True)
        if not len(history.customer_id):
            continue
        learned = forecaster is not None and currency in forecaster.year
        if forecaster is not None and learned:
            expected = _expected(forecaster, currency, history)
        else:
            expected = _common(history, _common_rate(connection, currency, history, as_of, days))
        parts.append(expected.assign(currency=currency, basis="model" if learned else "base rate"))
    columns = {
        "customer_key": "int64", "currency": "str", "expected_purchases_30d": "float64",
        "expected_purchases_90d": "float64", "expected_purchases_12m": "float64", "probability_alive": "float64",
        "expected_spend_amount": "float64", "expected_value_12m_amount": "float64",
        "next_purchase_date": "datetime64[us]", "basis": "str",
    }  # fmt: skip
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=list(columns))
    return frame[list(columns)].astype(columns).sort_values("customer_key", ignore_index=True)


def _expected(forecaster: Forecaster, currency: str, history: PurchaseHistory) -> pd.DataFrame:
    quarter, year = forecaster.quarter[currency], forecaster.year[currency]
    table = year.table(YEAR_DAYS, history)
    return pd.DataFrame(
        {
            "customer_key": table["customer_id"],
            "expected_purchases_30d": quarter.expected_purchases(MONTH_DAYS, history),
            "expected_purchases_90d": quarter.expected_purchases(QUARTER_DAYS, history),
            "expected_purchases_12m": table["expected_purchases"],
            "probability_alive": _where_seen(table["probability_alive"]),
            "expected_spend_amount": table["expected_spend"],
            "expected_value_12m_amount": table["expected_value"],
            "next_purchase_date": table["next_purchase_date"],
        }
    )


def _where_seen(alive: pd.Series) -> pd.Series:
    """The probabilities of being active, or missing ones where the purchases show no customer who has left.

    A model under which even the longest silent customer is still active has learned no leaving: its 100 % is an
    assumption and not knowledge.
    """
    return alive if len(alive) and alive.min() < _SEES_LEAVING else alive * np.nan


def _common_rate(
    connection: duckdb.DuckDBPyConnection, currency: str, history: PurchaseHistory, as_of: datetime, days: int
) -> float:
    """Repeat purchases per customer and day within the last days; over the whole history if repeat buyers are few."""
    repeats, known_days = float(history.frequency.sum()), float(history.age.sum())
    if (history.frequency > 0).sum() >= LEAST_REPEAT_BUYERS:
        before = purchase_history(connection, _in_currency(currency), as_of - timedelta(days=days))
        repeats -= float(before.frequency.sum())
        known_days -= float(before.age.sum())
    return repeats / known_days if known_days > 0 else 0.0


def _common(history: PurchaseHistory, rate: float) -> pd.DataFrame:
    spend = float(history.total_value.sum() / (history.frequency + 1).sum())
    return pd.DataFrame(
        {
            "customer_key": history.customer_id,
            "expected_purchases_30d": rate * MONTH_DAYS,
            "expected_purchases_90d": rate * QUARTER_DAYS,
            "expected_purchases_12m": rate * YEAR_DAYS,
            "probability_alive": np.nan,
            "expected_spend_amount": spend,
            "expected_value_12m_amount": rate * YEAR_DAYS * spend,
            "next_purchase_date": pd.NaT,
        }
    )


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """A forecast of the past, one row per customer: customer_key, expected_purchases, made_purchases."""

    moment: datetime
    horizon_days: int
    rows: pd.DataFrame

    @property
    def deviance(self) -> Array:
        """Poisson deviance of each customer."""
        made = self.rows["made_purchases"].to_numpy(np.float64)
        expected = np.maximum(self.rows["expected_purchases"].to_numpy(np.float64), 1e-6)
        return np.asarray(2 * (xlogy(made, made / expected) - made + expected))


def judge(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, forecaster: Forecaster | None = None
) -> Judged | None:
    """Forecasts the last 90 days from the days before them; None if these are too few.

    forecaster: the forecast to judge, which must not have learned from the last 90 days; by default one that is learned
    from the days before them.
    """
    moment = as_of - timedelta(days=QUARTER_DAYS)
    if forecaster is None:
        forecaster = learn_forecaster(connection, moment, quarter_only=True)[0]
    if forecaster is None:
        return None
    parts = []
    for currency, forecast in forecaster.quarter.items():
        history = purchase_history(connection, _in_currency(currency), moment, horizon=QUARTER_DAYS)
        if len(history.customer_id):
            parts.append(
                pd.DataFrame(
                    {
                        "customer_key": history.customer_id,
                        "expected_purchases": forecast.expected_purchases(QUARTER_DAYS, history),
                        "made_purchases": history.bought_later,
                    }
                )
            )
    if not parts:
        return None
    rows = pd.concat(parts).sort_values("customer_key", ignore_index=True)
    return Judged(moment, QUARTER_DAYS, rows)


def refuted(judged: Judged | None) -> str:
    """Why the forecast of the last 90 days is refuted, or empty.

    It is refuted if it is off by more than a factor of two and by more than three standard errors (from the errors of
    single customers): the firm closed or began anew, or a source stopped delivering.
    """
    if judged is None:
        return ""
    expected = float(judged.rows["expected_purchases"].sum())
    made = float(judged.rows["made_purchases"].sum())
    errors = judged.rows["made_purchases"] - judged.rows["expected_purchases"]
    chance = float(np.sqrt((errors**2).sum()))
    if (
        max(expected, made) > _MOST_OFF * max(min(expected, made), 1.0)
        and abs(made - expected) > _REFUTED_BY_ERRORS * chance
    ):
        return f"A forecast expected {expected:,.0f} purchases in the last 90 days; customers made {made:,.0f}."
    return ""


def is_surely_better(challenger: Judged, current: Judged) -> tuple[bool, str]:
    """Whether the challenger forecasts the same days better beyond chance (mean Poisson deviance), and the reason."""
    both = challenger.rows.assign(new=challenger.deviance).merge(
        current.rows.assign(old=current.deviance)[["customer_key", "old"]], on="customer_key"
    )
    gain = both["old"] - both["new"]
    mean = float(gain.mean())
    sure = mean > SURE_BY_ERRORS * float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else False
    if sure:
        return True, f"Replaced: the deviance is lower by {mean:.4f} on {len(gain)} customers."
    return False, f"Kept: a gain of {mean:.4f} in deviance on {len(gain)} customers may be chance."


# --- a feature of propensities ---------------------------------------------------------------------------------------


def write_moment_forecasts(connection: duckdb.DuckDBPyConnection, moments: list[datetime]) -> None:
    """Creates the temporary table moment_forecast: customer_key, moment, expected_purchases_30d and _90d,
    probability_alive.

    Model and season of a moment are learned from the purchases before it. Customers without a purchase before it have
    no row.
    """
    connection.execute(
        "create or replace temp table moment_forecast"
        " (customer_key bigint, moment timestamp, expected_purchases_30d double, expected_purchases_90d double,"
        " probability_alive double)"
    )
    for moment in moments:
        # A moment is a midnight or the as of: purchases at it are not known yet.
        before = moment - timedelta(microseconds=1)
        history = purchase_history(connection, PURCHASES, before)
        if not len(history.customer_id):
            continue
        clock = learn_season(connection, PURCHASES, before)
        warped = clock.warped(history)
        arguments: tuple[Any, ...] = (warped.frequency, warped.recency, warped.age)
        model = fit_purchase_model(*arguments)
        frame = pd.DataFrame(
            {
                "customer_key": history.customer_id,
                **{
                    f"expected_purchases_{days}d": model.expected_purchases(clock.horizon(before, days), *arguments)
                    for days in (MONTH_DAYS, QUARTER_DAYS)
                },
                "probability_alive": model.probability_alive(*arguments),
            }
        )
        connection.register("_forecast", frame)
        connection.execute(
            "insert into moment_forecast"
            " select customer_key, ?, expected_purchases_30d, expected_purchases_90d, probability_alive from _forecast",
            [moment],
        )
        connection.unregister("_forecast")
