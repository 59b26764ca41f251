"""consent: the consents of each person, and their withdrawals."""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.veloheld.generator.behaviour import Events, together
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import HOUR
from examples.veloheld.generator.columns import coded, emptied, integers, numbered, taken, times, where
from examples.veloheld.generator.people import NEVER
from examples.veloheld.generator.systems.email import withdrawal_moment
from examples.veloheld.generator.systems.records import account_numbers

Array = np.ndarray[Any, Any]


def write_consent(chunk: Chunk) -> None:
    """Writes the consents that people give with their first record, and their withdrawals."""
    people, calendar = chunk.people, chunk.calendar
    rows = np.flatnonzero((chunk.contact_since < NEVER) & (np.arange(len(people)) < people.customers))
    index = people.index[rows]
    start = calendar.seconds(
        chunk.contact_since[rows], 10 * HOUR + (chunk.chance("asked", index) * 9 * HOUR).astype(np.int64)
    )
    parts: list[Events] = []

    def change(who: Array, t: Array, purpose: int, channel: int, granted: Array, step: int, source: int) -> None:
        parts.append(
            {
                "person": who,
                "t": t,
                "purpose": np.full(len(who), purpose),
                "channel": np.full(len(who), channel),
                "granted": granted.astype(np.int64),
                "number": people.index[who] * 16 + step,
                "source": np.full(len(who), source),
            }
        )

    change(rows, start, 0, 0, np.ones(len(rows), dtype=bool), 0, 0)
    change(rows, start, 1, 0, people.traits["newsletter"][rows], 1, 0)
    phone = rows[chunk.chance("phone consent", index) < 0.4]
    moment = calendar.seconds(chunk.contact_since[phone], np.full(len(phone), 19 * HOUR))
    change(phone, moment, 1, 1, chunk.chance("phone yes", people.index[phone]) < 0.5, 2, 0)
    users = rows[people.traits["app_user"][rows]]
    moment = calendar.seconds(chunk.contact_since[users], np.full(len(users), 20 * HOUR))
    change(users, moment, 2, 3, chunk.chance("profiling yes", people.index[users]) < 0.55, 3, 0)
    change(users, moment + 60, 1, 3, chunk.chance("push yes", people.index[users]) < 0.65, 4, 0)
    # Of one mind: a person who says yes in the app has said yes to the banner of the web site.
    online = rows[people.member["shop"][rows] | people.member["crm"][rows] | people.guest[rows]]
    moment = calendar.seconds(chunk.contact_since[online], np.full(len(online), 9 * HOUR))
    agrees = chunk.chance("profiling yes", people.index[online]) < chunk.parameters.web.profiling_consent_share
    change(online, moment, 2, 5, agrees, 8, 0)
    social = rows[people.traits["handle"][rows] & people.member["crm"][rows]]
    moment = calendar.seconds(np.maximum(chunk.contact_since[social], 0), np.full(len(social), 17 * HOUR))
    change(social, moment, 1, 4, chunk.chance("handle opt-in", people.index[social]) < 0.6, 5, 0)
    leaving = rows[(people.traits["withdrawn"][rows] < chunk.end) & (people.traits["withdrawn"][rows] > -1)]
    by_link = people.traits["withdrawn_by_link"][leaving]
    for step, who, source in ((6, leaving[by_link], 1), (7, leaving[~by_link], 2)):
        change(who, withdrawal_moment(chunk, who), 1, 0, np.zeros(len(who), dtype=bool), step, source)
    out = chunk.deliver("consent.changes", together(parts), lambda e: numbered("CC", e["number"], 11), catch_up=True)
    person, day = out["person"], calendar.day_of(out["t"])
    known = people.recorded["crm"][person] <= day
    chunk.csv(
        "consent.changes",
        out,
        {
            "change_id": numbered("CC", out["number"], 11),
            "account_id": emptied(account_numbers(people, person), ~known),
            "email": where(out["wrong"], "nobody", taken(chunk.contact_email, person)),
            "purpose": coded(out["purpose"], ("service", "marketing", "profiling")),
            "channel": coded(out["channel"], ("email", "phone", "post", "app", "social", "web")),
            "granted": integers(out["granted"]),
            "basis": coded(np.where(out["purpose"] == 0, 0, 1), ("contract", "consent")),
            "changed_at": times(out["t"]),
            "source": coded(out["source"], ("registration", "unsubscribe_link", "preference_centre")),
        },
    )
