"""The plots of the report on predictions: rows of the marts in, a chart out, or None where there is nothing to draw.

Live scores are blue and held-out ones orange in all plots; outcomes are dark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from orchestration.serving.report_page import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, Row, plot_data

_LIVE, _HELD_OUT = "live", "held out"
_ORIGINS = {"scored": _LIVE, "held out": _HELD_OUT}
_ORIGIN_COLOURS = {_LIVE: BLUE, _HELD_OUT: ORANGE}
# Distinguishable colours for models with a warning and for others; the rest are grey.
_WARNING_COLOURS = ("#b03a2e", "#e07a5f", "#7a1f16", "#c98a86")
_LINE_COLOURS = (BLUE, PURPLE, GREEN, "#8a6d3b")
_MOST_LINES = 4
# By measure: factor and format of its figures, and a line with its meaning.
_MEASURES = {
    "top_decile_lift": (1, ".1f", 1.0, "no better than chance"),
    "expected_calibration_error": (100, ".1f", None, ""),
    "population_stability_index": (1, ".2f", None, ""),  # the line is the threshold of the marts
}


def expected_over_time(forecasts: Sequence[Row]) -> Any:
    """Per forecast with a known outcome: expected purchases joined to actual ones."""
    import altair as alt

    if not forecasts:
        return None
    rows = [
        {
            "forecast": f"{row['horizon_days']} days from {row['as_of'].day} {row['as_of']:%b %Y}",
            "kind": f"{_ORIGINS[row['origin']]}: expected",
            "expected": row["expected_purchases"],
            "actual": row["made_purchases"],
            "label": f"{row['expected_purchases']:,.0f} → {row['made_purchases']:,.0f}",
        }
        for row in reversed(forecasts)
    ]
    kinds = [f"{_LIVE}: expected", f"{_HELD_OUT}: expected", "actual"]
    colour = alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[BLUE, ORANGE, INK]),
                       legend=alt.Legend(title=None, orient="bottom"))  # fmt: skip
    most = max(max(row["expected"], row["actual"]) for row in rows)
    axis = alt.X(
        "expected:Q",
        title="Days with a purchase, all customers",
        scale=alt.Scale(domain=[0, most * 1.02], nice=False),
        axis=alt.Axis(format=",.0f", tickCount=6),
    )
    y = alt.Y("forecast:N", sort=[row["forecast"] for row in rows], title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(plot_data(rows)).encode(y=y)
    width = 620
    joined = base.mark_rule(strokeWidth=2, color=GREY).encode(x=axis, x2="actual:Q")
    expected = base.mark_point(size=80, strokeWidth=2, filled=False, opacity=1).encode(x="expected:Q", color=colour)
    actual = (
        alt.Chart(plot_data([row | {"kind": "actual"} for row in rows]))
        .mark_point(size=55, filled=True, opacity=1)
        .encode(y=y, x="actual:Q", color=colour)
    )
    text = base.mark_text(align="left", fontSize=11, color=INK).encode(x=alt.value(width + 10), text="label:N")
    return alt.layer(joined, expected, actual, text).properties(width=width, height=max(28 * len(rows), 40))


def expected_by_decile(deciles: Sequence[Row]) -> Any:
    """Per decile of the customers: mean expected purchases against actual ones, and the line of equality."""
    import altair as alt

    if not deciles:
        return None
    rows = [
        {
            "expected": row["expected_purchases"],
            "actual": row["made_purchases"],
            "decile": row["decile"],
            "kind": _ORIGINS[row["origin"]],
        }
        for row in deciles
    ]
    most = 1.06 * max(max(row["expected"], row["actual"]) for row in rows) or 1.0
    scale = alt.Scale(domain=[0, most], nice=False)
    line = _diagonal(most)
    base = alt.Chart(plot_data(rows)).encode(
        x=alt.X("expected:Q", title="Expected per customer", scale=scale, axis=alt.Axis(tickCount=5)),
        y=alt.Y("actual:Q", title="Actual per customer", scale=scale, axis=alt.Axis(tickCount=5)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(_ORIGIN_COLOURS), range=list(_ORIGIN_COLOURS.values())),
            legend=alt.Legend(title=None, orient="bottom"),
        ),
    )
    joined = base.mark_line(strokeWidth=1.5).encode(order="decile:O")
    dots = base.mark_point(filled=True, size=60, opacity=1)
    return alt.layer(line, joined, dots).properties(width=290, height=260)


def value_distribution(bands: Sequence[Row]) -> Any:
    """Number of customers by expected value in twelve months."""
    import altair as alt

    if not bands:
        return None
    rows = [
        {
            "band": f"{band['least_amount']:,.0f}–{band['upper_amount']:,.0f}"
            if band["upper_amount"]
            else f"{band['least_amount']:,.0f} and more",
            "customers": band["customer_count"],
            "label": f"{band['customer_count']:,}",
        }
        for band in bands
    ]
    currency = bands[0]["currency"]
    base = alt.Chart(plot_data(rows)).encode(
        x=alt.X("band:N", sort=[row["band"] for row in rows], title=f"Expected value in 12 months, {currency}",
                axis=alt.Axis(labelAngle=-40, labelLimit=160)),
        y=alt.Y("customers:Q", title="Customers", axis=alt.Axis(format=",.0f", tickCount=4)),
    )  # fmt: skip
    bars = base.mark_bar(color=BLUE)
    text = base.mark_text(dy=-7, fontSize=11, color=INK).encode(text="label:N")
    return alt.layer(bars, text).properties(width=alt.Step(46), height=200)


def reliability(curve: Sequence[Row]) -> Any:
    """One model: predicted against observed rates in deciles of its scores, with 95 % intervals and the diagonal."""
    import altair as alt

    if not curve:
        return None
    rows = [
        {
            "predicted": row["predicted"],
            "observed": row["observed"],
            "low": row["observed_low"],
            "high": row["observed_high"],
        }
        for row in curve
    ]
    # Few scores have a wide interval: it is cut off, so that it does not squeeze all points into a corner.
    most = min(1.0, 1.35 * max(max(row["predicted"], row["observed"]) for row in rows))
    scale = alt.Scale(domain=[0, most], nice=False, clamp=True)
    axis = alt.Axis(format="%" if most > 0.12 else ".1%", tickCount=4)
    colour = _ORIGIN_COLOURS[_ORIGINS[curve[0]["origin"]]]
    base = alt.Chart(plot_data(rows)).encode(x=alt.X("predicted:Q", title="predicted", scale=scale, axis=axis))
    spans = base.mark_rule(strokeWidth=2, opacity=0.45, color=colour).encode(
        y=alt.Y("low:Q", title="observed", scale=scale, axis=axis), y2="high:Q"
    )
    dots = base.mark_point(filled=True, size=42, opacity=1, color=colour).encode(y="observed:Q")
    return alt.layer(_diagonal(most), spans, dots).properties(width=180, height=170)


def over_months(months: Sequence[Row], models: Sequence[Row], measure: str, drifted_from: float) -> Any:
    """A figure of the models in use, month by month, from two months on: lines, of which few have a colour.

    drifted_from: the population stability index above which scores count as drifted.
    """
    import altair as alt

    factor, form, reference, meaning = _MEASURES[measure]
    if measure == "population_stability_index":
        reference, meaning = drifted_from, f"drifted above {drifted_from}"
    used = {model["model_name"] for model in models}
    known = [row for row in months if row[measure] is not None and row["model_name"] in used]
    if len({row["scored_month"] for row in known}) < 2:
        return None
    highlighted = _highlighted(months, models)
    named = {model["model_name"]: model["title"] for model, _ in highlighted}
    rows = [
        {
            "month": f"{row['scored_month']:%Y-%m}",
            "value": factor * row[measure],
            "model": named.get(row["model_name"], "other models"),
            "line": f"{row['model_name']} {row['origin']} {row['model_version']}",
            "kind": _ORIGINS[row["origin"]],
        }
        for row in known
    ]
    labels, colours = list(named.values()), [line for _, line in highlighted]
    if any(row["model"] == "other models" for row in rows):
        labels, colours = [*labels, "other models"], [*colours, "#9fabb3"]
    spans = _month_range([row["scored_month"] for row in known])
    colour = alt.Color(
        "model:N",
        scale=alt.Scale(domain=labels, range=colours),
        legend=alt.Legend(title=None, orient="bottom", columns=2, labelLimit=340, symbolType="stroke",
                          symbolStrokeWidth=3),
    )  # fmt: skip
    base = alt.Chart(plot_data(rows)).encode(
        x=alt.X("month:O", title="Month of the scores", scale=alt.Scale(domain=spans),
                axis=alt.Axis(labelAngle=-40 if len(spans) > 8 else 0)),
        y=alt.Y("value:Q", title=None, axis=alt.Axis(format=form, tickCount=5),
                scale=alt.Scale(domainMin=0, domainMax=max(*(row["value"] for row in rows), (reference or 0) * 1.25))),
        color=colour,
        detail="line:N",
    )  # fmt: skip
    layers = _lines(base, colour)
    if reference is not None:
        line = alt.Chart(plot_data([{"value": reference, "label": meaning}]))
        layers += [
            line.mark_rule(color=INK, strokeDash=[5, 4]).encode(y="value:Q"),
            line.mark_text(align="left", baseline="bottom", dx=4, dy=-2, fontSize=11, color=INK).encode(
                x=alt.value(0), y="value:Q", text="label:N"
            ),
        ]
    return alt.layer(*layers).properties(width=780, height=190)


def _lines(base: Any, colour: Any) -> list[Any]:
    """Lines and points of live (solid, circle) and held-out figures (dashed, diamond); grey models lie below."""
    import altair as alt

    dash = alt.StrokeDash("kind:N", scale=alt.Scale(domain=[_LIVE, _HELD_OUT], range=[[1, 0], [5, 4]]), legend=None)
    grey = base.transform_filter("datum.model == 'other models'")
    bright = base.transform_filter("datum.model != 'other models'")
    return [
        layer
        for part, width in ((grey, 1.2), (bright, 2.4))
        for layer in (
            part.mark_line(strokeWidth=width).encode(strokeDash=dash),
            part.mark_point(size=34, opacity=1, strokeWidth=1.6).encode(
                shape=alt.Shape("kind:N", scale=alt.Scale(domain=[_LIVE, _HELD_OUT], range=["circle", "diamond"]),
                                legend=None),
                fill=alt.condition("datum.kind == 'live'", colour, alt.value("white")),
            ),
        )
    ]  # fmt: skip


def effects(measured: Sequence[Row], pooled: Sequence[Row]) -> Any:
    """Change of the purchase rate by campaign and pooled by channel, with 95 % intervals."""
    import altair as alt

    pooled_effects = [row for row in pooled if row["effect"] is not None]
    if not measured and not pooled_effects:
        return None
    names = [f"{row['title'] or row['campaign_id']}, {row['ends_on']:%b %Y}" for row in measured]
    often = Counter(names)
    rows = [_effect(row, f"{row['title']} ({row['campaign_count']})", "pooled") for row in pooled_effects] + [
        _effect(row, f"{name} ({row['campaign_id']})" if often[name] > 1 else name, "one campaign")
        for name, row in zip(names, measured, strict=True)
    ]
    y = alt.Y("name:N", sort=[row["name"] for row in rows], title=None, axis=alt.Axis(labelLimit=300))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["pooled", "one campaign"], range=[INK, BLUE]),
                       legend=alt.Legend(title=None, orient="bottom"))  # fmt: skip
    base = alt.Chart(plot_data(rows)).encode(y=y, color=colour)
    width = 560
    spans = base.mark_rule(strokeWidth=2.5, opacity=0.75).encode(
        x=alt.X("low:Q", title="Change of the purchase rate, percentage points",
                axis=alt.Axis(labelExpr="datum.value == 0 ? '0' : format(datum.value, '+')", tickCount=7)),
        x2="high:Q",
    )  # fmt: skip
    dots = base.mark_point(filled=True, opacity=1).encode(
        x="effect:Q",
        size=alt.condition("datum.kind == 'pooled'", alt.value(110), alt.value(55)),
        shape=alt.condition("datum.kind == 'pooled'", alt.value("diamond"), alt.value("circle")),
    )
    zero = alt.Chart(plot_data([{"zero": 0}])).mark_rule(color=INK, strokeDash=[5, 4]).encode(x="zero:Q")
    text = base.mark_text(align="left", fontSize=11).encode(
        x=alt.value(width + 10), text="label:N", color=alt.value(INK)
    )
    return alt.layer(zero, spans, dots, text).properties(width=width, height=24 * len(rows))


def _effect(row: Row, name: str, kind: str) -> Row:
    effect, low, high = (100 * row[column] for column in ("effect", "effect_low", "effect_high"))
    label = f"{effect:+.1f}  ({low:+.1f} to {high:+.1f})".replace("-", "−")
    return {"name": name, "kind": kind, "effect": effect, "low": low, "high": high, "label": label}


def band_rates(bands: Sequence[Row]) -> Any:
    """Purchase rate per engagement band, with 95 % intervals."""
    import altair as alt

    if not bands:
        return None
    rows = [
        {
            "band": band["title"],
            "rate": band["purchase_rate"],
            "low": band["low"],
            "high": band["high"],
            "label": f"{100 * band['purchase_rate']:.0f} %",
        }
        for band in bands
    ]
    base = alt.Chart(plot_data(rows)).encode(
        x=alt.X("band:N", sort=[row["band"] for row in rows], title="Engagement band, low to high",
                axis=alt.Axis(labelAngle=0)),
    )  # fmt: skip
    scale = alt.Scale(domainMin=0)
    bars = base.mark_bar(color=BLUE, opacity=0.85, size=44).encode(
        y=alt.Y("rate:Q", title="Bought within 90 days", scale=scale, axis=alt.Axis(format="%", tickCount=5))
    )
    spans = base.mark_rule(color=INK, strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q")
    text = base.mark_text(dx=8, align="left", dy=-7, fontSize=12, color=INK).encode(y="rate:Q", text="label:N")
    return alt.layer(bars, spans, text).properties(width=alt.Step(96), height=200)


def policy_values(policies: Sequence[Row]) -> Any:
    """Mean value of a proposal under each policy, with 95 % intervals."""
    import altair as alt

    rows = [
        {
            "policy": row["policy"],
            "value": row["value_amount"],
            "low": row["low_amount"],
            "high": row["high_amount"],
            "label": f"{row['value_amount']:,.2f}  ({row['low_amount']:,.2f} to {row['high_amount']:,.2f})",
        }
        for row in policies
        if row["value_amount"] is not None and row["low_amount"] is not None
    ]
    if not rows:
        return None
    base = alt.Chart(plot_data(rows)).encode(
        y=alt.Y("policy:N", sort=[row["policy"] for row in rows], title=None, axis=alt.Axis(labelLimit=220))
    )
    width = 560
    spans = base.mark_rule(strokeWidth=3, color=BLUE, opacity=0.6).encode(
        x=alt.X("low:Q", title="Value per proposal", axis=alt.Axis(tickCount=6)), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=70, opacity=1, color=BLUE).encode(x="value:Q")
    text = base.mark_text(align="left", fontSize=11, color=INK).encode(x=alt.value(width + 10), text="label:N")
    return alt.layer(spans, dots, text).properties(width=width, height=32 * len(rows))


def _diagonal(most: float) -> Any:
    """The line on which predicted and observed are equal."""
    import altair as alt

    ends: list[Row] = [{"predicted": 0, "observed": 0}, {"predicted": most, "observed": most}]
    return (
        alt.Chart(plot_data(ends)).mark_line(color="#8a979f", strokeDash=[5, 4], strokeWidth=1.2)
        .encode(x="predicted:Q", y="observed:Q")
    )  # fmt: skip


def _highlighted(months: Sequence[Row], models: Sequence[Row]) -> list[tuple[Row, str]]:
    """Models with their colours, the same in all plots: those with a warning, then those with the lowest lift."""
    lifts = {row["model_name"]: row["top_decile_lift"] for row in sorted(months, key=lambda row: row["scored_month"])}
    known = [model for model in models if model["model_name"] in lifts]
    warned = [
        model for model in known if model["newest"] and (model["newest"]["is_worse"] or model["newest"]["is_drifted"])
    ]
    others = sorted(
        (model for model in known if model not in warned and lifts[model["model_name"]] is not None),
        key=lambda model: lifts[model["model_name"]],
    )
    coloured = [*zip(warned, _WARNING_COLOURS, strict=False), *zip(others, _LINE_COLOURS, strict=False)]
    return coloured[:_MOST_LINES]


def _month_range(months: Sequence[date]) -> list[str]:
    """All months from the first to the last."""
    first, last = (12 * month.year + month.month - 1 for month in (min(months), max(months)))
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(first, last + 1)]
