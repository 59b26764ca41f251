"""Documents use the words of the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents.pages import DOCS, REPOSITORY, pages

PRODUCT = (".ci", "dbt_project", "expectations", "orchestration")
IGNORED = {"__pycache__", "target", "logs"}
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


def test_no_file_of_the_product_names_an_example() -> None:
    names = "|".join(folder.name for folder in (REPOSITORY / "examples").iterdir() if folder.is_dir())
    product = [
        file for folder in PRODUCT for file in (REPOSITORY / folder).rglob("*") if "__pycache__" not in file.parts
    ]
    guilty = [
        str(file.relative_to(REPOSITORY))
        for file in (*REPOSITORY.iterdir(), *product)
        if file.is_file() and re.search(names, file.read_text(encoding="utf-8", errors="ignore"), re.IGNORECASE)
    ]
    assert guilty == []
