"""What a check finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Rank = Literal["error", "doubt", "note"]
# error: a run stops, or rows are missing. doubt: a figure may be wrong. note: worth a look.
RANKS: tuple[Rank, ...] = ("error", "doubt", "note")


@dataclass(frozen=True)
class Finding:
    """One finding. place: file and line, relative to the firm's folder; share: of the rows, to rank by."""

    rank: Rank
    place: str
    what: str
    remedy: str = ""
    share: float = 0.0


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first; within a rank those of most rows first. Each once."""
    return sorted(dict.fromkeys(findings), key=lambda each: (RANKS.index(each.rank), -each.share, each.place))
