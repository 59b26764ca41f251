"""Errors as `application/problem+json` (RFC 9457). Their texts hold no value that a caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error: status, what happened and what to do; more fields and headers as needed."""

    def __init__(
        self, status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(title)
        self.status, self.headers = status, dict(headers or {})
        self.content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}

    def response(self) -> Response:
        """The answer."""
        return Response(orjson.dumps(self.content), self.status, self.headers, MEDIA_TYPE)


def not_authenticated() -> Problem:
    """401: no valid token."""
    return Problem(
        401,
        "Not authenticated",
        "Send a valid token as `Authorization: Bearer …`; `context360 tokens add` makes one.",
        headers={"WWW-Authenticate": 'Bearer realm="context360"'},
    )


def forbidden(what: str) -> Problem:
    """403: the role may not do this. what: opens the sentence, such as `Reading identifiers`."""
    return Problem(403, "Not allowed", f"{what} is not part of this role: see docs/guides/live_service.md.")


def unavailable(detail: str, seconds: int) -> Problem:
    """503: try again after so many seconds."""
    return Problem(503, "Not available", detail, headers={"Retry-After": str(seconds)})
