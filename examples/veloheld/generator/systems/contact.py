"""crm, contact_centre, chat, helpdesk and consent: people who talk to the firm, and what it notes about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names, texts
from examples.veloheld.generator.assortment import E_BIKES, assortment
from examples.veloheld.generator.behaviour import Events, only, together
from examples.veloheld.generator.chunk import Chunk, exponential, fan, geometric
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import (
    chosen,
    coded,
    emptied,
    hexadecimal,
    instants,
    integers,
    joined,
    numbered,
    taken,
    times,
    where,
)
from examples.veloheld.generator.draws import pick_at
from examples.veloheld.generator.population import NEVER, phone_numbers, scrambled
from examples.veloheld.generator.systems.campaigns import withdrawal_moment
from examples.veloheld.generator.systems.records import account_numbers, card_numbers, landlines, record_texts
from examples.veloheld.generator.systems.trade import Trade, nearest_stores
from examples.veloheld.generator.systems.web import cookie_bits

Array = np.ndarray[Any, Any]
QUEUES = ("sales", "service", "billing", "complaints")
OUTCOMES = ("solved", "callback", "transferred", "abandoned")
NETWORKS = ("instagram", "facebook", "mastodon")


def _stamp(seconds: Array, missing: Array | None = None) -> pa.Array:
    return times(seconds, separator=" ", zone="", missing=missing)


def _number_now(chunk: Chunk, person: Array, t: Array) -> pa.Array:
    """The mobile number that a person really has at a moment."""
    people = chunk.people
    changed = people.phone_changed[person] <= chunk.calendar.day_of(t)
    return phone_numbers(
        np.where(changed, people.new_phone_country[person], people.phone_country[person]),
        np.where(changed, people.new_phone[person], people.phone[person]),
    )


def write_crm(chunk: Chunk) -> None:
    """crm: accounts, appointments and social handles as they stand on the last day."""
    people, calendar, p = chunk.people, chunk.calendar, chunk.parameters
    last_day = chunk.end - 1
    rows = np.flatnonzero(people.recorded["crm"] < chunk.end)
    day = np.full(len(rows), last_day)
    written = record_texts(chunk, "crm", rows, day)
    index = people.index[rows]
    created = calendar.seconds(
        people.recorded["crm"][rows], 9 * HOUR + (chunk.chance("created", index) * 8 * HOUR).astype(np.int64)
    )
    card = people.recorded["loyalty"][rows] < chunk.end
    noted = card & (chunk.chance("card noted", index) < p.membership.crm_notes_card_share)
    changes = [
        np.where((days > people.recorded["crm"][rows]) & (days <= last_day), days, -NEVER)
        for days in (
            people.told_move["crm"][rows],
            people.told_phone["crm"][rows],
            np.where(noted, people.recorded["loyalty"][rows], NEVER),
        )
    ]
    newest = np.maximum.reduce(changes)
    gone = chunk.history.death[rows] + 200
    deleted = (gone <= last_day) & (chunk.chance("deleted", index) < 0.05)
    newest = np.where(deleted, np.maximum(newest, gone), newest)
    updated = np.where(
        newest > -NEVER, calendar.seconds(np.maximum(newest, -2_000), np.full(len(rows), 16 * HOUR)), created
    )
    landline = chunk.chance("landline noted", index) < 0.35
    chunk.table(
        "crm.accounts",
        {
            "account_id": account_numbers(people, rows),
            "salutation": written["title"],
            "first_name": written["first"],
            "last_name": written["last"],
            "birth_date": written["birth_dutch"],
            "gender": pa.compute.fill_null(written["gender"], ""),
            "email": written["email"],
            "phone": emptied(landlines(people, rows), ~landline),
            "mobile": written["phone"],
            "street": written["street"],
            "house_no": written["house_no"],
            "postcode": written["postcode"],
            "city": written["city"],
            "country": written["country"],
            "language": chosen(texts.LANGUAGES, people.language[rows]),
            "occupation": chosen(names.OCCUPATIONS, people.traits["occupation"][rows]),
            "income_band": emptied(
                chosen(names.INCOME_BANDS, people.traits["income"][rows]), chunk.chance("income known", index) > 0.4
            ),
            "loyalty_no": emptied(card_numbers(people, rows), ~noted),
            "created_at": _stamp(created),
            "updated_at": _stamp(updated),
            "deleted": pa.array(deleted.astype(np.int64)),
        },
    )
    _write_appointments(chunk)
    has = rows[people.traits["handle"][rows]]
    known = has[chunk.chance("handle known", people.index[has]) < 0.55]
    opted = chunk.chance("handle opt-in", people.index[known]) < 0.6
    since = np.maximum(people.recorded["crm"][known], -2_000)
    chunk.table(
        "crm.social_handles",
        {
            "handle_id": numbered("H", people.index[known], 9),
            "account_id": account_numbers(people, known),
            "network": chosen(NETWORKS, people.traits["network"][known]),
            "handle": handles(chunk, known),
            "opt_in": pa.array(opted.astype(np.int64)),
            "updated_at": _stamp(calendar.seconds(since, np.full(len(known), 17 * HOUR))),
        },
    )


def handles(chunk: Chunk, rows: Array) -> pa.Array:
    """The name of a person in a social network: unlike their real name more often than not."""
    first = chosen(
        ("velo", "fiets", "rad", "e_rider", "polder", "stads", "tour", "happy"), chunk.people.index[rows] % 8
    )
    return joined("@", first, "_", numbered("", scrambled(chunk.people.index[rows], "receipt", 10_000_000), 7))


def _write_appointments(chunk: Chunk) -> None:
    people, calendar, s = chunk.people, chunk.calendar, chunk.parameters.service
    own = chunk.regular(
        "appointment", s.appointments_per_year, chunk.parameters.hours.office, who=people.member["crm"], all_days=True
    )
    own["kind"] = np.where(chunk.history.owns_since[own["person"]] < own["day"], 2, 1)
    own["t"] = own["t"] + (2 + (chunk.chance("ahead", own["number"]) * 18).astype(np.int64)) * DAY
    bought = chunk.bought(all_days=True)
    tried = (bought["line"] == E_BIKES) & (chunk.chance("tried", bought["number"]) < s.test_ride_share)
    tried &= people.recorded["crm"][bought["person"]] < bought["day"] + 30
    rides = only(bought, np.flatnonzero(tried & (bought["day"] >= 0)))
    ahead = 1 + (chunk.chance("tried when", rides["number"]) * 14).astype(np.int64)
    rides["t"] = rides["t"] - ahead * DAY
    rides["kind"] = np.zeros(len(rides["t"]), dtype=np.int64)
    both = together([{name: part[name] for name in ("person", "t", "number", "kind")} for part in (own, rides)])
    both["number"] = both["number"] * 2 + (both["kind"] == 0)
    # Quarter hours, within the opening hours of the stores.
    both["t"] = both["t"] // 900 * 900
    booked = both["t"] - (1 + (chunk.chance("ahead", both["number"]) * 12).astype(np.int64)) * DAY
    end = (calendar.start + chunk.end) * DAY
    known = people.recorded["crm"][both["person"]] <= calendar.day_of(booked)
    rows = np.flatnonzero(known & (booked < end) & (booked >= calendar.start * DAY))
    both, booked = only(both, rows), booked[rows]
    draw = chunk.chance("appointment", both["number"])
    past = both["t"] < end
    status = np.where(~past, 0, np.where(draw < 0.86, 1, np.where(draw < 0.94, 2, 3)))
    order = np.argsort(both["number"], kind="stable")
    both, booked, status, past = only(both, order), booked[order], status[order], past[order]
    store = nearest_stores(chunk)[people.household[both["person"]]]
    chunk.table(
        "crm.appointments",
        {
            "appointment_id": numbered("AP", both["number"], 16),
            "account_id": account_numbers(people, both["person"]),
            "kind": chosen(("test_ride", "consultation", "service"), both["kind"]),
            "store_id": joined("S", integers(store + 1)),
            "starts_at": _stamp(both["t"]),
            "status": chosen(("planned", "kept", "cancelled", "missed"), status),
            "created_at": _stamp(booked),
            "updated_at": _stamp(np.where(past, both["t"] + HOUR, booked)),
        },
    )


def write_calls(chunk: Chunk, trade: Trade) -> None:
    """contact_centre: calls in and out."""
    people, s, hours = chunk.people, chunk.parameters.service, chunk.parameters.hours
    own = chunk.regular("call", s.calls_per_year, hours.office)
    own = only(own, np.flatnonzero(own["person"] < people.customers))
    parts = [_call(own["person"], own["t"], own["number"] * 4, np.full(len(own["t"]), 1), 0)]
    bought = trade.bought
    asks = np.flatnonzero(chunk.chance("asks", bought["number"]) < s.call_before_purchase_share)
    ago = DAY + (exponential(chunk.chance("asks when", bought["number"][asks]), 4.0) * DAY).astype(np.int64)
    parts.append(
        _call(
            bought["person"][asks],
            bought["t"][asks] - np.minimum(ago, 30 * DAY),
            bought["number"][asks] * 4 + 1,
            np.zeros(len(asks), dtype=np.int64),
            0,
        )
    )
    calls = np.flatnonzero(chunk.chance("called", bought["number"]) < s.outbound_call_share)
    parts.append(
        _call(
            bought["person"][calls],
            bought["t"][calls] + 6 * DAY,
            bought["number"][calls] * 4 + 2,
            np.zeros(len(calls), dtype=np.int64),
            1,
        )
    )
    complaints = chunk.history.complaints
    if complaints:
        number = chunk.numbers(complaints["block"] + 5_000, complaints["seq"])
        phoned = np.flatnonzero(chunk.chance("phoned", number) < s.complaint_call_share)
        parts.append(
            _call(
                complaints["person"][phoned],
                complaints["opened"][phoned] + 2 * HOUR,
                number[phoned] * 4 + 3,
                np.full(len(phoned), 3),
                0,
            )
        )
    found = together(parts)
    # The centre is open in office hours: who calls at another time calls again when it is.
    found["t"] = chunk.at_hours(found["t"], chunk.chance("rings", found["number"]), hours.office)
    out = chunk.deliver("contact_centre.calls", found, lambda e: numbered("C", e["number"], 16))
    person, number = out["person"], out["number"]
    mobile = _number_now(chunk, person, out["t"])
    at_home = chunk.chance("landline", number) < s.landline_share
    hidden = (chunk.chance("withheld", number) < s.withheld_share) & (out["direction"] == 0)
    caller = where(hidden, "withheld", where(at_home, landlines(people, person), mobile))
    day = chunk.calendar.day_of(out["t"])
    known = people.recorded["crm"][person] <= day
    recognised = ~hidden & known & (chunk.chance("recognised", number) < s.recognised_share)
    lasts = 30 + np.round(exponential(chunk.chance("lasts", number), 280.0)).astype(np.int64)
    queue = np.where((out["queue"] == 1) & (chunk.chance("queue", number) < 0.3), 2, out["queue"])
    chunk.jsonl(
        "contact_centre.calls",
        out,
        {
            "call_id": numbered("C", number, 16),
            "caller_number": caller,
            "direction": chosen(("in", "out"), out["direction"]),
            "started_at": times(out["t"]),
            "duration_seconds": pa.array(np.where(out["wrong"], -lasts, lasts)),
            "queue": chosen(QUEUES, queue),
            "agent_id": joined("G", integers(1 + (chunk.chance("agent", number) * 24).astype(np.int64))),
            "account_id": emptied(account_numbers(people, person), ~recognised),
            "reason": chosen(("advice", "repair", "invoice", "complaint"), queue),
            "outcome": chosen(OUTCOMES, pick_at(chunk.chance("outcome", number), np.array([0.7, 0.12, 0.1, 0.08]))),
        },
    )
    new = np.flatnonzero(~out["repeated"])
    chunk.truth("calls", {"call_id": numbered("C", number[new], 16), "person_id": chunk.ids(person[new])})


def _call(person: Array, t: Array, number: Array, queue: Array, direction: int) -> Events:
    return {"person": person, "t": t, "number": number, "queue": queue, "direction": np.full(len(person), direction)}


def write_chat(chunk: Chunk, trade: Trade) -> None:
    """chat: conversations by WhatsApp, web chat and text message, served by an HTTP API."""
    people, s = chunk.people, chunk.parameters.service
    own = chunk.regular("chat", s.chats_per_year, chunk.parameters.hours.office)
    own = only(own, np.flatnonzero(own["person"] < people.customers))
    bought = trade.bought
    asks = np.flatnonzero(chunk.chance("chats", bought["number"]) < s.chat_before_purchase_share)
    ago = DAY + (chunk.chance("chats when", bought["number"][asks]) * 6 * DAY).astype(np.int64)
    talks = {
        "person": np.concatenate([own["person"], bought["person"][asks]]),
        "t": np.concatenate([own["t"], bought["t"][asks] - ago]),
        "talk": np.concatenate([own["number"] * 2, bought["number"][asks] * 2 + 1]),
    }
    talks["channel"] = pick_at(chunk.chance("chat channel", talks["talk"]), np.array(s.chat_channel_shares))
    count = np.minimum(geometric(chunk.chance("messages", talks["talk"]), s.messages_mean), 20)
    parent, place = fan(count)
    messages = only(talks, parent)
    messages["place"] = place
    messages["number"] = messages["talk"] * 32 + place
    messages["t"] = messages["t"] + place * 75 + (chunk.chance("typing time", messages["number"]) * 60).astype(np.int64)
    messages["updated"] = messages["t"] + 1
    later = only(messages, np.flatnonzero(chunk.chance("corrected", messages["number"]) < s.message_updated_share))
    wait = 1 + (chunk.chance("corrected when", later["number"]) * 4).astype(np.int64)
    later["updated"] = later["updated"] + wait * DAY
    later["sent"], messages["sent"] = later["t"], messages["t"]
    later["t"] = later["updated"]
    both = together([messages, {name: later[name] for name in messages}])
    out = chunk.deliver("chat.messages", both, lambda e: hexadecimal("m", e["number"].view(np.uint64)), errors=False)
    person, number = out["person"], out["number"]
    incoming = out["place"] % 2 == 0
    language = people.language[person]
    asked = [text for of_language in texts.CHAT for text in of_language]
    answers = [text for of_language in texts.CHAT_ANSWERS for text in of_language]
    draw = chunk.chance("says", number)
    said = where(
        incoming,
        chosen(asked, language * 6 + (draw * 6).astype(np.int64)),
        chosen(answers, language * 4 + (draw * 4).astype(np.int64)),
    )
    on_web = out["channel"] == 1
    day = chunk.calendar.day_of(out["sent"])
    gives_email = on_web & (chunk.chance("chat email", out["talk"]) < 0.45)
    agent = 1 + (chunk.chance("chat agent", out["talk"], out["updated"] - out["sent"] > 1) * 12).astype(np.int64)
    device = people.traits["device_taste"][person]
    chunk.parquet(
        "chat",
        "messages",
        out,
        {
            "message_id": hexadecimal("m", number.view(np.uint64)),
            "conversation_id": numbered("T", out["talk"], 16),
            "channel": coded(out["channel"], ("whatsapp", "web_chat", "sms")),
            "direction": coded((~incoming).astype(np.int64), ("in", "out")),
            "sent_at": instants(out["sent"]),
            "phone": emptied(_number_now(chunk, person, out["sent"]), on_web),
            "email": emptied(taken(people.email, person), ~gives_email),
            "cookie_id": hexadecimal("ck-", cookie_bits(chunk, person, device, day), ~on_web),
            "text": said,
            "agent_id": emptied(joined("G", integers(agent)), incoming),
            "updated_at": instants(out["updated"]),
        },
    )
    first = np.flatnonzero((out["place"] == 0) & (out["updated"] - out["sent"] == 1))
    chunk.truth(
        "conversations",
        {"conversation_id": numbered("T", out["talk"][first], 16), "person_id": chunk.ids(person[first])},
    )


def write_helpdesk(chunk: Chunk) -> None:
    """helpdesk: complaints with their history as they stand on the last day."""
    people, calendar = chunk.people, chunk.calendar
    all_complaints = chunk.history.complaints
    end = (calendar.start + chunk.end) * DAY
    if not all_complaints:
        return
    rows = np.flatnonzero((all_complaints["opened"] < end) & (all_complaints["opened"] >= calendar.start * DAY))
    c = only(all_complaints, rows)
    number = chunk.numbers(c["block"], c["seq"])
    ids = numbered("HD", number, 15)
    person = c["person"]
    answered = (
        c["opened"]
        + 2 * HOUR
        + (chunk.chance("answer", number) * np.minimum(c["resolved"] - c["opened"] - 3 * HOUR, 3 * DAY).clip(0)).astype(
            np.int64
        )
    )
    steps = [
        (c["opened"], 0, np.ones(len(rows), dtype=bool)),
        (answered, 1, np.ones(len(rows), dtype=bool)),
        (c["resolved"], 2, np.ones(len(rows), dtype=bool)),
        (c["reopened_at"], 3, c["reopened"]),
        (c["closed"], 2, c["reopened"]),
        (c["closed"] + 14 * DAY, 4, chunk.chance("closed", number) < 0.8),
    ]
    newest, status = c["opened"].copy(), np.zeros(len(rows), dtype=np.int64)
    parts: list[Events] = []
    for step, (at, kind, happens) in enumerate(steps):
        done = np.flatnonzero(happens & (at < end))
        newest[done], status[done] = at[done], kind
        parts.append({"row": done, "at": at[done], "kind": np.full(len(done), kind), "step": np.full(len(done), step)})
    history = together(parts)
    order = np.lexsort((history["step"], history["row"]))
    history = only(history, order)
    day = calendar.day_of(c["opened"])
    by_mail = chunk.chance("by mail", number) < 0.78
    account = (people.recorded["crm"][person] <= day) & (chunk.chance("account given", number) < 0.4)
    goods = assortment()
    of_line = np.array([goods_of[0] for goods_of in goods.of_line])[c["line"]]
    states = ("opened", "answered", "resolved", "reopened", "closed")
    subjects = [text for of_language in texts.SUBJECTS for text in of_language]
    chunk.table(
        "helpdesk.complaints",
        {
            "complaint_id": ids,
            "requester_email": emptied(taken(people.email, person), ~by_mail),
            "requester_phone": emptied(
                _number_now(chunk, person, c["opened"]), by_mail & (chunk.chance("also phone", number) < 0.7)
            ),
            "account_id": emptied(account_numbers(people, person), ~account),
            "product_sku": taken(pa.array(goods.skus), of_line),
            "subject": chosen(
                subjects, people.language[person] * 5 + (chunk.chance("subject", number) * 5).astype(np.int64)
            ),
            "opened_at": _stamp(c["opened"]),
            "status": chosen(states, status),
            "updated_at": _stamp(newest),
        },
    )
    notes = (None, "first answer", "solution offered", "customer disagrees", None)
    chunk.table(
        "helpdesk.complaint_history",
        {
            "history_id": numbered("HH", number[history["row"]] * 10 + history["step"], 16),
            "complaint_id": taken(ids, history["row"]),
            "status": chosen(states, history["kind"]),
            "changed_at": _stamp(history["at"]),
            "note": chosen(notes, history["kind"]),
        },
    )
    chunk.table("truth_complaints", {"complaint_id": ids, "person_id": chunk.ids(person)})


def write_consent(chunk: Chunk) -> None:
    """consent: what was granted when somebody got known, and what was withdrawn since."""
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
            "channel": coded(out["channel"], ("email", "phone", "post", "app", "social")),
            "granted": integers(out["granted"]),
            "basis": coded(np.where(out["purpose"] == 0, 0, 1), ("contract", "consent")),
            "changed_at": times(out["t"]),
            "source": coded(out["source"], ("registration", "unsubscribe_link", "preference_centre")),
        },
    )
