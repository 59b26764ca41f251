"""The page that explains a customer: it works without a network and shows no personal data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
from identity.conftest import Given, customers

from orchestration.identity.explain import explain
from orchestration.serving.why_report import waterfall, why_page, write_why_report


@pytest.fixture
def anna(connection: duckdb.DuckDBPyConnection, given: Given) -> int:
    """A customer of two records, and another person with the same telephone."""
    same = {"given_name": "Anna", "family_name": "Smit", "email": "anna@post.example", "phone": "+31600000001"}
    other = {"given_name": "Cornelis", "family_name": "Smit", "phone": "+31600000001"}
    given({"key": "crm/1", **same}, {"key": "shop/2", **same}, {"key": "shop/3", **other})
    assert customers(connection)["crm/1"] == customers(connection)["shop/2"]
    return customers(connection)["crm/1"]


def test_waterfall_bars_add_up_to_the_match_weight(connection, anna: int) -> None:
    (link,) = explain(connection, anna).links
    bars = waterfall(link)["data"]["values"]
    assert [bar["column_name"] for bar in bars][0] == "Prior"
    assert {"given name", "family name", "email", "phone"} <= {bar["column_name"] for bar in bars}
    *parts, final = (bar["log2_bayes_factor"] for bar in bars)
    assert final == pytest.approx(link.match_weight, abs=0.01)
    assert sum(parts) == pytest.approx(final, abs=0.05)


def test_page_loads_nothing_from_outside(connection, anna: int) -> None:
    page = why_page(connection, anna)
    assert "default-src 'none'" in page
    head, _, scripts = page.partition("<script>")
    assert "://" not in head
    assert not re.search(r"(src|href)=", head)
    # The libraries, which come with Splink, can write such tags; the policy keeps the browser from loading them.
    assert scripts.index("const charts") > 0
    charts = json.loads(re.search(r"const charts = (\[.*?\]);\n", page)[1])
    assert page.count('<div id="chart') == len(charts) >= 1


def test_page_shows_no_personal_value(connection, anna: int, tmp_path: Path) -> None:
    write_why_report(connection, anna, tmp_path / "new" / "why.html")
    page = (tmp_path / "new" / "why.html").read_text()
    said = page[: page.index("<script>")] + page[page.index("const charts") :]
    assert not [value for value in ("anna", "smit", "cornelis", "post.example", "3160000") if value in said.lower()]
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["why.html"]


def test_unassigned_number_is_an_error(connection, anna: int) -> None:
    with pytest.raises(KeyError, match="never assigned"):
        why_page(connection, 4711)
