"""Calls of webhooks: whether the signature is right, and the events that they carry."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import datetime

import orjson

from orchestration.live.event_writer import Event
from orchestration.live.problems import Problem
from orchestration.live.tracking import text_of

_OLDEST_SECONDS = 300  # of a signed moment: as the Standard Webhooks recommend


def check_signature(body: bytes, headers: Mapping[str, str], secret: str, header: str) -> None:
    """Raises Problem 401 where the body was not signed with the secret.

    header: holds the HMAC-SHA256 of the body, hexadecimal (with or without `sha256=`) or Base64. A sender that follows
    the Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) is recognised by its headers.
    """
    if "webhook-signature" in headers:
        signed, given = _standard(body, headers)
        key = _standard_key(secret)
        expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()]
        found = [part.split(",", 1)[-1] for part in given.split(" ")]
    else:
        digest = hmac.digest(secret.encode(), body, hashlib.sha256)
        expected = [digest.hex(), base64.b64encode(digest).decode()]
        found = [headers.get(header.lower(), "").removeprefix("sha256=").strip()]
    if not any(hmac.compare_digest(a.encode(), b.encode()) for a in expected for b in found):
        raise Problem(401, "Wrong signature", f"Sign the body with the secret of the system, in {header}.")


def _standard(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, str]:
    moment = headers.get("webhook-timestamp", "")
    if not (moment.isascii() and moment.isdigit()) or abs(time.time() - int(moment)) > _OLDEST_SECONDS:
        raise Problem(401, "Old signature", "Sign again: webhook-timestamp is more than five minutes from now.")
    return f"{headers.get('webhook-id', '')}.{moment}.".encode() + body, headers["webhook-signature"]


def _standard_key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()


def events_of(body: bytes, message_id: str | None, system: str, stream: str, received: datetime) -> list[Event]:
    """The events of a call: an object, or a list of objects. Raises Problem 400.

    message_id: of the sender, so that a call that is repeated counts once; without it, equal bodies are one call.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, "Not JSON", "The body is not JSON in UTF-8.", field="body") from None
    items = content if isinstance(content, list) else [content]
    if not items or not all(isinstance(item, dict) for item in items):
        raise Problem(400, "Not an object", "The body is neither a JSON object nor a list of them.", field="body")
    said = message_id.encode() if message_id else body
    identity = hashlib.sha256(stream.encode() + b"|" + said).hexdigest()
    events = []
    for number, item in enumerate(items):
        name = f"{identity}-{number}" if len(items) > 1 else identity
        row = {"message_id": name, "received_at": text_of(received), "payload": item}
        events.append(Event(system, stream, name, orjson.dumps(row) + b"\n"))
    return events
