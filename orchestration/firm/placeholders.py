"""Identifiers that stand for "no value" and name no one: null, zeros, an all-zero device id, a no-reply address.

The patterns and their reasons are in placeholders.yml and in a firm's identity_rules.yml. Linking and the dbt package
read the same ones: dbt as the variable `placeholder_identifiers`, in its macro `usable_identifier`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ANY = "any"
SECTION = "placeholder_identifiers"
_FILE = Path(__file__).with_name("placeholders.yml")


@cache
def _neutral() -> list[dict[str, Any]]:
    import yaml

    return list(yaml.safe_load(_FILE.read_text(encoding="utf-8"))[SECTION])


def neutral_placeholders() -> list[dict[str, Any]]:
    """The entries that hold for any firm."""
    return list(_neutral())


@dataclass(frozen=True)
class Placeholder:
    """A regular expression over the comparable form of an identifier, for these kinds of identifiers, and why.

    placeholder: false names real values that another pattern would take for placeholders.
    """

    kinds: tuple[str, ...]
    pattern: str
    reason: str
    placeholder: bool = True


def placeholders_of(entries: Iterable[dict[str, Any]]) -> tuple[Placeholder, ...]:
    """The checked entries of a rules file as values."""
    return tuple(
        Placeholder(
            tuple([entry["kinds"]] if isinstance(entry["kinds"], str) else entry["kinds"]),
            entry["pattern"],
            entry["reason"],
            entry.get("placeholder", True),
        )
        for entry in entries
    )


def patterns_by_kind(placeholders: Iterable[Placeholder]) -> dict[str, dict[str, str]]:
    """Per kind (and `any`) one pattern of placeholders and one of real values; an absent one matches nothing."""
    found: dict[str, dict[str, list[str]]] = {ANY: {}}
    for entry in placeholders:
        for kind in entry.kinds:
            found.setdefault(kind, {}).setdefault("placeholder" if entry.placeholder else "real", []).append(
                entry.pattern
            )
    return {
        kind: {verdict: "|".join(f"({pattern})" for pattern in patterns) for verdict, patterns in verdicts.items()}
        for kind, verdicts in sorted(found.items())
    }


def comparable_identifier(value: str) -> str:
    """SQL (DuckDB) for the form that patterns match: small letters, digits and @, and a minus in front."""
    return (
        f"(case when left(trim({value}), 1) = '-' then '-' else '' end "
        f"|| regexp_replace(lower({value}), '[^\\p{{L}}\\p{{N}}@]+', '', 'g'))"
    )


def is_placeholder(value: str, kind: str, placeholders: Iterable[Placeholder]) -> str:
    """SQL (DuckDB) for: the value is a placeholder; null values are none.

    value: SQL of a text. kind: SQL of its identifier kind, such as 'email' in quotes or a column.
    """
    patterns = patterns_by_kind(placeholders)
    form = comparable_identifier(value)

    def matches(verdict: str) -> str:
        cases = [
            (f"{kind} = '{name}' and " if name != ANY else "") + f"regexp_full_match({form}, '{found[verdict]}')"
            for name, found in patterns.items()
            if verdict in found
        ]
        return f"({' or '.join(f'({case})' for case in cases) or 'false'})"

    return f"coalesce({matches('placeholder')} and not {matches('real')}, false)"


def fault_of(entry: Any) -> str | None:
    """What is wrong with an entry of placeholder_identifiers in a rules file, and the remedy; None if nothing is."""
    if not isinstance(entry, dict) or set(entry) - {"kinds", "pattern", "reason", "placeholder"}:
        return "write kinds, pattern and reason, and placeholder: false for values that are real"
    kinds = entry.get("kinds")
    named = [kinds] if isinstance(kinds, str) else kinds
    if (
        not isinstance(named, list)
        or not named
        or not all(re.fullmatch(r"[a-z][a-z0-9_]*", str(kind)) for kind in named)
    ):
        return "write the kinds in snake_case, as in [loyalty_number], or any"
    pattern = entry.get("pattern")
    if not isinstance(pattern, str) or re.search(r"['\\]|\(\?", pattern):
        return "write the pattern as a text without quotes, backslashes and (?"
    try:
        re.compile(pattern)
    except re.error:
        return f"the pattern {pattern} is no regular expression"
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        return "write the reason why no person has this value"
    return None if isinstance(entry.get("placeholder", True), bool) else "write placeholder: false, or leave it out"
