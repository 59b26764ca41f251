"""campaigns: plans, recipients with holdouts, coupons and redemptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.assortment import BASE, CONTENT, LINES, assortment
from examples.veloheld.generator.behaviour import Events, only
from examples.veloheld.generator.campaign_plan import CAMPAIGN_CHANNELS
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import DAY
from examples.veloheld.generator.columns import chosen, dates, emptied, instants, integers, taken, times
from examples.veloheld.generator.systems.campaign_codes import (
    NEWSLETTER,
    campaign_codes,
    coupon_code,
    friend_code,
    offer_codes,
    plan_of,
)
from examples.veloheld.generator.systems.records import account_numbers
from examples.veloheld.generator.systems.trade import Trade, coupon_codes, order_numbers, receipt_numbers

Array = np.ndarray[Any, Any]


def write_campaigns(chunk: Chunk, trade: Trade) -> None:
    """Writes recipients, coupons and redemptions; planted conflicts go to the truth."""
    # Longer than 60 lines: two snapshots and two truth tables about one list of recipients.
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
    """Records pairs of offers for one product with different discounts, to one person or one household."""
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
    """Writes campaigns, offers and content. They are the same for all chunks, so only the first chunk writes them."""
    # Longer than 60 lines: three snapshots of one calendar, one column per line.
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
