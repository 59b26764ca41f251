"""email: what the company sends by e-mail, and how recipients react."""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.veloheld.generator.assortment import BASE, CONTENT, assortment
from examples.veloheld.generator.behaviour import Events, only
from examples.veloheld.generator.chunk import Chunk, exponential
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import coded, emptied, instants, numbered, taken
from examples.veloheld.generator.season import seconds_of_day
from examples.veloheld.generator.systems.campaign_codes import NEWSLETTER, campaign_codes, offer_codes, plan_of

Array = np.ndarray[Any, Any]
EMAIL_KINDS = ("sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed")
SENT, DELIVERED, OPENED, CLICKED, REPLIED, BOUNCED, UNSUBSCRIBED = range(7)


def sends_of(chunk: Chunk) -> Events:
    """The mails of the delivered days and of the 60 days before, with the recipients' reactions."""
    people, calendar, e = chunk.people, chunk.calendar, chunk.parameters.email
    first = chunk.begin - 60
    parts: list[Events] = []
    r = chunk.history.recipients
    channel = np.zeros(max((campaign.number for campaign in plan_of(chunk)), default=0) + 2, dtype=np.int64)
    for campaign in plan_of(chunk):
        channel[campaign.number] = campaign.channel
    if r:
        mails = ~r["holdout"] & (channel[r["campaign"]] == 0)
        mails &= (r["sent_at"] >= (calendar.start + first) * DAY) & (r["sent_at"] < (calendar.start + chunk.end) * DAY)
        found = only(r, np.flatnonzero(mails))
        parts.append(
            {
                "campaign": found["campaign"],
                "person": found["person"],
                "t": found["sent_at"],
                "content": np.full(len(found["person"]), -1),
            }
        )
    everyone = np.arange(people.customers)
    for number in range(max(0, first // e.newsletter_days - 1), chunk.end // e.newsletter_days + 1):
        day = 5 + number * e.newsletter_days
        if not first <= day < chunk.end:
            continue
        may = people.traits["newsletter"][everyone] & (chunk.contact_since[everyone] < day)
        rows = np.flatnonzero(may & (people.traits["withdrawn"][everyone] > day))
        clock = seconds_of_day(chunk.chance("newsletter", people.index[rows], number), chunk.parameters.hours.mail_sent)
        parts.append(
            {
                "campaign": np.full(len(rows), NEWSLETTER + number),
                "person": rows,
                "t": calendar.seconds(np.full(len(rows), day), clock),
                "content": np.full(len(rows), (number * 5) % len(CONTENT)),
            }
        )
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return dict.fromkeys(("campaign", "person", "t", "content", "number", "opened", "clicked", "bounced"), none)
    sends = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # One mail per address: a household that shares an address gets one.
    address = people.address_owner[sends["person"]]
    _, at = np.unique(sends["campaign"] * (len(people) + 1) + address, return_index=True)
    sends = only(sends, np.sort(at))
    code = np.where(sends["campaign"] >= NEWSLETTER, 5_000 + sends["campaign"] - NEWSLETTER, sends["campaign"])
    sends["number"] = (chunk.number * 10_000 + code) * 10_000_000 + sends["person"]
    draw = chunk.chance("bounce", sends["number"])
    sends["bounced"] = draw < e.bounce_share
    sends["opened"] = ~sends["bounced"] & (
        chunk.chance("open", sends["number"]) < people.traits["open_rate"][sends["person"]]
    )
    sends["clicked"] = sends["opened"] & (chunk.chance("click", sends["number"]) < e.click_share)
    sends["opened_t"] = (
        sends["t"]
        + 60
        + np.minimum(exponential(chunk.chance("open wait", sends["number"]), 9.0 * HOUR), 12.0 * DAY).astype(np.int64)
    )
    sends["clicked_t"] = sends["opened_t"] + 5 + (chunk.chance("click wait", sends["number"]) * 240).astype(np.int64)
    return sends


def write_email(chunk: Chunk, sends: Events) -> None:
    """Writes one event per step of each mail."""
    # Longer than 60 lines: one paragraph per step of a mail, then one table.
    people, calendar, e = chunk.people, chunk.calendar, chunk.parameters.email
    plan = {campaign.number: campaign for campaign in plan_of(chunk)}
    replied = sends["opened"] & (chunk.chance("reply", sends["number"]) < e.reply_share)
    steps = [
        (np.ones(len(sends["t"]), dtype=bool), sends["t"], SENT),
        (~sends["bounced"], sends["t"] + 2, DELIVERED),
        (sends["opened"], sends["opened_t"], OPENED),
        (sends["clicked"], sends["clicked_t"], CLICKED),
        (replied, sends["opened_t"] + 1800, REPLIED),
        (sends["bounced"], sends["t"] + 3, BOUNCED),
    ]
    parts = []
    for happened, t, step in steps:
        rows = np.flatnonzero(happened)
        parts.append(
            {
                "campaign": sends["campaign"][rows],
                "person": sends["person"][rows],
                "t": t[rows],
                "content": sends["content"][rows],
                "number": sends["number"][rows] * 10 + step,
                "kind": np.full(len(rows), step),
            }
        )
    leaving = np.flatnonzero(
        people.traits["withdrawn_by_link"]
        & (people.traits["withdrawn"] < chunk.end)
        & (people.traits["withdrawn"] >= 6)
        & (people.traits["withdrawn"] > people.joined + 70)
    )
    newest = (people.traits["withdrawn"][leaving] - 6) // e.newsletter_days
    parts.append(
        {
            "campaign": NEWSLETTER + newest,
            "person": leaving,
            "t": withdrawal_moment(chunk, leaving),
            "content": (newest * 5) % len(CONTENT),
            "number": ((chunk.number * 10_000 + 9_000) * 10_000_000 + leaving) * 10 + UNSUBSCRIBED,
            "kind": np.full(len(leaving), UNSUBSCRIBED),
        }
    )
    events = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    out = chunk.deliver("email.events", events, lambda found: numbered("M", found["number"], 16))
    mail, kind = out["campaign"], out["kind"]
    is_offer = mail < NEWSLETTER
    content = np.where(is_offer, 0, out["content"])
    sku = np.array([plan[number].sku if number in plan else 0 for number in range(max(plan, default=0) + 2)])
    clicks = kind == CLICKED
    urls = [f"{BASE}/p/{name}" for name in assortment().skus] + [
        f"{BASE}/c/{number:03d}" for number in range(len(CONTENT))
    ]
    url = np.where(is_offer, sku[np.where(is_offer, mail, 0)], len(assortment().skus) + content)
    address = taken(chunk.contact_email, out["person"])
    chunk.parquet(
        "email",
        "events",
        out,
        {
            "event_id": numbered("M", out["number"], 16),
            "email": emptied(address, out["wrong"]),
            "campaign_id": campaign_codes(mail),
            "offer_id": offer_codes(np.where(is_offer, mail, 0), ~is_offer),
            "content_id": coded(content, [f"T{number:03d}" for number in range(len(CONTENT))], is_offer),
            "kind": coded(kind, EMAIL_KINDS),
            "occurred_at": instants(out["t"]),
            "url": coded(url, urls, ~clicks),
        },
    )
    sent = np.flatnonzero(sends["t"] >= (calendar.start + chunk.begin) * DAY)
    chunk.truth(
        "email_sends",
        {
            "event_id": numbered("M", sends["number"][sent] * 10, 16),
            "person_id": chunk.ids(sends["person"][sent]),
            "campaign_id": campaign_codes(sends["campaign"][sent]),
        },
    )


def withdrawal_moment(chunk: Chunk, rows: Array) -> Array:
    """UTC seconds at which each person withdraws the consent to marketing by e-mail."""
    people = chunk.people
    day = np.minimum(people.traits["withdrawn"][rows], 5_000)
    clock = seconds_of_day(chunk.chance("withdrawal", people.index[rows]), chunk.parameters.hours.leisure)
    return chunk.calendar.seconds(day, clock)
