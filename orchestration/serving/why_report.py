"""Why a customer is one customer, as a page with pictures: Splink's waterfall chart of each link, to open in a browser.

The page works without a network: the chart libraries that Splink brings stand in it, and it may load nothing. It names
records by number and shows how comparisons came out, never what was compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.identity.explain import Link, explain
from orchestration.serving.card.finding import customer_number
from orchestration.warehouse.connection import readable_failures

if TYPE_CHECKING:
    import duckdb

MOST_PICTURES = 30

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color: #222; padding: 0 1rem; }}
h2 {{ margin-top: 2.5rem; border-bottom: 1px solid #ccc; }}
section {{ margin: 1.5rem 0; overflow-x: auto; }}
h3 {{ margin: 0; font-size: 1rem; }}
p {{ margin: .2rem 0; }}
.quiet {{ color: #666; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>{libraries}</script>
<script>
const charts = {charts};
charts.forEach((chart, number) => vegaEmbed("#chart" + number, chart, {{actions: false, renderer: "svg"}}));
</script>
</body>
</html>
"""


def write_why_report(connection: duckdb.DuckDBPyConnection, customer_key: int, target: Path) -> None:
    """Writes the page about one customer, from the working warehouse, and puts it in place at once.

    Raises KeyError where the number was never given, WarehouseError where the file cannot be written.
    """
    page = why_page(connection, customer_key)
    fresh = target.with_name(f".{target.name}.new")
    with readable_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(page, encoding="utf-8")
        fresh.replace(target)


def why_page(connection: duckdb.DuckDBPyConnection, customer_key: int) -> str:
    """The page as HTML."""
    from splink.internals.html_utils import json_for_html, load_chart_libraries

    found = explain(connection, customer_key)
    shown = [*found.links[:MOST_PICTURES], *found.refused[:MOST_PICTURES]]
    numbers = _numbers(connection, {*found.records, *(r for link in shown for r in (link.first, link.second))})
    title = f"Why {customer_number(found.customer_id)} is one customer"
    lines = [f"<p>Records: {escape(', '.join(numbers.get(record, record[0]) for record in found.records))}</p>"]
    if found.previous_customer_ids:
        lines.append(f"<p>Earlier numbers: {', '.join(map(customer_number, found.previous_customer_ids))}</p>")
    if not found.links:
        lines.append("<p>Nothing had to be linked.</p>")
    lines.append(
        '<p class="quiet">Each picture adds up the evidence in bits: one bit more makes it twice as likely that the '
        "two records are one person. Green speaks for it, red against it. The first bar is the prior: "
        "how rare it is that any two records are one person, how likely relatives are in one home, and what a rule "
        "adds.</p>"
    )
    charts: list[dict[str, Any]] = []
    for heading, links in (("What links them", found.links), ("What was refused", found.refused)):
        if not links:
            continue
        lines.append(f"<h2>{heading}</h2>")
        for link in links[:MOST_PICTURES]:
            first, second = (escape(numbers.get(record, record[0])) for record in (link.first, link.second))
            by = escape(link.reason or f"linked by {link.rule}")
            lines.append(
                f"<section><h3>{first} and {second}</h3><p>{by}; probability {link.match_probability:.4f}, "
                f"{link.match_weight:+.1f} bits</p>"
                f'<div id="chart{len(charts)}"></div></section>'
            )
            charts.append(waterfall(link))
        if len(links) > MOST_PICTURES:
            lines.append(f'<p class="quiet">… and {len(links) - MOST_PICTURES} more.</p>')
    libraries = "\n".join(load_chart_libraries().values())
    return _PAGE.format(title=title, body="\n".join(lines), libraries=libraries, charts=json_for_html(charts))


def _numbers(connection: duckdb.DuckDBPyConnection, records: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """How records are named here: the system and a number, as identifiers may hold an address."""
    systems, keys = zip(*records, strict=True)
    rows = connection.execute(
        """
        select source_system, source_record_id, record_number
        from identity.record_number
        semi join (select unnest(?::varchar[]) as source_system, unnest(?::varchar[]) as source_record_id)
            using (source_system, source_record_id)
        """,
        [list(systems), list(keys)],
    ).fetchall()
    return {(system, record): f"{system} #{number}" for system, record, number in rows}


def waterfall(link: Link) -> dict[str, Any]:
    """Splink's waterfall chart of one link, as a Vega-Lite specification that holds its own data.

    The first bar is what the final weight holds beside the comparisons, so that the bars add up to it.
    """
    from splink.internals.charts import WaterfallChart

    weights = [weight for weight in link.weights if weight.bits]
    start = link.match_weight - sum(weight.bits for weight in weights)
    bars = [("Prior", "before comparing", start)]
    bars += [(weight.comparison.replace("_", " "), weight.outcome, weight.bits) for weight in weights]
    bars.append(("Final score", "all together", link.match_weight))
    chart = WaterfallChart(
        [
            {
                "column_name": name,
                "label_for_charts": outcome,
                "value_l": outcome,
                "value_r": "",
                "log2_bayes_factor": round(bits, 2),
                "bayes_factor": 2.0 ** max(min(bits, 60), -60),
                "bar_sort_order": place,
                "record_number": 0,
            }
            for place, (name, outcome, bits) in enumerate(bars)
        ],
        filter_nulls=False,
    )
    specification: dict[str, Any] = json.loads(json.dumps(chart.chart_dict))
    # One picture per link instead of a slider through all of them.
    del specification["params"], specification["title"]
    specification["transform"] = [
        step for step in specification["transform"] if "record_number" not in str(step.get("filter", ""))
    ]
    specification["height"] = 260
    return specification
