"""What a source has and landing does not, by whichever connector its system names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestration.channels.catalog import SourceSystem, Stream
from orchestration.channels.connectors import Delivery, Request, database, events, files, rest_api

_CONNECTORS: dict[str, Callable[[Any, Any, Request], Delivery]] = {
    "files": files.extract,
    "database": database.extract,
    "rest_api": rest_api.extract,
    "events": events.extract,
}


def extract(system: SourceSystem, stream: Stream, request: Request) -> Delivery:
    """The rows of a stream that have not landed. Raises ChannelError where its source cannot be read."""
    return _CONNECTORS[system.connector](system, stream, request)
