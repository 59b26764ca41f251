"""crm: accounts, appointments and social handles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names, texts
from examples.veloheld.generator.assortment import E_BIKES
from examples.veloheld.generator.behaviour import only, together
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import chosen, emptied, integers, joined, numbered
from examples.veloheld.generator.people import NEVER, scrambled
from examples.veloheld.generator.systems.records import account_numbers, card_numbers, landlines, record_texts, stamp
from examples.veloheld.generator.systems.trade import nearest_stores

Array = np.ndarray[Any, Any]
NETWORKS = ("instagram", "facebook", "mastodon")


def write_crm(chunk: Chunk) -> None:
    """Writes accounts, appointments and social handles in their state on the last day."""
    # Longer than 60 lines: one table, one column per line.
    people, calendar, p = chunk.people, chunk.calendar, chunk.parameters
    last_day = chunk.end - 1
    rows = np.flatnonzero(people.recorded["crm"] < chunk.end)
    day = np.full(len(rows), last_day)
    written = record_texts(chunk, "crm", rows, day)
    index = people.index[rows]
    created = calendar.seconds(
        people.recorded["crm"][rows], 9 * HOUR + (chunk.chance("created", index) * 8 * HOUR).astype(np.int64)
    )
    card = people.recorded["loyalty"][rows] < chunk.end
    noted = card & (chunk.chance("card noted", index) < p.membership.crm_notes_card_share)
    changes = [
        np.where((days > people.recorded["crm"][rows]) & (days <= last_day), days, -NEVER)
        for days in (
            people.move_recorded["crm"][rows],
            people.phone_recorded["crm"][rows],
            np.where(noted, people.recorded["loyalty"][rows], NEVER),
        )
    ]
    newest = np.maximum.reduce(changes)
    gone = chunk.history.death[rows] + 200
    deleted = (gone <= last_day) & (chunk.chance("deleted", index) < 0.05)
    newest = np.where(deleted, np.maximum(newest, gone), newest)
    updated = np.where(
        newest > -NEVER, calendar.seconds(np.maximum(newest, -2_000), np.full(len(rows), 16 * HOUR)), created
    )
    landline = chunk.chance("landline noted", index) < 0.35
    chunk.table(
        "crm.accounts",
        {
            "account_id": account_numbers(people, rows),
            "salutation": written["title"],
            "first_name": written["first"],
            "last_name": written["last"],
            "birth_date": written["birth_dutch"],
            "gender": pa.compute.fill_null(written["gender"], ""),
            "email": written["email"],
            "phone": emptied(landlines(people, rows), ~landline),
            "mobile": written["phone"],
            "street": written["street"],
            "house_no": written["house_no"],
            "postcode": written["postcode"],
            "city": written["city"],
            "country": written["country"],
            "language": chosen(texts.LANGUAGES, people.language[rows]),
            "occupation": chosen(names.OCCUPATIONS, people.traits["occupation"][rows]),
            "income_band": emptied(
                chosen(names.INCOME_BANDS, people.traits["income"][rows]), chunk.chance("income known", index) > 0.4
            ),
            "loyalty_no": emptied(card_numbers(people, rows), ~noted),
            "created_at": stamp(created),
            "updated_at": stamp(updated),
            "deleted": pa.array(deleted.astype(np.int64)),
        },
    )
    _write_appointments(chunk)
    has = rows[people.traits["handle"][rows]]
    known = has[chunk.chance("handle known", people.index[has]) < 0.55]
    opted = chunk.chance("handle opt-in", people.index[known]) < 0.6
    since = np.maximum(people.recorded["crm"][known], -2_000)
    chunk.table(
        "crm.social_handles",
        {
            "handle_id": numbered("H", people.index[known], 9),
            "account_id": account_numbers(people, known),
            "network": chosen(NETWORKS, people.traits["network"][known]),
            "handle": handles(chunk, known),
            "opt_in": pa.array(opted.astype(np.int64)),
            "updated_at": stamp(calendar.seconds(since, np.full(len(known), 17 * HOUR))),
        },
    )


def handles(chunk: Chunk, rows: Array) -> pa.Array:
    """The social handle of each person, unrelated to the real name."""
    first = chosen(
        ("velo", "fiets", "rad", "e_rider", "polder", "stads", "tour", "happy"), chunk.people.index[rows] % 8
    )
    return joined("@", first, "_", numbered("", scrambled(chunk.people.index[rows], "receipt", 10_000_000), 7))


def _write_appointments(chunk: Chunk) -> None:
    people, calendar, s = chunk.people, chunk.calendar, chunk.parameters.service
    own = chunk.regular(
        "appointment", s.appointments_per_year, chunk.parameters.hours.office, who=people.member["crm"], all_days=True
    )
    own["kind"] = np.where(chunk.history.owns_since[own["person"]] < own["day"], 2, 1)
    own["t"] = own["t"] + (2 + (chunk.chance("ahead", own["number"]) * 18).astype(np.int64)) * DAY
    bought = chunk.bought(all_days=True)
    tried = (bought["line"] == E_BIKES) & (chunk.chance("tried", bought["number"]) < s.test_ride_share)
    tried &= people.recorded["crm"][bought["person"]] < bought["day"] + 30
    rides = only(bought, np.flatnonzero(tried & (bought["day"] >= 0)))
    ahead = 1 + (chunk.chance("tried when", rides["number"]) * 14).astype(np.int64)
    rides["t"] = rides["t"] - ahead * DAY
    rides["kind"] = np.zeros(len(rides["t"]), dtype=np.int64)
    both = together([{name: part[name] for name in ("person", "t", "number", "kind")} for part in (own, rides)])
    both["number"] = both["number"] * 2 + (both["kind"] == 0)
    # Quarter hours, within the opening hours of the stores.
    both["t"] = both["t"] // 900 * 900
    booked = both["t"] - (1 + (chunk.chance("ahead", both["number"]) * 12).astype(np.int64)) * DAY
    end = (calendar.start + chunk.end) * DAY
    known = people.recorded["crm"][both["person"]] <= calendar.day_of(booked)
    rows = np.flatnonzero(known & (booked < end) & (booked >= calendar.start * DAY))
    both, booked = only(both, rows), booked[rows]
    draw = chunk.chance("appointment", both["number"])
    past = both["t"] < end
    status = np.where(~past, 0, np.where(draw < 0.86, 1, np.where(draw < 0.94, 2, 3)))
    order = np.argsort(both["number"], kind="stable")
    both, booked, status, past = only(both, order), booked[order], status[order], past[order]
    store = nearest_stores(chunk)[people.household[both["person"]]]
    chunk.table(
        "crm.appointments",
        {
            "appointment_id": numbered("AP", both["number"], 16),
            "account_id": account_numbers(people, both["person"]),
            "kind": chosen(("test_ride", "consultation", "service"), both["kind"]),
            "store_id": joined("S", integers(store + 1)),
            "starts_at": stamp(both["t"]),
            "status": chosen(("planned", "kept", "cancelled", "missed"), status),
            "created_at": stamp(booked),
            "updated_at": stamp(np.where(past, both["t"] + HOUR, booked)),
        },
    )
