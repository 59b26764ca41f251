"""contact_centre: calls in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.behaviour import Events, only, together
from examples.veloheld.generator.chunk import Chunk, exponential
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import chosen, emptied, integers, joined, numbered, times, where
from examples.veloheld.generator.draws import pick_at
from examples.veloheld.generator.systems.records import account_numbers, landlines, number_now
from examples.veloheld.generator.systems.trade import Trade

Array = np.ndarray[Any, Any]
QUEUES = ("sales", "service", "billing", "complaints")
OUTCOMES = ("solved", "callback", "transferred", "abandoned")


def write_calls(chunk: Chunk, trade: Trade) -> None:
    """Writes calls in and out."""
    # Longer than 60 lines: one paragraph per reason for a call, then one table.
    people, s, hours = chunk.people, chunk.parameters.service, chunk.parameters.hours
    own = chunk.regular("call", s.calls_per_year, hours.office)
    own = only(own, np.flatnonzero(own["person"] < people.customers))
    parts = [_call(own["person"], own["t"], own["number"] * 4, np.full(len(own["t"]), 1), 0)]
    bought = trade.bought
    asks = np.flatnonzero(chunk.chance("asks", bought["number"]) < s.call_before_purchase_share)
    ago = DAY + (exponential(chunk.chance("asks when", bought["number"][asks]), 4.0) * DAY).astype(np.int64)
    parts.append(
        _call(
            bought["person"][asks],
            bought["t"][asks] - np.minimum(ago, 30 * DAY),
            bought["number"][asks] * 4 + 1,
            np.zeros(len(asks), dtype=np.int64),
            0,
        )
    )
    calls = np.flatnonzero(chunk.chance("called", bought["number"]) < s.outbound_call_share)
    parts.append(
        _call(
            bought["person"][calls],
            bought["t"][calls] + 6 * DAY,
            bought["number"][calls] * 4 + 2,
            np.zeros(len(calls), dtype=np.int64),
            1,
        )
    )
    complaints = chunk.history.complaints
    if complaints:
        number = chunk.numbers(complaints["block"] + 5_000, complaints["seq"])
        phoned = np.flatnonzero(chunk.chance("phoned", number) < s.complaint_call_share)
        parts.append(
            _call(
                complaints["person"][phoned],
                complaints["opened"][phoned] + 2 * HOUR,
                number[phoned] * 4 + 3,
                np.full(len(phoned), 3),
                0,
            )
        )
    found = together(parts)
    # The contact centre is open in office hours; calls at other times move there.
    found["t"] = chunk.at_hours(found["t"], chunk.chance("rings", found["number"]), hours.office)
    out = chunk.deliver("contact_centre.calls", found, lambda e: numbered("C", e["number"], 16))
    person, number = out["person"], out["number"]
    mobile = number_now(chunk, person, out["t"])
    at_home = chunk.chance("landline", number) < s.landline_share
    hidden = (chunk.chance("withheld", number) < s.withheld_share) & (out["direction"] == 0)
    caller = where(hidden, "withheld", where(at_home, landlines(people, person), mobile))
    day = chunk.calendar.day_of(out["t"])
    known = people.recorded["crm"][person] <= day
    recognised = ~hidden & known & (chunk.chance("recognised", number) < s.recognised_share)
    lasts = 30 + np.round(exponential(chunk.chance("lasts", number), 280.0)).astype(np.int64)
    queue = np.where((out["queue"] == 1) & (chunk.chance("queue", number) < 0.3), 2, out["queue"])
    chunk.jsonl(
        "contact_centre.calls",
        out,
        {
            "call_id": numbered("C", number, 16),
            "caller_number": caller,
            "direction": chosen(("in", "out"), out["direction"]),
            "started_at": times(out["t"]),
            "duration_seconds": pa.array(np.where(out["wrong"], -lasts, lasts)),
            "queue": chosen(QUEUES, queue),
            "agent_id": joined("G", integers(1 + (chunk.chance("agent", number) * 24).astype(np.int64))),
            "account_id": emptied(account_numbers(people, person), ~recognised),
            "reason": chosen(("advice", "repair", "invoice", "complaint"), queue),
            "outcome": chosen(OUTCOMES, pick_at(chunk.chance("outcome", number), np.array([0.7, 0.12, 0.1, 0.08]))),
        },
    )
    new = np.flatnonzero(~out["repeated"])
    chunk.truth("calls", {"call_id": numbered("C", number[new], 16), "person_id": chunk.ids(person[new])})


def _call(person: Array, t: Array, number: Array, queue: Array, direction: int) -> Events:
    return {"person": person, "t": t, "number": number, "queue": queue, "direction": np.full(len(person), direction)}
