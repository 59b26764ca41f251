"""What is really so: who is behind every record, what they are like, and what they will do next. For tests only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names
from examples.veloheld.generator.assortment import LINES, assortment
from examples.veloheld.generator.behaviour import NEED_KINDS, PURCHASE_KINDS, only
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import DAY
from examples.veloheld.generator.columns import chosen, dates, emptied, hexadecimal, instants, numbered, taken, where
from examples.veloheld.generator.draws import mixed
from examples.veloheld.generator.people import NEVER, emails_of, phone_numbers
from examples.veloheld.generator.systems.crm import handles
from examples.veloheld.generator.systems.records import account_numbers, card_numbers, customer_numbers
from examples.veloheld.generator.systems.trade import order_numbers, receipt_numbers
from examples.veloheld.generator.systems.voice import follows_of
from examples.veloheld.generator.texts import LANGUAGES

Array = np.ndarray[Any, Any]
FUTURE_DAYS = 90


def write_truth(chunk: Chunk) -> None:
    """Writes the tables of `truth/` that describe people on the last day."""
    _write_people(chunk)
    _write_records(chunk)
    _write_relations(chunk)
    _write_process(chunk)
    _write_needs(chunk)


def _write_people(chunk: Chunk) -> None:
    # Longer than 60 lines: three tables, one column per line.
    people, start = chunk.people, chunk.calendar.start
    size = len(people)
    moved = people.moved < NEVER
    home = people.household
    given, family = pa.array(names.given_names()[0]), pa.array(names.family_names()[0])
    member = people.member
    chunk.table(
        "truth_persons",
        {
            "person_id": chunk.ids(np.arange(size)),
            "household_id": numbered("F", people.index - np.arange(size) + home, 9),
            "is_visitor": pa.array(np.arange(size) >= people.customers),
            "first_name": taken(given, people.given),
            "last_name": taken(family, people.family),
            "birth_date": dates(people.birth),
            "gender": chosen(("f", "m", "x"), people.gender),
            "country": chosen(names.COUNTRIES, people.country),
            "language": chosen(LANGUAGES, people.language),
            "email": people.email,
            "work_email": people.work_email,
            "email_is_of": chunk.ids(people.address_owner),
            "phone": phone_numbers(people.phone_country, people.phone),
            "new_phone": phone_numbers(people.new_phone_country, people.new_phone),
            "phone_changed_on": dates(start + np.minimum(people.phone_changed, 5_000), people.phone_changed > 5_000),
            "moved_on": dates(start + np.minimum(people.moved, 5_000), ~moved | (people.moved > 5_000)),
            "joined_on": dates(start + people.joined, np.arange(size) >= people.customers),
            "in_crm": pa.array(member["crm"]),
            "in_shop": pa.array(member["shop"]),
            "in_loyalty": pa.array(member["loyalty"]),
            "guest": pa.array(people.guest),
            "twin": pa.array(people.twin),
            "parent_child_pair": pa.array(people.same_initial),
            "shared_tablet": pa.array(people.tablet),
        },
    )
    rows = np.flatnonzero(people.recycled_from >= 0)
    donors = people.recycled_from[rows]
    chunk.table(
        "truth_recycled_phones",
        {
            "phone": phone_numbers(people.phone_country[donors], people.phone[donors]),
            "first_person_id": chunk.ids(donors),
            "until": dates(start + people.phone_changed[donors]),
            "second_person_id": chunk.ids(rows),
            "since": dates(start + people.phone_changed[rows]),
        },
    )
    customers = np.arange(people.customers)
    taste, habit = people.traits["line_taste"][customers], people.traits["store_habit"][customers]
    offset = np.array(chunk.parameters.purchases.store_offset)
    store = np.round(1 / (1 + np.exp(-(habit + offset))), 6)
    chunk.table(
        "truth_preferences",
        {
            "person_id": chunk.ids(customers),
            **{f"line_{line}": pa.array(np.round(taste[:, number], 6)) for number, line in enumerate(LINES)},
            **{f"store_{line}": pa.array(store[:, number]) for number, line in enumerate(LINES)},
            "content_id": numbered("T", people.traits["content_taste"][customers] * 3, 3),
            "opens_email": pa.array(np.round(people.traits["open_rate"][customers], 6)),
            "device": chosen(("desktop", "mobile", "tablet"), people.traits["device_taste"][customers]),
            "satisfaction": pa.array(people.traits["satisfaction"][customers]),
            "campaign_uplift": pa.array(people.traits["uplift"][customers]),
        },
    )


def _write_records(chunk: Chunk) -> None:
    people = chunk.people
    parts = []
    for system, numbers in (("crm", account_numbers), ("shop", customer_numbers), ("loyalty", card_numbers)):
        rows = np.flatnonzero(people.recorded[system] < chunk.end)
        parts.append((system, numbers(people, rows), rows, emails_of(people, rows, system)))
    rows = np.flatnonzero(people.guest & (people.joined < chunk.end))
    parts.append(("guest", taken(people.email, rows), rows, taken(people.email, rows)))
    rows = np.flatnonzero(people.traits["handle"])
    parts.append(("social", handles(chunk, rows), rows, taken(people.email, rows)))
    chunk.table(
        "truth_records",
        {
            "system": pa.array(
                np.repeat([part[0] for part in parts], [len(part[2]) for part in parts]).tolist(), pa.string()
            ),
            "record_id": pa.concat_arrays([part[1] for part in parts]),
            "person_id": chunk.ids(np.concatenate([part[2] for part in parts])),
            "true_email": pa.concat_arrays([part[3] for part in parts]),
        },
    )


def _write_relations(chunk: Chunk) -> None:
    people = chunk.people
    follower, followed = follows_of(chunk)
    brought = np.flatnonzero((people.referrer >= 0) & (people.joined < chunk.end))
    second = np.flatnonzero((people.place == 1) & (np.arange(len(people)) < people.customers))
    kinds = ["follows", "referred_by", "same_household"]
    pairs = [(follower, followed), (brought, people.referrer[brought]), (second, second - 1)]
    chunk.table(
        "truth_relations",
        {
            "kind": pa.array(np.repeat(kinds, [len(pair[0]) for pair in pairs]).tolist(), pa.string()),
            "person_id": chunk.ids(np.concatenate([pair[0] for pair in pairs])),
            "other_person_id": chunk.ids(np.concatenate([pair[1] for pair in pairs])),
        },
    )


def _write_process(chunk: Chunk) -> None:
    """Writes each person's purchase parameters, and the purchases of the 90 days after the last day."""
    people, history, calendar = chunk.people, chunk.history, chunk.calendar
    rows = np.flatnonzero((np.arange(len(people)) < people.customers) & (people.joined < chunk.end))
    p = history.purchases
    real = ~p["suppressed"]
    ended = history.death < chunk.end
    past = np.bincount(p["person"][real & (p["day"] < chunk.end) & (p["kind"] == 1)], minlength=len(people))
    observed = np.round(calendar.season_time(chunk.end) - calendar.season_time(people.joined + 1), 6)
    is_future = real & (p["day"] >= chunk.end) & (p["day"] < chunk.end + FUTURE_DAYS)
    soon = is_future & (people.joined[p["person"]] < chunk.end)
    count = np.bincount(p["person"][soon], minlength=len(people))
    chunk.table(
        "truth_purchase_process",
        {
            "person_id": chunk.ids(rows),
            "rate_per_season_day": pa.array(people.traits["rate"][rows]),
            "dropout_chance": pa.array(people.traits["dropout"][rows]),
            "spend_rate": pa.array(people.traits["spend_rate"][rows]),
            "repeat_purchases": pa.array(past[rows]),
            "observed_season_days": pa.array(observed[rows]),
            "alive": pa.array(~ended[rows]),
            "purchases_next_90_days": pa.array(count[rows]),
        },
    )
    future = only(p, np.flatnonzero(is_future))
    number = chunk.numbers(future["block"], future["seq"])
    goods = assortment()
    chunk.table(
        "truth_future_purchases",
        {
            "person_id": chunk.ids(future["person"]),
            "happened_at": instants(future["t"]),
            "order_no": where(future["store"], receipt_numbers(number), order_numbers(number)),
            "channel": chosen(("shop", "store"), future["store"].astype(np.int64)),
            "product_line": chosen(LINES, future["line"]),
            "kind": chosen(PURCHASE_KINDS, future["kind"]),
            "sku": emptied(chosen(goods.skus, np.maximum(future["sku"], 0)), future["sku"] < 0),
        },
    )
    old = only(p, np.flatnonzero(real & (p["day"] < chunk.end)))
    chunk.table(
        "truth_purchases",
        {
            "person_id": chunk.ids(old["person"]),
            "happened_at": instants(old["t"]),
            "kind": chosen(PURCHASE_KINDS, old["kind"]),
            "product_line": chosen(LINES, old["line"]),
            "spend_eur": pa.array(old["spend_eur"]),
            "season_time": pa.array(
                np.round(calendar.season_time(old["day"]) - calendar.season_time(people.joined[old["person"]]), 6)
            ),
        },
    )


def _write_needs(chunk: Chunk) -> None:
    need, calendar = chunk.history.needs, chunk.calendar
    if not need:
        return
    rows = np.flatnonzero((need["t"] >= calendar.start * DAY) & (need["t"] < (calendar.start + chunk.end) * DAY))
    n = only(need, rows)
    number = chunk.numbers(n["block"] + 5_000, n["seq"])
    session = mixed(chunk.seed, "session", number, np.where(n["kind"] == 1, 4, 5))
    reading = mixed(chunk.seed, "reading", number * 1_000)
    on_web = (n["kind"] == 1) | (n["kind"] == 2)
    chunk.table(
        "truth_needs",
        {
            "person_id": chunk.ids(n["person"]),
            "happened_at": instants(n["t"]),
            "kind": chosen(NEED_KINDS, n["kind"]),
            "product_line": chosen(LINES, n["line"]),
            "sku": chosen(assortment().skus, n["sku"]),
            "session_id": hexadecimal("s", session, ~on_web),
            "reading_id": hexadecimal("z", reading, on_web),
            "ends_in_purchase": pa.array(n["met"]),
        },
    )
