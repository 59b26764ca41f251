"""The numbers of the card, from `card.yaml`, where each has its reason."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

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
    rare_below: float


@lru_cache
def card_numbers() -> CardNumbers:
    """The numbers of the card. Raises ValueError where the file lacks one, or its reason."""
    found = _file()["numbers"]
    for field in fields(CardNumbers):
        if not found.get(field.name, {}).get("reason"):
            raise ValueError(f"{FILE.name}: `{field.name}` needs a value and a reason.")
    return CardNumbers(**{name: entry["value"] for name, entry in found.items()})


def operating_system(name: str | None) -> str | None:
    """How an operating system is written."""
    return _file()["operating_systems"].get(name, name)


@lru_cache
def _file() -> dict[str, Any]:
    import yaml

    return yaml.safe_load(FILE.read_text(encoding="utf-8"))
