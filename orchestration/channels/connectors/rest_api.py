"""Endpoints of a REST API, read by dlt's rest_api source: pagination, bearer token, retries, time-outs.

Everything lands as text: a field that holds 1 today and 1.5 tomorrow must not change the type of its column. Nested
values are JSON text. Without a cursor the endpoint is read whole and landed only if its content has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import EndpointStream, RestApiSystem
from orchestration.channels.connectors import Batch, Delivery, landed_names, require_columns, with_source
from orchestration.channels.errors import ChannelError, causes

if TYPE_CHECKING:
    import pyarrow as pa
    import requests

_BATCH_ROWS = 50_000
_REQUEST_SECONDS = (10.0, 60.0)  # to connect, to wait for an answer
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0  # between two attempts, whatever Retry-After says


def extract(
    system: RestApiSystem,
    stream: EndpointStream,
    seen: Mapping[str, Any],
    scratch: Path,
    declared: Collection[str] = (),  # noqa: ARG001 (all connectors are called alike)
) -> Delivery | None:
    """Items of the endpoint that have not been landed, or None.

    `seen`: {content} without cursor; {cursor, boundary} with. `scratch`: an empty folder for temporary copies.
    `declared` is not asked for: APIs leave out fields that are empty.
    """
    where = f"{stream.label}: {stream.path}"
    last = seen.get("cursor")
    memory = _Memory(stream, seen)
    new_items = scratch / "items.jsonl"
    keys: dict[str, None] = {}
    delivered = 0
    with new_items.open("w", encoding="utf-8") as out:
        for item in _items(system, stream, last, where):
            delivered += 1
            if memory.is_new(item, where, system):
                keys.update(dict.fromkeys(item))
                out.write(json.dumps(item, ensure_ascii=False, default=str) + "\n")
    if delivered == 0 and not seen and not stream.allow_empty:
        raise ChannelError(
            f"{where} delivered no items; correct `path` or `data_selector`, or set `allow_empty: true` in "
            f"{system.catalog_file.name}"
        )
    if not keys or memory.is_unchanged():
        return None
    columns = landed_names(keys, where)
    require_columns(columns, {"key": stream.key}, where, system.catalog_file.name)
    source = stream.path if last is None else f"{stream.path}?{stream.cursor_param or stream.cursor}={last}"
    return Delivery(_batches(new_items, dict(zip(keys, columns, strict=True)), source), memory.to_keep(), [source])


class _Memory:
    """Which items have been landed: those below the cursor, and at the cursor those whose content is known."""

    def __init__(self, stream: EndpointStream, seen: Mapping[str, Any]) -> None:
        self._stream = stream
        self._seen = seen
        self._known = set(seen.get("boundary", ()))
        self._newest = seen.get("cursor")
        self._at_newest: set[str] = set()
        self._without_cursor: set[str] = set()
        self._content = 0
        self._items = 0

    def is_new(self, item: Mapping[str, Any], where: str, system: RestApiSystem) -> bool:
        """Take note of `item`; False if it has been landed before."""
        digest = hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()[:20]
        self._items += 1
        # A sum, because the order of an endpoint may change from call to call.
        self._content = (self._content + int(digest, 16)) % 2**80
        if self._stream.cursor is None:
            return True
        value = self._cursor_of(item)
        if value is None:
            self._without_cursor.add(digest)
            return digest not in self._known
        try:
            if self._newest is None or value > self._newest:
                self._newest, self._at_newest = value, set()
            last = self._seen.get("cursor")
            is_old = last is not None and (value < last or (value == last and digest in self._known))
        except TypeError as error:
            raise ChannelError(
                f"{where}: the cursor {self._stream.cursor} is a number in some items and a text in others; correct "
                f"`cursor` in {system.catalog_file.name}"
            ) from error
        if value == self._newest:
            self._at_newest.add(digest)
        return not is_old

    def _cursor_of(self, item: Mapping[str, Any]) -> Any:
        cursor = self._stream.cursor
        for name, value in item.items():
            if name == cursor or landed_names([name], "")[0] == cursor:
                return value
        return None

    def is_unchanged(self) -> bool:
        """True if an endpoint without cursor delivered what it delivered before."""
        return self._stream.cursor is None and self._seen.get("content") == self._fingerprint()

    def _fingerprint(self) -> str:
        return f"{self._items}-{self._content:020x}"

    def to_keep(self) -> dict[str, Any]:
        """What the next delivery must know."""
        if self._stream.cursor is None:
            return {"content": self._fingerprint()}
        # Items at an unmoved cursor that this answer left out stay known.
        kept = self._known if self._newest == self._seen.get("cursor") else set()
        boundary = sorted(self._at_newest | self._without_cursor | kept)
        return {"cursor": self._newest, "boundary": boundary}


def _items(system: RestApiSystem, stream: EndpointStream, last: Any, where: str) -> Iterator[dict[str, Any]]:
    import requests
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.common.exceptions import DltException
    from dlt.sources.rest_api import rest_api_resources
    from jsonpath_ng.exceptions import JSONPathError

    params = dict(stream.params)
    if stream.cursor_param and last is not None:
        params[stream.cursor_param] = last
    endpoint: dict[str, Any] = {"path": stream.path, "params": params}
    if stream.data_selector:
        endpoint["data_selector"] = stream.data_selector
    if stream.paginator:
        endpoint["paginator"] = stream.paginator if isinstance(stream.paginator, str) else dict(stream.paginator)
    client: dict[str, Any] = {"base_url": system.base_url, "session": _session()}
    if system.token is not None:
        client["auth"] = {"type": "bearer", "token": system.token.get_secret_value()}
    try:
        (resource,) = rest_api_resources(
            {"client": client, "resources": [{"name": stream.name, "endpoint": endpoint}]}  # type: ignore[typeddict-item, list-item]
        )
    except (ConfigurationException, DltException, JSONPathError, ValueError, TypeError) as error:
        raise ChannelError(
            f"{where}: dlt does not understand `paginator`, `params` or `data_selector`; correct them in "
            f"{system.catalog_file.name}"
        ) from error
    try:
        for item in resource:
            if not isinstance(item, dict):
                raise ChannelError(
                    f"{where} delivers items that are not JSON objects; correct `data_selector` in "
                    f"{system.catalog_file.name}"
                )
            yield item
    except (DltException, requests.RequestException) as error:
        raise _explained(error, system, where) from error


def _session() -> requests.Session:
    from dlt.sources.helpers.requests import Client

    return Client(
        request_timeout=_REQUEST_SECONDS,
        raise_for_status=False,
        request_max_attempts=_ATTEMPTS,
        request_backoff_factor=0.5,
        request_max_retry_delay=_LONGEST_WAIT_SECONDS,
    ).session


def _explained(error: Exception, system: RestApiSystem, where: str) -> ChannelError:
    import requests

    for cause in causes(error):
        if isinstance(cause, ChannelError):
            return cause
        if isinstance(cause, requests.HTTPError) and cause.response is not None:
            status = cause.response.status_code
            if status in (401, 403):
                return ChannelError(
                    f"{where}: the server refuses the token (HTTP {status}); renew {system.field_to_renew('token')}"
                )
            if status == 404:
                return ChannelError(
                    f"{where} does not exist on the server (HTTP 404); correct `path` in {system.catalog_file.name}"
                )
            if status == 429 or status >= 500:
                return ChannelError(
                    f"{where}: the server still answers HTTP {status} after {_ATTEMPTS} attempts; run again later", True
                )
            return ChannelError(
                f"{where}: the server refuses the request (HTTP {status}); correct `params` in "
                f"{system.catalog_file.name}"
            )
        if isinstance(cause, (requests.JSONDecodeError, json.JSONDecodeError)):
            return ChannelError(f"{where} does not answer with JSON; correct `path` in {system.catalog_file.name}")
        if isinstance(cause, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)):
            return ChannelError(
                f"{where}: the server does not answer; run again later, and see {system.field_to_renew('base_url')}",
                transient=True,
            )
    return ChannelError(f"{where} cannot be read ({type(error).__name__}); correct it in {system.catalog_file.name}")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _batches(path: Path, columns: Mapping[str, str], source: str) -> Iterator[Batch]:
    """The items of the file `path` as text columns. `columns`: field of an item -> landed name."""
    import pyarrow as pa

    first_row = 1
    with path.open(encoding="utf-8") as lines:
        while batch := [json.loads(line) for line in islice(lines, _BATCH_ROWS)]:
            rows: pa.Table = pa.table(
                {
                    column: pa.array([_text(item.get(key)) for item in batch], pa.string())
                    for key, column in columns.items()
                }
            )
            yield Batch(with_source(rows, source, first_row))
            first_row += len(batch)
