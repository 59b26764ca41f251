"""One chunk of customers on its way into files: what the modules of the source systems share.

A system turns people and their history into events (parallel arrays), `deliver` decides which event arrives on which
day, and one of `parquet`, `csv`, `jsonl`, `table` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.behaviour import Events, History, only, together
from examples.veloheld.generator.clock import DAY, day_of, month_index, weekday
from examples.veloheld.generator.columns import dates, where
from examples.veloheld.generator.draws import generator, pick, uniform
from examples.veloheld.generator.parameters import Parameters
from examples.veloheld.generator.people import NEVER, People, emails_of, person_ids
from examples.veloheld.generator.season import Calendar, seconds_of_day
from examples.veloheld.generator.writers import lines, parquet
from examples.veloheld.generator.writers.spool import Spool

Array = np.ndarray[Any, Any]
LOOK_BACK_DAYS = 190  # longest time from a purchase or session to an event that follows from it
LOOK_AHEAD_DAYS = 40  # longest time from an event to the purchase that it precedes


@dataclass
class Chunk:
    """People, their history, and the days that are delivered: from `begin` until before `end`."""

    people: People
    history: History
    parameters: Parameters
    calendar: Calendar
    begin: int
    end: int
    sources: Path
    spool: Spool
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        return self.people.seed

    @property
    def number(self) -> int:
        return self.people.chunk

    def since(self, *, all_days: bool = False) -> int:
        """The first day whose events can affect the delivered days."""
        return 0 if all_days else max(0, self.begin - LOOK_BACK_DAYS)

    # ---- causes --------------------------------------------------------------------------------------------------

    def bought(self, *, all_days: bool = False, ahead: int = LOOK_AHEAD_DAYS) -> Events:
        """The purchases that can affect the delivered days."""
        p = self.history.purchases
        first = -200 if all_days else self.begin - LOOK_BACK_DAYS
        found = only(p, np.flatnonzero(~p["suppressed"] & (p["day"] >= first) & (p["day"] < self.end + ahead)))
        found["number"] = self.numbers(found["block"], found["seq"])
        return found

    def numbers(self, block: Array, seq: Array) -> Array:
        """A number per event that is unique within its process in the whole company."""
        return (self.number * 10_000 + np.asarray(block) + 100) * 10_000_000 + seq

    def regular(
        self,
        process: str,
        per_year: Array | float,
        hours: list[float],
        *,
        who: Array | None = None,
        weekdays: list[float] | None = None,
        all_days: bool = False,
        shape: str = "alive",
    ) -> Events:
        """Events that people start at a yearly rate while they are customers.

        `shape` alive: from joining until shortly after leaving, and seldom afterwards; always: from the first day.
        """
        people, calendar = self.people, self.calendar
        rate = np.broadcast_to(np.asarray(per_year, dtype=np.float64), len(people))
        if who is not None:
            rate = np.where(who, rate, 0.0)
        first_block = calendar.block_of(self.since(all_days=all_days))
        last_block = calendar.block_of(self.end + LOOK_AHEAD_DAYS)
        parts = []
        for block in range(first_block, last_block + 1):
            rng = generator(self.seed, self.number, process, block)
            days = np.arange(block * calendar.block_days, (block + 1) * calendar.block_days)
            person = np.repeat(np.arange(len(people)), rng.poisson(rate * calendar.block_days / 365.25))
            size = len(person)
            if weekdays is None:
                day = days[0] + (rng.random(size) * calendar.block_days).astype(np.int64)
            else:
                day = days[0] + pick(rng, np.array(weekdays)[weekday(calendar.start + days)], size)
            t = calendar.seconds(day, seconds_of_day(rng.random(size), hours), rng.random(size) < 0.5)
            here = np.ones(size, dtype=bool)
            if shape == "alive":
                here = (day >= people.joined[person]) & (
                    (day < self.history.death[person] + 45) | (rng.random(size) < 0.12)
                )
                here |= person >= people.customers
            rows = np.flatnonzero(here)
            parts.append(
                {
                    "person": person[rows],
                    "day": day[rows],
                    "t": t[rows],
                    "number": self.numbers(np.full(len(rows), block), rows),
                }
            )
        return together(parts)

    def chance(self, process: str, *numbers: Any) -> Array:
        """A uniform number per event, which depends on the event's numbers only."""
        return uniform(self.seed, process, *numbers)

    def ids(self, rows: Array) -> pa.Array:
        """The IDs of people in `truth/`."""
        return person_ids(self.people, rows)

    @cached_property
    def open_complaints(self) -> tuple[Array, Array]:
        complaints = self.history.complaints
        key = (complaints["person"].astype(np.int64) << 34) | complaints["opened"]
        order = np.argsort(key, kind="stable")
        return key[order], complaints["closed"][order]

    def complaint_state(self, person: Array, t: Array) -> Array:
        """0: no complaint in the last half year; 1: resolved; 2: open."""
        key, closed = self.open_complaints
        if len(key) == 0:
            return np.zeros(len(person), dtype=np.int64)
        at = np.searchsorted(key, (person.astype(np.int64) << 34) | t, side="right") - 1
        same = (at >= 0) & (key[np.maximum(at, 0)] >> 34 == person)
        at = np.maximum(at, 0)
        recent = same & (t - closed[at] < 182 * DAY)
        return np.where(same & (t < closed[at]), 2, np.where(recent, 1, 0))

    @cached_property
    def contact_email(self) -> pa.Array:
        """The address at which the company reaches each person: from the CRM, else the shop, else the loyalty card."""
        people, rows = self.people, np.arange(len(self.people))
        email = people.email
        for system in ("loyalty", "shop", "crm"):
            email = where(people.member[system], emails_of(people, rows, system), email)
        return email

    @cached_property
    def contact_since(self) -> Array:
        """The first day on which the company has an address of each person."""
        people = self.people
        since = np.where(people.guest, people.joined, NEVER)
        for days in people.recorded.values():
            since = np.minimum(since, days)
        return since

    def at_hours(self, t: Array, chance: Array, hours: list[float]) -> Array:
        """The same days, at local hours with this profile."""
        return self.calendar.seconds(self.calendar.day_of(t), seconds_of_day(chance, hours))

    # ---- delivery ------------------------------------------------------------------------------------------------

    def deliver(
        self,
        stream: str,
        events: Events,
        record_id: Callable[[Events], pa.Array],
        *,
        catch_up: bool = False,
        errors: bool = True,
    ) -> Events:
        """The events that arrive in the delivered days, in order, with `delivered` (day), `wrong`, `repeated`, `key`.

        Some rows arrive late, some twice, some with an impossible value: `truth/planted_rows` lists them.
        `catch_up`: events before the first day arrive on the first day; otherwise they do not arrive.
        """
        # Longer than 60 lines: the planted errors exclude each other, so they are drawn together.
        e = self.parameters.errors
        day = self.calendar.day_of(events["t"])
        if catch_up:
            day = np.maximum(day, 0)
        here = (day >= max(0, self.begin - e.late_days_max - 3)) & (day < self.end)
        events = only(events, np.flatnonzero(here))
        day = day[here]
        size = len(day)
        events["wrong"] = np.zeros(size, dtype=bool)
        planted = np.zeros(size, dtype=np.int8)
        if errors and size:
            draw = self.chance(f"late {stream}", events["number"])
            late = draw < e.late_row_share
            wrong = ~late & (draw > 1 - e.wrong_row_share)
            repeated = ~late & ~wrong & (draw > 1 - e.wrong_row_share - e.repeated_row_share)
            wait = 1 + (draw / e.late_row_share * e.late_days_max).astype(np.int64)
            day = np.where(late, day + wait, day)
            events["wrong"] = wrong
            planted = np.where(late, 1, np.where(wrong, 2, 0)).astype(np.int8)
            again = np.flatnonzero(repeated)
            if len(again):
                rows = np.concatenate([np.arange(size), again])
                events = only(events, rows)
                later = (self.chance(f"again {stream}", events["number"][size:]) * 3).astype(np.int64)
                day = np.concatenate([day, day[again] + later])
                planted = np.concatenate([planted, np.full(len(again), 3, dtype=np.int8)])
        kept = np.flatnonzero((day >= self.begin) & (day < self.end))
        key = (day[kept] << 34) | np.maximum(events["t"][kept], 0)
        kept = kept[np.argsort(key, kind="stable")]
        events = only(events, kept)
        events["delivered"] = day[kept]
        events["repeated"] = planted[kept] == 3
        events["key"] = (day[kept] << 34) | np.maximum(events["t"], 0)
        self.counts[stream] = self.counts.get(stream, 0) + len(kept)
        rows = np.flatnonzero(planted[kept])
        if len(rows):
            some = only(events, rows)
            self.truth(
                "planted_rows",
                {
                    "stream": pa.array([stream] * len(rows)),
                    "record_id": record_id(some),
                    "kind": pa.array(["", "late", "wrong", "repeated"]).take(
                        pa.array(planted[kept][rows].astype(np.int32))
                    ),
                    "delivered_on": dates(self.calendar.start + some["delivered"]),
                },
                part=stream,
            )
        return events

    def parquet(self, system: str, name: str, events: Events, columns: Mapping[str, pa.Array]) -> None:
        """Parquet files per month of delivery: `<name>_YYYY-MM_toDD_<chunk>.parquet`."""
        table = pa.table(dict(columns))
        months = month_index(self.calendar.start + events["delivered"])
        last_day = self.calendar.start + self.end - 1
        for month in np.unique(months):
            low, high = np.searchsorted(months, month), np.searchsorted(months, month, side="right")
            month_end = int(np.datetime64(int(month) + 1, "M").astype("datetime64[D]").astype(np.int64)) - 1
            until = day_of(min(month_end, last_day))
            path = self.sources / system / f"{name}_{until:%Y-%m}_to{until:%d}_{self.number:04d}.parquet"
            parquet.write([table.slice(low, high - low)], path)

    def csv(self, name: str, events: Events, columns: Mapping[str, pa.Array], delimiter: str = ",") -> None:
        """Spools CSV lines for the files that are written after all chunks."""
        self.spool.put(
            f"lines/{name}",
            self.number,
            pa.table(
                {"key": pa.array(events["key"]), "line": lines.csv_lines(columns, delimiter)}
            ).replace_schema_metadata({"header": lines.csv_header(list(columns), delimiter).decode()}),
        )

    def jsonl(self, name: str, events: Events, columns: Mapping[str, pa.Array]) -> None:
        """Spools JSON lines for the files that are written after all chunks."""
        table = pa.table({"key": pa.array(events["key"]), "line": lines.json_lines(columns)})
        self.spool.put(f"lines/{name}", self.number, table.replace_schema_metadata({"header": ""}))

    def table(self, name: str, columns: Mapping[str, Any]) -> None:
        """Spools rows of a database table or a snapshot."""
        self.spool.put(f"tables/{name}", self.number, pa.table(dict(columns)))
        self.counts[name] = self.counts.get(name, 0) + len(next(iter(columns.values())))

    def truth(self, name: str, columns: Mapping[str, Any], part: str = "") -> None:
        """Spools rows of a table of `truth/`."""
        plain = {
            key: value.cast(value.type.value_type) if pa.types.is_dictionary(value.type) else value
            for key, value in columns.items()
        }
        self.spool.put(f"truth/{name}/{part.replace('.', '_') or 'rows'}", self.number, pa.table(plain))


def fan(counts: Array) -> tuple[Array, Array]:
    """The parent of every child, and its place among its siblings, from the number of children per parent."""
    counts = np.asarray(counts, dtype=np.int64)
    parent = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return parent, np.arange(len(parent)) - first[parent]


def exponential(chance: Array, mean: float) -> Array:
    """Exponential times from uniform numbers."""
    return -np.log1p(-chance) * mean


def poisson(chance: Array, mean: float) -> Array:
    """Poisson counts from uniform numbers."""
    steps = np.arange(1, 40)
    terms = np.cumprod(np.concatenate([[np.exp(-mean)], mean / steps]))
    return np.searchsorted(np.round(np.cumsum(terms), 12), chance, side="right")


def geometric(chance: Array, mean: float) -> Array:
    """Geometric counts from 1 on with this mean, from uniform numbers."""
    return 1 + np.floor(np.log1p(-chance) / np.log1p(-1.0 / mean)).astype(np.int64)
