"""shop, pos and loyalty: what is bought, where, under which number and with whose card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names
from examples.veloheld.generator.assortment import PARTS, SERVICE, assortment
from examples.veloheld.generator.behaviour import CAMPAIGN, FIRST, PURCHASE_KINDS, Events, only
from examples.veloheld.generator.chunk import Chunk, exponential, fan, poisson
from examples.veloheld.generator.clock import DAY, HOUR, to_local
from examples.veloheld.generator.columns import (
    chosen,
    coded,
    dates,
    emptied,
    integers,
    joined,
    money,
    numbered,
    taken,
    times,
    times_of_till,
    where,
)
from examples.veloheld.generator.population import NEVER, scrambled
from examples.veloheld.generator.systems.records import (
    account_numbers,
    card_numbers,
    customer_numbers,
    postcodes,
    record_texts,
)
from examples.veloheld.generator.writers.lines import quoted

Array = np.ndarray[Any, Any]
PAYMENTS = ("ideal", "card", "paypal", "invoice", "klarna_style_later")
REASONS = ("too_small", "damaged", "not_as_expected", "ordered_twice", "late")
VAT = ("21", "19", "21")


@dataclass
class Trade:
    """The purchases of a chunk with their lines, numbers and cards."""

    bought: Events
    lines: Events  # `purchase` is the row of the purchase
    card_owner: Array  # whose card was shown at the till, or -1
    account: Array  # ordered with a shop account
    coupon: Array  # 0 none, 1 of a campaign, 2 of a friend
    store_number: Array


def trade_of(chunk: Chunk) -> Trade:
    """Purchases of the delivered days and of those around, as the tills and the shop see them."""
    people, p = chunk.people, chunk.parameters.purchases
    bought = chunk.bought()
    person, number, day = bought["person"], bought["number"], bought["day"]
    member = people.recorded["loyalty"][person] <= day
    shown = chunk.chance("card", number) < p.card_shown_share
    own = member & shown
    partner = _partners(chunk)[person]
    lent = (partner >= 0) & ~member & (chunk.chance("lent card", number) < p.partner_card_share)
    lent &= people.recorded["loyalty"][np.maximum(partner, 0)] <= day
    owner = np.where(bought["store"], np.where(own, person, np.where(lent, partner, -1)), -1)
    account = ~bought["store"] & (people.recorded["shop"][person] <= day)
    hands_in = chunk.chance("coupon", number) < p.coupon_use_share
    coupon = np.where((bought["kind"] == CAMPAIGN) & hands_in, 1, 0)
    coupon = np.where((bought["kind"] == FIRST) & (people.referrer[person] >= 0) & ~bought["store"], 2, coupon)
    return Trade(bought, _lines(chunk, bought, coupon), owner, account, coupon, _stores(chunk, person, number))


def _partners(chunk: Chunk) -> Array:
    """The other adult of a household of two or more, or -1."""
    people = chunk.people
    size = len(people)
    other = np.where(people.place == 0, np.arange(size) + 1, np.arange(size) - 1).clip(0, size - 1)
    ok = (people.household[other] == people.household) & (people.place <= 1)
    return np.where(ok, other, -1)


def nearest_stores(chunk: Chunk) -> Array:
    """The nearest store of every first address, and behind them of every second address."""
    homes = chunk.people.homes
    latitude = np.array([store[3] for store in names.STORES])
    longitude = np.array([store[4] for store in names.STORES])
    distance = (homes.latitude[:, None] - latitude) ** 2 + (0.62 * (homes.longitude[:, None] - longitude)) ** 2
    return np.argmin(np.round(distance, 9), axis=1)


def _stores(chunk: Chunk, person: Array, number: Array) -> Array:
    near = nearest_stores(chunk)[chunk.people.household[person]]
    elsewhere = chunk.chance("store", number)
    return np.where(elsewhere < 0.93, near, (elsewhere * 9_973).astype(np.int64) % len(names.STORES))


def _lines(chunk: Chunk, bought: Events, coupon: Array) -> Events:
    """A main product, and parts that are bought with it; parts are chosen so that they cost what the person spends."""
    goods = assortment()
    number = bought["number"]
    parts_only = (bought["line"] == PARTS) & (bought["sku"] < 0)
    count = np.where(
        parts_only,
        1 + np.minimum(poisson(chunk.chance("lines", number), 0.6), 4),
        1 + (chunk.chance("extra line", number) < 0.25),
    )
    parent, place = fan(count)
    key = number[parent]
    main = place == 0
    quantity = np.where(chunk.chance("quantity", key, place) < 0.12, 2, 1)
    target = np.where(parts_only[parent], bought["spend_eur"][parent] * 100 / count[parent], 4_500)
    prices = goods.price_cents[goods.parts]
    unit = target / quantity * (0.8 + 0.4 * chunk.chance("spread", key, place))
    near = np.searchsorted(np.sqrt(prices[1:] * prices[:-1].astype(np.float64)), unit)
    sku = goods.parts[near]
    chance = chunk.chance("main product", key)
    for line, of_line in enumerate(goods.of_line):
        if line != PARTS:
            rows = main & (bought["line"][parent] == line)
            sku[rows] = of_line[(chance[rows] ** 1.4 * len(of_line)).astype(np.int64)]
            quantity[rows] = 1
    given = main & (bought["sku"][parent] >= 0)
    sku[given] = bought["sku"][parent][given]
    quantity[given] = 1
    price = goods.price_cents[sku]
    percent = np.where(
        main & (coupon[parent] == 1),
        _discounts(chunk)[bought["campaign"][parent].clip(0)],
        np.where(main & (coupon[parent] == 2), 10, 0),
    )
    return {
        "purchase": parent,
        "place": place,
        "sku": sku,
        "quantity": quantity,
        "unit": price,
        "discount": price * quantity * percent // 100,
    }


def _discounts(chunk: Chunk) -> Array:
    from examples.veloheld.generator.systems.campaigns import plan_of

    plan = plan_of(chunk)
    table = np.zeros(max([campaign.number for campaign in plan], default=0) + 2, dtype=np.int64)
    for campaign in plan:
        table[campaign.number] = campaign.discount
    return table


def order_numbers(number: Array, missing: Array | None = None) -> pa.Array:
    """The shop's number of an order."""
    return numbered("VH", number, 15, missing)


def receipt_numbers(number: Array, missing: Array | None = None) -> pa.Array:
    """The till's number of a receipt."""
    return numbered("R", number, 15, missing)


def coupon_codes(chunk: Chunk, trade: Trade) -> pa.Array:
    """The coupon handed in with each purchase, or null."""
    from examples.veloheld.generator.systems.campaigns import coupon_code, friend_code

    person = trade.bought["person"]
    of_campaign = coupon_code(chunk, trade.bought["campaign"].clip(0), person)
    of_friend = friend_code(chunk, chunk.people.referrer[person].clip(0))
    return emptied(where(trade.coupon == 1, of_campaign, of_friend), trade.coupon == 0)


def write_shop(chunk: Chunk, trade: Trade, cookies: pa.Array) -> None:
    """shop: orders, order_lines, returns, carts (of orders), customers."""
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
    """Registrations, and the whole row again when somebody tells a new address or telephone number."""
    people, calendar = chunk.people, chunk.calendar
    rows = np.flatnonzero(people.member["shop"])
    registered = people.recorded["shop"][rows]
    local = chunk.chance("registered", people.index[rows]) * 14 * HOUR + 8 * HOUR
    first_t = calendar.seconds(registered, local.astype(np.int64))
    moves, calls = people.told_move["shop"][rows], people.told_phone["shop"][rows]
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


def write_pos(chunk: Chunk, trade: Trade) -> None:
    """pos: receipts with or without a card, line by line, as the tills write them."""
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


def write_loyalty(chunk: Chunk, trade: Trade) -> None:
    """loyalty: transactions by card, and the members as they stand on the last day."""
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
