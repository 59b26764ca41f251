"""The words of words.yaml: lists by name, and the phrases by which columns are named."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.settings import DBT_PACKAGE

_FILE = Path(__file__).with_name("words.yaml")


@cache
def _written() -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


@cache
def words(name: str) -> frozenset[str]:
    """A list of words by its name in the file."""
    return frozenset(map(str, _written()[name]))


@cache
def phrases() -> dict[tuple[str, ...], str]:
    """Phrase, as words without accents -> role of the column; the first role that has a phrase keeps it."""
    found: dict[tuple[str, ...], str] = {}
    for role, listed in _written()["columns"].items():
        for phrase in listed:
            found.setdefault(tuple(plain(phrase).split()), role)
    return found


@cache
def reserved_words() -> frozenset[str]:
    """The words of SQL that the package quotes as names of columns."""
    macro = (DBT_PACKAGE / "macros" / "portable" / "keywords.sql").read_text(encoding="utf-8")
    listed = macro.split("_reserved_words() -%}", 1)[1].split("{%- endmacro", 1)[0]
    return frozenset(listed.split())


def plain(text: str) -> str:
    """Lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
