"""Which parts of a customer's profile a caller may see: by the caller's role, and by the customer's word on profiling.

Everything that answers about one customer asks here: the profile API, decisions and the agent's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.serving.numbers import content_of

FILE = Path(__file__).with_name("profile_access.yaml")
PROFILING = "profiling"
GRANTED, REFUSED, UNKNOWN = "granted", "refused", "unknown"


@lru_cache
def role_names() -> tuple[str, ...]:
    """The roles that a token or an account can have."""
    return tuple(content_of(FILE)["roles"])


@lru_cache
def readable_sections(role: str) -> tuple[str, ...]:
    """The sections that a role reads."""
    return tuple(content_of(FILE)["roles"][role]["sections"])


@lru_cache
def withheld_fields(role: str) -> frozenset[str]:
    """The fields that a role does not read, in any section."""
    return frozenset(content_of(FILE)["roles"][role]["withheld"])


def word_on_profiling(consents: Iterable[Mapping[str, Any]]) -> str:
    """What a customer says about profiling, in any channel: the strictest word counts.

    consents: rows of marts.customer_consent. Returns granted, refused or unknown.
    """
    words = {row["is_granted"] for row in consents if row["purpose"] == PROFILING}
    return REFUSED if False in words else GRANTED if words else UNKNOWN


def may_see_profiled(role: str, word: str) -> bool:
    """Whether a role sees profiled fields of a customer with this word on profiling.

    A customer who has not been asked is as the marts have them: what the firm's basis forbids is not published.
    """
    return word != REFUSED or bool(content_of(FILE)["roles"][role].get("sees_refused"))


def permitted(sections: Mapping[str, Any], role: str, word: str) -> dict[str, Any]:
    """The sections as a role may see them: without withheld fields and, where profiling is refused, profiled ones."""
    withheld = withheld_fields(role)
    if may_see_profiled(role, word):
        return {name: _without(section, withheld) for name, section in sections.items()}
    profiled, purpose = _profiled(), content_of(FILE)["unprofiled_purpose"]
    found = {}
    for name, section in sections.items():
        if name == "actions":
            section = [row for row in section if row["purpose"] == purpose]
        found[name] = _without(section, withheld | profiled.get(name, frozenset()))
    return found


def masked(row: Mapping[str, Any], role: str, word: str) -> dict[str, Any]:
    """A row of several sections together, with fields that the role may not see set to None."""
    hidden = withheld_fields(role)
    if not may_see_profiled(role, word):
        hidden = hidden.union(*_profiled().values())
    return {name: None if name in hidden else value for name, value in row.items()}


def purpose_of_actions(role: str, word: str) -> str | None:
    """The only purpose of which actions are shown; None where all are."""
    return None if may_see_profiled(role, word) else content_of(FILE)["unprofiled_purpose"]


@lru_cache
def _profiled() -> dict[str, frozenset[str]]:
    return {section: frozenset(fields) for section, fields in content_of(FILE)["profiled"].items()}


def _without(section: Any, fields: frozenset[str]) -> Any:
    if not fields:
        return section
    if isinstance(section, list):
        return [_without(row, fields) for row in section]
    return {name: value for name, value in section.items() if name not in fields}
