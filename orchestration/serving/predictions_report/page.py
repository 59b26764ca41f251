"""The page of the report on predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from orchestration.serving.predictions_report import plots, wording
from orchestration.serving.predictions_report.numbers import report_numbers
from orchestration.serving.predictions_report.reading import HELD_OUT, LIVE, Predictions, is_drifted, is_worse
from orchestration.serving.report_page import Row, rendered, svg

_ORIGINS = {LIVE: "live", HELD_OUT: "held out"}


def page_of(data: Predictions) -> str:
    """The report as HTML."""
    numbers = report_numbers()
    shown = [model for model in data.in_use if model["curve"]]
    policies = _preferred(data.policies)
    unknown = [campaign for campaign in data.campaigns if campaign["state"] == "effect unknown"]
    least_effective = min((row["effective_decisions"] for row in policies), default=0)
    return rendered(
        "predictions.html.j2",
        wording.FILTERS | {"origin": _ORIGINS.__getitem__},
        data=data,
        figures=data.figures,
        last=data.newest_forecasts[0] if data.newest_forecasts else None,
        totals=_about_enough(data.totals),
        least_people=numbers.least_people,
        abstain_reasons=Counter(model["why"] for model in data.abstaining).most_common(),
        warnings=[
            _with_warning(model, data.drifted_from) for model in data.in_use if is_worse(model) or is_drifted(model)
        ],
        value_warnings=[row for row in _about_enough(data.newest_forecasts) if row["is_worse"]],
        has_live=any(row["origin"] == LIVE for row in data.months),
        panels=[model | {"plot": svg(plots.reliability(model["curve"]))} for model in shown[: numbers.panels_shown]],
        other_panels=len(shown[numbers.panels_shown :]),
        most_campaigns=numbers.campaigns_shown,
        unknown_campaigns=_by_reason(unknown),
        running_campaigns=[campaign for campaign in data.campaigns if campaign["state"] == "running"],
        all_campaigns=next((row for row in data.pooled if row["channel"] == "all"), None),
        set_points=next((row for row in data.judgements if row["version"] == "set"), None),
        learned_points=[row for row in data.judgements if row["version"] != "set"],
        shown_policies=policies,
        is_young=least_effective < numbers.least_effective_decisions,
        least_decisions=numbers.least_effective_decisions,
        plots=_plots(data, policies),
    )


def _plots(data: Predictions, policies: Sequence[Row]) -> dict[str, Any]:
    """The plots of the page by name, as SVG; empty where there is nothing to plot."""
    campaigns, forecasts = report_numbers().campaigns_shown, report_numbers().forecasts_shown
    by_month = partial(plots.over_months, data.months, data.in_use, drifted_from=data.drifted_from)
    return {
        "over_time": svg(plots.expected_over_time(_about_enough(data.forecasts)[-forecasts:])),
        "deciles": [
            (horizon, svg(plots.expected_by_decile(deciles))) for horizon, deciles in _newest_deciles(data).items()
        ],
        "values": {
            total["currency"]: svg(plots.value_distribution(_broad_bands(data, total["currency"])))
            for total in _about_enough(data.totals)
        },
        "lift": svg(by_month("top_decile_lift")),
        "calibration": svg(by_month("expected_calibration_error")),
        "drift": svg(by_month("population_stability_index")),
        "campaigns": svg(plots.effects(data.measured[:campaigns], data.pooled)),
        "bands": svg(plots.band_rates([band for band in data.engagement_bands if band["customer_count"]])),
        "policies": svg(plots.policy_values(policies)),
    }


def _with_warning(model: Row, drifted_from: float) -> Row:
    """The model with the warning that the page shows beside it."""
    newest = model["newest"]
    parts = [newest["worse_reason"] or "it has got worse"] if newest["is_worse"] else []
    if newest["is_drifted"]:
        parts.append(
            f"the distribution of its scores differs from that of its first month "
            f"(PSI {newest['population_stability_index']:.2f}, the threshold is {drifted_from})"
        )
    return model | {"warning": "; ".join(parts)}


def _about_enough(rows: Sequence[Row]) -> list[Row]:
    """The rows about enough customers to show their figures."""
    return [row for row in rows if row["customer_count"] >= report_numbers().least_people]


def _newest_deciles(data: Predictions) -> dict[int, list[Row]]:
    """Per horizon the deciles of the newest live and the newest held-out forecast, where they hold enough customers."""
    newest = {(row["horizon_days"], row["origin"]): (row["as_of"], row["model_version"]) for row in data.deciles}
    found: dict[int, list[Row]] = {}
    for row in _about_enough(data.deciles):
        if newest[row["horizon_days"], row["origin"]] == (row["as_of"], row["model_version"]):
            found.setdefault(row["horizon_days"], []).append(row)
    return dict(sorted(found.items()))


def _broad_bands(data: Predictions, currency: str) -> list[Row]:
    """Bands of expected value from low to high; the highest ones are merged until they hold enough customers."""
    bands = [band for band in data.value_bands if band["currency"] == currency]
    while len(bands) > 1 and bands[-1]["customer_count"] < report_numbers().least_people:
        *bands, below, top = bands
        bands.append(
            below
            | {"upper_amount": top["upper_amount"], "customer_count": below["customer_count"] + top["customer_count"]}
        )
    if bands:
        bands[-1] = bands[-1] | {"upper_amount": None}
    return bands


def _by_reason(campaigns: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    reasons: dict[str, list[Row]] = {}
    for campaign in campaigns:
        reason = (campaign["reason"] or "").removeprefix("Effect unknown: ")
        reasons.setdefault(reason, []).append(campaign)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def _preferred(policies: Sequence[Row]) -> list[Row]:
    """Per policy the estimate by the preferred method."""
    first: dict[str, Row] = {}
    for row in policies:
        first.setdefault(row["policy"], row)
    return list(first.values())
