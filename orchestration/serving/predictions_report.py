"""The report on predictions: what was expected, what came of it, and which models can be trusted.

One HTML file with its plots inside, for readers who know nothing of the warehouse: no script, no outside address, and
no figure about a single person. Everything in it comes from the published marts; nothing is fitted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.serving import predictions_plots as plots
from orchestration.serving.reading import published_as_of
from orchestration.serving.report_page import Row, put_in_place, rendered, rows_of, svg
from orchestration.warehouse.connection import WarehouseError, table_exists

if TYPE_CHECKING:
    import duckdb

REPORT_NAME = "predictions.html"

# A figure about fewer people says more about each of them than about the forecast.
LEAST_PEOPLE = 10
# As the marts judge a month of scores: with fewer of either outcome, what was observed is mostly chance.
LEAST_OUTCOMES = 10
# An estimate that rests on fewer equally weighted decisions is no answer (orchestration/predictions/policy.py).
LEAST_EFFECTIVE_DECISIONS = 30
# What is drawn; the marts hold all of it.
MOST_PANELS, MOST_CAMPAIGNS, MOST_MONTHS, MOST_FORECASTS = 20, 20, 24, 24

LIVE, HELD_OUT = "scored", "held out"
_ORIGINS = {LIVE: "live", HELD_OUT: "held out"}
_DECISIONS = {
    "first": "first model", "replaced": "a new model was taken", "kept": "the present model stays",
    "abstains": "the base rate stands",
}  # fmt: skip
# Of the ways to estimate what another policy would have brought, the one that is told first.
_METHODS = ("doubly_robust", "snips", "ips")
_METHOD_TITLES = {"doubly_robust": "doubly robust", "snips": "self-normalised weights", "ips": "inverse weights"}
_POLICIES = ("as proposed", "always the best", "at random")

_TABLES = (
    "customer_value", "customer_propensity", "prediction_model", "prediction_performance", "prediction_calibration",
    "value_performance", "value_calibration", "campaign_effect", "campaign_effect_pooled", "engagement_band_outcome",
    "engagement_points_judgement", "learned_engagement_points", "next_best_action", "action_policy_value",
)  # fmt: skip

# Per currency: how many have a forecast, what they are expected to bring, and how much of it the top tenth.
_TOTALS = """
    with valued as (
        select
            *,
            row_number() over (partition by currency order by expected_value_12m_amount desc) as place,
            count(*) over (partition by currency) as customers
        from marts.customer_value
        where expected_value_12m_amount is not null
    )
    select
        currency,
        count(*) as customer_count,
        sum(expected_value_12m_amount)::double as expected_amount,
        sum(expected_purchases_12m) as expected_purchases,
        sum(case when place <= ceil(customers / 10) then expected_value_12m_amount end)::double as top_tenth_amount
    from valued
    group by currency
    order by customer_count desc, currency
"""

# Bands of 1, 2 and 5 times a power of ten: values are spread over several of these.
_BANDS = """
    with bounds as (
        select factor * power(10, exponent) as least
        from (values (1), (2), (5)) as factors (factor) cross join generate_series(1, 6) as exponents (exponent)
        union all
        select 0
    ),
    bands as (select least, lead(least) over (order by least) as upper from bounds)
    select valued.currency, bands.least, bands.upper, count(*) as customer_count
    from marts.customer_value as valued
    inner join bands
        on valued.expected_value_12m_amount >= bands.least
        and (bands.upper is null or valued.expected_value_12m_amount < bands.upper)
    group by all
    order by valued.currency, bands.least
"""

# One row per thing that is predicted. The figures are those that the version in use had on examples that it had not
# seen; where the base rate stands, those of the last one that was tried. What is new since the last training has scores
# and no training.
_MODELS = """
    with scores as (
        select
            target, product_line, channel, horizon_days,
            bool_or(basis = 'model') as is_in_use,
            avg(base_rate) as base_rate,
            max(model_version) as model_version
        from marts.customer_propensity
        group by all
    ),
    last_trainings as (select * from marts.prediction_model where is_current and target <> 'value'),
    adopted as (
        select * from marts.prediction_model
        where decision in ('first', 'replaced')
        qualify row_number() over (partition by model_name, model_version order by trained_as_of desc) = 1
    ),
    joined as (
        select
            last_trainings.* replace (
                coalesce(last_trainings.target, scores.target) as target,
                coalesce(last_trainings.product_line, scores.product_line) as product_line,
                coalesce(last_trainings.channel, scores.channel) as channel,
                coalesce(last_trainings.horizon_days, scores.horizon_days) as horizon_days,
                coalesce(scores.model_version, last_trainings.model_version) as model_version
            ),
            coalesce(scores.is_in_use, last_trainings.decision <> 'abstains') as is_in_use,
            scores.base_rate as shown_rate
        from last_trainings
        full join scores
            on last_trainings.target = scores.target
            and last_trainings.product_line is not distinct from scores.product_line
            and last_trainings.channel is not distinct from scores.channel
            and last_trainings.horizon_days = scores.horizon_days
    )
    select
        joined.model_name, joined.title, joined.target, joined.product_line, joined.channel, joined.horizon_days,
        joined.is_in_use, joined.model_version, joined.decision, joined.reason,
        joined.trained_as_of as last_trained_as_of,
        adopted.trained_as_of as in_use_since,
        case when adopted.model_name is null then joined.base_rate else adopted.base_rate end as base_rate,
        coalesce(joined.shown_rate, joined.base_rate) as shown_rate,
        case when adopted.model_name is null then joined.auc else adopted.auc end as auc,
        case when adopted.model_name is null then joined.brier_skill else adopted.brier_skill end as brier_skill,
        case
            when adopted.model_name is null then joined.expected_calibration_error
            else adopted.expected_calibration_error
        end as expected_calibration_error,
        case
            when adopted.model_name is null then joined.top_decile_lift else adopted.top_decile_lift
        end as top_decile_lift,
        coalesce(adopted.useful_features, joined.useful_features) as useful_features,
        coalesce(adopted.notes, joined.notes) as notes
    from joined
    left join adopted on joined.model_name = adopted.model_name and joined.model_version = adopted.model_version
    order by
        case joined.target when 'buy' then 1 when 'respond' then 2 else 3 end,
        joined.product_line, joined.channel, joined.horizon_days
"""


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
    """The marts as the page needs them: rows by their columns, in the order in which they are told.

    models: one row per thing that is predicted, with `newest` (its newest month with known outcomes: of live scores,
    else of held-out ones) and `curve` (its reliability). forecasts: value_performance, oldest first.
    """

    as_of: datetime
    bases: dict[str, int]
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
        """Propensities for which the base rate stands."""
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


def write_predictions_report(connection: duckdb.DuckDBPyConnection, target: Path) -> PredictionsFigures:
    """Writes the report on the published warehouse into the file `target`, atomically, and returns its figures.

    Raises WarehouseError where the warehouse was published without predictions, the disk is full or the folder may not
    be written; an older report then stays.
    """
    data = figures_of(connection)
    put_in_place(page_of(data), target)
    return data.figures


def figures_of(connection: duckdb.DuckDBPyConnection) -> Predictions:
    """What the published marts tell. Raises WarehouseError where they were published before there were predictions."""
    missing = [table for table in _TABLES if not table_exists(connection, "marts", table)]
    if missing:
        raise WarehouseError(
            f"The published warehouse is older than its predictions (marts.{missing[0]} is missing): "
            "start `context360 run` again."
        )
    bases = rows_of(connection, "select basis, count(*) as customers from marts.customer_value group by all order by 1")
    months = rows_of(
        connection,
        f"""
        select * from marts.prediction_performance
        where scored_month > (select max(scored_month) from marts.prediction_performance) - interval {MOST_MONTHS} month
        order by title, origin, model_version, scored_month
        """,
    )
    return Predictions(
        as_of=published_as_of(connection),
        bases={row["basis"]: row["customers"] for row in bases},
        totals=rows_of(connection, _TOTALS),
        value_bands=rows_of(connection, _BANDS),
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
    models = rows_of(connection, _MODELS)
    bins = rows_of(connection, "select * from marts.prediction_calibration order by bin")
    for model in models:
        version = (model["model_name"], model["model_version"])
        # Live scores judge a model better than what its training kept back; later months better than earlier ones.
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
        if min(happened, sum(row["score_count"] for row in curve) - happened) >= LEAST_OUTCOMES:
            return curve
    return []


def _words(model: Row) -> str:
    parts = [model["target"], model["product_line"], model["channel"], f"within {model['horizon_days']} days"]
    return " ".join(part.replace("_", " ") for part in parts if part).capitalize()


def _why(model: Row) -> str:
    """In a few words, why the base rate stands; empty where a model does."""
    if model["is_in_use"]:
        return ""
    if model["decision"] is None:
        return "not trained yet"
    return "too few cases to learn from" if model["auc"] is None else "nothing was found that beats the base rate"


def _with_intervals(bands: Sequence[Row]) -> list[Row]:
    from orchestration.predictions.measures import wilson_interval

    intervals = [wilson_interval(band["buyer_count"], band["customer_count"]) for band in bands]
    return [
        band | {"low": low, "high": high, "title": band["engagement_band"].replace("_", " ")}
        for band, (low, high) in zip(bands, intervals, strict=True)
    ]


def _policy_order(row: Row) -> tuple[int, str, int]:
    known = _POLICIES.index(row["policy"]) if row["policy"] in _POLICIES else len(_POLICIES)
    return known, row["policy"], _METHODS.index(row["method"]) if row["method"] in _METHODS else len(_METHODS)


# --- The page --------------------------------------------------------------------------------------------------------


def page_of(data: Predictions) -> str:
    """The report as HTML."""
    figures = data.figures
    last = data.newest_forecasts[0] if data.newest_forecasts else None
    shown = [model for model in data.in_use if model["curve"]]
    told = _first_of_each(data.policies)
    unknown = [campaign for campaign in data.campaigns if campaign["state"] == "effect unknown"]
    return rendered(
        "predictions.html.j2",
        {
            "amount": amount, "number": number, "rate": rate, "points": points, "day": day, "month": month, "off": off,
            "short_day": short_day, "short_month": short_month,
            "origin": _ORIGINS.__getitem__, "decision": _decision, "method": _method, "words": _plain,
        },
        data=data,
        figures=figures,
        last=last,
        totals=[total for total in data.totals if total["customer_count"] >= LEAST_PEOPLE],
        least_people=LEAST_PEOPLE,
        abstain_reasons=Counter(model["why"] for model in data.abstaining).most_common(),
        warnings=[_warned(model) for model in data.in_use if is_worse(model) or is_drifted(model)],
        value_warnings=[
            row for row in data.newest_forecasts if row["is_worse"] and row["customer_count"] >= LEAST_PEOPLE
        ],
        has_live=any(row["origin"] == LIVE for row in data.months),
        panels=[model | {"plot": svg(plots.reliability(model["curve"]))} for model in shown[:MOST_PANELS]],
        other_panels=len(shown[MOST_PANELS:]),
        most_campaigns=MOST_CAMPAIGNS,
        unknown_campaigns=_by_reason(unknown),
        running_campaigns=[campaign for campaign in data.campaigns if campaign["state"] == "running"],
        all_campaigns=next((row for row in data.pooled if row["channel"] == "all"), None),
        set_points=next((row for row in data.judgements if row["version"] == "set"), None),
        learned_points=[row for row in data.judgements if row["version"] != "set"],
        told_policies=told,
        is_young=not told or min(row["effective_decisions"] for row in told) < LEAST_EFFECTIVE_DECISIONS,
        least_decisions=LEAST_EFFECTIVE_DECISIONS,
        plots={
            "over_time": svg(plots.expected_over_time(_told_forecasts(data))),
            "deciles": [
                (horizon, svg(plots.expected_by_decile(deciles))) for horizon, deciles in _newest_deciles(data).items()
            ],
            "values": {
                total["currency"]: svg(plots.value_distribution(_broad_bands(data, total["currency"])))
                for total in data.totals if total["customer_count"] >= LEAST_PEOPLE
            },
            "lift": svg(plots.over_months(data.months, data.in_use, "top_decile_lift")),
            "calibration": svg(plots.over_months(data.months, data.in_use, "expected_calibration_error")),
            "drift": svg(plots.over_months(data.months, data.in_use, "population_stability_index")),
            "campaigns": svg(plots.effects(data.measured[:MOST_CAMPAIGNS], data.pooled)),
            "bands": svg(plots.band_rates([band for band in data.engagement_bands if band["customer_count"]])),
            "policies": svg(plots.policy_values(told)),
        },
    )  # fmt: skip


def _warned(model: Row) -> Row:
    """What is said of a model that has got worse, or whose scores have drifted."""
    newest = model["newest"]
    parts = [newest["worse_reason"] or "it has got worse"] if newest["is_worse"] else []
    if newest["is_drifted"]:
        parts.append(
            f"its scores are spread differently from those of its first month "
            f"(PSI {newest['population_stability_index']:.2f}, the line is {plots.DRIFT_LINE})"
        )
    return model | {"warning": "; ".join(parts)}


def _told_forecasts(data: Predictions) -> list[Row]:
    """The newest forecasts whose time has passed, without those about too few people."""
    return [row for row in data.forecasts if row["customer_count"] >= LEAST_PEOPLE][-MOST_FORECASTS:]


def _newest_deciles(data: Predictions) -> dict[int, list[Row]]:
    """Per horizon the deciles of its newest live and its newest held-out forecast, where they hold enough people."""
    newest = {(row["horizon_days"], row["origin"]): (row["as_of"], row["model_version"]) for row in data.deciles}
    found: dict[int, list[Row]] = {}
    for row in data.deciles:
        is_newest = newest[row["horizon_days"], row["origin"]] == (row["as_of"], row["model_version"])
        if is_newest and row["customer_count"] >= LEAST_PEOPLE:
            found.setdefault(row["horizon_days"], []).append(row)
    return dict(sorted(found.items()))


def _broad_bands(data: Predictions, currency: str) -> list[Row]:
    """Bands of expected value from low to high; of the highest, so many are one that it holds enough people."""
    bands = [band for band in data.value_bands if band["currency"] == currency]
    while len(bands) > 1 and bands[-1]["customer_count"] < LEAST_PEOPLE:
        *bands, below, top = bands
        bands.append(below | {"upper": top["upper"], "customer_count": below["customer_count"] + top["customer_count"]})
    if bands:
        bands[-1] = bands[-1] | {"upper": None}
    return bands


def _by_reason(campaigns: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    reasons: dict[str, list[Row]] = {}
    for campaign in campaigns:
        reason = (campaign["reason"] or "").removeprefix("Effect unknown: ")
        reasons.setdefault(reason, []).append(campaign)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def _first_of_each(policies: Sequence[Row]) -> list[Row]:
    """Of each policy the estimate that is told first."""
    first: dict[str, Row] = {}
    for row in policies:
        first.setdefault(row["policy"], row)
    return list(first.values())


# --- Figures in words ------------------------------------------------------------------------------------------------


def amount(value: float) -> str:
    """About how much money: three digits that count."""
    if abs(value) >= 999_500:
        return f"{value / 1e6:,.3g} million"
    return f"{float(f'{value:.3g}'):,.0f}"


def number(value: float | None) -> str:
    """A count that was expected: whole from ten on, else with one decimal; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def rate(share: float | None) -> str:
    """A share from 0 to 1 as percent, with a decimal below ten percent; a dash where there is none."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "<\N{NO-BREAK SPACE}0.1\N{NO-BREAK SPACE}%"
    told = f"{100 * share:.{1 if 0 < abs(share) < 0.0995 else 0}f}\N{NO-BREAK SPACE}%"
    return told.replace("-", "−")


def points(difference: float | None, *, sign: bool = True) -> str:
    """A difference of shares in percentage points, with or without its sign; a dash where there is none."""
    if difference is None:
        return "–"
    return f"{100 * difference:+.1f}".replace("-", "−") if sign else f"{100 * difference:.1f}"


def off(forecast: Row) -> str:
    """How far a forecast was off, in words."""
    expected, made = forecast["expected_purchases"], forecast["made_purchases"]
    if not made:
        return "nothing was bought" if expected else "nothing was expected"
    share = round(100 * (expected / made - 1))
    if not share:
        return "right to one percent"
    return f"{abs(share)}\N{NO-BREAK SPACE}% too {'high' if share > 0 else 'low'}"


def day(moment: date | None) -> str:
    """A day as a person writes it; a dash where there is none."""
    return f"{moment.day} {moment:%B %Y}" if moment else "–"


def month(moment: date | None) -> str:
    """A month as a person writes it; a dash where there is none."""
    return f"{moment:%B %Y}" if moment else "–"


def short_day(moment: date | None) -> str:
    """A day as a table has room for it; a dash where there is none."""
    return f"{moment.day} {moment:%b %Y}" if moment else "–"


def short_month(moment: date) -> str:
    """A month as a table has room for it."""
    return f"{moment:%b %Y}"


def _decision(name: str | None) -> str:
    return _DECISIONS.get(name, name) if name else "not trained yet"


def _method(name: str) -> str:
    return _METHOD_TITLES.get(name, name.replace("_", " "))


def _plain(names: str | None) -> str:
    """Names of columns as words."""
    return (names or "").replace("_", " ")
