"""What holds for every request: bounded and timely bodies, security headers, names and schemes that fit the address."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.live.problems import Problem

BODY_BYTES = 512_000  # of a request: the 500 KB that Segment's interface allows a batch
BODY_SECONDS = 10.0  # for a body to arrive; a client that is slower holds a connection for nothing
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


@dataclass(frozen=True)
class Address:
    """Where the service is reached. hosts: names that requests may use; empty for all. is_secure: behind TLS."""

    hosts: frozenset[str] = frozenset()
    is_secure: bool = False


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app, self._address = app, address
        stated = _HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if address.is_secure else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in stated.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                there = {name for name, _ in headers}
                headers.extend(header for header in self._headers if header[0] not in there)
            await send(message)

        try:
            self._check(scope)
            whole = receive if scope["method"] in ("GET", "HEAD", "OPTIONS") else await _whole_body(receive)
        except Problem as problem:
            await problem.response()(scope, receive, with_headers)
            return
        await self._app(scope, whole, with_headers)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        # A page elsewhere can point a name of its own at this machine: the name in the request betrays it.
        host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].strip("[]").lower()
        if self._address.hosts and host not in self._address.hosts:
            raise Problem(421, "Misdirected request", "The service does not answer under this name.")
        if self._address.is_secure and scope["scheme"] != "https":
            raise Problem(403, "HTTPS is required", "Call the service through its proxy, by https.")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > BODY_BYTES:
            raise _too_large()


async def _whole_body(receive: Receive) -> Receive:
    """Reads the body within its bounds, and hands it to the application as one piece."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    break
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > BODY_BYTES:
                    raise _too_large()
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise Problem(
            408, "Request timeout", f"The body did not arrive within {BODY_SECONDS:.0f} seconds.",
            headers={"Connection": "close"},
        ) from None  # fmt: skip
    waiting = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _too_large() -> Problem:
    return Problem(
        413, "Too large", f"A request has at most {BODY_BYTES:,} bytes: send several.", headers={"Connection": "close"}
    )


class FailedAttempts:
    """Counts failures per client, to answer 429 where someone guesses."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Raises Problem 429 where the client has failed too often of late."""
        failures = self._recent(client)
        if len(failures) >= self._most:
            wait = max(1, int(failures[0] + self._seconds - time.monotonic()) + 1)
            raise Problem(
                429, "Too many failed attempts", f"Try again in {wait} seconds.", headers={"Retry-After": str(wait)}
            )

    def count(self, client: str) -> None:
        """Notes a failure."""
        self._recent(client).append(time.monotonic())
        self._failures.move_to_end(client)
        while len(self._failures) > 10_000:  # clients remembered: a megabyte or two
            self._failures.popitem(last=False)

    def _recent(self, client: str) -> deque[float]:
        failures = self._failures.setdefault(client, deque(maxlen=self._most))
        while failures and failures[0] < time.monotonic() - self._seconds:
            failures.popleft()
        return failures
