"""web and shop.carts: sessions of cookies, most of them anonymous, and the carts of the shop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.assortment import BASE, CONTENT, LINES, PARTS, SEARCHES, assortment
from examples.veloheld.generator.behaviour import Events, only, together
from examples.veloheld.generator.chunk import Chunk, exponential, fan, geometric, poisson
from examples.veloheld.generator.clock import DAY
from examples.veloheld.generator.columns import coded, emptied, hexadecimal, instants, integers, taken, times, where
from examples.veloheld.generator.draws import mixed, pick_at
from examples.veloheld.generator.people import emails_of
from examples.veloheld.generator.systems.campaign_codes import campaign_codes
from examples.veloheld.generator.systems.records import customer_numbers
from examples.veloheld.generator.systems.trade import Trade

Array = np.ndarray[Any, Any]
WEB_KINDS = ("view", "search", "download", "newsletter_signup", "webinar_signup", "login", "cart", "checkout")
VIEW, SEARCH, DOWNLOAD, SIGNUP, WEBINAR, LOGIN, CART, CHECKOUT = range(8)
BROWSING, BEFORE, BUYING, CLICKED, NEED_CART, NEED_SEARCH = range(6)
DEVICES = ("desktop", "mobile", "tablet")
_SYSTEMS = ("Windows", "macOS", "Android", "iOS")


def cookie_bits(chunk: Chunk, person: Array, device: Array, day: Array) -> Array:
    """The cookie of each person on a device and a day, as 64 bits. A shared tablet has one cookie per household."""
    people = chunk.people
    shared = (device == 2) & people.tablet[person]
    owner = np.where(
        shared, -1 - people.index[np.searchsorted(people.household, people.household[person])], people.index[person]
    )
    life = chunk.parameters.web.cookie_life_days
    phase = (chunk.chance("cookie phase", owner, device) * life).astype(np.int64)
    return mixed(chunk.seed, "cookie", owner, device, (day + 4_000 + phase) // life)


def device_of(chunk: Chunk, person: Array, number: Array) -> Array:
    """The device class of each session: mostly the person's favourite."""
    draw = chunk.chance("device", number)
    shares = np.array(chunk.parameters.web.device_shares)
    other = pick_at(np.clip((draw - 0.6) / 0.4, 0, 0.999999), shares)
    return np.where(draw < 0.6, chunk.people.traits["device_taste"][person], other)


def order_cookies(chunk: Chunk, trade: Trade) -> pa.Array:
    """The cookie of each purchase; it counts for purchases in the web shop only."""
    bought = trade.bought
    device = device_of(chunk, bought["person"], bought["number"])
    return hexadecimal("ck-", cookie_bits(chunk, bought["person"], device, bought["day"]))


def _sessions(chunk: Chunk, trade: Trade, sends: Events) -> Events:
    # Longer than 60 lines: one paragraph per reason for a session.
    people, w = chunk.people, chunk.parameters.web
    base = chunk.regular("web", people.traits["web_rate"] * 365.25, w.hour_weights, weekdays=w.weekday_factors)
    taste = people.traits["line_taste"]
    liked = np.cumsum(taste, axis=1)
    base["intent"] = np.full(len(base["t"]), BROWSING)
    draw = chunk.chance("session line", base["number"])
    base["line"] = (draw[:, None] > liked[base["person"]]).sum(axis=1).clip(0, 4)
    base["campaign"] = np.full(len(base["t"]), -1)
    base["sku"] = np.full(len(base["t"]), -1)
    parts = [base]
    bought = trade.bought
    mean = np.where(bought["store"], 0.45, 1.0) * w.sessions_before_purchase
    before = poisson(chunk.chance("looked", bought["number"]), w.sessions_before_purchase)
    before = np.where(chunk.chance("looked less", bought["number"]) < mean / w.sessions_before_purchase, before, 0)
    parent, place = fan(before)
    number = bought["number"][parent] * 16 + place
    ago = 600 + np.minimum(
        exponential(chunk.chance("looked when", number), w.before_purchase_mean_days * DAY), 30 * DAY
    ).astype(np.int64)
    looked = bought["t"][parent] - ago
    # Use the hours at which people surf, unless the session would then follow the purchase.
    usual = chunk.at_hours(looked, chunk.chance("looked hour", number), w.hour_weights)
    looked = np.where(usual < bought["t"][parent] - 300, usual, looked)
    parts.append(_session(bought["person"][parent], looked, number, BEFORE, bought["line"][parent]))
    online = np.flatnonzero(~bought["store"])
    # The session that ends in the order has the cookie that the shop records.
    buying = _session(
        bought["person"][online], bought["t"][online] - 420, bought["number"][online], BUYING, bought["line"][online]
    )
    main = trade.lines["sku"][trade.lines["place"] == 0]
    buying["sku"], buying["campaign"] = main[online], bought["campaign"][online]
    buying["order_day"] = bought["day"][online]
    parts.append(buying)
    clicks = np.flatnonzero(sends["clicked"])
    clicked = _session(
        sends["person"][clicks],
        sends["clicked_t"][clicks],
        sends["number"][clicks] * 16 + 15,
        CLICKED,
        np.full(len(clicks), PARTS),
    )
    clicked["campaign"] = sends["campaign"][clicks]
    parts.append(clicked)
    need = chunk.history.needs
    if need:
        near = only(
            need,
            np.flatnonzero(
                (need["t"] >= (chunk.calendar.start + chunk.since()) * DAY)
                & ((need["kind"] == 1) | (need["kind"] == 2))
            ),
        )
        number = chunk.numbers(near["block"] + 5_000, near["seq"])
        wanted = _session(near["person"], near["t"] - 240, number, NEED_CART, near["line"])
        wanted["intent"] = np.where(near["kind"] == 1, NEED_CART, NEED_SEARCH)
        wanted["sku"] = near["sku"]
        parts.append(wanted)
    for part in parts:
        part["order_day"] = part.get("order_day", np.full(len(part["t"]), -10_000))
        part.pop("day", None)
    sessions = together([{name: part[name] for name in sorted(part)} for part in parts])
    low = (chunk.calendar.start + chunk.begin - 10) * DAY
    high = (chunk.calendar.start + chunk.end) * DAY
    sessions = only(sessions, np.flatnonzero((sessions["t"] >= low) & (sessions["t"] < high)))
    day = chunk.calendar.day_of(sessions["t"])
    sessions["device"] = device_of(chunk, sessions["person"], sessions["number"])
    sessions["device"] = np.where((sessions["intent"] == NEED_SEARCH), 1, sessions["device"])
    sessions["cookie"] = cookie_bits(
        chunk,
        sessions["person"],
        sessions["device"],
        np.where(sessions["order_day"] > -10_000, sessions["order_day"], day),
    )
    sessions["session"] = mixed(chunk.seed, "session", sessions["number"], sessions["intent"])
    person = sessions["person"]
    known = np.minimum(people.recorded["shop"][person], people.recorded["crm"][person]) <= day
    habit = people.traits["logs_in"][person] > 0
    logs_in = known & habit & (chunk.chance("login", sessions["number"], sessions["intent"]) < w.login_share)
    logs_in |= (sessions["intent"] == BUYING) & (people.recorded["shop"][person] <= day)
    sessions["logs_in"] = logs_in
    return sessions


def _session(person: Array, t: Array, number: Array, intent: int, line: Array) -> Events:
    size = len(person)
    return {
        "person": person,
        "t": t,
        "number": number,
        "intent": np.full(size, intent),
        "line": line,
        "campaign": np.full(size, -1),
        "sku": np.full(size, -1),
    }


def write_web(chunk: Chunk, trade: Trade, sends: Events) -> None:
    """Writes web: the clickstream, and shop.carts: the carts that it fills."""
    # Longer than 60 lines: each event's kind decides its columns, so they are drawn together.
    people, w, goods = chunk.people, chunk.parameters.web, assortment()
    sessions = _sessions(chunk, trade, sends)
    pages = np.minimum(geometric(chunk.chance("pages", sessions["session"].view(np.int64)), w.pages_mean), 40)
    buying = sessions["intent"] == BUYING
    special = buying * 2 + (sessions["intent"] >= NEED_CART) * 1
    total = pages + special + sessions["logs_in"]
    parent, place = fan(total)
    session = sessions["session"][parent].view(np.int64)
    draw = chunk.chance("page", session, place)
    shares = np.array([0.0, w.search_share, w.download_share, w.signup_share, w.webinar_share, 0.0, w.cart_share])
    shares[VIEW] = 1 - shares.sum()
    kind = pick_at(draw, shares)
    left = total[parent] - place
    intent = sessions["intent"][parent]
    kind = np.where((place == 0) & (left > 1), VIEW, kind)
    kind = np.where(sessions["logs_in"][parent] & (place == np.minimum(1, total[parent] - 1)), LOGIN, kind)
    kind = np.where((intent == BUYING) & (left == 2), CART, kind)
    kind = np.where((intent == BUYING) & (left == 1), CHECKOUT, kind)
    kind = np.where((intent == NEED_CART) & (left == 1), CART, kind)
    kind = np.where((intent == NEED_SEARCH) & (left == 1), SEARCH, kind)
    pace = 25 + (chunk.chance("pace", sessions["session"].view(np.int64)) * 40).astype(np.int64)
    jitter = (draw * 8_191 % 1.0 * 20).astype(np.int64)
    t = sessions["t"][parent] + place * pace[parent] + jitter
    line = sessions["line"][parent]
    which = draw * 4_093 % 1.0
    counts = np.array([len(of_line) for of_line in goods.of_line])
    starts = np.array([of_line[0] for of_line in goods.of_line])
    sku = starts[line] + (which * counts[line]).astype(np.int64)
    sku = np.where((sessions["sku"][parent] >= 0) & ((left <= 2) | (which < 0.5)), sessions["sku"][parent], sku)
    content_draw = draw * 2_039 % 1.0
    content = (content_draw * len(CONTENT)).astype(np.int64)
    favourite = people.traits["content_taste"][sessions["person"]][parent]
    content = np.where(which < 0.4, favourite * 3 % len(CONTENT), content)
    on_content = ((kind == VIEW) & (content_draw < 0.35)) | (kind == DOWNLOAD) | (kind == SIGNUP) | (kind == WEBINAR)
    content = np.where(kind == WEBINAR, 15, np.where(kind == SIGNUP, 17, content))
    on_product = ((kind == VIEW) & ~on_content & ((place > 0) | (intent > 0))) | (kind == CART)
    events: Events = {
        "session_row": parent,
        "t": t,
        "number": mixed(chunk.seed, "web event", session, place).view(np.int64),
        "kind": kind,
        "sku": sku,
        "content": content,
        "on_content": on_content,
        "on_product": on_product,
        "line": line,
        "person": sessions["person"][parent],
        "place": place,
    }
    _write_carts(chunk, sessions, events)
    out = chunk.deliver("web.events", events, lambda e: hexadecimal("w", e["number"].view(np.uint64)))
    of = out["session_row"]
    kind = out["kind"]
    skus, texts = len(goods.skus), len(CONTENT)
    urls = [f"{BASE}/p/{sku}" for sku in goods.skus] + [f"{BASE}/c/{number:03d}" for number in range(texts)]
    urls += [
        f"{BASE}/",
        f"{BASE}/search",
        f"{BASE}/newsletter",
        f"{BASE}/webinar",
        f"{BASE}/login",
        f"{BASE}/cart",
        f"{BASE}/checkout",
    ]
    by_kind = np.array([0, 1, 0, 2, 3, 4, 5, 6])[kind] + skus + texts
    url = np.where(
        kind == CART,
        skus + texts + 5,
        np.where(
            out["on_product"],
            out["sku"],
            np.where(out["on_content"] & (kind <= DOWNLOAD), skus + out["content"], by_kind),
        ),
    )
    terms = [term for of_line in SEARCHES for term in of_line]
    lengths = np.array([len(of_line) for of_line in SEARCHES])
    term = (np.cumsum(lengths) - lengths)[out["line"]] + (
        chunk.chance("term", out["number"]) * lengths[out["line"]]
    ).astype(np.int64)
    is_named = (kind == LOGIN) | (kind == SIGNUP) | (kind == WEBINAR)
    named = np.flatnonzero(is_named)
    rows = np.full(len(kind), 0)
    rows[named] = np.arange(len(named))
    person = out["person"][named]
    known = people.member["shop"][person]
    address = where(
        known,
        emails_of(people, person, "shop"),
        where(people.member["crm"][person], emails_of(people, person, "crm"), taken(people.email, person)),
    )
    email = taken(address, rows, ~is_named) if len(named) else pa.nulls(len(kind), pa.string())
    campaign = sessions["campaign"][of]
    origin = chunk.chance("origin", sessions["number"][of], sessions["intent"][of])
    qr = (origin > 1 - w.qr_share) & (campaign < 0)
    source = np.where(campaign >= 0, 2, np.where(origin < 0.22, 0, np.where(origin < 0.32, 1, 3)))
    device = sessions["device"][of]
    person_bits = people.index[out["person"]] % 2
    system = np.where(device == 0, person_bits, 2 + person_bits)
    chunk.parquet(
        "web",
        "events",
        out,
        {
            "event_id": hexadecimal("w", out["number"].view(np.uint64)),
            "cookie_id": hexadecimal("ck-", sessions["cookie"][of], out["wrong"]),
            "session_id": hexadecimal("s", sessions["session"][of]),
            "kind": coded(kind, WEB_KINDS),
            "url": coded(url, urls),
            "content_id": coded(out["content"], [f"T{number:03d}" for number in range(texts)], ~out["on_content"]),
            "sku": coded(out["sku"], goods.skus, ~out["on_product"]),
            "search_term": coded(term, terms, kind != SEARCH),
            "email": email,
            "utm_source": coded(source, ("google", "instagram", "newsletter", None)),
            "utm_medium": coded(source, ("cpc", "social", "email", None)),
            "utm_campaign": campaign_codes(campaign.clip(0), campaign < 0),
            "qr_code": coded(
                (origin * 1_000_003).astype(np.int64) % 14, [f"QR-S{number + 1}" for number in range(14)], ~qr
            ),
            "device": coded(device, DEVICES),
            "os": coded(system, _SYSTEMS),
            "occurred_at": instants(out["t"]),
        },
    )

    begun = np.flatnonzero(sessions["t"] >= (chunk.calendar.start + chunk.begin) * DAY)
    chunk.truth(
        "web_sessions",
        {
            "session_id": hexadecimal("s", sessions["session"][begun]),
            "cookie_id": hexadecimal("ck-", sessions["cookie"][begun]),
            "person_id": chunk.ids(sessions["person"][begun]),
            "intent": coded(
                sessions["intent"][begun],
                ("browsing", "before_purchase", "purchase", "mail", "abandoned_cart", "near_store_search"),
            ),
            "product_line": coded(sessions["line"][begun], LINES),
            "logs_in": pa.array(sessions["logs_in"][begun]),
            "device": coded(sessions["device"][begun], DEVICES),
        },
    )
    pair = mixed(0, "pair", sessions["cookie"][begun].view(np.int64), sessions["person"][begun])
    at = begun[np.unique(pair, return_index=True)[1]]
    shared = people.tablet[sessions["person"][at]] & (sessions["device"][at] == 2)
    chunk.truth(
        "cookies",
        {
            "cookie_id": hexadecimal("ck-", sessions["cookie"][at]),
            "person_id": chunk.ids(sessions["person"][at]),
            "shared_in_household": pa.array(shared),
        },
    )


def _write_carts(chunk: Chunk, sessions: Events, events: Events) -> None:
    people = chunk.people
    carts = only(events, np.flatnonzero(events["kind"] == CART))
    of = carts["session_row"]
    known = sessions["logs_in"][of] & (people.recorded["shop"][carts["person"]] <= chunk.calendar.day_of(carts["t"]))
    ordered = sessions["intent"][of] == BUYING
    carts["known"] = known
    # An ordered cart is one row. An abandoned cart is two: open, and abandoned a day later.
    again = only(carts, np.flatnonzero(~ordered))
    first = dict(carts)
    first["state"] = np.where(ordered, 1, 0)
    again["state"] = np.full(len(again["t"]), 2)
    first["added"], again["added"] = first["t"], again["t"]
    again["t"] = again["t"] + DAY
    both = together([{name: part[name] for name in sorted(part)} for part in (first, again)])
    both["event"], both["number"] = (
        both["number"],
        mixed(chunk.seed, "cart", both["number"], both["state"]).view(np.int64),
    )
    out = chunk.deliver("shop.carts", both, lambda e: hexadecimal("c", e["event"].view(np.uint64)))
    of = out["session_row"]
    chunk.csv(
        "shop.carts",
        out,
        {
            "cart_id": hexadecimal("c", out["event"].view(np.uint64)),
            "cookie_id": hexadecimal("ck-", sessions["cookie"][of]),
            "customer_no": emptied(customer_numbers(people, out["person"]), ~out["known"]),
            "sku": taken(pa.array(assortment().skus), out["sku"]),
            "quantity": integers(np.where(out["wrong"], -1, 1)),
            "added_at": times(out["added"]),
            "state": coded(out["state"], ("open", "ordered", "abandoned")),
        },
    )
