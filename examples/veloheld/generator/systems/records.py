"""A person's record in one system: its keys, and names and addresses in the spelling of that system."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.veloheld.generator import names
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.columns import (
    chosen,
    dates,
    dates_reversed,
    emptied,
    integers,
    joined,
    numbered,
    taken,
    times,
    where,
)
from examples.veloheld.generator.errors import misspelled, without_accents
from examples.veloheld.generator.people import Homes, People, emails_of, phone_numbers, postcode_letters, scrambled

Array = np.ndarray[Any, Any]


def account_numbers(people: People, rows: Array, missing: Array | None = None) -> pa.Array:
    """Account numbers of the CRM."""
    return numbered("A", scrambled(people.index[rows], "crm"), 8, missing)


def customer_numbers(people: People, rows: Array, missing: Array | None = None) -> pa.Array:
    """Customer numbers of the shop."""
    return numbered("", 100_000_000 + scrambled(people.index[rows], "shop"), 9, missing)


def card_numbers(people: People, rows: Array, missing: Array | None = None) -> pa.Array:
    """Numbers of loyalty cards."""
    return numbered("2620", scrambled(people.index[rows], "loyalty"), 9, missing)


def postcodes(homes: Homes) -> pa.Array:
    """Postcodes in the form of their country, one per address."""
    dutch = joined(numbered("", homes.postcode, 4), " ", taken(postcode_letters(), homes.letters))
    german = numbered("", homes.postcode, 5)
    belgian = numbered("", homes.postcode, 4)
    return where(homes.country == 0, dutch, where(homes.country == 1, german, belgian))


def phones_at(people: People, rows: Array, changed: Array, spelling: Array) -> pa.Array:
    """Telephone numbers, old or new, in one of the usual spellings."""
    position = np.where(changed, people.new_phone[rows], people.phone[rows])
    country = np.where(changed, people.new_phone_country[rows], people.phone_country[rows])
    plain = phone_numbers(country, position)
    bare = pc.utf8_slice_codeunits(plain, 3)
    head, tail = pc.utf8_slice_codeunits(bare, 0, 3), pc.utf8_slice_codeunits(bare, 3)
    zero = chosen(("00316", "0049151", "00324"), country)
    short = joined("0", bare)
    spaced = joined(pc.utf8_slice_codeunits(plain, 0, 3), " ", head, " ", tail)
    dashed = joined("0", head, "-", tail)
    with_zeros = joined(pc.utf8_slice_codeunits(zero, 0, 4), bare)
    kind = (spelling * 10).astype(np.int64)
    return where(kind < 4, plain, where(kind < 6, short, where(kind < 8, spaced, where(kind < 9, dashed, with_zeros))))


@lru_cache(maxsize=1)
def _plain_names() -> tuple[pa.Array, pa.Array, pa.Array, pa.Array, pa.Array]:
    given, family = names.given_names()[0], names.family_names()[0]
    return (
        pa.array(given),
        pa.array([names.NICKNAMES.get(name, name) for name in given]),
        pa.array([f"{name[0]}." for name in given]),
        pa.array(family),
        pa.array([without_accents(name) for name in given]),
    )


@lru_cache(maxsize=1)
def _family_without_accents() -> pa.Array:
    return pa.array([without_accents(name) for name in names.family_names()[0]])


def record_texts(chunk: Chunk, system: str, rows: Array, day: Array) -> dict[str, pa.Array]:
    """The texts of a system's record of each person on a day, with that system's errors, omissions and delays."""
    # Longer than 60 lines: one record, one column after the other.
    people, e = chunk.people, chunk.parameters.errors
    index = people.index[rows]

    def draw(process: str) -> Array:
        return chunk.chance(f"{process} {system}", index)

    given, short, initial, family, given_plain = _plain_names()
    first, last = taken(given, people.given[rows]), taken(family, people.family[rows])
    plain = draw("accents") < e.accents_lost_share
    first = where(plain, taken(given_plain, people.given[rows]), first)
    last = where(plain, taken(_family_without_accents(), people.family[rows]), last)
    form = draw("form")
    first = where(form < e.nickname_share, taken(short, people.given[rows]), first)
    first = where((form >= 1 - e.initial_share), taken(initial, people.given[rows]), first)
    typed, which = draw("typing"), draw("which name")
    error = typed < e.typing_share
    spread = draw("typing kind")
    first = misspelled(first, error & (which < 0.4), spread, e.typing_kind_shares)
    last = misspelled(last, error & (which >= 0.4), spread, e.typing_kind_shares)
    lower = draw("lower case") < e.lower_case_share
    first, last = where(lower, pc.utf8_lower(first), first), where(lower, pc.utf8_lower(last), last)
    swapped = draw("swapped") < e.swapped_name_share
    first, last = where(swapped, last, first), where(swapped, first, last)

    no_birth = draw("birth") < e.missing_birth_date_share
    birth = people.birth[rows]
    exchanged = draw("wrong birth") < e.wrong_birth_date_share
    birth = np.where(exchanged, _day_and_month_exchanged(birth), birth)

    recorded = people.recorded[system][rows]
    new_home = (np.maximum(recorded, people.move_recorded[system][rows]) <= day) & (people.moved[rows] <= day)
    new_home |= people.moved[rows] <= recorded
    home = people.household[rows] + np.where(new_home, people.homes.households, 0)
    updated = (people.phone_recorded[system][rows] <= day) & (people.phone_changed[rows] <= day)
    updated |= people.phone_changed[rows] <= recorded
    phone = phones_at(people, rows, updated, draw("phone spelling"))
    email = emails_of(people, rows, system)
    email = misspelled(email, draw("email typing") < e.email_typing_share, draw("email kind"), e.typing_kind_shares)
    no_email = draw("email") < (e.missing_email_share if system != "shop" else 0.0)
    gender = np.where(draw("gender") < chunk.parameters.population.missing_gender_share, 3, people.gender[rows])
    towns = pa.array([town[0] for town in names.towns()])
    streets = pa.array(names.streets()[0])
    additions = chosen(("", "A", "B", "-2", " bis", "C"), people.homes.addition[home])
    return {
        "first": first,
        "last": last,
        "gender": chosen(("f", "m", "x", None), gender),
        "title": chosen(
            ("mevr.", "dhr.", None, None, "Frau", "Herr", None, None), gender + 4 * (people.language[rows] == 1)
        ),
        "birth_dutch": dates_reversed(birth, "-", no_birth),
        "birth_iso": dates(birth, no_birth),
        "email": emptied(email, no_email),
        "phone": emptied(phone, draw("no phone") < e.missing_phone_share),
        "street": taken(streets, people.homes.street[home]),
        "house_no": joined(integers(people.homes.number[home]), additions),
        "postcode": taken(postcodes(people.homes), home),
        "city": taken(towns, people.homes.town[home]),
        "country": chosen(names.COUNTRIES, people.homes.country[home]),
    }


def _day_and_month_exchanged(birth: Array) -> Array:
    days = birth.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day, month = (days - months).astype(np.int64), months.astype(np.int64) % 12
    years = days.astype("datetime64[Y]")
    turned = (years.astype("datetime64[M]") + day).astype("datetime64[D]").astype(np.int64) + month
    return np.where(day < 12, turned, birth)


def landlines(people: People, rows: Array) -> pa.Array:
    """The landline number of each person's household."""
    prefix = chosen(("+3120", "+49221", "+323"), people.country[rows])
    return joined(prefix, numbered("", people.homes.landline[people.household[rows]], 7))


def stamp(seconds: Array, missing: Array | None = None) -> pa.Array:
    """Times as the databases of crm and helpdesk write them."""
    return times(seconds, separator=" ", zone="", missing=missing)


def number_now(chunk: Chunk, person: Array, t: Array) -> pa.Array:
    """The mobile number of each person at a moment."""
    people = chunk.people
    changed = people.phone_changed[person] <= chunk.calendar.day_of(t)
    return phone_numbers(
        np.where(changed, people.new_phone_country[person], people.phone_country[person]),
        np.where(changed, people.new_phone[person], people.phone[person]),
    )
