"""helpdesk: complaints and their history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import texts
from examples.veloheld.generator.assortment import assortment
from examples.veloheld.generator.behaviour import Events, only, together
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import chosen, emptied, numbered, taken
from examples.veloheld.generator.systems.records import account_numbers, number_now, stamp

Array = np.ndarray[Any, Any]


def write_helpdesk(chunk: Chunk) -> None:
    """Writes complaints and their history in their state on the last day."""
    # Longer than 60 lines: two tables about one list of steps.
    people, calendar = chunk.people, chunk.calendar
    all_complaints = chunk.history.complaints
    end = (calendar.start + chunk.end) * DAY
    if not all_complaints:
        return
    rows = np.flatnonzero((all_complaints["opened"] < end) & (all_complaints["opened"] >= calendar.start * DAY))
    c = only(all_complaints, rows)
    number = chunk.numbers(c["block"], c["seq"])
    ids = numbered("HD", number, 15)
    person = c["person"]
    answered = (
        c["opened"]
        + 2 * HOUR
        + (chunk.chance("answer", number) * np.minimum(c["resolved"] - c["opened"] - 3 * HOUR, 3 * DAY).clip(0)).astype(
            np.int64
        )
    )
    steps = [
        (c["opened"], 0, np.ones(len(rows), dtype=bool)),
        (answered, 1, np.ones(len(rows), dtype=bool)),
        (c["resolved"], 2, np.ones(len(rows), dtype=bool)),
        (c["reopened_at"], 3, c["reopened"]),
        (c["closed"], 2, c["reopened"]),
        (c["closed"] + 14 * DAY, 4, chunk.chance("closed", number) < 0.8),
    ]
    newest, status = c["opened"].copy(), np.zeros(len(rows), dtype=np.int64)
    parts: list[Events] = []
    for step, (at, kind, happens) in enumerate(steps):
        done = np.flatnonzero(happens & (at < end))
        newest[done], status[done] = at[done], kind
        parts.append({"row": done, "at": at[done], "kind": np.full(len(done), kind), "step": np.full(len(done), step)})
    history = together(parts)
    order = np.lexsort((history["step"], history["row"]))
    history = only(history, order)
    day = calendar.day_of(c["opened"])
    by_mail = chunk.chance("by mail", number) < 0.78
    account = (people.recorded["crm"][person] <= day) & (chunk.chance("account given", number) < 0.4)
    goods = assortment()
    of_line = np.array([goods_of[0] for goods_of in goods.of_line])[c["line"]]
    states = ("opened", "answered", "resolved", "reopened", "closed")
    subjects = [text for of_language in texts.SUBJECTS for text in of_language]
    chunk.table(
        "helpdesk.complaints",
        {
            "complaint_id": ids,
            "requester_email": emptied(taken(people.email, person), ~by_mail),
            "requester_phone": emptied(
                number_now(chunk, person, c["opened"]), by_mail & (chunk.chance("also phone", number) < 0.7)
            ),
            "account_id": emptied(account_numbers(people, person), ~account),
            "product_sku": taken(pa.array(goods.skus), of_line),
            "subject": chosen(
                subjects, people.language[person] * 5 + (chunk.chance("subject", number) * 5).astype(np.int64)
            ),
            "opened_at": stamp(c["opened"]),
            "status": chosen(states, status),
            "updated_at": stamp(newest),
        },
    )
    notes = (None, "first answer", "solution offered", "customer disagrees", None)
    chunk.table(
        "helpdesk.complaint_history",
        {
            "history_id": numbered("HH", number[history["row"]] * 10 + history["step"], 16),
            "complaint_id": taken(ids, history["row"]),
            "status": chosen(states, history["kind"]),
            "changed_at": stamp(history["at"]),
            "note": chosen(notes, history["kind"]),
        },
    )
    chunk.table("truth_complaints", {"complaint_id": ids, "person_id": chunk.ids(person)})
