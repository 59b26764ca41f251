"""The campaigns of the company: when each runs, for which product, and which campaign it contradicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from examples.veloheld.generator.assortment import assortment
from examples.veloheld.generator.clock import days_since_unix, month_index
from examples.veloheld.generator.draws import generator, pick
from examples.veloheld.generator.parameters import load_parameters

Array = np.ndarray[Any, Any]
CAMPAIGN_CHANNELS = ("email", "app", "store")


@dataclass(frozen=True)
class Campaign:
    """One campaign with its one offer. `twin_of` is the campaign that it contradicts, or -1."""

    number: int
    start: int  # day
    end: int
    line: int
    sku: int
    channel: int
    discount: int
    twin_of: int


@lru_cache(maxsize=8)
def campaigns_of(seed: int, months: int) -> tuple[Campaign, ...]:
    """The campaigns of the first months, the same for every size of the company."""
    p = load_parameters()
    start = days_since_unix(p.company.starts_on)
    first_month = int(month_index(np.array([start]))[0])
    found = []
    goods = assortment()
    for month in range(months):
        rng = generator(seed, 1_000_000, "campaign calendar", month)
        opens = int(np.datetime64(first_month + month, "M").astype("datetime64[D]").astype(np.int64)) - start
        for place in range(p.campaigns.per_month):
            number = 1 + 4 * (month * p.campaigns.per_month + place)
            line = int(pick(rng, np.array([0.2, 0.45, 0.15, 0.1, 0.1]), 1)[0])
            sku = int(goods.of_line[line][int(rng.random() * len(goods.of_line[line]))])
            channel = int(pick(rng, np.array(p.campaigns.channel_shares), 1)[0])
            day = max(0, opens + 1 + int(rng.random() * 13))
            discount = int(5 + 5 * np.floor(rng.random() * 3))
            end = day + p.campaigns.days - 1
            found.append(Campaign(number, day, end, line, sku, channel, discount, -1))
            other = (channel + 1 + int(rng.random() * 2)) % 3
            if rng.random() < p.campaigns.conflict_share:
                found.append(Campaign(number + 1, day, end, line, sku, other, discount + 5, number))
    return tuple(found)
