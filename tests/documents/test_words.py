"""Documents use the words of the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents.pages import DOCS, REPOSITORY, pages

GLOSSARY = DOCS / "glossary.md"
# Words to avoid that are wrong wherever they stand; the rest of the glossary's table needs a reader.
AVOIDED = re.compile(r"\b(told|tells?|nobody|somebody|whom|whoever|nought|hears?|heard)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page != GLOSSARY and page.parent.name != "reference"],
    ids=lambda page: str(page.relative_to(REPOSITORY)),
)
def test_page_avoids_the_words_to_avoid(page: Path) -> None:
    assert AVOIDED.findall(page.read_text(encoding="utf-8")) == []


def test_glossary_lists_every_word_that_this_test_looks_for() -> None:
    avoided = GLOSSARY.read_text().split("## Words to avoid")[1]
    for word in ("told", "tell", "nobody", "somebody", "whom", "whoever", "nought", "hear", "heard"):
        assert re.search(rf"\b{word}\b", avoided), word
