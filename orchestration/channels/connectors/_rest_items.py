"""Which items of an endpoint land: those that are new, or those of some days."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from orchestration.channels.catalog import EndpointStream
from orchestration.channels.connectors import Request, landed_names
from orchestration.channels.connectors._changes import is_moment, start_of
from orchestration.channels.errors import ChannelError

# An item that comes twice is recognised among this many: pages that shift are next to each other.
_REMEMBERED_ITEMS = 100_000


def _canonical(item: Mapping[str, Any]) -> bytes:
    import orjson

    try:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # a number of more than 64 bits
        return json.dumps(item, sort_keys=True, default=str).encode()


class _Items:
    """What both ways of choosing share: the cursor value of an item, and whether it comes twice."""

    since: Any = None
    remark = ""

    def __init__(self, stream: EndpointStream) -> None:
        self._stream = stream
        self._landed: dict[str, str] = {}
        self._recent: tuple[set[str], set[str]] = (set(), set())

    def digest(self, item: Mapping[str, Any]) -> tuple[str, bool]:
        """The digest of an item, and whether an equal one has come before in this reading."""
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


class NewItems(_Items):
    """Chooses items that have not landed: those after the cursor less its lag whose content is not known."""

    def __init__(self, stream: EndpointStream, request: Request) -> None:
        super().__init__(stream)
        self._seen = request.seen
        self._is_reload = request.days is not None
        self._known = set(request.seen.get("boundary", ()))
        self._last = self._newest = request.seen.get("cursor")
        is_known = self._last is not None and (not stream.lag or is_moment(self._last))
        self._start = start_of(self._last, stream.lag) if is_known else None
        # The server gets a moment in its own notation.
        self.since = f"{self._start}{_zone(self._last)}" if stream.lag and self._start else self._last
        # Digest -> cursor value of the items that the next run may read again.
        self._window: dict[str, Any] = {}
        self._most_in_window = _REMEMBERED_ITEMS
        self._without_cursor: set[str] = set()
        self._content = 0
        self._items = 0

    def is_wanted(self, digest: str, item: Mapping[str, Any], where: str, catalog_file: str) -> bool:
        """Whether `item` has not landed before; it is remembered for the next request."""
        self._items += 1
        # A sum, because the order of items may change from call to call.
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
                f"{where}: the cursor {self._stream.cursor} is a number in some items and text in others; correct "
                f"`cursor` in {catalog_file}"
            ) from error
        if self._stream.lag and not is_moment(value):
            raise ChannelError(
                f"{where}: {self._stream.cursor} holds no moments, so a lag cannot be applied; remove `lag` or "
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
        """Whether an endpoint without a cursor delivered the same content as before."""
        return self._stream.cursor is None and not self._is_reload and self._seen.get("content") == self._fingerprint()

    def _fingerprint(self) -> str:
        return f"{self._items}-{self._content:020x}"

    def to_keep(self) -> dict[str, Any]:
        """What the next request must know."""
        if self._stream.cursor is None:
            return {"content": self._fingerprint()}
        # If the cursor has not moved, items that this answer left out stay known.
        kept = self._known if self._newest == self._last else set()
        boundary = sorted(self._of_window().keys() | self._without_cursor | kept)
        return {"cursor": self._newest, "boundary": boundary}


class ItemsOfDays(_Items):
    """Chooses the items whose cursor lies in some days. The cursor of the next request stays as it is."""

    def __init__(self, stream: EndpointStream, seen: Mapping[str, Any], days: tuple[date, date], where: str) -> None:
        super().__init__(stream)
        last = seen.get("cursor")
        self._first, self._end = days[0].isoformat(), (days[1] + timedelta(days=1)).isoformat()
        self._is_whole = last is not None and not (isinstance(last, str) and is_moment(last))
        if self._is_whole:
            self.remark = f"{where}: {stream.cursor} holds no days, so all items were loaded again"
            return
        self.since = self._first
        if isinstance(last, str) and len(last) > len(self._first):
            self.since = f"{self._first}{last[len(self._first)]}00:00:00{_zone(last)}"

    def is_wanted(self, digest: str, item: Mapping[str, Any], where: str, catalog_file: str) -> bool:  # noqa: ARG002
        """Whether `item` belongs to the days."""
        value = self.cursor_of(item)
        return self._is_whole or (isinstance(value, str) and self._first <= value < self._end)

    def is_unchanged(self) -> bool:
        """Always false: days that are loaded again land whether they have changed or not."""
        return False

    def to_keep(self) -> dict[str, Any]:
        """Nothing: the cursor stays as it is."""
        return {}


def _zone(moment: Any) -> str:
    """The time zone of a moment in text, as written: `Z`, `+01:00` or nothing."""
    found = re.search(r"(Z|[+-]\d\d:?\d\d)$", moment[len("2025-01-31") :]) if isinstance(moment, str) else None
    return found[0] if found else ""
