"""Simulates behaviour: purchases, complaints, reactions to campaigns, moments of need.

Purchases follow a buy-till-you-die process (BG/NBD, Fader, Hardie and Lee 2005) in season time, which the calendar
stretches and squeezes. Every block of days has its own random generators, so more blocks never change earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from examples.veloheld.generator.assortment import E_BIKES, INSURANCE, LEASE, LINES, PARTS, SERVICE, assortment
from examples.veloheld.generator.campaign_plan import Campaign, campaigns_of
from examples.veloheld.generator.clock import DAY, HOUR, weekday
from examples.veloheld.generator.draws import generator, pick, uniform
from examples.veloheld.generator.parameters import Parameters
from examples.veloheld.generator.people import NEVER, SYSTEMS, People
from examples.veloheld.generator.season import Calendar, seconds_of_day

Array = np.ndarray[Any, Any]
Events = dict[str, Array]
FIRST, REPEAT, CAMPAIGN, NEED = range(4)
PURCHASE_KINDS = ("first", "repeat", "campaign", "need")
NEED_KINDS = ("bike_fault", "abandoned_cart", "near_store_search", "service_due")


@dataclass
class History:
    """The simulated behaviour, one table per kind, and the state per person at the end."""

    purchases: Events
    complaints: Events
    recipients: Events
    needs: Events
    death: Array
    repeats: Array
    owns_since: Array
    newest_block: int


def live(people: People, parameters: Parameters, last_block: int) -> History:
    """Simulates the people of a chunk from the first block to the end of `last_block`."""
    return _Life(people, parameters).until(last_block)


class _Life:
    def __init__(self, people: People, parameters: Parameters) -> None:
        self.people, self.p = people, parameters
        self.calendar = Calendar(parameters)
        size = len(people)
        self.repeats = np.zeros(size, dtype=np.int64)
        self.death = np.full(size, NEVER)
        self.owns = np.full(size, NEVER)
        self.born = self.calendar.season_time(people.joined + 1)
        self.open_key = np.zeros(0, dtype=np.int64)  # complaints, by person and moment
        self.open_until = np.zeros(0, dtype=np.int64)
        self.sent: dict[int, Array] = {}
        self.parts: dict[str, list[Events]] = {"purchases": [], "complaints": [], "recipients": [], "needs": []}

    def until(self, last_block: int) -> History:
        months = 1 + (last_block + 1) * self.calendar.block_days // 28
        plan = campaigns_of(self.people.seed, max(months, 1))
        for block in range(self.calendar.first_block, last_block + 1):
            bought = self._buy(block)
            first, last = block * self.calendar.block_days, (block + 1) * self.calendar.block_days
            bought = self._complain(block, bought)
            more = [self._campaign(campaign, block) for campaign in plan if first <= campaign.start < last]
            if block >= 0:
                more.append(self._needs(block))
            bought = together([bought, *more])
            bought["block"] = np.full(len(bought["person"]), block)
            bought["seq"] = np.arange(len(bought["person"]))
            self.parts["purchases"].append(bought)
        tables = {name: together(parts) for name, parts in self.parts.items()}
        return History(**tables, death=self.death, repeats=self.repeats, owns_since=self.owns, newest_block=last_block)

    def has_open_complaint(self, person: Array, seconds: Array) -> Array:
        """Whether the newest complaint of these people is still open at these moments."""
        if len(self.open_key) == 0:
            return np.zeros(len(person), dtype=bool)
        at = np.searchsorted(self.open_key, _key(person, seconds), side="right") - 1
        found = at >= 0
        at = np.maximum(at, 0)
        return found & (self.open_key[at] >> 34 == person) & (seconds < self.open_until[at])

    def _buy(self, block: int) -> Events:
        people, calendar = self.people, self.calendar
        first, last = block * calendar.block_days, (block + 1) * calendar.block_days
        begin, end = float(calendar.season_time(first)), float(calendar.season_time(last))
        rng = generator(people.seed, people.chunk, "purchases", block)
        customers = people.customers
        count = rng.poisson(people.traits["rate"][:customers] * (end - begin))
        person = np.repeat(np.arange(customers), count)
        moment = begin + rng.random(len(person)) * (end - begin)
        order = np.lexsort((moment, person))
        person, moment = person[order], moment[order]
        kept = moment > self.born[person]
        person, moment = person[kept], moment[kept]
        rank = np.arange(len(person)) - np.searchsorted(person, person) + 1 + self.repeats[person]
        lifetime = people.traits["lifetime_repeats"][person]
        kept = rank <= lifetime
        ends = rank == lifetime
        person, moment, rank = person[kept], moment[kept], rank[kept]
        ends = ends[kept]
        day = calendar.day_at(moment)
        self.death[person[ends]] = day[ends]
        self.repeats += np.bincount(person, minlength=len(people))
        new = np.flatnonzero((people.joined[:customers] >= first) & (people.joined[:customers] < last))
        person = np.concatenate([new, person])
        day = np.concatenate([people.joined[new], day])
        moment = np.concatenate([self.born[new], moment])
        kind = np.concatenate([np.full(len(new), FIRST), np.full(len(rank), REPEAT)])
        order = np.lexsort((moment, kind, day, person))
        person, day, kind = person[order], day[order], kind[order]
        return self._details(block, person, day, kind)

    def _details(self, block: int, person: Array, day: Array, kind: Array) -> Events:
        people, p = self.people, self.p.purchases
        rng = generator(people.seed, people.chunk, "purchase details", block)
        size = len(person)
        taste = 0.3 + 0.7 * 5 * people.traits["line_taste"][person]
        weights = np.where((kind == FIRST)[:, None], np.array(p.first_line_shares), np.array(p.line_shares)) * taste
        cumulated = np.cumsum(weights, axis=1)
        line = (rng.random(size)[:, None] * cumulated[:, -1:] > cumulated).sum(axis=1).clip(0, len(LINES) - 1)
        bike = (line == E_BIKES) | (line == LEASE)
        owners, at = np.unique(person[bike], return_index=True)
        self.owns[owners] = np.minimum(self.owns[owners], day[bike][at])
        needs_bike = (line == SERVICE) | (line == INSURANCE)
        line = np.where(needs_bike & (self.owns[person] > day), PARTS, line)

        odds = people.traits["store_habit"][person, line] + np.array(p.store_offset)[line]
        store = rng.random(size) < 1 / (1 + np.exp(-odds))
        first = kind == FIRST
        store &= ~(first & (people.guest[person] | (people.recorded["shop"][person] == day)))
        store |= first & (people.recorded["loyalty"][person] == day)
        sunday = weekday(self.calendar.start + day) == 6
        day = np.where(store & sunday, day + 1, day)
        chance = rng.random(size)
        local = np.where(
            store,
            seconds_of_day(chance, self.p.hours.store),
            seconds_of_day(chance, self.p.hours.shop),
        )
        spend = np.round(rng.standard_gamma(p.spend_shape, size) / people.traits["spend_rate"][person], 2)
        return {
            "person": person,
            "day": day,
            "t": self.calendar.seconds(day, local, rng.random(size) < 0.5),
            "kind": kind,
            "line": line,
            "store": store,
            "spend_eur": spend,
            "sku": np.full(size, -1),
            "campaign": np.full(size, -1),
            "suppressed": rng.random(size) < p.suppressed_by_complaint,
        }

    def _complain(self, block: int, bought: Events) -> Events:
        """Adds complaints about these purchases, and marks purchases that an open complaint prevents."""
        people, s = self.people, self.p.service
        rng = generator(people.seed, people.chunk, "complaints", block)
        size = len(bought["person"])
        complains = rng.random(size) < s.complaint_share
        wait = 1 + np.floor(rng.exponential(s.complaint_mean_days, size)).astype(np.int64)
        opened = self.calendar.seconds(bought["day"] + wait, seconds_of_day(rng.random(size), self.p.hours.leisure))
        lasts = 2 * HOUR + np.round(rng.exponential(s.resolve_mean_days * DAY, size)).astype(np.int64)
        reopened = rng.random(size) < s.reopened_share
        more = 6 * HOUR + np.round(rng.exponential(5.0 * DAY, size)).astype(np.int64)
        prevented = bought["suppressed"] & self.has_open_complaint(bought["person"], bought["t"])
        rows = np.flatnonzero(complains & ~prevented)
        wait = 3 * HOUR + (rng.random(size) * 2 * DAY).astype(np.int64)
        complaint = {
            "person": bought["person"][rows],
            "opened": opened[rows],
            "resolved": opened[rows] + lasts[rows],
            "reopened": reopened[rows],
            "reopened_at": opened[rows] + lasts[rows] + wait[rows],
            "closed": opened[rows] + lasts[rows] + np.where(reopened[rows], wait[rows] + more[rows], 0),
            "block": np.full(len(rows), block),
            "seq": np.arange(len(rows)),
            "purchase": rows,
            "line": bought["line"][rows],
            "purchase_t": bought["t"][rows],
        }
        self.parts["complaints"].append(complaint)
        keys = np.concatenate([self.open_key, _key(complaint["person"], complaint["opened"])])
        until = np.concatenate([self.open_until, complaint["closed"]])
        order = np.argsort(keys, kind="stable")
        self.open_key, self.open_until = keys[order], until[order]
        # Check again: a complaint of this block may precede a purchase of this block.
        prevented |= bought["suppressed"] & self.has_open_complaint(bought["person"], bought["t"])
        own = np.zeros(size, dtype=bool)
        own[rows] = True
        bought["suppressed"] = prevented & ~own
        return bought

    def _campaign(self, campaign: Campaign, block: int) -> Events:
        people, c = self.people, self.p.campaigns
        rng = generator(people.seed, people.chunk, "campaign", campaign.number)
        customers = people.customers
        everyone = np.arange(customers)
        known = np.zeros(customers, dtype=bool)
        for system in SYSTEMS:
            known |= people.recorded[system][:customers] < campaign.start
        known |= people.guest[:customers] & (people.joined[:customers] < campaign.start)
        known &= people.joined[:customers] < campaign.start
        chance, slip, hold, react, when, clock = (rng.random(customers) for _ in range(6))
        may = people.traits["newsletter"][:customers] & known
        withdrawn = people.traits["withdrawn"][:customers] <= campaign.start
        sent_at = self.calendar.seconds(
            np.full(customers, campaign.start), seconds_of_day(clock, self.p.hours.mail_sent)
        )
        complaining = self.has_open_complaint(everyone, sent_at)
        audience = may & (chance < c.audience_share)
        if campaign.twin_of >= 0:
            first = self.sent[campaign.twin_of]
            homes = np.zeros(int(people.household.max()) + 1, dtype=bool)
            homes[people.household[first]] = True
            audience = may & homes[people.household[:customers]] & (chance < c.conflict_reach_share)
            hold = np.ones(customers)
        slips_opt_out = audience & withdrawn & (slip < c.opt_out_slip_share)
        slips_complaint = audience & ~withdrawn & complaining & (slip < c.complaint_slip_share)
        audience &= (~withdrawn & ~complaining) | slips_opt_out | slips_complaint
        rows = np.flatnonzero(audience)
        holdout = hold[rows] < c.holdout_share
        self.sent[campaign.number] = rows[~holdout]
        alive = self.death[rows] > campaign.start
        bought = ~holdout & alive & (react[rows] < people.traits["uplift"][rows])
        self.parts["recipients"].append(
            {
                "campaign": np.full(len(rows), campaign.number),
                "person": rows,
                "holdout": holdout,
                "sent_at": sent_at[rows],
                "after_opt_out": slips_opt_out[rows],
                "in_complaint": slips_complaint[rows],
                "reacted": bought,
                "block": np.full(len(rows), block),
                "seq": np.arange(len(rows)),
                "twin_of": np.full(len(rows), campaign.twin_of),
            }
        )
        buyers = rows[bought]
        day = campaign.start + 1 + (when[buyers] * (c.days - 2)).astype(np.int64)
        return self._extra(
            buyers,
            day,
            when[buyers],
            CAMPAIGN,
            campaign.line,
            np.full(len(buyers), campaign.sku),
            np.full(len(buyers), campaign.number),
        )

    def _extra(
        self, person: Array, day: Array, chance: Array, kind: int, line: int, sku: Array, campaign: Array
    ) -> Events:
        """Purchases outside of the buy-till-you-die process, of one product each."""
        people, p = self.people, self.p.purchases
        odds = people.traits["store_habit"][person, line] + p.store_offset[line]
        spread = uniform(people.seed, "extra", people.index[person], day, sku)
        store = spread < 1 / (1 + np.exp(-odds))
        day = np.where(store & (weekday(self.calendar.start + day) == 6), day + 1, day)
        profile = np.where(store, seconds_of_day(chance, self.p.hours.store), seconds_of_day(chance, self.p.hours.shop))
        size = len(person)
        if line in (E_BIKES, LEASE):
            np.minimum.at(self.owns, person, day)
        return {
            "person": person,
            "day": day,
            "t": self.calendar.seconds(day, profile),
            "kind": np.full(size, kind),
            "line": np.full(size, line),
            "store": store,
            "spend_eur": np.zeros(size),
            "sku": sku,
            "campaign": campaign,
            "suppressed": np.zeros(size, dtype=bool),
        }

    def _needs(self, block: int) -> Events:
        people, n = self.people, self.p.needs
        first = block * self.calendar.block_days
        rng = generator(people.seed, people.chunk, "needs", block)
        customers = people.customers
        count = rng.poisson(n.per_person_year * self.calendar.block_days / 365.25, customers)
        person = np.repeat(np.arange(customers), count)
        size = len(person)
        day = first + (rng.random(size) * self.calendar.block_days).astype(np.int64)
        local = seconds_of_day(rng.random(size), self.p.hours.leisure)
        kind = pick(rng, np.array(n.kind_shares), size)
        product, met, when = rng.random(size), rng.random(size), rng.random(size)
        no_bike = self.owns[person] > day - 30
        kind = np.where(((kind == 0) | (kind == 3)) & no_bike, 1, kind)
        kind = np.where((kind == 2) & ~people.traits["locates"][person], 1, kind)
        there = (people.joined[person] < day - 1) & (self.death[person] > day)
        goods = assortment()
        sku = goods.parts[(product * len(goods.parts)).astype(np.int64)]
        sku = np.where(kind == 3, goods.of_line[SERVICE][0], sku)
        rows = np.flatnonzero(there)
        moment = self.calendar.seconds(day, local)
        need = {
            "person": person[rows],
            "t": moment[rows],
            "kind": kind[rows],
            "sku": sku[rows],
            "met": met[rows] < n.met_share,
            "block": np.full(len(rows), block),
            "seq": np.arange(len(rows)),
            "line": np.where(kind[rows] == 3, SERVICE, PARTS),
        }
        self.parts["needs"].append(need)
        buys = rows[need["met"]]
        parts = []
        for line in (PARTS, SERVICE):
            of_line = buys[np.where(kind[buys] == 3, SERVICE, PARTS) == line]
            after = day[of_line] + 1 + (when[of_line] * 12).astype(np.int64)
            parts.append(
                self._extra(person[of_line], after, when[of_line], NEED, line, sku[of_line], np.full(len(of_line), -1))
            )
        return together(parts)


def _key(person: Array, seconds: Array) -> Array:
    return (np.asarray(person, dtype=np.int64) << 34) | np.asarray(seconds, dtype=np.int64)


def together(parts: list[Events]) -> Events:
    """Concatenates events of one kind."""
    parts = [part for part in parts if part]
    if not parts:
        return {}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def only(events: Events, rows: Array) -> Events:
    """The events at these row numbers, or where this mask is true."""
    return {name: values[rows] for name, values in events.items()}
