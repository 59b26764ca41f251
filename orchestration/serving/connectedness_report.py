"""The report on connectedness: which systems exist and are linked, which are fast enough, and who sees their data.

One HTML file with its plots inside, from the marts of `connectedness`: no script, address or figure of a single person.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.serving.reading import published_as_of
from orchestration.serving.report_page import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    Row,
    plot_data,
    put_in_place,
    rendered,
    rows_of,
    share_text,
    svg,
)

if TYPE_CHECKING:
    import altair as alt
    import duckdb

REPORT_NAME = "connectedness.html"
MOST_LINKS = 12  # that are plotted; the mart holds all of them

_REASON_COLOURS = {
    "identifier is unknown": BLUE, "identifier is shared": ORANGE, "no identifier": PURPLE, "probable": GREEN,
    "not yet identified": "#8fc1cc", "identified too long ago": "#c98b9b", "device is shared": "#b8a15a",
}  # fmt: skip
_NO_CHANNEL = "unknown"  # the row of interactions whose channel the source does not state; no channel of the firm
_CONTEXTS = ("relationship", "personal", "situational")
_SECONDS = {
    60: "1 min", 900: "15 min", 3_600: "1 h", 21_600: "6 h", 86_400: "1 day", 604_800: "1 week", 2_592_000: "30 days",
    31_536_000: "1 year",
}  # fmt: skip


@dataclass(frozen=True)
class ConnectednessFigures:
    """What the report says in numbers.

    linked_systems: systems that share a customer with another one. fast_streams: the measured_streams that meet their
    latency requirement. seen_systems: systems whose data reaches a mart about customers.
    """

    systems: int
    linked_systems: int
    activity: int
    known_activity: int
    channels: int
    channels_above_target: int
    streams: int
    measured_streams: int
    fast_streams: int
    seen_systems: int

    @property
    def visibility(self) -> float | None:
        """Share of all activity that belongs to a known customer, 0 to 1; None where there is no activity."""
        return self.known_activity / self.activity if self.activity else None


def write_connectedness_report(connection: duckdb.DuckDBPyConnection, target: Path) -> ConnectednessFigures:
    """Writes the report on the published warehouse into the file `target`, atomically, and returns its figures.

    Raises WarehouseError where the disk is full or the folder cannot be written; an older report then stays.
    """
    systems = rows_of(connection, "select * from marts.source_system_connectedness order by activity_count desc, title")
    links = rows_of(connection, "select * from marts.source_system_link")
    visibility = rows_of(connection, "select * from marts.channel_visibility order by visibility desc, title")
    channels = [row for row in visibility if row["channel"] != _NO_CHANNEL]
    missing = rows_of(connection, "select * from marts.missing_link order by link_rank")
    streams = rows_of(
        connection,
        "select * from marts.stream_latency"
        " order by coalesce(mart_p95_seconds, landing_p95_seconds), system_title, stream",
    )
    reaches = rows_of(connection, "select * from marts.source_system_reach order by subject, mart")
    figures = _figures(systems, links, channels, streams, reaches)
    page = _page(
        as_of=published_as_of(connection),
        figures=figures,
        systems=systems,
        links=links,
        channels=channels,
        without_channel=sum(row["activity_count"] for row in visibility if row["channel"] == _NO_CHANNEL),
        missing=missing,
        streams=streams,
        reaches=reaches,
    )
    put_in_place(page, target)
    return figures


def in_words(seconds: float | None) -> str:
    """A duration in words: `14 h`, `3 days`; empty for None."""
    if seconds is None:
        return ""
    for unit, name in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit or (unit == 60 and seconds >= 60):
            count = round(seconds / unit)
            return f"{count} {name}{'s' if name == 'day' else ''}"
    return f"{seconds:.0f} s"


def _figures(
    systems: Sequence[Row],
    links: Sequence[Row],
    channels: Sequence[Row],
    streams: Sequence[Row],
    reaches: Sequence[Row],
) -> ConnectednessFigures:
    measured = [stream for stream in streams if stream["latency_class"]]
    return ConnectednessFigures(
        systems=len(systems),
        linked_systems=len({link["source_system"] for link in links if link["shared_customer_count"]}),
        activity=sum(system["activity_count"] for system in systems),
        known_activity=sum(system["known_activity_count"] for system in systems),
        channels=len(channels),
        channels_above_target=sum(channel["is_above_target"] for channel in channels),
        streams=len(streams),
        measured_streams=len(measured),
        fast_streams=sum(bool(stream["is_fast_enough"]) for stream in measured),
        seen_systems=len({reach["source_system"] for reach in reaches}),
    )


def _page(*, systems: Sequence[Row], **parts: Any) -> str:
    titles = {system["source_system"]: system["title"] for system in systems}
    streams, reaches = parts["streams"], parts["reaches"]
    measured = [stream for stream in streams if stream["latency_class"]]
    target = parts["channels"][0]["target_share"] if parts["channels"] else None
    identifier_links = [link for link in parts["missing"] if link["link_kind"] == "identifier"]
    return rendered(
        "connectedness.html.j2",
        {"in_words": in_words, "sentence": _sentence},
        **parts,
        systems=systems,
        titles=titles,
        target=target,
        measured=measured,
        unmeasured=[stream for stream in streams if not stream["latency_class"]],
        slow=sorted(
            (stream for stream in measured if stream["is_fast_enough"] is False),
            key=lambda stream: _seconds(stream)[1] / stream["needed_seconds"],
            reverse=True,
        ),
        identifier_links=identifier_links[:MOST_LINKS],
        identifier_link_count=len(identifier_links),
        separate_pairs=_separate_pairs(parts["links"], titles),
        unused_pairs=_unused_pairs(parts["links"]),
        contexts=_CONTEXTS,
        reach_table=_reach_table(systems, reaches),
        readers=sorted({reader for reach in reaches for reader in reach["readers"].split(", ")}),
        other_marts=sorted({reach["mart"] for reach in reaches if not reach["context"]}),
        plots={
            "matrix": svg(_matrix(systems, parts["links"])),
            "visibility": svg(_visibility(parts["channels"])),
            "missing": svg(_missing(identifier_links[:MOST_LINKS], titles, target)),
            "latency": svg(_latency(measured)),
        },
    )


def _separate_pairs(links: Sequence[Row], titles: dict[str, str]) -> list[tuple[str, int]]:
    """Per system without any link path to others: (system, number of those), most first."""
    found = Counter(titles[link["source_system"]] for link in links if link["link_path"] == "none")
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _unused_pairs(links: Sequence[Row]) -> int:
    """Pairs of systems with a link path that share no customer."""
    return sum(link["link_path"] != "none" and not link["shared_customer_count"] for link in links) // 2


def _sentence(link: Row) -> str:
    """The sentence of the mart, with thousands separators in its two figures."""
    amount = math.floor(float(link["purchases_amount"]) + 0.5)
    return (
        str(link["sentence"])
        .replace(f": {link['activity_count']} ", f": {link['activity_count']:,} ", 1)
        .replace(f" {amount} {link['currency']} ", f" {amount:,} {link['currency']} ", 1)
    )


def _money(link: Row) -> str:
    """The purchases that the link concerns at most, for the label of its bar."""
    amount = float(link["purchases_amount"])
    return f", {amount:,.0f} {link['currency']}" if amount >= 0.5 and link["currency"] else ""


def _reach_table(systems: Sequence[Row], reaches: Sequence[Row]) -> list[Row]:
    """Per system: the contexts and other marts that use its data, and their readers."""
    table = []
    for system in systems:
        own = [reach for reach in reaches if reach["source_system"] == system["source_system"]]
        readers = {reader for reach in own for reader in reach["readers"].split(", ")}
        table.append(
            {
                "title": system["title"],
                "contexts": {reach["context"]: reach["canonical_streams"] for reach in own if reach["context"]},
                "marts": sorted(reach["mart"] for reach in own if not reach["context"]),
                "readers": readers,
            }
        )
    return table


# --- Plots -----------------------------------------------------------------------------------------------------------


def _matrix(systems: Sequence[Row], links: Sequence[Row]) -> alt.LayerChart | alt.FacetChart | None:
    import altair as alt

    titles = {system["source_system"]: system["title"] for system in systems}
    knowing = {link["source_system"]: link["customer_count"] for link in links}
    order = [titles[name] for name, _ in sorted(knowing.items(), key=lambda item: (-item[1], item[0]))]
    cells = [
        {
            "system": titles[link["source_system"]],
            "other": titles[link["other_source_system"]],
            "rate": link["link_rate"],
            "label": "" if link["link_rate"] is None else f"{100 * link['link_rate']:.0f}",
        }
        for link in links
    ]
    if not cells:
        return None
    size = 34
    base = alt.Chart(plot_data(cells)).encode(
        x=alt.X("other:N", sort=order, title=None, axis=alt.Axis(orient="top", labelAngle=-45, labelLimit=220)),
        y=alt.Y("system:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
    )
    colour = alt.Color(
        "rate:Q",
        scale=alt.Scale(domain=[0, 1], range=["#f2f8f9", "#8fc1cc", "#0f4c5c"]),
        legend=alt.Legend(
            title="Share known to both",
            format="%",
            orient="bottom",
            gradientLength=220,
            values=[0, 0.25, 0.5, 0.75, 1],
        ),
    )
    unknown = base.transform_filter("!isValid(datum.rate)").mark_rect(stroke="white", fill="#dde2e5")
    known = base.transform_filter("isValid(datum.rate)").mark_rect(stroke="white").encode(color=colour)
    text = base.mark_text(fontSize=11).encode(
        text="label:N", color=alt.condition("datum.rate > 0.55", alt.value("white"), alt.value(INK))
    )
    return alt.layer(unknown, known, text).properties(width=size * len(order), height=size * len(order) * 0.75)


def _visibility(channels: Sequence[Row]) -> alt.LayerChart | alt.FacetChart | None:
    import altair as alt

    if not channels:
        return None
    target = channels[0]["target_share"]
    bars = [
        {
            "channel": channel["title"],
            "visibility": channel["visibility"],
            "kind": "reaches the target" if channel["is_above_target"] else "below the target",
            "label": f"{share_text(channel['visibility'], target)} of {channel['activity_count']:,}",
        }
        for channel in channels
    ]
    order = [bar["channel"] for bar in bars]
    base = alt.Chart(plot_data(bars)).encode(
        x=alt.X("visibility:Q", title="Share of activity of a known customer", scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])),
        y=alt.Y("channel:N", sort=order, title=None, axis=alt.Axis(labelLimit=240)),
    )  # fmt: skip
    bar = base.mark_bar(height=18).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=["reaches the target", "below the target"], range=[BLUE, ORANGE]),
            legend=alt.Legend(title=None, orient="bottom"),
        )
    )
    width = 560
    text = base.mark_text(align="left", fontSize=11).encode(x=alt.value(width + 8), text="label:N")
    line = alt.Chart(plot_data([{"target": target}])).mark_rule(color=INK, strokeDash=[5, 4]).encode(x="target:Q")
    name = (
        alt.Chart(plot_data([{"target": target, "label": f"{100 * target:.0f} %"}]))
        .mark_text(align="left", baseline="bottom", dx=4, dy=-2, fontSize=11, fontWeight="bold")
        .encode(x="target:Q", y=alt.value(0), text="label:N")
    )
    return alt.layer(bar, line, name, text).properties(width=width, height=28 * len(bars))


def _missing(
    links: Sequence[Row], titles: dict[str, str], target: float | None
) -> alt.LayerChart | alt.FacetChart | None:
    import altair as alt

    if not links:
        return None
    bars = [
        {
            "link": _link_name(link, titles),
            "activity": link["activity_count"],
            "reason": link["reason"],
            "label": f"{link['activity_count']:,}  ({share_text(link['visibility'], target)} → "
            f"{share_text(link['visibility_with_link'], target)}){_money(link)}",
        }
        for link in links
    ]
    most = max(bar["activity"] for bar in bars)
    reasons = sorted({bar["reason"] for bar in bars})
    base = alt.Chart(plot_data(bars)).encode(
        x=alt.X("activity:Q", title="Activity that the link would attribute, at most (square-root scale)",
                scale=alt.Scale(type="sqrt", domain=[0, most * 1.9]), axis=alt.Axis(format=",.0f", tickCount=6)),
        y=alt.Y("link:N", sort=[bar["link"] for bar in bars], title=None, axis=alt.Axis(labelLimit=380)),
    )  # fmt: skip
    bar = base.mark_bar(height=18).encode(
        color=alt.Color(
            "reason:N",
            scale=alt.Scale(domain=reasons, range=[_REASON_COLOURS.get(reason, GREY) for reason in reasons]),
            legend=alt.Legend(title="Why it is not attributed", orient="bottom", labelLimit=240),
        )
    )
    text = base.mark_text(align="left", dx=5, fontSize=11).encode(text="label:N")
    return alt.layer(bar, text).properties(width=520, height=28 * len(bars))


def _link_name(link: Row, titles: dict[str, str]) -> str:
    kind = "no identifier" if link["identifier_kind"] == "none" else link["identifier_kind"].replace("_", " ")
    what = link["reason"].replace("identifier", kind, 1) if kind != "no identifier" else kind
    what = what if kind in what else f"{kind}, {what}"
    return f"{titles[link['source_system']]}: {what} ({link['channel'].replace('_', ' ')})"


def _latency(streams: Sequence[Row]) -> alt.LayerChart | alt.FacetChart | None:
    import altair as alt

    if not streams:
        return None
    rows = []
    for stream in streams:
        p50, p95 = _seconds(stream)
        rows_in_words = "1 row" if stream["row_count"] == 1 else f"{stream['row_count']:,} rows"
        rows.append(
            {
                "stream": f"{stream['system_title']}: {stream['stream'].replace('_', ' ')}",
                "p50": max(1, p50),
                "p95": max(1, p95),
                "needed": stream["needed_seconds"],
                "label": f"{in_words(p50)} – {in_words(p95)}  ({rows_in_words})",
                "kind": {True: "fast enough", False: "too slow"}.get(stream["is_fast_enough"], "no requirement"),
            }
        )
    lowest = min(min(row["p50"], row["needed"] or row["p50"]) for row in rows)
    highest = max(row["p95"] for row in rows)
    labels = " : ".join(f"datum.value == {seconds} ? '{label}'" for seconds, label in _SECONDS.items()) + " : ''"
    axis = alt.Axis(values=list(_SECONDS), labelExpr=labels, title="Latency from event to delivery (logarithmic)")
    base = alt.Chart(plot_data(rows)).encode(
        y=alt.Y("stream:N", sort=[row["stream"] for row in rows], title=None, axis=alt.Axis(labelLimit=300)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(
                domain=["fast enough", "too slow", "no requirement"],
                range=[BLUE, ORANGE, "#8a979f"],
            ),
            legend=alt.Legend(title=None, orient="bottom", labelLimit=260),
        ),
    )
    scale = alt.Scale(type="log", domain=[lowest / 2, highest * 2], nice=False)
    span = base.mark_rule(strokeWidth=4).encode(x=alt.X("p50:Q", scale=scale, axis=axis), x2="p95:Q")
    half = base.mark_point(filled=True, size=55, opacity=1).encode(x="p50:Q")
    most = base.mark_tick(thickness=3, height=14).encode(x="p95:Q")
    needed = (
        alt.Chart(plot_data([row for row in rows if row["needed"]]))
        .mark_point(shape="diamond", size=60, filled=False, strokeWidth=1.5, color=INK)
        .encode(x="needed:Q", y=alt.Y("stream:N", sort=[row["stream"] for row in rows]))
    )
    width = 560
    text = base.mark_text(align="left", fontSize=11).encode(
        x=alt.value(width + 8), text="label:N", color=alt.value(INK)
    )
    return alt.layer(span, half, most, needed, text).properties(width=width, height=24 * len(rows))


def _seconds(stream: Row) -> tuple[float, float]:
    """(p50, p95) of a measured stream: to the marts where that is known, else to landing."""
    end = "landing" if stream["mart_p95_seconds"] is None else "mart"
    return stream[f"{end}_p50_seconds"], stream[f"{end}_p95_seconds"]
