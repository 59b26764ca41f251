"""How sentences count: one row is, two rows are."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """A count with its noun: `1 page`, `3 pages`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def is_or_are(number: int) -> str:
    """The verb of a count: 1 of 5 rows `is`, 2 of 5 rows `are`."""
    return "is" if number == 1 else "are"
