"""loyalty: transactions by card, and members."""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.veloheld.generator.behaviour import only
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import HOUR
from examples.veloheld.generator.columns import chosen, coded, dates, emptied, integers, numbered, times
from examples.veloheld.generator.people import scrambled
from examples.veloheld.generator.systems.records import account_numbers, card_numbers, record_texts
from examples.veloheld.generator.systems.trade import Trade, order_numbers, receipt_numbers

Array = np.ndarray[Any, Any]


def write_loyalty(chunk: Chunk, trade: Trade) -> None:
    """Writes transactions by card, and members in their state on the last day."""
    people, bought = chunk.people, trade.bought
    amount = np.bincount(
        trade.lines["purchase"], trade.lines["unit"] * trade.lines["quantity"], minlength=len(bought["person"])
    ).astype(np.int64)
    own_online = trade.account & (people.recorded["loyalty"][bought["person"]] <= bought["day"])
    owner = np.where(trade.card_owner >= 0, trade.card_owner, np.where(own_online, bought["person"], -1))
    rows = np.flatnonzero(owner >= 0)
    out = only(bought, rows) | {"owner": owner[rows], "points": amount[rows] // 1000}
    out["t"] = out["t"] + 6 * HOUR
    out = chunk.deliver("loyalty.transactions", out, lambda e: numbered("LT", e["number"], 15))
    chunk.csv(
        "loyalty.transactions",
        out,
        {
            "transaction_id": numbered("LT", out["number"], 15),
            "card_no": card_numbers(people, out["owner"]),
            "booked_at": times(out["t"]),
            "kind": chosen(("earn",), np.zeros(len(out["t"]), dtype=np.int64)),
            "points": integers(np.where(out["wrong"], -9999, out["points"])),
            "receipt_no": receipt_numbers(out["number"], ~out["store"]),
            "order_no": order_numbers(out["number"], out["store"]),
        },
    )

    members = np.flatnonzero(people.recorded["loyalty"] < chunk.end)
    texts = record_texts(chunk, "loyalty", members, np.full(len(members), chunk.end - 1))
    history = chunk.history.purchases
    counts = np.bincount(
        history["person"][(history["day"] < chunk.end) & ~history["suppressed"]], minlength=len(people)
    )
    points = counts[members] * 12 + scrambled(people.index[members], "receipt", 97)
    tier = (points > 40).astype(np.int64) + (points > 110)
    has_account = people.recorded["crm"][members] < chunk.end
    noted = has_account & (
        chunk.chance("card link", people.index[members]) < chunk.parameters.membership.crm_link_share
    )
    events = {"key": people.index[members]}
    chunk.csv(
        "loyalty.members",
        events,
        {
            "card_no": card_numbers(people, members),
            "title": texts["title"],
            "first_name": texts["first"],
            "surname": texts["last"],
            "date_of_birth": texts["birth_iso"],
            "email": texts["email"],
            "mobile": texts["phone"],
            "postcode": texts["postcode"],
            "joined_on": dates(chunk.calendar.start + people.recorded["loyalty"][members]),
            "points": integers(points),
            "tier": coded(tier, ("bronze", "silver", "gold")),
            "crm_account_id": emptied(account_numbers(people, members), ~noted),
        },
    )
