"""Messages of the tracking interface of Segment's and RudderStack's clients: what they must have, and how they land.

https://segment.com/docs/connections/spec describes the interface.
"""

from __future__ import annotations

import gzip
import io
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from orchestration.live.event_writer import Event
from orchestration.live.guard import BODY_BYTES
from orchestration.live.problems import Problem

MESSAGES = ("identify", "track", "page", "screen", "group", "alias")
EVENT_BYTES = 32_768  # of one message, as Segment allows
_LONGEST_ID = 512
_OBJECTS = ("context", "traits", "properties", "integrations")
# What a kind of message must have beside a user, and the fields that it lands with: field -> column.
_NEEDS: Mapping[str, tuple[str, ...]] = {"track": ("event",), "group": ("groupId",), "alias": ("previousId",)}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "identify": {"traits": "traits"},
    "track": {"event": "event", "properties": "properties"},
    "page": {"name": "name", "category": "category", "properties": "properties"},
    "screen": {"name": "name", "category": "category", "properties": "properties"},
    "group": {"groupId": "group_id", "traits": "traits"},
    "alias": {"previousId": "previous_id"},
}


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body without gzip. Raises Problem 400 or 413."""
    if not encoding or encoding == "identity":
        return body
    if encoding != "gzip":
        raise Problem(400, "Unknown encoding", "Send plain JSON, or gzip.", field="Content-Encoding")
    try:
        reader = gzip.GzipFile(fileobj=io.BytesIO(body))
        content = reader.read(BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Problem(400, "Not gzip", "The body does not unpack.", field="Content-Encoding") from None
    if len(content) > BODY_BYTES:
        raise Problem(413, "Too large", f"A request has at most {BODY_BYTES:,} bytes unpacked: send several.")
    return content


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Problem 400."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "Not JSON", "The body is not JSON in UTF-8.", field="body") from None
    if not isinstance(found, dict):
        raise Problem(400, "Not an object", "The body is not a JSON object.", field="body")
    return found


def batched(body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(field, message) of a batch. Raises Problem 400."""
    batch = body.get("batch")
    if not isinstance(batch, list) or not batch:
        raise _fault("batch", "is a list with at least one message")
    return [(f"batch[{number}]", message) for number, message in enumerate(batch)]


def event_of(
    message: Any, kind: str | None, place: str, system: str, streams: Mapping[str, str], common: Mapping[str, Any]
) -> Event:
    """One message as an event. Raises Problem 400 with the field.

    kind: of the message; None where its `type` says it. place: prefix of fields in errors. streams: kind -> stream of
    the system. common: sentAt and context of the whole batch, and received (the moment at which it came, UTC).
    """
    if not isinstance(message, dict):
        raise _fault(place or "body", "is a JSON object")
    inside = f"{place}." if place else ""
    kind = kind or message.get("type")
    if kind not in MESSAGES:
        raise _fault(f"{inside}type", f"is one of {', '.join(MESSAGES)}")
    if kind not in streams:
        raise _fault(f"{inside}type", f"is {kind}, for which the system {system} has no stream: add one to the catalog")
    if len(orjson.dumps(message)) > EVENT_BYTES:
        raise _fault(place or "body", f"has at most {EVENT_BYTES:,} bytes")
    user, anonymous = (_identifier(message.get(name), f"{inside}{name}") for name in ("userId", "anonymousId"))
    if user is None and anonymous is None:
        raise _fault(f"{inside}userId", "or anonymousId is needed")
    for name in _NEEDS.get(kind, ()):
        if _identifier(message.get(name), f"{inside}{name}") is None:
            raise _fault(f"{inside}{name}", "is a text that is not empty")
    for name in _OBJECTS:
        if not isinstance(message.get(name) or {}, dict):
            raise _fault(f"{inside}{name}", "is a JSON object")
    message_id = _identifier(message.get("messageId"), f"{inside}messageId") or str(uuid.uuid4())
    times = _times(message, inside, common)
    row: dict[str, Any] = {"message_id": _safe(message_id), **times, "user_id": user, "anonymous_id": anonymous}
    row["context"] = {**(common.get("context") or {}), **(message.get("context") or {})}
    row |= {column: message.get(name) for name, column in _FIELDS[kind].items()}
    if kind == "identify" and not row.get("traits"):
        row["traits"] = row["context"].get("traits")  # where RudderStack's clients put them
    line = orjson.dumps({name: value for name, value in row.items() if value is not None}) + b"\n"
    return Event(system, streams[kind], _safe(message_id), line)


def _times(message: Mapping[str, Any], inside: str, common: Mapping[str, Any]) -> dict[str, str | None]:
    """The moments of a message. A sender whose clock is wrong is wrong by as much as its sentAt."""
    received: datetime = common["received"]
    sent = moment(message.get("sentAt") or common.get("sentAt"), f"{inside}sentAt")
    field = "originalTimestamp" if message.get("originalTimestamp") else "timestamp"
    original = moment(message.get(field), f"{inside}{field}")
    happened = received if original is None else original
    if sent is not None and original is not None:
        happened = received - (sent - original)
    return {
        "received_at": text_of(received),
        "timestamp": text_of(happened),
        "original_timestamp": text_of(original) if original else None,
        "sent_at": text_of(sent) if sent else None,
    }


def moment(value: Any, field: str) -> datetime | None:
    """A moment in UTC. Raises Problem 400 where it is none in ISO 8601."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if not timedelta(0) <= found - datetime(1970, 1, 1, tzinfo=UTC) < timedelta(days=365 * 200):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise _fault(field, "is a moment in ISO 8601, as in 2026-01-31T12:00:00.000Z") from None
    return found


def text_of(found: datetime) -> str:
    """A moment as it lands: UTC, in milliseconds."""
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identifier(value: Any, field: str) -> str | None:
    """A text or a number as text; None where it is missing or empty."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > _LONGEST_ID:
        raise _fault(field, f"is a text of at most {_LONGEST_ID} characters")
    return str(value)


def _safe(message_id: str) -> str:
    """Without what JSON would escape: the log is searched for messages at the beginning of its lines."""
    return "".join(c if c.isprintable() and c not in '"\\' else f"_{ord(c):x}" for c in message_id)


def _fault(field: str, what: str) -> Problem:
    return Problem(400, "The message cannot be used", f"{field} {what}.", field=field)
