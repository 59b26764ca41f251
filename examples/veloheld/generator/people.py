"""The people of one chunk as parallel arrays, and the texts that identify them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.columns import chosen, joined, numbered, taken, where

Array = np.ndarray[Any, Any]
NEVER = 10**6  # the day of what never happens
SYSTEMS = ("crm", "shop", "loyalty")
PHONES = 20_000_000  # positions below are first telephone numbers, positions above are second ones
_STEP = {"crm": 61_803_399, "shop": 38_196_601, "loyalty": 27_182_819, "phone": 73_205_081, "receipt": 41_421_357}


@dataclass
class People:
    """The people of a chunk as parallel arrays: the first `customers` rows are customers, the rest web visitors."""

    seed: int
    chunk: int
    customers: int
    index: Array  # number of the person in the company
    country: Array
    gender: Array  # 0 female, 1 male, 2 x
    birth: Array  # days since 1970
    given: Array
    family: Array
    language: Array  # 0 Dutch, 1 German, 2 English
    household: Array
    place: Array  # 0 is the head of the household
    homes: Homes
    moved: Array  # day, counted from the first delivered day
    tablet: Array  # household has a shared tablet
    twin: Array
    same_initial: Array  # parent or child with the same name
    address_owner: Array  # row of the person whose e-mail address this person uses
    email: pa.Array
    work_email: pa.Array
    uses_work: dict[str, Array]
    phone: Array  # number before and after the change, as positions
    new_phone: Array
    phone_country: Array
    new_phone_country: Array
    phone_changed: Array
    recycled_from: Array  # row of the former owner of the number, or -1
    joined: Array  # day of the first purchase
    member: dict[str, Array]  # flag per system
    guest: Array
    recorded: dict[str, Array]  # first day of the person's record, per system
    move_recorded: dict[str, Array]  # day on which a system records the new address
    phone_recorded: dict[str, Array]  # day on which a system records the new telephone number
    referrer: Array  # row of the customer who referred the person, or -1
    traits: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)


@dataclass
class Homes:
    """Addresses as parallel arrays: row h is the first address of household h, row `households + h` the second."""

    street: Array
    number: Array
    addition: Array
    postcode: Array
    letters: Array
    town: Array
    latitude: Array
    longitude: Array
    country: Array
    households: int
    landline: Array


def scrambled(index: Array, system: str, bits: int = 100_000_000) -> Array:
    """A unique number per index that hides the index: the key of a system."""
    return (np.asarray(index, dtype=np.int64) * _STEP[system] + _STEP[system] // 7) % bits


@lru_cache(maxsize=1)
def postcode_letters() -> pa.Array:
    """The 400 pairs of letters of Dutch postcodes in use."""
    letters = "ABCDEGHJKLMNPRSTVWXZ"
    return pa.array([first + second for first in letters for second in letters])


def person_ids(people: People, rows: Array | None = None) -> pa.Array:
    """The IDs of people in `truth/`."""
    index = people.index if rows is None else people.index[rows]
    return numbered("P", index, 9)


def phone_numbers(country: Array, positions: Array) -> pa.Array:
    """Mobile numbers in international form, one per position."""
    # The numbers are invented; only the ranges are those of mobile phones.
    prefix = chosen(["+316", "+49151", "+324"], country)
    return joined(prefix, numbered("", 10_000_000 + scrambled(positions, "phone", 50_000_000), 8))


def emails_of(people: People, rows: Array, system: str) -> pa.Array:
    """The e-mail address of each person in one system."""
    work = people.uses_work[system][rows]
    return where(work, taken(people.work_email, rows), taken(people.email, rows))
