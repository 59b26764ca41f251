"""app, location, beacon and sensor: events of telephones and bikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names
from examples.veloheld.generator.assortment import CONTENT, E_BIKES, LEASE, SERVICE, assortment
from examples.veloheld.generator.behaviour import Events, only, together
from examples.veloheld.generator.chunk import Chunk, fan, geometric, poisson
from examples.veloheld.generator.clock import HOUR
from examples.veloheld.generator.columns import coded, dates, decimals, hexadecimal, instants, joined, numbered, taken
from examples.veloheld.generator.draws import mixed, pick_at
from examples.veloheld.generator.people import emails_of
from examples.veloheld.generator.systems.records import account_numbers
from examples.veloheld.generator.systems.trade import Trade, nearest_stores, order_numbers, receipt_numbers

Array = np.ndarray[Any, Any]
APP_KINDS = ("open", "view", "push_sent", "push_opened", "ride_start", "ride_end", "booking")
OPEN, VIEW, PUSH_SENT, PUSH_OPENED, RIDE_START, RIDE_END, BOOKING = range(7)
ZONES = ("entrance", "e_bikes", "accessories", "workshop", "checkout")
FAULTS = ("E01_MOTOR", "E07_BATTERY_CELL", "E12_BRAKE_SENSOR", "E21_DISPLAY")


def device_bits(chunk: Chunk, person: Array, day: Array) -> Array:
    """The device ID of each person on a day, as 64 bits; people replace their telephone from time to time."""
    index = chunk.people.index[person]
    life = chunk.parameters.population.device_life_days
    phase = (chunk.chance("device phase", index) * life).astype(np.int64)
    return mixed(chunk.seed, "device", index, (day + 4_000 + phase) // life)


def _of(events: Events, kind: int, **more: Array) -> Events:
    size = len(events["t"])
    out = {
        "person": events["person"],
        "t": events["t"],
        "number": events["number"] * 16 + kind,
        "kind": np.full(size, kind),
        "sku": np.full(size, -1),
        "content": np.full(size, -1),
    }
    return out | more


def write_app(chunk: Chunk, trade: Trade) -> None:
    """Writes app, location and beacon, which share telephones, rides and visits."""
    # Longer than 60 lines: one kind of event after the other, then one table.
    people, a, hours = chunk.people, chunk.parameters.app, chunk.parameters.hours
    user = people.traits["app_user"]
    opens = chunk.regular("app", a.opens_per_year, hours.leisure, who=user)
    pushes = chunk.regular("push", a.pushes_per_year, hours.office, who=user)
    # All users get rides, then owners are kept: draws must not depend on the last delivered day.
    rides = chunk.regular("ride", a.rides_per_year, hours.leisure, who=user)
    rides = only(rides, np.flatnonzero(chunk.history.owns_since[rides["person"]] < rides["day"]))
    parent, place = fan(poisson(chunk.chance("app views", opens["number"]), a.views_mean))
    looks = only(opens, parent)
    looks["t"] = looks["t"] + 8 + place * 17
    looks["number"] = looks["number"] * 64 + place + 16
    which = chunk.chance("app view", looks["number"])
    goods = assortment()
    seen = _of(
        looks,
        VIEW,
        sku=np.where(which < 0.6, (which / 0.6 * len(goods.skus)).astype(np.int64), -1),
        content=np.where(which >= 0.6, ((which - 0.6) / 0.4 * len(CONTENT)).astype(np.int64), -1),
    )
    opened = only(pushes, np.flatnonzero(chunk.chance("push open", pushes["number"]) < a.push_open_share))
    opened["t"] = opened["t"] + 30 + (chunk.chance("push wait", opened["number"]) * 4 * HOUR).astype(np.int64)
    lasts = 300 + (chunk.chance("ride lasts", rides["number"]) * 5_000).astype(np.int64)
    need = chunk.history.needs
    parts = [
        _of(opens, OPEN),
        seen,
        _of(pushes, PUSH_SENT),
        _of(opened, PUSH_OPENED),
        _of(rides, RIDE_START),
        _of(rides | {"t": rides["t"] + lasts}, RIDE_END),
    ]
    booked = only(opens, np.flatnonzero(chunk.chance("booking", opens["number"]) < 0.02))
    parts.append(_of(booked | {"t": booked["t"] + 90}, BOOKING))
    if need:
        rows = np.flatnonzero((need["kind"] == 0) & user[need["person"]])
        shown = {
            "person": need["person"][rows],
            "t": need["t"][rows] + 900,
            "number": chunk.numbers(need["block"][rows] + 5_000, need["seq"][rows]),
        }
        parts.append(_of(shown, VIEW, sku=np.full(len(rows), int(goods.of_line[SERVICE][0]))))
    out = chunk.deliver(
        "app.events", together(parts), lambda e: hexadecimal("a", mixed(chunk.seed, "app", e["number"]))
    )
    day = chunk.calendar.day_of(out["t"])
    person = out["person"]
    known = np.minimum(people.recorded["shop"][person], people.recorded["crm"][person])
    logged_in = (day >= known + people.traits["app_login_after"][person]) & (out["kind"] != PUSH_SENT)
    identified = np.flatnonzero(logged_in)
    rows = np.zeros(len(person), dtype=np.int64)
    rows[identified] = np.arange(len(identified))
    email = emails_of(people, person[identified], "shop")
    bits = device_bits(chunk, person, day)
    chunk.parquet(
        "app",
        "events",
        out,
        {
            "event_id": hexadecimal("a", mixed(chunk.seed, "app", out["number"])),
            "device_id": hexadecimal("d", bits, out["wrong"]),
            "account_email": taken(email, rows, ~logged_in) if len(identified) else pa.nulls(len(person), pa.string()),
            "kind": coded(out["kind"], APP_KINDS),
            "content_id": coded(
                out["content"].clip(0), [f"T{number:03d}" for number in range(len(CONTENT))], out["content"] < 0
            ),
            "sku": coded(out["sku"].clip(0), goods.skus, out["sku"] < 0),
            "os": coded((bits & np.uint64(1)).astype(np.int64), ("Android", "iOS")),
            "occurred_at": instants(out["t"]),
        },
    )
    _write_places(chunk, trade, rides, lasts)
    _write_devices(chunk)


def _write_places(chunk: Chunk, trade: Trade, rides: Events, lasts: Array) -> None:
    """Writes positions along rides and near stores, and beacon sightings during visits."""
    # Longer than 60 lines: two streams about the same visits.
    people, a, hours = chunk.people, chunk.parameters.app, chunk.parameters.hours
    homes = people.homes
    visits = chunk.regular(
        "visit", a.store_visits_per_year, hours.store, who=people.traits["locates"] | people.traits["bluetooth"]
    )
    near = nearest_stores(chunk)
    visit_store = near[people.household[visits["person"]]]
    bought = trade.bought
    inside = np.flatnonzero(bought["store"] & people.traits["app_user"][bought["person"]])
    stays = {
        "person": np.concatenate([visits["person"], bought["person"][inside]]),
        "t": np.concatenate([visits["t"], bought["t"][inside] - 1_500]),
        "number": np.concatenate([visits["number"] * 2, bought["number"][inside] * 2 + 1]),
        "store": np.concatenate([visit_store, trade.store_number[inside]]),
    }
    bluetooth = only(stays, np.flatnonzero(people.traits["bluetooth"][stays["person"]]))
    parent, place = fan(np.minimum(geometric(chunk.chance("zones", bluetooth["number"]), a.zones_mean), 12))
    seen = only(bluetooth, parent)
    seen["place"] = place
    seen["t"] = seen["t"] + place * 210 + (chunk.chance("zone wait", seen["number"], place) * 120).astype(np.int64)
    seen["number"] = seen["number"] * 16 + place
    out = chunk.deliver("beacon.sightings", seen, lambda e: hexadecimal("b", mixed(chunk.seed, "beacon", e["number"])))
    zone = pick_at(chunk.chance("zone", out["number"]), np.array([0.1, 0.3, 0.35, 0.1, 0.15]))
    zone = np.where(out["place"] == 0, 0, zone)
    chunk.parquet(
        "beacon",
        "sightings",
        out,
        {
            "sighting_id": hexadecimal("b", mixed(chunk.seed, "beacon", out["number"])),
            "device_id": hexadecimal("d", device_bits(chunk, out["person"], chunk.calendar.day_of(out["t"]))),
            "store_id": coded(out["store"], [f"S{number + 1}" for number in range(len(names.STORES))]),
            "zone": coded(zone, ZONES),
            "rssi": pa.array(
                np.where(out["wrong"], 127, -45 - (chunk.chance("rssi", out["number"]) * 45)).astype(np.int32)
            ),
            "occurred_at": instants(out["t"]),
        },
    )

    locates = people.traits["locates"]
    riding = np.flatnonzero(locates[rides["person"]])
    parent, place = fan(np.full(len(riding), a.pings_per_ride))
    row = riding[parent]
    step = lasts[row] * (place + 1) // (a.pings_per_ride + 1)
    along = {
        "person": rides["person"][row],
        "t": rides["t"][row] + step,
        "number": rides["number"][row] * 16 + place,
        "store": np.full(len(row), -1),
    }
    coming = only(stays, np.flatnonzero(locates[stays["person"]]))
    coming["t"] = coming["t"] - 180
    coming["number"] = coming["number"] * 16 + 15
    parts = [along, coming]
    need = chunk.history.needs
    if need:
        rows = np.flatnonzero(need["kind"] == 2)
        parts.append(
            {
                "person": need["person"][rows],
                "t": need["t"][rows] + 60,
                "number": chunk.numbers(need["block"][rows] + 5_000, need["seq"][rows]),
                "store": near[people.household[need["person"][rows]]],
            }
        )
    pings = together(parts)
    out = chunk.deliver("location.pings", pings, lambda e: hexadecimal("g", mixed(chunk.seed, "ping", e["number"])))
    person, day = out["person"], chunk.calendar.day_of(out["t"])
    home = people.household[person] + np.where(people.moved[person] <= day, homes.households, 0)
    latitudes = np.array([store[3] for store in names.STORES])
    longitudes = np.array([store[4] for store in names.STORES])
    east, north = chunk.chance("east", out["number"]) - 0.5, chunk.chance("north", out["number"]) - 0.5
    at_store = out["store"] >= 0
    latitude = np.where(at_store, latitudes[out["store"]] + north * 0.004, homes.latitude[home] + north * 0.05)
    longitude = np.where(at_store, longitudes[out["store"]] + east * 0.006, homes.longitude[home] + east * 0.08)
    chunk.parquet(
        "location",
        "pings",
        out,
        {
            "ping_id": hexadecimal("g", mixed(chunk.seed, "ping", out["number"])),
            "device_id": hexadecimal("d", device_bits(chunk, person, day)),
            "lat": pa.array(np.where(out["wrong"], 0.0, decimals(latitude, 5))),
            "lon": pa.array(np.where(out["wrong"], 0.0, decimals(longitude, 5))),
            "accuracy_m": pa.array((4 + chunk.chance("accuracy", out["number"]) ** 4 * 300).astype(np.int32)),
            "occurred_at": instants(out["t"]),
        },
    )


def _write_devices(chunk: Chunk) -> None:
    people, life = chunk.people, chunk.parameters.population.device_life_days
    users = np.flatnonzero(people.traits["app_user"] & (people.joined < chunk.end))
    phase = (chunk.chance("device phase", people.index[users]) * life).astype(np.int64)
    first = (np.maximum(people.joined[users], 0) + 4_000 + phase) // life
    last = (chunk.end - 1 + 4_000 + phase) // life
    parent, place = fan(last - first + 1)
    person, generation = users[parent], first[parent] + place
    chunk.table(
        "truth_devices",
        {
            "device_id": hexadecimal("d", mixed(chunk.seed, "device", people.index[person], generation)),
            "person_id": chunk.ids(person),
            "used_from": dates(chunk.calendar.start + generation * life - 4_000 - phase[parent]),
        },
    )


def bikes_of(chunk: Chunk) -> Events:
    """All bikes sold or leased out before the end of the delivered days."""
    p = chunk.history.purchases
    sold = ~p["suppressed"] & ((p["line"] == E_BIKES) | (p["line"] == LEASE)) & (p["day"] < chunk.end)
    bikes = only(p, np.flatnonzero(sold))
    bikes["number"] = chunk.numbers(bikes["block"], bikes["seq"])
    return bikes


def serials(number: Array, missing: Array | None = None) -> pa.Array:
    """Frame numbers of bikes."""
    return numbered("BK", number, 15, missing)


def write_sensor(chunk: Chunk) -> None:
    """Writes sensor: readings of bikes, and the list of bikes."""
    # Longer than 60 lines: readings, planted needs and two tables about one list of bikes.
    people, b, calendar = chunk.people, chunk.parameters.bikes, chunk.calendar
    bikes = bikes_of(chunk)
    if len(bikes["t"]) == 0:
        return
    per_day = b.readings_per_year / 365.25
    first = max(chunk.begin - 12, 0)
    # A bike reports at fixed intervals, at its own hour. Readings without a telephone nearby are missing.
    step = int(round(0.8 / per_day))
    phase = (chunk.chance("reading phase", bikes["number"]) * step).astype(np.int64)
    slots = np.arange(first // step - 1, chunk.end // step + 2)
    day = slots[None, :] * step + phase[:, None]
    row, column = np.nonzero((day > bikes["day"][:, None]) & (day >= first) & (day < chunk.end))
    day = day[row, column]
    number = bikes["number"][row] * 1_000 + slots[column] % 1_000
    rows = np.flatnonzero(chunk.chance("reading", number) < 0.8)
    row, day, number = row[rows], day[rows], number[rows]
    clock = (chunk.chance("reading time", number) * 15 * HOUR).astype(np.int64) + 7 * HOUR
    readings = {"bike": row, "t": calendar.seconds(day, clock), "number": number, "need": np.full(len(row), -1)}
    need = chunk.history.needs
    if need:
        # The person's first bike, which does not depend on the last delivered day.
        of_person = np.full(len(people), -1)
        of_person[bikes["person"][::-1]] = np.arange(len(bikes["person"]))[::-1]
        rows = np.flatnonzero(((need["kind"] == 0) | (need["kind"] == 3)) & (of_person[need["person"]] >= 0))
        bike = of_person[need["person"][rows]]
        owned = bikes["day"][bike] < calendar.day_of(need["t"][rows])
        rows, bike = rows[owned], bike[owned]
        planted = {
            "bike": bike,
            "t": need["t"][rows],
            "need": need["kind"][rows],
            "number": chunk.numbers(need["block"][rows] + 5_000, need["seq"][rows]) * 1_000,
        }
        readings = together([readings, {name: planted[name] for name in readings}])
    out = chunk.deliver(
        "sensor.readings", readings, lambda e: hexadecimal("z", mixed(chunk.seed, "reading", e["number"]))
    )
    bike = out["bike"]
    pace = people.traits["km_per_day"][bikes["person"][bike]]
    season_days = calendar.season_time(calendar.day_of(out["t"])) - calendar.season_time(bikes["day"][bike])
    # The distance follows the season and never decreases.
    odometer = decimals(np.floor(pace * np.maximum(season_days, 0) * 10) / 10, 1)
    draw = chunk.chance("fault", out["number"])
    fault = (draw < b.fault_share) | (out["need"] == 0)
    battery = 15 + (chunk.chance("battery", out["number"]) * 86).astype(np.int32)
    low = (draw > 1 - b.low_battery_share) | (out["need"] == 0)
    battery = np.where(low, 2 + battery % 9, battery)
    chunk.parquet(
        "sensor",
        "readings",
        out,
        {
            "reading_id": hexadecimal("z", mixed(chunk.seed, "reading", out["number"])),
            "bike_serial": serials(bikes["number"][bike]),
            "battery_percent": pa.array(np.where(out["wrong"], 250, battery).astype(np.int32)),
            "odometer_km": pa.array(odometer),
            "fault_code": coded((draw * 40_009).astype(np.int64) % 4, FAULTS, ~fault),
            "occurred_at": instants(out["t"]),
        },
    )
    goods = assortment()
    chance = chunk.chance("main product", bikes["number"])
    sku = np.zeros(len(bikes["t"]), dtype=np.int64)
    for line in (E_BIKES, LEASE):
        rows = bikes["line"] == line
        sku[rows] = goods.of_line[line][(chance[rows] ** 1.4 * len(goods.of_line[line])).astype(np.int64)]
    sku = np.where(bikes["sku"] >= 0, bikes["sku"], sku)
    in_shop = (bikes["day"] >= 0) & ~bikes["store"]
    in_store = (bikes["day"] >= 0) & bikes["store"]
    knows = (people.recorded["crm"][bikes["person"]] < chunk.end) & (chunk.chance("owner known", bikes["number"]) < 0.6)
    order = order_numbers(bikes["number"], ~in_shop).fill_null("")
    receipt = receipt_numbers(bikes["number"], ~in_store).fill_null("")
    chunk.csv(
        "sensor.bikes",
        {"key": bikes["number"]},
        {
            "bike_serial": serials(bikes["number"]),
            "sku": taken(pa.array(goods.skus), sku),
            "order_no": joined(order, receipt),
            "sold_on": dates(calendar.start + bikes["day"]),
            "owner_account_id": account_numbers(people, bikes["person"], ~knows),
        },
    )
    chunk.table("truth_bikes", {"bike_serial": serials(bikes["number"]), "person_id": chunk.ids(bikes["person"])})
