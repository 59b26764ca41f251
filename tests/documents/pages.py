"""What stands in README and docs: fenced blocks, links, headings, and the files that a guide shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
GUIDE = DOCS / "guides" / "add_a_source_system.md"
# A fence may be indented below a list item; its closing fence has the same indentation.
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block. line: where its fence begins, from 1."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """`docs/benchmarks.md:12`, for messages and test ids."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def pages() -> list[Path]:
    """Every page that people read: those of the top level and all below docs and examples."""
    return sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md"), *(REPOSITORY / "examples").rglob("*.md")])


def blocks(language: str) -> list[Block]:
    """All blocks of a language, in the order of the pages."""
    return [block for page in pages() for block in _blocks_of(page) if block.language == language]


def _blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[2], re.sub(rf"^{match[1]}", "", match[3], flags=re.M))
        for match in _FENCE.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Targets of all links and pictures of a page, outside of fenced blocks."""
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
        number = 0
        while (unique := anchor if number == 0 else f"{anchor}-{number}") in found:
            number += 1
        found.add(unique)
    return found


def files_shown(page: Path = GUIDE) -> dict[str, str]:
    """Path -> content of every file that a guide shows: a path in backticks on a line of its own, then a block."""
    return dict(_FILE.findall(page.read_text(encoding="utf-8")))


def queries() -> list[Block]:
    """The SQL blocks that ask a published warehouse: without templates, and not a file that a page shows."""
    shown = {text for page in pages() for text in files_shown(page).values()}
    return [block for block in blocks("sql") if "{{" not in block.text and block.text not in shown]
