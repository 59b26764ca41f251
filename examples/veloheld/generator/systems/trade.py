"""Purchases with their lines, numbers, cards and coupons: what shop, pos and loyalty share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names
from examples.veloheld.generator.assortment import PARTS, assortment
from examples.veloheld.generator.behaviour import CAMPAIGN, FIRST, Events
from examples.veloheld.generator.chunk import Chunk, fan, poisson
from examples.veloheld.generator.columns import emptied, numbered, where
from examples.veloheld.generator.systems.campaign_codes import coupon_code, friend_code, plan_of

Array = np.ndarray[Any, Any]


@dataclass
class Trade:
    """The purchases of a chunk with their lines, numbers and cards."""

    bought: Events
    lines: Events  # `purchase` is the row of the purchase
    card_owner: Array  # row of the owner of the card shown at the till, or -1
    account: Array  # ordered with a shop account
    coupon: Array  # 0 none, 1 of a campaign, 2 of a friend
    store_number: Array


def trade_of(chunk: Chunk) -> Trade:
    """The purchases in and around the delivered days, as the tills and the shop record them."""
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
    """Row of the other adult of each person's household, or -1."""
    people = chunk.people
    size = len(people)
    other = np.where(people.place == 0, np.arange(size) + 1, np.arange(size) - 1).clip(0, size - 1)
    ok = (people.household[other] == people.household) & (people.place <= 1)
    return np.where(ok, other, -1)


def nearest_stores(chunk: Chunk) -> Array:
    """The nearest store per address: first addresses of all households, then second addresses."""
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
    """The lines of each purchase: a main product and parts, priced to match the person's spending."""
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
    plan = plan_of(chunk)
    table = np.zeros(max([campaign.number for campaign in plan], default=0) + 2, dtype=np.int64)
    for campaign in plan:
        table[campaign.number] = campaign.discount
    return table


def order_numbers(number: Array, missing: Array | None = None) -> pa.Array:
    """Order numbers of the shop."""
    return numbered("VH", number, 15, missing)


def receipt_numbers(number: Array, missing: Array | None = None) -> pa.Array:
    """Receipt numbers of the tills."""
    return numbered("R", number, 15, missing)


def coupon_codes(chunk: Chunk, trade: Trade) -> pa.Array:
    """The coupon redeemed with each purchase, or null."""
    person = trade.bought["person"]
    of_campaign = coupon_code(chunk, trade.bought["campaign"].clip(0), person)
    of_friend = friend_code(chunk, chunk.people.referrer[person].clip(0))
    return emptied(where(trade.coupon == 1, of_campaign, of_friend), trade.coupon == 0)
