"""What the reports on the warehouse share: rows of the marts, plots as SVG, figures in words, and a page put in place.

A report is one HTML file with its plots inside: no script, no outside address. The template `report.html.j2` holds the
style; each report has a template of its own that fills it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.warehouse.connection import readable_failures

if TYPE_CHECKING:
    import duckdb

BLUE, ORANGE, PURPLE, GREEN, GREY, INK = "#1f6f8b", "#d9822b", "#7a5195", "#5b8c5a", "#c9d1d6", "#22303a"

Row = dict[str, Any]


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """The rows of a query, by the names of its columns."""
    cursor = connection.execute(query)
    columns = [name for name, *_ in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def percent(share: float | None) -> str:
    """A share from 0 to 1 as percent, never rounded up to all or down to nothing; a dash where there is none."""
    if share is None:
        return "–"
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{math.floor(100 * share + 0.5)} %"  # half a percent up, as SQL rounds


def share_text(share: float | None, target: float | None) -> str:
    """A share as percent that is never rounded up to a target that it misses: 74.96 % of 75 % is 74.9 %.

    The dbt macro percent_text writes shares in the same way.
    """
    if share is not None and target is not None and share < target <= math.floor(100 * share + 0.5) / 100:
        return f"{math.floor(1000 * share) / 10:.1f} %"
    return percent(share)


def rendered(template: str, filters: Mapping[str, Callable[..., str]], **parts: Any) -> str:
    """The page that a template of this package makes of the parts. filters: its own, beside the common ones."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("orchestration.serving"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "share": share_text, "count": "{:,}".format, **filters}
    return environment.get_template(template).render(**parts)


def plot_data(values: Sequence[Row]) -> Any:
    """Rows as data that stand in the plot itself."""
    import altair as alt

    return alt.Data(values=list(values))


def svg(chart: Any) -> Any:
    """The picture of a chart, ready to stand in the page; empty where there is nothing to plot."""
    from markupsafe import Markup

    if chart is None:
        return ""
    import vl_convert

    # fmt: off
    styled = (
        chart.configure(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, titleFontSize=12, labelColor=INK, titleColor=INK, gridColor="#e6eaed",
                        titleFontWeight="normal")
        .configure_legend(labelFontSize=12, titleFontSize=12)
    )
    # fmt: on
    # Altair's own check of a chart takes longer than drawing it, and vl-convert refuses what is wrong anyway.
    picture = vl_convert.vegalite_to_svg(styled.to_dict(validate=False))
    return Markup(picture)  # noqa: S704 (our own plot of our own titles)


def put_in_place(page: str, target: Path) -> None:
    """Writes the page into the file `target`, all of it or nothing.

    Raises WarehouseError where the disk is full or the folder may not be written; an older page then stays.
    """
    draft = target.with_name(f".{target.name}.new")
    with readable_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(page)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
