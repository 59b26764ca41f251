"""Random numbers: one generator per (seed, chunk, process, block), and numbers that do not depend on an order.

`generator` serves processes that are drawn in a fixed order. `uniform` and `mixed` hash the numbers of a thing (a
person, an event), so the result does not depend on the delivery in which the thing is written.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def generator(seed: int, chunk: int, process: str, block: int = 0) -> np.random.Generator:
    """The generator of one process in one block of days of one chunk of customers."""
    name = zlib.crc32(process.encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, chunk, name, block + 1_000])))


def mixed(seed: int, process: str, *numbers: Any) -> Array:
    """64 mixed bits per element of the numbers."""
    state = np.uint64((seed * _GOLDEN + zlib.crc32(process.encode())) & _MASK)
    out = np.asarray(state)
    with np.errstate(over="ignore"):
        for number in numbers:
            out = out + np.asarray(number).astype(np.int64).astype(np.uint64) * np.uint64(_GOLDEN)
            out = (out ^ (out >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            out = out ^ (out >> np.uint64(31))
    return out


def uniform(seed: int, process: str, *numbers: Any) -> Array:
    """A number in [0, 1) per element of the numbers."""
    return (mixed(seed, process, *numbers) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def pick(rng: np.random.Generator, weights: Array, size: int) -> Array:
    """Indices drawn with these weights."""
    cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(cumulated, rng.random(size) * cumulated[-1], side="right").clip(0, len(cumulated) - 1)


def pick_at(chance: Array, weights: Array) -> Array:
    """Indices with these weights, from uniform numbers."""
    cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(cumulated, chance * cumulated[-1], side="right").clip(0, len(cumulated) - 1)
