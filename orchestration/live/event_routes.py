"""`/v1/identify`, `/v1/track`, …, `/v1/batch` and `/v1/webhooks/…`: events in, answered once they are on disk."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from orchestration.channels.catalog import DECISION, WEBHOOK, Catalog, EventsSystem
from orchestration.live.event_writer import Event, EventWriter
from orchestration.live.guard import FailedAttempts
from orchestration.live.problems import Problem
from orchestration.live.tracking import MESSAGES, batched, event_of, parsed, unpacked
from orchestration.live.webhooks import check_signature, events_of


@dataclass(frozen=True)
class EventSource:
    """A system that sends events. streams: kind of message -> stream. webhooks: streams of its webhooks.
    decisions: the stream that takes what this service decides.
    """

    name: str
    write_key: str
    secret: str
    signature_header: str
    origins: tuple[str, ...]
    streams: Mapping[str, str]
    webhooks: frozenset[str]
    decisions: str | None = None

    def admits(self, origin: str) -> bool:
        """Whether pages of this site may send."""
        return "*" in self.origins or origin in self.origins


class EventIntake:
    """The systems that send events, and their log."""

    def __init__(self, sources: Sequence[EventSource], writer: EventWriter) -> None:
        self.sources, self.writer = sources, writer
        # A page whose key was changed sends on until it is loaded again: that many are no attack.
        self.wrong_keys = FailedAttempts(100, 60)

    def source_of(self, key: str) -> EventSource | None:
        """The system with this write key."""
        found = None
        for source in self.sources:  # all of them, so that the time says nothing
            if source.write_key and hmac.compare_digest(source.write_key.encode(), key.encode()):
                found = source
        return found

    def admits(self, origin: str) -> bool:
        """Whether pages of this site may send to any system."""
        return any(source.admits(origin) for source in self.sources)


def sources_of(catalog: Catalog) -> list[EventSource]:
    """The systems of a catalog that send events."""
    return [
        EventSource(
            system.name,
            system.write_key.get_secret_value() if system.write_key else "",
            system.secret.get_secret_value() if system.secret else "",
            system.signature_header,
            system.origins,
            {
                stream.message: stream.name
                for stream in system.streams.values()
                if stream.message not in (WEBHOOK, DECISION)
            },
            frozenset(stream.name for stream in system.streams.values() if stream.message == WEBHOOK),
            next((stream.name for stream in system.streams.values() if stream.message == DECISION), None),
        )
        for system in catalog.systems.values()
        if isinstance(system, EventsSystem)
    ]


async def receive(request: Request) -> Response:
    """One message of the tracking interface, or a batch of them. Answered once they are on disk."""
    kind = request.url.path.rsplit("/", 1)[1]
    intake: EventIntake = request.app.state.intake
    origin = request.headers.get("origin")
    try:
        body = parsed(unpacked(await request.body(), request.headers.get("content-encoding", "")))
        source = _authenticated(request, intake, body)
        if origin and not source.admits(origin):
            raise Problem(403, "Not a site of this source", "Add the site to `origins` of the system in the catalog.")
        common = {"received": datetime.now(UTC), "sentAt": body.get("sentAt")}
        if kind == "batch":
            context = body.get("context")
            common["context"] = context if isinstance(context, dict) else {}
            events = [
                event_of(message, None, place, source.name, source.streams, common) for place, message in batched(body)
            ]
        else:
            events = [event_of(body, kind, "", source.name, source.streams, common)]
        return _cors(await _written(intake, events), intake, origin)
    except Problem as problem:
        return _cors(problem.response(), intake, origin)


async def preflight(request: Request) -> Response:
    """What a browser asks before it sends from a page elsewhere."""
    intake: EventIntake = request.app.state.intake
    answer = Response(status_code=204)
    origin = request.headers.get("origin")
    if origin and intake.admits(origin):
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Content-Encoding"
        answer.headers["Access-Control-Max-Age"] = "86400"
    return _cors(answer, intake, origin)


async def receive_webhook(request: Request) -> Response:
    """A signed call of a system. Answered once it is on disk."""
    intake: EventIntake = request.app.state.intake
    client = request.client.host if request.client else "unknown"
    intake.wrong_keys.check(client)
    system, stream = request.path_params["system"], request.path_params["stream"]
    source = next((source for source in intake.sources if source.name == system), None)
    if source is None or stream not in source.webhooks:
        raise Problem(404, "No such webhook", "The catalog has no webhook of this system and stream.")
    body = unpacked(await request.body(), request.headers.get("content-encoding", ""))
    try:
        check_signature(body, request.headers, source.secret, source.signature_header)
    except Problem:
        intake.wrong_keys.count(client)
        raise
    message_id = request.headers.get("webhook-id")
    return await _written(intake, events_of(body, message_id, system, stream, datetime.now(UTC)))


async def _written(intake: EventIntake, events: list[Event]) -> Response:
    new = await intake.writer.write(events)
    answer = {"success": True, "accepted": new, "repeats": len(events) - new}
    return Response(orjson.dumps(answer), media_type="application/json")


def _authenticated(request: Request, intake: EventIntake, body: Mapping[str, Any]) -> EventSource:
    """The system whose write key the request has, by Basic authentication or in its body. Raises Problem 401."""
    client = request.client.host if request.client else "unknown"
    intake.wrong_keys.check(client)
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    key = body.get("writeKey")
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = None
    source = intake.source_of(key) if isinstance(key, str) else None
    if source is None:
        intake.wrong_keys.count(client)
        raise Problem(
            401, "No valid write key", "Send the write key of a system as the user of Basic authentication, or as "
            "`writeKey` in the body.", headers={"WWW-Authenticate": 'Basic realm="context360"'},
        )  # fmt: skip
    return source


def _cors(answer: Response, intake: EventIntake, origin: str | None) -> Response:
    """Lets a page of an admitted site read the answer."""
    answer.headers["Vary"] = "Origin"
    if origin and intake.admits(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
    return answer


_OBJECT = {"type": "object"}
_MESSAGE = {
    "type": "object",
    "properties": {
        "userId": {"type": "string"},
        "anonymousId": {"type": "string"},
        "messageId": {"type": "string", "description": "The same message is taken in once."},
        "event": {"type": "string", "description": "Of track."},
        "groupId": {"type": "string", "description": "Of group."},
        "previousId": {"type": "string", "description": "Of alias."},
        "timestamp": {"type": "string", "format": "date-time"},
        "sentAt": {"type": "string", "format": "date-time", "description": "By the sender's clock, to correct it."},
        "context": _OBJECT,
        "traits": _OBJECT,
        "properties": _OBJECT,
    },
}
_BATCH = {
    "type": "object",
    "required": ["batch"],
    "properties": {"batch": {"type": "array", "minItems": 1, "items": _MESSAGE}, "sentAt": {"type": "string"}},
}


def add_event_routes(responses: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The routes of events. responses: the errors of every route, for OpenAPI."""
    routes = APIRouter()
    for kind in (*MESSAGES, "batch"):
        schema = _BATCH if kind == "batch" else _MESSAGE
        routes.add_api_route(
            f"/v1/{kind}",
            receive,
            methods=["POST"],
            summary=f"Send {'messages' if kind == 'batch' else kind} by the tracking interface",
            operation_id=f"send_{kind}",
            responses=responses,
            openapi_extra={"requestBody": {"content": {"application/json": {"schema": schema}}}},
        )
        routes.add_api_route(f"/v1/{kind}", preflight, methods=["OPTIONS"], include_in_schema=False)
    routes.add_api_route(
        "/v1/webhooks/{system}/{stream}",
        receive_webhook,
        methods=["POST"],
        summary="A signed call of a system",
        responses=responses,
        openapi_extra={
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in ("system", "stream")
            ],
            "requestBody": {"content": {"application/json": {"schema": _OBJECT}}},
        },
    )
    return routes
