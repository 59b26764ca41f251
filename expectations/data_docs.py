"""Validation results as a static site: one page per table, rendered by Great Expectations, that loads nothing.

GX's own site builder writes pages that load styles and scripts from content networks, and an index that is empty
without them. Here GX renders the results (its sections, its wording); the page around them, the index and the styles
are ours. Personal values never reach this module: `expectations.validation` removes them first.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from expectations.outcomes import Outcome
    from expectations.results import Judged
    from expectations.rules import Suite

LAYERS = ("landing", "staging", "identity", "core", "marts")
MANIFEST = "results.json"

_STYLE = """
:root { --ink:#1f2933; --soft:#64707d; --line:#dde2e7; --bg:#f6f7f9; --good:#18794e; --bad:#c22a2a; --warn:#9a6200 }
* { box-sizing:border-box }
body { margin:0; background:var(--bg); color:var(--ink); font:15px/1.5 system-ui,sans-serif }
main { max-width:1180px; margin:0 auto; padding:24px 20px 60px }
a { color:#1f5fae; text-decoration:none } a:hover { text-decoration:underline }
h1 { font-size:24px; margin:6px 0 } h2 { font-size:18px; margin:28px 0 8px } h5,h6 { font-size:15px; margin:12px 0 6px }
.soft { color:var(--soft) } .good { color:var(--good) } .bad { color:var(--bad) } .warn { color:var(--warn) }
.ge-section, .panel { background:#fff; border:1px solid var(--line); border-radius:8px; padding:10px 16px;
  margin:12px 0; overflow-x:auto }
.alert { background:none; padding:0; margin:0 } p { margin:4px 0 }
table { border-collapse:collapse; width:100%; font-size:14px; margin:6px 0 }
th,td { text-align:left; vertical-align:top; padding:6px 10px; border-bottom:1px solid var(--line) }
th { color:var(--soft); font-weight:600 } td.number,th.number { text-align:right; font-variant-numeric:tabular-nums }
tbody tr:last-child td { border-bottom:0 } tr.failed td:first-child { box-shadow:inset 3px 0 var(--bad) }
.badge { display:inline-block; background:#eef1f4; border-radius:4px; padding:0 5px; margin:1px; font-size:13px }
code,pre { font:13px/1.45 ui-monospace,monospace; background:#eef1f4; border-radius:4px; padding:1px 4px }
pre { padding:10px; overflow-x:auto; white-space:pre-wrap } summary { cursor:pointer; color:#1f5fae }
.problem { border-left:4px solid var(--bad) } .problem.of-warn { border-left-color:var(--warn) }
.text-success,.fa-check-circle { color:var(--good) } .text-danger,.fa-times { color:var(--bad) }
.text-warning,.fa-exclamation-triangle { color:var(--warn) }
.fa-check-circle::before { content:"\\2714" } .fa-times::before { content:"\\2718" }
.fa-exclamation-triangle::before { content:"!" } i[class*=fa-] { font-style:normal; font-weight:700 }
.cooltip .top, [data-toggle=collapse] { display:none }
"""

_SHELL = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>{{ style | safe }}</style></head>
<body><main>{% block body %}{% endblock %}</main></body></html>
"""

_INDEX = """{% extends "shell.html" %}{% block body %}
<h1>Data quality</h1>
<p class="soft">Run {{ run_id }}: {{ total }} rules on {{ pages | length }} tables,
{% if failed %}<b class="bad">{{ failed }} failed</b>{% else %}<b class="good">all hold</b>{% endif %}
{%- if warned %}, <b class="warn">{{ warned }} with a warning</b>{% endif %}.</p>
{% for layer, rows in layers %}<h2>{{ layer }}</h2><div class="panel"><table>
<thead><tr><th></th><th>Table</th><th class="number">Rules</th><th class="number">Failed</th>
<th class="number">Warnings</th><th>Failures</th></tr></thead><tbody>
{% for row in rows %}<tr{% if row.failed %} class="failed"{% endif %}>
<td>{% if row.failed %}<b class="bad">&#10008;</b>{% elif row.warned %}<b class="warn">!</b>
{% else %}<b class="good">&#10004;</b>{% endif %}</td>
<td><a href="{{ row.file }}">{{ row.table }}</a></td><td class="number">{{ row.rules }}</td>
<td class="number">{{ row.failed or "" }}</td><td class="number">{{ row.warned or "" }}</td>
<td>{% for sentence in row.sentences %}<div>{{ sentence }}</div>{% endfor %}</td></tr>
{% endfor %}</tbody></table></div>{% endfor %}{% endblock %}"""

_PAGE = """{% extends "shell.html" %}{% block body %}
<p><a href="index.html">All tables</a> <span class="soft">/ {{ layer }}</span></p>
<h1>{{ table }}</h1>
<p class="soft">Run {{ run_id }}: {{ outcomes | length }} rules,
{% if problems %}<b class="bad">{{ problems | length }} do not hold</b>
{%- else %}<b class="good">all hold</b>{% endif %}.</p>
{% for one in problems %}<div class="panel problem of-{{ one.severity }}">
<p><b class="{{ 'warn' if one.severity == 'warn' else 'bad' }}">{{ one.severity }}</b> {{ one.sentence }}</p>
<p class="soft">Why this rule: {{ one.reason }}</p>
{% if one.sample %}<p>For example <code>{{ one.sample }}</code></p>{% endif %}
{% if one.failing_rows_query %}<details><summary>SQL for the failing rows</summary>
<pre>{{ one.failing_rows_query }}</pre></details>{% endif %}</div>{% endfor %}
<h2>Rules</h2><div class="panel"><table>
<thead><tr><th></th><th>Rule</th><th>Severity</th><th>Observed</th><th>Why</th></tr></thead><tbody>
{% for one in outcomes %}<tr><td>{% if one.success %}<b class="good">&#10004;</b>
{%- else %}<b class="{{ 'warn' if one.severity == 'warn' else 'bad' }}">&#10008;</b>{% endif %}</td>
<td>{{ one.rule }}</td><td>{{ one.severity }}</td>
<td>{% if one.unexpected_count is not none %}{{ "{:,}".format(one.unexpected_count) }} unexpected
{%- else %}{{ one.observed_value or "" }}{% endif %}</td>
<td>{{ one.reason }}</td></tr>{% endfor %}</tbody></table></div>
{% if sections %}<h2>As Great Expectations shows it</h2>{% endif %}
{% for section in sections %}{% set section_loop = loop %}{% include "section.j2" %}{% endfor %}
{% endblock %}"""

# GX's templates load from other hosts in these elements only.
_OUTSIDE = re.compile(r"(?is)<script\b.*?</script\s*>|<link\b[^>]*>|<img\b[^>]*>|<iframe\b.*?</iframe\s*>")


@dataclass(frozen=True)
class _Page:
    """One table's line in the index."""

    layer: str
    table: str
    file: str
    run_id: str
    rules: int
    failed: int
    warned: int
    sentences: list[str]


class DataDocs:
    """The site of one run's results in `folder`: hand it to `validate`, then `build()`.

    Steps of one run in different processes may each build: pages of the same run are kept. Those of older runs go,
    unless this one judges a part of the tables only.
    """

    def __init__(self, folder: Path, *, keeps_others: bool = False) -> None:
        """Collect for `folder`; nothing is read or written before `build`.

        keeps_others: the run judges a part of the tables, and the pages of all others stay.
        """
        self.folder = folder
        self._keeps_others = keeps_others
        self._judged: dict[str, tuple[Suite, str, list[Judged]]] = {}
        self._unchanged: set[str] = set()

    def add(self, suite: Suite, run_id: str, judged: Sequence[Judged]) -> None:
        """Add the results of one suite (called by `validate`)."""
        self._judged[f"{suite.layer} {suite.table}"] = (suite, run_id, list(judged))

    def keep_pages(self, tables: Iterable[str]) -> None:
        """Keep the pages of tables that have not changed since an earlier run judged them."""
        self._unchanged.update(tables)

    def build(self) -> Path:
        """Write the site and replace the last one; returns the path of the index page."""
        index = self.folder / "index.html"
        if not self._judged and (self._unchanged or self._keeps_others) and index.exists():
            return index
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        environment = _environment()
        with FileLock(self.folder.parent / f".{self.folder.name}.lock"):
            fresh = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent))
            try:
                pages = self._kept_pages(fresh)
                for suite, run_id, judged in self._judged.values():
                    page = _page(suite, run_id, [outcome for outcome, _ in judged])
                    pages[page.file] = page
                    (fresh / page.file).write_text(_page_html(environment, suite, run_id, judged), encoding="utf-8")
                (fresh / "index.html").write_text(_index_html(environment, list(pages.values())), encoding="utf-8")
                manifest = json.dumps([asdict(page) for page in pages.values()], indent=1)
                (fresh / MANIFEST).write_text(manifest, encoding="utf-8")
                self._swap(fresh)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return index

    def _kept_pages(self, fresh: Path) -> dict[str, _Page]:
        """The pages of other steps of the same run, and of unchanged tables, copied into `fresh`."""
        manifest = self.folder / MANIFEST
        runs = {run_id for _, run_id, _ in self._judged.values()}
        pages: dict[str, _Page] = {}
        if manifest.exists():
            for entry in json.loads(manifest.read_text(encoding="utf-8")):
                page = _Page(**entry)
                is_kept = self._keeps_others or page.run_id in runs or page.table in self._unchanged
                if is_kept and (self.folder / page.file).exists():
                    shutil.copy2(self.folder / page.file, fresh / page.file)
                    pages[page.file] = page
        return pages

    def _swap(self, fresh: Path) -> None:
        if not self.folder.exists():
            fresh.rename(self.folder)
            return
        last = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent))
        self.folder.rename(last / "last")
        fresh.rename(self.folder)
        shutil.rmtree(last, ignore_errors=True)


def page_name(layer: str, table: str) -> str:
    """The file of a table's page."""
    # The layer is left out where the label begins with it.
    label = table if re.match(rf"{re.escape(layer)}\b", table) else f"{layer}.{table}"
    return re.sub(r"[^\w.-]+", "-", label) + ".html"


def _page(suite: Suite, run_id: str, outcomes: Sequence[Outcome]) -> _Page:
    problems = [outcome for outcome in outcomes if not outcome.success]
    return _Page(
        layer=suite.layer,
        table=suite.table,
        file=page_name(suite.layer, suite.table),
        run_id=run_id,
        rules=len(outcomes),
        failed=sum(outcome.severity == "error" for outcome in problems),
        warned=sum(outcome.severity == "warn" for outcome in problems),
        sentences=[outcome.sentence.removeprefix(f"{suite.table}: ") for outcome in problems],
    )


def _environment() -> Any:
    """GX's templates and filters, with our page and index before them."""
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import ChoiceLoader, DictLoader

    environment = DefaultJinjaPageView().env
    own = DictLoader({"shell.html": _SHELL, "index.html": _INDEX, "page.html": _PAGE})  # .html: escaped
    environment.loader = ChoiceLoader([own, environment.loader])  # type: ignore[list-item]
    return environment


def _index_html(environment: Any, pages: Sequence[_Page]) -> str:
    known = [*LAYERS, *sorted({page.layer for page in pages} - set(LAYERS))]
    ordered = sorted(pages, key=lambda page: page.table)
    layers = [(layer, [page for page in ordered if page.layer == layer]) for layer in known]
    html: str = environment.get_template("index.html").render(
        title="Data quality",
        style=_STYLE,
        run_id=", ".join(sorted({page.run_id for page in pages})),
        pages=pages,
        layers=[(layer, rows) for layer, rows in layers if rows],
        total=sum(page.rules for page in pages),
        failed=sum(page.failed for page in pages),
        warned=sum(page.warned for page in pages),
    )
    return html


def _page_html(environment: Any, suite: Suite, run_id: str, judged: Sequence[Judged]) -> str:
    outcomes = [outcome for outcome, _ in judged]
    html: str = environment.get_template("page.html").render(
        title=suite.table,
        style=_STYLE,
        layer=suite.layer,
        table=suite.table,
        run_id=run_id,
        outcomes=outcomes,
        problems=[outcome for outcome in outcomes if not outcome.success],
        sections=_rendered_sections(suite, judged),
    )
    return _OUTSIDE.sub("", html)


def _rendered_sections(suite: Suite, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """GX's rendering of the results, a section per column; its overview is left out, the page has one."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    results = [result for _, result in judged if result is not None]
    if not results:
        return []
    document = ValidationResultsPageRenderer().render(
        ExpectationSuiteValidationResult(
            success=all(result.success for result in results),
            results=results,
            suite_name=suite.table,
            statistics={
                "evaluated_expectations": len(results),
                "successful_expectations": sum(bool(result.success) for result in results),
                "unsuccessful_expectations": sum(not result.success for result in results),
                "success_percent": None,
            },
            meta={"run_id": {"run_name": suite.table, "run_time": ""}},
        )
    )
    sections: list[dict[str, Any]] = document.to_json_dict()["sections"]
    return sections[1:]
