"""shop: orders, order lines, returns and customer accounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.assortment import PARTS, assortment
from examples.veloheld.generator.behaviour import PURCHASE_KINDS, Events, only
from examples.veloheld.generator.chunk import Chunk, exponential
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import chosen, emptied, integers, joined, money, numbered, taken, times, where
from examples.veloheld.generator.people import NEVER
from examples.veloheld.generator.systems.records import customer_numbers, postcodes, record_texts
from examples.veloheld.generator.systems.trade import Trade, coupon_codes, order_numbers
from examples.veloheld.generator.writers.lines import quoted

Array = np.ndarray[Any, Any]
PAYMENTS = ("ideal", "card", "paypal", "invoice", "klarna_style_later")
REASONS = ("too_small", "damaged", "not_as_expected", "ordered_twice", "late")
VAT = ("21", "19", "21")


def write_shop(chunk: Chunk, trade: Trade, cookies: pa.Array) -> None:
    """Writes orders, order_lines, returns and customers."""
    people = chunk.people
    bought = trade.bought
    online = np.flatnonzero(~bought["store"])
    coupons = coupon_codes(chunk, trade)
    orders = only(bought, online) | {"row": online}
    orders = chunk.deliver("shop.orders", orders, lambda e: order_numbers(e["number"]))
    row, person = orders["row"], orders["person"]
    account = trade.account[row]
    emails = taken(people.email, person)
    moved = people.moved[person] <= orders["day"]
    home = people.household[person] + np.where(moved, people.homes.households, 0)
    source = chunk.chance("utm", orders["number"])
    campaign = emptied(numbered("K", orders["campaign"].clip(0), 6), orders["campaign"] < 0)
    chunk.csv(
        "shop.orders",
        orders,
        {
            "order_no": order_numbers(orders["number"]),
            "customer_no": emptied(customer_numbers(people, person), ~account),
            "guest_email": emptied(emails, account),
            "ordered_at": where(orders["wrong"], "0000-00-00T00:00:00Z", times(orders["t"])),
            "coupon_code": taken(coupons, row),
            "payment": chosen(PAYMENTS, (chunk.chance("payment", orders["number"]) ** 1.5 * 5).astype(np.int64)),
            "utm_source": chosen(
                (None, "google", "newsletter", "instagram"),
                np.where(orders["campaign"] >= 0, 2, np.where(source < 0.3, 1, 3 * (source > 0.94))),
            ),
            "utm_campaign": campaign,
            "cookie_id": taken(cookies, row),
            "shipping_zip": taken(postcodes(people.homes), home),
        },
    )
    new = np.flatnonzero(~orders["repeated"])
    chunk.truth(
        "orders",
        {
            "order_no": order_numbers(orders["number"][new]),
            "person_id": chunk.ids(person[new]),
            "campaign_id": taken(campaign, new),
            "kind": chosen(PURCHASE_KINDS, orders["kind"][new]),
        },
    )
    _write_order_lines(chunk, trade)
    _write_customers(chunk)


def _write_order_lines(chunk: Chunk, trade: Trade) -> None:
    goods = assortment()
    lines, bought = trade.lines, trade.bought
    skus = pa.array(goods.skus)
    rows = np.flatnonzero(~bought["store"][lines["purchase"]])
    of_shop = only(lines, rows)
    parent = of_shop["purchase"]
    of_shop |= {
        "t": bought["t"][parent],
        "number": bought["number"][parent] * 10 + of_shop["place"],
        "country": chunk.people.country[bought["person"][parent]],
        "order": bought["number"][parent],
    }

    def line_id(events: Events) -> pa.Array:
        return joined(order_numbers(events["order"]), "-", integers(events["place"] + 1))

    out = chunk.deliver("shop.order_lines", of_shop, line_id)
    chunk.csv(
        "shop.order_lines",
        out,
        {
            "order_no": order_numbers(out["order"]),
            "line_no": integers(out["place"] + 1),
            "sku": taken(skus, out["sku"]),
            "quantity": integers(np.where(out["wrong"], -out["quantity"], out["quantity"])),
            "unit_price": money(out["unit"]),
            "discount": money(out["discount"]),
            "vat_rate": chosen(VAT, out["country"]),
        },
    )

    p = chunk.parameters.purchases
    sent_back = chunk.chance("returned", of_shop["number"]) < p.return_share
    returned = only(of_shop, np.flatnonzero(sent_back & (goods.line[of_shop["sku"]] <= PARTS)))
    wait = 2 * DAY + np.round(exponential(chunk.chance("return wait", returned["number"]), p.return_mean_days * DAY))
    returned["t"] = returned["t"] + np.minimum(wait, 90 * DAY).astype(np.int64)
    out = chunk.deliver("shop.returns", returned, lambda e: numbered("RT", e["number"], 16))
    chunk.csv(
        "shop.returns",
        out,
        {
            "return_no": numbered("RT", out["number"], 16),
            "order_no": order_numbers(out["order"]),
            "line_no": integers(out["place"] + 1),
            "quantity": integers(np.where(out["wrong"], 99, out["quantity"])),
            "amount": money(out["unit"] * out["quantity"] - out["discount"]),
            "reason": chosen(REASONS, (chunk.chance("reason", out["number"]) * 5).astype(np.int64)),
            "returned_at": times(out["t"]),
        },
    )


def _write_customers(chunk: Chunk) -> None:
    """Writes a row per registration, and again per reported change of address or telephone number."""
    people, calendar = chunk.people, chunk.calendar
    rows = np.flatnonzero(people.member["shop"])
    registered = people.recorded["shop"][rows]
    local = chunk.chance("registered", people.index[rows]) * 14 * HOUR + 8 * HOUR
    first_t = calendar.seconds(registered, local.astype(np.int64))
    moves, calls = people.move_recorded["shop"][rows], people.phone_recorded["shop"][rows]
    parts = [(np.arange(len(rows)), first_t, 0)]
    for kind, day in ((1, moves), (2, calls)):
        changed = np.flatnonzero((day > registered) & (day < NEVER))
        parts.append((changed, calendar.seconds(day[changed], np.full(len(changed), 15 * HOUR + kind * 60)), kind))
    at = np.concatenate([part[0] for part in parts])
    events: Events = {
        "person": rows[at],
        "t": np.concatenate([part[1] for part in parts]),
        "registered_t": first_t[at],
        "number": people.index[rows[at]] * 4 + np.concatenate([np.full(len(part[0]), part[2]) for part in parts]),
    }
    out = chunk.deliver("shop.customers", events, lambda e: customer_numbers(people, e["person"]), catch_up=True)
    day = np.maximum(calendar.day_of(out["t"]), calendar.day_of(out["registered_t"]))
    texts = record_texts(chunk, "shop", out["person"], day)
    reversed_name = chunk.chance("name order", people.index[out["person"]]) < 0.3
    chunk.csv(
        "shop.customers",
        out,
        {
            "customer_no": customer_numbers(people, out["person"]),
            "email": where(out["wrong"], "geen@@email", texts["email"]),
            "name": quoted(
                where(
                    reversed_name,
                    joined(texts["last"], ", ", texts["first"]),
                    joined(texts["first"], " ", texts["last"]),
                )
            ),
            "phone": texts["phone"],
            "street": joined(texts["street"], " ", texts["house_no"]),
            "zip": texts["postcode"],
            "city": texts["city"],
            "country": texts["country"],
            "newsletter": chosen(("no", "yes"), people.traits["newsletter"][out["person"]].astype(np.int64)),
            "registered_at": times(out["registered_t"]),
        },
    )
