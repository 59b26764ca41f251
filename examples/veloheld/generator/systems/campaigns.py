"""campaigns and email: what the firm sends to whom, to whom it deliberately sends nothing, and what comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.assortment import CONTENT, LINES, assortment
from examples.veloheld.generator.behaviour import (
    CAMPAIGN_CHANNELS,
    Campaign,
    Events,
    campaigns_of,
    only,
    seconds_of_day,
)
from examples.veloheld.generator.chunk import Chunk, exponential
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import (
    chosen,
    coded,
    dates,
    emptied,
    instants,
    integers,
    numbered,
    taken,
    times,
)
from examples.veloheld.generator.population import scrambled
from examples.veloheld.generator.systems.records import account_numbers
from examples.veloheld.generator.systems.trade import Trade, order_numbers, receipt_numbers

Array = np.ndarray[Any, Any]
NEWSLETTER = 1_000_000  # campaign numbers from here on are newsletters
EMAIL_KINDS = ("sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed")
SENT, DELIVERED, OPENED, CLICKED, REPLIED, BOUNCED, UNSUBSCRIBED = range(7)
BASE = "https://www.veloheld.example"


def plan_of(chunk: Chunk) -> tuple[Campaign, ...]:
    """The campaigns that the people of this chunk have lived through."""
    months = 1 + (chunk.history.newest_block + 1) * chunk.calendar.block_days // 28
    return campaigns_of(chunk.seed, max(months, 1))


def campaign_codes(numbers: Array, missing: Array | None = None) -> pa.Array:
    """Names of campaigns and newsletters by number."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    texts = [f"N{number - NEWSLETTER:04d}" if number >= NEWSLETTER else f"K{number:06d}" for number in unique.tolist()]
    return coded(inverse, texts or ["-"], missing)


def coupon_code(chunk: Chunk, campaign: Array, person: Array) -> pa.Array:
    """The coupon of a person in a campaign."""
    return numbered("K", np.asarray(campaign) * 100_000_000 + scrambled(chunk.people.index[person], "receipt"), 14)


def friend_code(chunk: Chunk, person: Array) -> pa.Array:
    """The coupon with which a person brings friends."""
    return numbered("FRIEND", scrambled(chunk.people.index[person], "receipt"), 8)


def sends_of(chunk: Chunk) -> Events:
    """Everything that the e-mail engine sent in the delivered days and shortly before."""
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
    # One mail per address: a family with one address gets one.
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
    """email: one event per step of each mail."""
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
    """When a person withdraws the consent to marketing by e-mail."""
    people = chunk.people
    day = np.minimum(people.traits["withdrawn"][rows], 5_000)
    clock = seconds_of_day(chunk.chance("withdrawal", people.index[rows]), chunk.parameters.hours.leisure)
    return chunk.calendar.seconds(day, clock)


def offer_codes(numbers: Array, missing: Array | None = None) -> pa.Array:
    """Names of offers: every campaign has one."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    return coded(inverse, [f"O{number:06d}" for number in unique.tolist()] or ["-"], missing)


def write_campaigns(chunk: Chunk, trade: Trade) -> None:
    """campaigns: recipients, coupons, redemptions; conflicts that were planted go to the truth."""
    people, calendar = chunk.people, chunk.calendar
    r = chunk.history.recipients
    today = (calendar.start + chunk.end) * DAY
    rows = np.flatnonzero(r["sent_at"] < today) if r else np.zeros(0, dtype=np.int64)
    found = (
        only(r, rows)
        if r
        else dict.fromkeys(
            ("campaign", "person", "holdout", "sent_at", "reacted", "after_opt_out", "in_complaint", "twin_of"), rows
        )
    )
    person, campaign, holdout = found["person"], found["campaign"], found["holdout"].astype(bool)
    has_account = people.recorded["crm"][person] < calendar.day_of(found["sent_at"])
    accounts = emptied(account_numbers(people, person), ~has_account)
    email = taken(chunk.contact_email, person)
    key = {"key": found["sent_at"]}
    chunk.csv(
        "campaigns.recipients",
        key,
        {
            "campaign_id": campaign_codes(campaign),
            "offer_id": offer_codes(campaign),
            "account_id": accounts,
            "email": email,
            "is_holdout": chosen(("0", "1"), holdout.astype(np.int64)),
            "sent_at": emptied(times(found["sent_at"]), holdout),
        },
    )
    treated = np.flatnonzero(~holdout)
    codes = coupon_code(chunk, campaign[treated], person[treated])
    promoters = np.unique(people.referrer[(people.referrer >= 0) & (people.joined < chunk.end)])
    friends = friend_code(chunk, promoters)
    brought = np.full(len(people), 10**6)
    np.minimum.at(brought, people.referrer[people.referrer >= 0], people.joined[people.referrer >= 0])
    at = np.concatenate([found["sent_at"][treated], (calendar.start + brought[promoters] - 20) * DAY])
    who = np.concatenate([person[treated], promoters])
    chunk.csv(
        "campaigns.coupons",
        {"key": np.maximum(at, 0)},
        {
            "coupon_code": pa.concat_arrays([codes, friends]),
            "offer_id": offer_codes(np.concatenate([campaign[treated], np.zeros(len(promoters), dtype=np.int64)])),
            "account_id": account_numbers(people, who, people.recorded["crm"][who] >= chunk.end),
            "email": taken(chunk.contact_email, who),
        },
    )
    _write_redemptions(chunk, trade)

    chunk.truth(
        "campaign_reactions",
        {
            "campaign_id": campaign_codes(campaign),
            "person_id": chunk.ids(person),
            "is_holdout": pa.array(holdout),
            "true_uplift": pa.array(people.traits["uplift"][person]),
            "bought_because": pa.array(found["reacted"].astype(bool)),
        },
    )
    for name, rows in (
        ("after_opt_out", np.flatnonzero(found["after_opt_out"])),
        ("during_complaint", np.flatnonzero(found["in_complaint"])),
    ):
        rows = rows[~holdout[rows]]
        chunk.truth(
            "offer_conflicts",
            {
                "kind": pa.array([name] * len(rows), pa.string()),
                "person_id": chunk.ids(person[rows]),
                "offer_id": offer_codes(campaign[rows]),
                "other_person_id": chunk.ids(person[rows]),
                "other_offer_id": pa.array([None] * len(rows), pa.string()),
                "happened_at": instants(found["sent_at"][rows]),
            },
            part=name,
        )
    _write_twins(chunk, found)


def _write_twins(chunk: Chunk, found: Events) -> None:
    """Two offers for one product with different discounts, to one person or into one household."""
    people = chunk.people
    treated = np.flatnonzero(~found["holdout"].astype(bool))
    home = people.household[found["person"]]
    second = treated[found["twin_of"][treated] >= 0]
    first = treated[found["twin_of"][treated] < 0]
    span = len(people) + 1
    keys = found["campaign"][first] * span + home[first]
    order = np.argsort(keys, kind="stable")
    keys, first = keys[order], first[order]
    wanted = found["twin_of"][second] * span + home[second]
    low, high = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    mine = np.repeat(np.arange(len(second)), high - low)
    theirs = first[
        np.repeat(low, high - low) + np.arange(len(mine)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    ]
    mine = second[mine]
    same = found["person"][mine] == found["person"][theirs]
    chunk.truth(
        "offer_conflicts",
        {
            "kind": chosen(("household_discount", "person_discount"), same.astype(np.int64)),
            "person_id": chunk.ids(found["person"][mine]),
            "offer_id": offer_codes(found["campaign"][mine]),
            "other_person_id": chunk.ids(found["person"][theirs]),
            "other_offer_id": offer_codes(found["campaign"][theirs]),
            "happened_at": instants(found["sent_at"][mine]),
        },
        part="discount",
    )


def _write_redemptions(chunk: Chunk, trade: Trade) -> None:
    from examples.veloheld.generator.systems.trade import coupon_codes

    bought = trade.bought
    rows = np.flatnonzero(trade.coupon > 0)
    codes = taken(coupon_codes(chunk, trade), rows)
    used = only(bought, rows) | {"row": np.arange(len(rows))}
    out = chunk.deliver("campaigns.redemptions", used, lambda e: taken(codes, e["row"]), errors=False)
    chunk.csv(
        "campaigns.redemptions",
        out,
        {
            "coupon_code": taken(codes, out["row"]),
            "order_no": order_numbers(out["number"], out["store"]),
            "receipt_no": receipt_numbers(out["number"], ~out["store"]),
            "redeemed_at": times(out["t"]),
        },
    )


def write_calendar(chunk: Chunk) -> None:
    """campaigns, offers and content: the same for all people, so written with the first chunk."""
    calendar, goods = chunk.calendar, assortment()
    plan = [campaign for campaign in plan_of(chunk) if campaign.start < chunk.end]
    newsletters = [
        number
        for number in range(chunk.end // chunk.parameters.email.newsletter_days + 1)
        if 5 + number * chunk.parameters.email.newsletter_days < chunk.end
    ]
    days = np.array(
        [
            0,
            *(campaign.start for campaign in plan),
            *(5 + number * chunk.parameters.email.newsletter_days for number in newsletters),
        ]
    )
    ends = np.array([3650, *(campaign.end for campaign in plan), *(days[1 + len(plan) :] + 7)])
    numbers = np.array([0, *(campaign.number for campaign in plan), *(NEWSLETTER + number for number in newsletters)])
    lines = [None, *(LINES[campaign.line] for campaign in plan), *(None for _ in newsletters)]
    channels = ["email", *(CAMPAIGN_CHANNELS[campaign.channel] for campaign in plan), *("email" for _ in newsletters)]
    titles = [
        "Friends bring friends",
        *(f"{LINES[c.line].replace('_', ' ').capitalize()} {c.discount} %" for c in plan),
        *(f"Newsletter {number + 1}" for number in newsletters),
    ]
    held = ["0", *("1" if campaign.twin_of < 0 else "0" for campaign in plan), *("0" for _ in newsletters)]
    chunk.csv(
        "campaigns.campaigns",
        {"key": np.arange(len(numbers))},
        {
            "campaign_id": campaign_codes(numbers),
            "title": pa.array(titles),
            "product_line": pa.array(lines, pa.string()),
            "channel": pa.array(channels),
            "starts_on": dates(calendar.start + days),
            "ends_on": dates(calendar.start + ends),
            "has_holdout": pa.array(held),
        },
    )
    offers = np.arange(1 + len(plan))
    skus = [None, *(goods.skus[campaign.sku] for campaign in plan)]
    chunk.csv(
        "campaigns.offers",
        {"key": offers},
        {
            "offer_id": offer_codes(numbers[offers]),
            "campaign_id": campaign_codes(numbers[offers]),
            "sku": pa.array(skus, pa.string()),
            "product_line": pa.array([*lines[: len(offers)]], pa.string()),
            "discount_percent": integers(np.array([10, *(campaign.discount for campaign in plan)])),
            "channel": pa.array(channels[: len(offers)]),
            "valid_from": dates(calendar.start + days[offers]),
            "valid_to": dates(calendar.start + ends[offers]),
        },
    )
    chunk.csv(
        "campaigns.content",
        {"key": np.arange(len(CONTENT))},
        {
            "content_id": pa.array([f"T{number:03d}" for number in range(len(CONTENT))]),
            "title": pa.array([entry[0] for entry in CONTENT]),
            "kind": pa.array([entry[1] for entry in CONTENT]),
            "product_line": pa.array([LINES[entry[2]] for entry in CONTENT]),
            "url": pa.array([f"{BASE}/c/{number:03d}" for number in range(len(CONTENT))]),
        },
    )
