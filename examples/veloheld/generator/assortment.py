"""The products and the content of Veloheld, the same for every size and seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LINES = ("e_bikes", "parts_accessories", "service_plans", "insurance", "lease")
E_BIKES, PARTS, SERVICE, INSURANCE, LEASE = range(5)
_MODELS = ("Stad", "Polder", "Eifel", "Kust", "Cargo", "Vouw", "Heuvel")
_PART_KINDS = ("Bell", "Light", "Tyre", "Pump", "Lock", "Helmet", "Saddle", "Pannier", "Chain", "Brake pads", "Charger",
               "Child seat", "Rain cape", "Grip", "Mirror", "Phone mount")  # fmt: skip
PART_COUNT = 64
BASE = "https://www.veloheld.example"


@dataclass(frozen=True)
class Assortment:
    """Products as parallel arrays."""

    skus: list[str]
    titles: list[str]
    line: Array
    categories: list[str]
    price_cents: Array
    cost_cents: Array
    parts: Array  # positions of the parts, cheapest first
    of_line: list[Array]


@lru_cache(maxsize=1)
def assortment() -> Assortment:
    """All products."""
    skus, titles, line, categories, price, cost = [], [], [], [], [], []

    def add(code: int, sku: str, title: str, category: str, cents: int, margin: float) -> None:
        skus.append(sku)
        titles.append(title)
        line.append(code)
        categories.append(category)
        price.append(cents)
        cost.append(int(cents * (1 - margin)))

    for number, model in enumerate(_MODELS):
        add(E_BIKES, f"EB-{2 * number + 1:03d}", f"Veloheld {model}", "city" if number < 4 else "special",
            189_900 + 42_000 * number, 0.28)  # fmt: skip
        add(E_BIKES, f"EB-{2 * number + 2:03d}", f"Veloheld {model} Plus", "city" if number < 4 else "special",
            239_900 + 43_000 * number, 0.31)  # fmt: skip
    for number in range(PART_COUNT):
        cents = int(round(450 * 1.0705**number / 5) * 5)  # 4.50 EUR to 330 EUR, in equal ratios
        kind = _PART_KINDS[(number * 7) % len(_PART_KINDS)]
        add(PARTS, f"PA-{number + 1:03d}", f"{kind} {number + 1:02d}", kind.lower().replace(" ", "_"), cents, 0.42)
    for number, (title, cents) in enumerate((("Basic", 14_900), ("Comfort", 24_900), ("Carefree", 39_900))):
        add(SERVICE, f"SP-{number + 1:03d}", f"Service plan {title}", "plan", cents, 0.5)
    for number, (title, cents) in enumerate((("Theft", 9_900), ("Theft and damage", 17_900), ("All risk", 25_900))):
        add(INSURANCE, f"IN-{number + 1:03d}", f"Insurance {title}", "policy", cents, 0.2)
    for number, (title, cents) in enumerate((("City", 7_900), ("Tour", 9_900), ("Cargo", 12_900))):
        add(LEASE, f"LE-{number + 1:03d}", f"Lease {title}, first month", "lease", cents, 0.15)
    lines = np.array(line)
    return Assortment(skus, titles, lines, categories, np.array(price), np.array(cost), np.flatnonzero(lines == PARTS),
                      [np.flatnonzero(lines == code) for code in range(len(LINES))])  # fmt: skip


CONTENT = (  # title, kind, product line
    ("Which e-bike suits me?", "guide", 0), ("Test winners compared", "article", 0), ("Range in winter", "article", 0),
    ("Looking after your battery", "guide", 1), ("Tyres that last", "article", 1), ("Locks in the test", "paper", 1),
    ("What a service plan covers", "page", 2), ("Service calendar", "download", 2), ("Ten minutes of care", "video", 2),
    ("Theft: what to do", "guide", 3), ("Insurance in three questions", "page", 3), ("Damage form", "download", 3),
    ("Lease through your employer", "paper", 4), ("Lease or buy?", "article", 4), ("Lease calculator", "page", 4),
    ("Webinar: commuting by e-bike", "webinar", 0), ("Webinar: maintenance at home", "webinar", 1),
    ("Newsletter", "newsletter", 1),
)  # fmt: skip
SEARCHES = (
    ("e-bike", "e bike kopen", "ebike test", "lastenfahrrad", "elektrische fiets"),
    ("fietstas", "helm", "schloss", "reifen 28 zoll", "ketting", "bel", "akku ladegerät"),
    ("onderhoud", "inspektion", "service plan"),
    ("fietsverzekering", "diebstahl versicherung", "verzekering e-bike"),
    ("fiets leasen", "jobrad", "lease fiets werkgever"),
)
