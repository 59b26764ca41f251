"""Links and pictures of the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents.pages import DOCS, REPOSITORY, anchors, links, pages

MOST_LINES_OF_README = 150


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_internal_link_and_anchor_resolves(page: Path) -> None:
    broken = []
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_of_docs_is_linked_from_another_page() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in pages() for link in links(page) if "://" not in link
    }  # fmt: skip
    assert [page for page in pages() if DOCS in page.parents and page not in linked] == []


def test_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= MOST_LINES_OF_README


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:orchestration|expectations|tests|dbt_project|examples|docs)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (REPOSITORY / path).exists()] == []
