"""chat: conversations by WhatsApp, web chat and text message."""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.veloheld.generator import texts
from examples.veloheld.generator.behaviour import only, together
from examples.veloheld.generator.chunk import Chunk, fan, geometric
from examples.veloheld.generator.clock import DAY
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
    where,
)
from examples.veloheld.generator.draws import pick_at
from examples.veloheld.generator.systems.records import number_now
from examples.veloheld.generator.systems.trade import Trade
from examples.veloheld.generator.systems.web import cookie_bits

Array = np.ndarray[Any, Any]


def write_chat(chunk: Chunk, trade: Trade) -> None:
    """Writes the messages that the HTTP API of the chat provider serves."""
    # Longer than 60 lines: each message's columns follow from one draw of conversations.
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
            "phone": emptied(number_now(chunk, person, out["sent"]), on_web),
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
