"""pos: receipts of the stores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.assortment import PARTS, SERVICE, assortment
from examples.veloheld.generator.behaviour import PURCHASE_KINDS, Events, only
from examples.veloheld.generator.chunk import Chunk
from examples.veloheld.generator.clock import DAY, to_local
from examples.veloheld.generator.columns import (
    chosen,
    emptied,
    integers,
    joined,
    money,
    numbered,
    taken,
    times_of_till,
    where,
)
from examples.veloheld.generator.systems.records import card_numbers
from examples.veloheld.generator.systems.trade import Trade, receipt_numbers

Array = np.ndarray[Any, Any]


def write_pos(chunk: Chunk, trade: Trade) -> None:
    """Writes one row per receipt line, with or without a loyalty card."""
    # Longer than 60 lines: one stream, one column per line.
    goods, people = assortment(), chunk.people
    lines, bought = trade.lines, trade.bought
    rows = np.flatnonzero(bought["store"][lines["purchase"]])
    out = only(lines, rows)
    parent = out["purchase"]
    out |= {
        "t": bought["t"][parent],
        "number": bought["number"][parent] * 10 + out["place"],
        "receipt": bought["number"][parent],
        "person": bought["person"][parent],
        "owner": trade.card_owner[parent],
        "store": trade.store_number[parent],
        "campaign": bought["campaign"][parent],
        "kind": np.zeros(len(parent), dtype=np.int64),
        "bought_as": bought["kind"][parent],
    }
    out["kind"] = np.where(goods.line[out["sku"]] == SERVICE, 2, 0)
    p = chunk.parameters.purchases
    back = only(
        out,
        np.flatnonzero(
            (chunk.chance("till return", out["number"]) < p.till_return_share) & (goods.line[out["sku"]] == PARTS)
        ),
    )
    wait = 1 + (chunk.chance("till return wait", back["number"]) * 13).astype(np.int64)
    back["t"] = back["t"] + wait * DAY
    back["receipt"] = back["receipt"] + 5_000_000
    back["number"] = back["receipt"] * 10 + back["place"]
    back["kind"] = np.ones(len(wait), dtype=np.int64)
    out = {name: np.concatenate([out[name], back[name]]) for name in out}

    def line_id(events: Events) -> pa.Array:
        return joined(receipt_numbers(events["receipt"]), "-", integers(events["place"] + 1))

    out = chunk.deliver("pos.receipts", out, line_id)
    sign = np.where(out["kind"] == 1, -1, 1)
    gross = out["unit"] * out["quantity"] * sign
    discount = out["discount"] * sign
    store = integers(out["store"] + 1)
    chunk.csv(
        "pos.receipts",
        out,
        {
            "receipt_no": receipt_numbers(out["receipt"]),
            "store_id": joined("S", store),
            "till": integers(1 + out["receipt"] % 3),
            "sold_at": where(out["wrong"], "31.02.2025 10:00", times_of_till(to_local(out["t"]))),
            "card_no": emptied(card_numbers(people, out["owner"].clip(0)), out["owner"] < 0),
            "line_no": integers(out["place"] + 1),
            "sku": taken(pa.array(goods.skus), out["sku"]),
            "quantity": integers(out["quantity"] * sign),
            "gross": money(gross, ","),
            "discount": money(discount, ","),
            "net": money(gross - discount, ","),
            "kind": chosen(("S", "R", "W"), out["kind"]),
        },
        delimiter=";",
    )
    main = only(out, np.flatnonzero((out["place"] == 0) & ~out["repeated"]))
    chunk.truth(
        "receipts",
        {
            "receipt_no": receipt_numbers(main["receipt"]),
            "person_id": chunk.ids(main["person"]),
            "card_owner_id": emptied(chunk.ids(main["owner"].clip(0)), main["owner"] < 0),
            "campaign_id": emptied(numbered("K", main["campaign"].clip(0), 6), main["campaign"] < 0),
            "kind": chosen(PURCHASE_KINDS, main["bought_as"]),
        },
    )
