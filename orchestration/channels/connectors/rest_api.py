"""Endpoints of a REST API, read by dlt's rest_api source: pagination, bearer token, retries, time-outs.

Everything lands as text: a field that holds 1 today and 1.5 tomorrow must not change the type of its column. Nested
values are JSON text. Without a cursor the endpoint is read whole and landed only if its content has changed.

Pages may shift while they are read. An item that comes twice then lands once. One that was missed is found by the next
run: without a cursor always, with one if its cursor value lies in the `lag`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import EndpointStream, RestApiSystem
from orchestration.channels.connectors import (
    Batch,
    Delivery,
    Request,
    days_of,
    landed_names,
    require_columns,
    with_source,
)
from orchestration.channels.connectors._casts import cast_batch
from orchestration.channels.connectors._changes import is_moment, start_of
from orchestration.channels.errors import ChannelError, causes

if TYPE_CHECKING:
    import pyarrow as pa
    import requests

_BATCH_ROWS = 50_000
_REQUEST_SECONDS = (10.0, 60.0)  # to connect, to wait for an answer
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0  # between two attempts, whatever Retry-After says
# Among so many items one that comes twice is recognised: pages that shift are next to each other.
_REMEMBERED_ITEMS = 100_000
# So many answers in a row without an item that is new are no longer taken for chance.
_MOST_PAGES_WITHOUT_NEWS = 20


def extract(system: RestApiSystem, stream: EndpointStream, request: Request) -> Delivery:
    """Items of the endpoint that have not been landed.

    `request.seen`: {content} without cursor; {cursor, boundary} with. `request.declared` is not asked for: APIs leave
    out fields that are empty.
    """
    where = f"{stream.label}: {stream.path}"
    catalog_file = system.catalog_file.name
    memory: _Memory | _OfDays = (
        _OfDays(stream, request.seen, request.days, where)
        if request.days and stream.cursor
        else _Memory(stream, request)
    )
    spool = _Spool(request.scratch)
    pages = _Pages(where, catalog_file)
    delivered = 0
    for item in _items(system, stream, memory.since, where, pages):
        delivered += 1
        digest, is_repeat = memory.digest(item)
        pages.have_news(not is_repeat)
        # Without a key nobody can tell a repeat from two events that are alike.
        if (not is_repeat or not stream.key) and memory.is_new(digest, item, where, catalog_file):
            spool.add(item)
    if delivered == 0 and not request.seen and not stream.allow_empty and not request.days:
        raise ChannelError(
            f"{where} delivered no items; correct `path` or `data_selector`, or set `allow_empty: true` in "
            f"{catalog_file}"
        )
    if not spool.fields or memory.is_unchanged():
        remark = f"{where} delivers nothing of {request.days[0]} to {request.days[1]}" if request.days else ""
        return Delivery(remark=remark)
    columns = landed_names(spool.fields, where, stream.columns)
    require_columns(columns, {"key": stream.key}, where, catalog_file)
    source = stream.path + (f"?{stream.cursor_param or stream.cursor}={memory.since}" if memory.since else "")
    return Delivery(
        _batches(spool, columns, source, stream), {**request.seen, **memory.to_keep()}, [source], remark=memory.remark
    )


def _canonical(item: Mapping[str, Any]) -> bytes:
    import orjson

    try:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # a number of more than 64 bits
        return json.dumps(item, sort_keys=True, default=str).encode()


class _Items:
    """What all ways of choosing items have in common: the cursor value of an item, and whether it comes twice."""

    since: Any = None
    remark = ""

    def __init__(self, stream: EndpointStream) -> None:
        self._stream = stream
        self._landed: dict[str, str] = {}
        self._recent: tuple[set[str], set[str]] = (set(), set())

    def digest(self, item: Mapping[str, Any]) -> tuple[str, bool]:
        """The digest of an item, and whether it has come before in this reading."""
        digest = hashlib.sha256(_canonical(item)).hexdigest()[:20]
        older, newer = self._recent
        if digest in newer or digest in older:
            return digest, True
        if len(newer) >= _REMEMBERED_ITEMS:
            older, newer = newer, set()
            self._recent = (older, newer)
        newer.add(digest)
        return digest, False

    def cursor_of(self, item: Mapping[str, Any]) -> Any:
        """The value of the cursor column of an item."""
        for name, value in item.items():
            if name not in self._landed:
                self._landed[name] = landed_names([name], "", self._stream.columns)[0]
            if self._landed[name] == self._stream.cursor:
                return value
        return None


class _Memory(_Items):
    """Chooses what has not been landed: what comes after the cursor less its lag, and is not known by its content."""

    def __init__(self, stream: EndpointStream, request: Request) -> None:
        super().__init__(stream)
        self._seen = request.seen
        self._is_reload = request.days is not None
        self._known = set(request.seen.get("boundary", ()))
        self._last = self._newest = request.seen.get("cursor")
        is_known = self._last is not None and (not stream.lag or is_moment(self._last))
        self._start = start_of(self._last, stream.lag) if is_known else None
        # A server wants a moment as it writes them.
        self.since = f"{self._start}{_zone(self._last)}" if stream.lag and self._start else self._last
        # Of the items that the next run may read again: digest -> cursor value.
        self._window: dict[str, Any] = {}
        self._most_in_window = _REMEMBERED_ITEMS
        self._without_cursor: set[str] = set()
        self._content = 0
        self._items = 0

    def is_new(self, digest: str, item: Mapping[str, Any], where: str, catalog_file: str) -> bool:
        """Take note of `item`; False if it has been landed before."""
        self._items += 1
        # A sum, because the order of an endpoint may change from call to call.
        self._content = (self._content + int(digest, 16)) % 2**80
        if self._stream.cursor is None:
            return True
        value = self.cursor_of(item)
        if value is None:
            self._without_cursor.add(digest)
            return digest not in self._known
        try:
            if self._newest is None or value > self._newest:
                self._newest = value
                if not self._stream.lag:
                    self._window.clear()
            is_old = self._start is not None and (value < self._start or digest in self._known)
            if self._stream.lag or value == self._newest:
                self._window[digest] = value
        except TypeError as error:
            raise ChannelError(
                f"{where}: the cursor {self._stream.cursor} is a number in some items and a text in others; correct "
                f"`cursor` in {catalog_file}"
            ) from error
        if self._stream.lag and not is_moment(value):
            raise ChannelError(
                f"{where}: {self._stream.cursor} holds no moments that a lag could be taken from; remove `lag` or "
                f"correct `cursor` in {catalog_file}"
            )
        if len(self._window) > self._most_in_window:
            self._window = self._of_window()
            self._most_in_window = max(_REMEMBERED_ITEMS, 2 * len(self._window))
        return not is_old

    def _of_window(self) -> dict[str, Any]:
        if self._newest is None or not self._stream.lag:
            return self._window
        start = start_of(self._newest, self._stream.lag)
        return {digest: value for digest, value in self._window.items() if value >= start}

    def is_unchanged(self) -> bool:
        """True if an endpoint without cursor delivered what it delivered before."""
        return self._stream.cursor is None and not self._is_reload and self._seen.get("content") == self._fingerprint()

    def _fingerprint(self) -> str:
        return f"{self._items}-{self._content:020x}"

    def to_keep(self) -> dict[str, Any]:
        """What the next delivery must know."""
        if self._stream.cursor is None:
            return {"content": self._fingerprint()}
        # Items at an unmoved cursor that this answer left out stay known.
        kept = self._known if self._newest == self._last else set()
        boundary = sorted(self._of_window().keys() | self._without_cursor | kept)
        return {"cursor": self._newest, "boundary": boundary}


class _OfDays(_Items):
    """Chooses the items whose cursor lies in some days; what the next request starts from stays as it is."""

    def __init__(self, stream: EndpointStream, seen: Mapping[str, Any], days: tuple[date, date], where: str) -> None:
        super().__init__(stream)
        last = seen.get("cursor")
        self._first, self._end = days[0].isoformat(), (days[1] + timedelta(days=1)).isoformat()
        self._is_whole = last is not None and not (isinstance(last, str) and is_moment(last))
        if self._is_whole:
            self.remark = f"{where}: {stream.cursor} holds no days, so all items were fetched again"
            return
        self.since = self._first
        if isinstance(last, str) and len(last) > len(self._first):
            self.since = f"{self._first}{last[len(self._first)]}00:00:00{_zone(last)}"

    def is_new(self, digest: str, item: Mapping[str, Any], where: str, catalog_file: str) -> bool:  # noqa: ARG002
        """Whether `item` belongs to the days."""
        value = self.cursor_of(item)
        return self._is_whole or (isinstance(value, str) and self._first <= value < self._end)

    def is_unchanged(self) -> bool:
        """Days are fetched again whether they have changed or not."""
        return False

    def to_keep(self) -> dict[str, Any]:
        """Nothing new to know."""
        return {}


def _zone(moment: Any) -> str:
    """How a moment, as text, names its time zone."""
    found = re.search(r"(Z|[+-]\d\d:?\d\d)$", moment[len("2025-01-31") :]) if isinstance(moment, str) else None
    return found[0] if found else ""


class _Spool:
    """Items as tables of text: one in memory, all others on disk."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._items: list[Mapping[str, Any]] = []
        self._files: list[Path] = []
        # All fields, in the order in which they first appear.
        self.fields: dict[str, None] = {}

    def add(self, item: Mapping[str, Any]) -> None:
        """Keep an item."""
        if not item.keys() <= self.fields.keys():
            self.fields.update(dict.fromkeys(item))
        self._items.append(item)
        if len(self._items) >= _BATCH_ROWS:
            import pyarrow.parquet as pq

            self._files.append(self._scratch / f"items-{len(self._files)}.parquet")
            pq.write_table(self._table(), self._files[-1])
            self._items = []

    def _table(self) -> pa.Table:
        import pyarrow as pa

        return pa.table({field: _texts([item.get(field) for item in self._items]) for field in self.fields})

    def tables(self) -> Iterator[pa.Table]:
        """All items, each table with all fields."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for file in self._files:
            rows = pq.read_table(file)
            for field in self.fields:
                if field not in rows.column_names:
                    rows = rows.append_column(field, pa.nulls(rows.num_rows, pa.string()))
            yield rows.select(list(self.fields))
        if self._items:
            yield self._table()


def _texts(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _batches(spool: _Spool, columns: list[str], source: str, stream: EndpointStream) -> Iterator[Batch]:
    first_row = 1
    for table in spool.tables():
        rows = table.rename_columns(columns)
        days = days_of(rows[stream.cursor]) if stream.cursor in columns else None
        yield from cast_batch(Batch(with_source(rows, source, first_row, days)), stream.types)
        first_row += rows.num_rows


# --- The way to the server -------------------------------------------------------------------------------------------


class _Pages:
    """Counts the answers without an item that is new: a paginator that never ends is told, not followed."""

    def __init__(self, where: str, catalog_file: str) -> None:
        self._where = where
        self._catalog_file = catalog_file
        self._without_news = 0

    def have_news(self, is_new: bool) -> None:
        """Tell whether an item is new."""
        if is_new:
            self._without_news = 0

    def count(self) -> None:
        """Another answer has come."""
        self._without_news += 1
        if self._without_news > _MOST_PAGES_WITHOUT_NEWS:
            raise ChannelError(
                f"{self._where} sends the same items page after page and comes to no end; correct `paginator` in "
                f"{self._catalog_file}"
            )


def _items(
    system: RestApiSystem, stream: EndpointStream, since: Any, where: str, pages: _Pages
) -> Iterator[dict[str, Any]]:
    import requests
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.common.exceptions import DltException
    from dlt.sources.rest_api import rest_api_resources
    from jsonpath_ng.exceptions import JSONPathError

    params = dict(stream.params)
    if stream.cursor_param and since is not None:
        params[stream.cursor_param] = since
    endpoint: dict[str, Any] = {"path": stream.path, "params": params}
    if stream.data_selector:
        endpoint["data_selector"] = stream.data_selector
    if stream.paginator:
        endpoint["paginator"] = stream.paginator if isinstance(stream.paginator, str) else dict(stream.paginator)
    client: dict[str, Any] = {"base_url": system.base_url, "session": _session(pages)}
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


def _session(pages: _Pages) -> requests.Session:
    import requests
    from dlt.sources.helpers.requests import Client
    from requests.adapters import HTTPAdapter

    class CountedAnswers(HTTPAdapter):
        def send(self, *arguments: Any, **options: Any) -> requests.Response:
            answer = super().send(*arguments, **options)
            if answer.ok:
                pages.count()
            return answer

    session = Client(
        request_timeout=_REQUEST_SECONDS,
        raise_for_status=False,
        # The last one: the server has cut the connection in the middle of an answer.
        exceptions=(requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError),
        request_max_attempts=_ATTEMPTS,
        request_backoff_factor=0.5,
        request_max_retry_delay=_LONGEST_WAIT_SECONDS,
    ).session
    for scheme in ("http://", "https://"):
        session.mount(scheme, CountedAnswers())
    return session


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
