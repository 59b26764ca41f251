"""What the published marts say about predictions, as the page needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.serving.predictions_report.numbers import report_numbers
from orchestration.serving.reading import base_rate_reason, published_as_of
from orchestration.serving.report_page import Row, rows_of
from orchestration.warehouse.connection import WarehouseError, table_exists

if TYPE_CHECKING:
    import duckdb

LIVE, HELD_OUT = "scored", "held out"
# Estimates of what another policy would bring, the preferred one first.
_METHODS = ("doubly_robust", "snips", "ips")
_POLICIES = ("as proposed", "always the best", "at random")

_TABLES = (
    "customer_value", "customer_value_total", "customer_value_band", "prediction_target", "prediction_performance",
    "prediction_calibration", "value_performance", "value_calibration", "campaign_effect", "campaign_effect_pooled",
    "engagement_band_outcome",
    "engagement_points_judgement", "learned_engagement_points", "next_best_action", "action_policy_value",
)  # fmt: skip


@dataclass(frozen=True)
class PredictionsFigures:
    """What the report says in numbers.

    forecast: customers with an expected value, of `customers`. models: things that are predicted; of these, abstaining
    show the base rate and worse have a model that has got worse. worse_forecasts: of the customers' value.
    """

    customers: int
    forecast: int
    models: int
    abstaining: int
    worse: int
    drifted: int
    worse_forecasts: int
    measured_campaigns: int
    campaigns: int

    @property
    def trusted(self) -> int:
        """Models that are in use and hold up."""
        return self.models - self.abstaining - self.worse


@dataclass(frozen=True)
class Predictions:
    """The marts as the page needs them: rows by their columns, in the order of the page.

    models: one row per thing that is predicted, with `newest` (its newest month with known outcomes: of live scores,
    else of held-out ones) and `curve` (its reliability). forecasts: value_performance, oldest first.
    base_rate_reason: why customers have the base rate. drifted_from: the population stability index above which the
    marts call scores drifted.
    """

    as_of: datetime
    drifted_from: float
    bases: dict[str, int]
    base_rate_reason: str
    totals: list[Row]
    value_bands: list[Row]
    forecasts: list[Row]
    deciles: list[Row]
    models: list[Row]
    months: list[Row]
    campaigns: list[Row]
    pooled: list[Row]
    engagement_bands: list[Row]
    judgements: list[Row]
    points: list[Row]
    actions: list[Row]
    policies: list[Row]

    @property
    def figures(self) -> PredictionsFigures:
        """The few figures that stand for all of it."""
        return PredictionsFigures(
            customers=sum(self.bases.values()),
            forecast=sum(total["customer_count"] for total in self.totals),
            models=len(self.models),
            abstaining=len(self.abstaining),
            worse=sum(is_worse(model) for model in self.models),
            drifted=sum(is_drifted(model) for model in self.models),
            worse_forecasts=sum(bool(forecast["is_worse"]) for forecast in self.newest_forecasts),
            measured_campaigns=len(self.measured),
            campaigns=len(self.campaigns),
        )

    @property
    def in_use(self) -> list[Row]:
        """Propensities that have a model; those that have got worse first."""
        used = [model for model in self.models if model["is_in_use"]]
        return sorted(used, key=lambda model: (not is_worse(model), not is_drifted(model)))

    @property
    def abstaining(self) -> list[Row]:
        """Propensities for which the base rate is shown."""
        return [model for model in self.models if not model["is_in_use"]]

    @property
    def newest_forecasts(self) -> list[Row]:
        """Per horizon the newest forecast of purchases whose time has passed: a live one, else a held-out one."""
        newest = {}
        for forecast in sorted(self.forecasts, key=lambda row: (row["origin"] == LIVE, row["as_of"])):
            newest[forecast["horizon_days"]] = forecast
        return [newest[horizon] for horizon in sorted(newest)]

    @property
    def measured(self) -> list[Row]:
        """Campaigns with an effect."""
        return [campaign for campaign in self.campaigns if campaign["state"] == "measured"]


def figures_of(connection: duckdb.DuckDBPyConnection, *, drifted_from: float) -> Predictions:
    """The rows of the marts. Raises WarehouseError where the warehouse was published before it had predictions."""
    missing = [table for table in _TABLES if not table_exists(connection, "marts", table)]
    if missing:
        raise WarehouseError(
            f"The published warehouse is older than its predictions (marts.{missing[0]} is missing): "
            "start `context360 run` again."
        )
    since = f"interval {report_numbers().months_shown} month"
    bases = rows_of(connection, "select basis, count(*) as customers from marts.customer_value group by all order by 1")
    months = rows_of(
        connection,
        f"""
        select * from marts.prediction_performance
        where scored_month > (select max(scored_month) from marts.prediction_performance) - {since}
        order by title, origin, model_version, scored_month
        """,
    )
    return Predictions(
        as_of=published_as_of(connection),
        drifted_from=drifted_from,
        bases={row["basis"]: row["customers"] for row in bases},
        base_rate_reason=base_rate_reason(connection),
        totals=rows_of(connection, "select * from marts.customer_value_total order by customer_count desc, currency"),
        value_bands=rows_of(connection, "select * from marts.customer_value_band order by currency, least_amount"),
        forecasts=rows_of(connection, "select * from marts.value_performance order by as_of, horizon_days, origin"),
        deciles=rows_of(connection, "select * from marts.value_calibration order by as_of, model_version, decile"),
        models=_models(connection, months),
        months=months,
        campaigns=rows_of(connection, "select * from marts.campaign_effect order by ends_on desc, campaign_id"),
        pooled=rows_of(connection, "select * from marts.campaign_effect_pooled order by channel <> 'all', title"),
        engagement_bands=_with_intervals(
            rows_of(connection, "select * from marts.engagement_band_outcome order by band_rank")
        ),
        judgements=rows_of(
            connection,
            """
            select * from marts.engagement_points_judgement
            where is_out_of_time
            qualify judged_at = max(judged_at) over ()
            order by version <> 'set', version
            """,
        ),
        points=rows_of(
            connection,
            """
            select * from marts.learned_engagement_points
            qualify version = max(version) over ()
            order by set_points desc, touchpoint
            """,
        ),
        actions=rows_of(
            connection,
            """
            select kind, title, count(*) as customer_count, count(distinct channel) as channel_count
            from marts.next_best_action group by all order by customer_count desc, title
            """,
        ),
        policies=sorted(rows_of(connection, "select * from marts.action_policy_value"), key=_policy_order),
    )


def is_worse(model: Row) -> bool:
    """Whether the model is in use and its newest month with known outcomes says that it has got worse."""
    return bool(model["is_in_use"] and model["newest"] and model["newest"]["is_worse"])


def is_drifted(model: Row) -> bool:
    """Whether the model is in use and the scores of that month are spread differently from those of its first month."""
    return bool(model["is_in_use"] and model["newest"] and model["newest"]["is_drifted"])


def _models(connection: duckdb.DuckDBPyConnection, months: Sequence[Row]) -> list[Row]:
    models = rows_of(
        connection,
        """
        select * from marts.prediction_target
        order by
            case target when 'buy' then 1 when 'respond' then 2 else 3 end,
            product_line, channel, horizon_days
        """,
    )
    bins = rows_of(connection, "select * from marts.prediction_calibration order by bin")
    for model in models:
        version = (model["model_name"], model["model_version"])
        # Live scores judge a model better than held-out ones; later months better than earlier ones.
        model["newest"] = max(
            (month for month in months if (month["model_name"], month["model_version"]) == version),
            key=lambda month: (month["origin"] == LIVE, month["scored_month"]),
            default=None,
        )
        model["curve"] = _curve([row for row in bins if (row["model_name"], row["model_version"]) == version])
        model["title"] = model["title"] or _words(model)
        model["why"] = _why(model)
    return models


def _curve(bins: Sequence[Row]) -> list[Row]:
    """The reliability of live scores where enough of their outcomes are known, else of held-out ones, else none."""
    for origin in (LIVE, HELD_OUT):
        curve = [row for row in bins if row["origin"] == origin]
        happened = sum(row["observed"] * row["score_count"] for row in curve)
        if min(happened, sum(row["score_count"] for row in curve) - happened) >= report_numbers().least_outcomes:
            return curve
    return []


def _words(model: Row) -> str:
    parts = [model["target"], model["product_line"], model["channel"], f"within {model['horizon_days']} days"]
    return " ".join(part.replace("_", " ") for part in parts if part).capitalize()


def _why(model: Row) -> str:
    """Why the base rate is shown; empty where a model is in use."""
    if model["is_in_use"]:
        return ""
    if model["decision"] is None:
        return "not trained yet"
    return "too few cases to learn from" if model["auc"] is None else "no model beats the base rate"


def _with_intervals(bands: Sequence[Row]) -> list[Row]:
    from orchestration.predictions.learning.measures import wilson_interval

    intervals = [wilson_interval(band["buyer_count"], band["customer_count"]) for band in bands]
    return [
        band | {"low": low, "high": high, "title": band["engagement_band"].replace("_", " ")}
        for band, (low, high) in zip(bands, intervals, strict=True)
    ]


def _policy_order(row: Row) -> tuple[int, str, int]:
    known = _POLICIES.index(row["policy"]) if row["policy"] in _POLICIES else len(_POLICIES)
    return known, row["policy"], _METHODS.index(row["method"]) if row["method"] in _METHODS else len(_METHODS)
