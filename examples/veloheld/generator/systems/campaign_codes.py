"""The codes of campaigns, newsletters, offers and coupons, as several systems write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.campaign_plan import Campaign, campaigns_of
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.columns import coded, numbered
from examples.veloheld.generator.people import scrambled

Array = np.ndarray[Any, Any]
NEWSLETTER = 1_000_000  # campaign numbers from here on are newsletters


def plan_of(chunk: Chunk) -> tuple[Campaign, ...]:
    """The campaigns of the simulated days."""
    months = 1 + (chunk.history.newest_block + 1) * chunk.calendar.block_days // 28
    return campaigns_of(chunk.seed, max(months, 1))


def campaign_codes(numbers: Array, missing: Array | None = None) -> pa.Array:
    """Codes of campaigns and newsletters by number."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    texts = [f"N{number - NEWSLETTER:04d}" if number >= NEWSLETTER else f"K{number:06d}" for number in unique.tolist()]
    return coded(inverse, texts or ["-"], missing)


def coupon_code(chunk: Chunk, campaign: Array, person: Array) -> pa.Array:
    """Coupon codes, one per campaign and person."""
    return numbered("K", np.asarray(campaign) * 100_000_000 + scrambled(chunk.people.index[person], "receipt"), 14)


def friend_code(chunk: Chunk, person: Array) -> pa.Array:
    """Coupon codes for referrals, one per referring person."""
    return numbered("FRIEND", scrambled(chunk.people.index[person], "receipt"), 8)


def offer_codes(numbers: Array, missing: Array | None = None) -> pa.Array:
    """Codes of offers, one offer per campaign."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    return coded(inverse, [f"O{number:06d}" for number in unique.tolist()] or ["-"], missing)
