"""The numbers of the card, from `card.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration.serving.numbers import content_of, numbers_from

FILE = Path(__file__).with_name("card.yaml")


@dataclass(frozen=True)
class CardNumbers:
    """The numbers of `card.yaml` by name."""

    contacts_shown: int
    candidates_shown: int
    phone_digits: int
    trend_share: float
    tone_from: float
    decimal_purchases_from: float
    dwell_shown_seconds: int
    active_from: float
    rare_below: float


@lru_cache
def card_numbers() -> CardNumbers:
    """The numbers of the card. Raises ValueError where the file lacks one, or its reason."""
    return numbers_from(FILE, CardNumbers)


def operating_system(name: str | None) -> str | None:
    """How an operating system is written."""
    return content_of(FILE)["operating_systems"].get(name, name)
