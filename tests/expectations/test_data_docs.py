"""The site of a run's results: complete, readable without a network, and of one run only."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb

from expectations.data_docs import DataDocs, page_name
from expectations.rules import Rule, Suite
from expectations.validation import validate

KEPT = Rule("ExpectColumnValuesToNotBeNull", {"column": "id"}, "the key, measured 2026-11-21")
BROKEN = Rule(
    "ExpectColumnValuesToBeInSet", {"column": "status", "value_set": ["open"]}, "the shop's own list, 2026-11-21"
)
WARNING = Rule("ExpectColumnValuesToNotBeNull", {"column": "paid_at"}, "most pay at once, 2026-11-21", severity="warn")


def table(name: str, *rules: Rule, layer: str = "staging") -> Suite:
    return Suite(layer, name, "select * from shop.line", rules)


def build(connection: duckdb.DuckDBPyConnection, folder: Path, *suites: Suite, run_id: str = "run-1") -> Path:
    docs = DataDocs(folder)
    validate(connection, suites, run_id=run_id, docs=docs)
    return docs.build()


class _Addresses(HTMLParser):
    """Every address a browser would load, and every script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "img", "object", "embed"}:
            self.found.append(tag)
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "data", "srcset", "action"}]


def test_pages_load_nothing_from_another_host(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    index = build(connection, tmp_path / "docs", table("shop.line", KEPT, BROKEN, WARNING))

    pages = list(index.parent.glob("*.html"))
    assert len(pages) == 2
    for page in pages:
        html = page.read_text()
        addresses = _Addresses()
        addresses.feed(html)
        assert [found for found in addresses.found if not re.fullmatch(r"[\w.-]+\.html|#[\w-]+", found)] == []
        assert not re.search(r"https?://|@import|url\(", html)


def test_page_shows_failures_and_reasons(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    build(connection, tmp_path / "docs", table("shop.line", KEPT, BROKEN, WARNING))

    page = (tmp_path / "docs" / "staging.shop.line.html").read_text()
    assert "status must be one of open, 3 of 4 non-empty rows are not" in page
    for rule in (KEPT, BROKEN, WARNING):
        assert rule.reason.replace("'", "&#39;") in page
    assert "values must belong to this set" in page  # as GX says it
    assert "2 do not hold" in page


def test_index_lists_every_table_by_layer_and_links_to_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    suites = (table("core.fct_line", KEPT, layer="core"), table("landing/shop/line", BROKEN, layer="landing"))

    index = build(connection, tmp_path / "docs", *suites)

    html = index.read_text()
    links = re.findall(r'href="([^"]+)"', html)
    assert links == ["landing-shop-line.html", "core.fct_line.html"]
    assert all((index.parent / link).exists() for link in links)
    assert '<b class="bad">1 failed</b>' in html


def test_table_that_could_not_be_judged_has_a_page(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    index = build(connection, tmp_path / "docs", Suite("core", "core.gone", "select * from gone", (KEPT,)))

    assert "could not be judged" in (index.parent / "core.gone.html").read_text()


def test_values_are_escaped(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    query = "select '<script>alert(1)</script><b>' as status"

    index = build(connection, tmp_path / "docs", Suite("core", "core.t", query, (BROKEN,)))

    html = (index.parent / "core.t.html").read_text()
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html


def test_newer_run_replaces_the_older_and_leaves_nothing_beside_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    build(connection, tmp_path / "docs", table("shop.old", KEPT), run_id="run-1")
    build(connection, tmp_path / "docs", table("shop.new", KEPT), run_id="run-2")

    assert {page.name for page in (tmp_path / "docs").glob("*.html")} == {"index.html", "staging.shop.new.html"}
    assert {path.name for path in tmp_path.iterdir()} - {".docs.lock"} == {"docs"}


def test_later_step_of_the_same_run_adds_its_pages(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    build(connection, tmp_path / "docs", table("shop.line", BROKEN))
    index = build(connection, tmp_path / "docs", table("core.fct_line", KEPT, layer="core"))

    html = index.read_text()
    assert "2 rules on 2 tables" in html
    assert "status must be one of open" in html


def test_run_of_chosen_tables_keeps_the_pages_of_all_others(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    build(connection, tmp_path / "docs", table("shop.old", KEPT), table("shop.line", BROKEN), run_id="run-1")
    docs = DataDocs(tmp_path / "docs", keeps_others=True)
    validate(connection, [table("shop.line", KEPT)], run_id="run-2", docs=docs)
    html = docs.build().read_text()

    assert {page.name for page in (tmp_path / "docs").glob("*.html")} == {
        "index.html", "staging.shop.line.html", "staging.shop.old.html",
    }  # fmt: skip
    assert page_name("staging", "shop.line") == "staging.shop.line.html"
    assert "2 rules on 2 tables" in html and "status must be one of open" not in html
