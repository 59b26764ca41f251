"""The generated pages are what the code and the dbt YAML say now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from documents.pages import DOCS

_SPEC = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
assert _SPEC and _SPEC.loader
GENERATOR = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = GENERATOR  # dataclasses look their module up
_SPEC.loader.exec_module(GENERATOR)


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    return GENERATOR.pages()


def test_reference_pages_are_current(generated: dict[Path, str]) -> None:
    stale = [path.name for path, text in generated.items() if not path.is_file() or path.read_text() != text]
    assert stale == [], "run `make reference`"


def test_reference_holds_no_page_that_is_not_generated(generated: dict[Path, str]) -> None:
    assert set((DOCS / "reference").glob("*.md")) == set(generated)


def test_canonical_streams_list_every_column_of_an_order_line(generated: dict[Path, str]) -> None:
    page = generated[DOCS / "reference" / "canonical_streams.md"]
    section = page[page.index("\n## order_line") : page.index("\n## position")]
    for column in ("order_id", "touchpoint", "identifier_value", "net_amount", "currency", "return_reason"):
        assert f"| `{column}` |" in section
    assert "| `source_system` |" not in section


def test_variables_that_a_run_sets_are_left_out(generated: dict[Path, str]) -> None:
    page = generated[DOCS / "reference" / "settings.md"]
    assert "| `visibility_target` |" in page
    assert "warehouse_path" not in page and "landing_url" not in page
