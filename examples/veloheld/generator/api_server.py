"""The chat provider: a small HTTP server on loopback with a token, pages and a limit on requests.

`GET /v1/messages?since=<time>&page=<n>` answers `{"messages": […], "page": n, "next": <path or null>}`: messages in the
order of `updated_at`, from `since` on. Without the token it answers 401, over the limit 429 with `Retry-After`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    import pyarrow as pa

TOKEN = "veloheld-demo-token"  # noqa: S105 (guards invented data on loopback; it is meant to be known)
PATH = "/v1/messages"


@dataclass(frozen=True)
class ChatServer:
    """A running server: what a catalog needs to reach it."""

    base_url: str
    token: str


@contextmanager
def chat_server(
    sources: Path, *, token: str = TOKEN, page_size: int = 500, requests_per_second: float = 200.0, port: int = 0
) -> Iterator[ChatServer]:
    """Serves the messages below `sources/chat/` until the block is left. Port 0 takes any free one."""
    messages = _Messages(sources / "chat")
    limit = _Limit(requests_per_second)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 (named by the standard library)
            url = urlsplit(self.path)
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self._answer(401, {"error": "token is missing or wrong"})
            wait = limit.seconds_to_wait()
            if wait > 0:
                return self._answer(429, {"error": "too many requests"}, {"Retry-After": str(int(wait) + 1)})
            if url.path.rstrip("/") != PATH:
                return self._answer(404, {"error": f"only {PATH} is served"})
            asked = parse_qs(url.query)
            since = asked.get("since", [""])[0]
            try:
                page = int(asked.get("page", ["1"])[0])
                found, more = messages.page(since, page, page_size)
            except ValueError:
                return self._answer(400, {"error": "since must be a time such as 2025-01-31T00:00:00Z, page from 1 on"})
            query = {"page": page + 1} | ({"since": since} if since else {})
            following = f"{PATH}?{urlencode(query)}" if more else None
            return self._answer(200, {"messages": found, "page": page, "next": following})

        def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 (signature of the library)
            """Suppress the request log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ChatServer(f"http://127.0.0.1:{server.server_port}", token)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Messages:
    """The newest state of every message, in the order in which they were updated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._table: pa.Table | None = None

    def page(self, since: str, page: int, size: int) -> tuple[list[dict[str, Any]], bool]:
        """One page of the messages updated from `since` on, and whether there is another."""
        import numpy as np

        with self._lock:
            if self._table is None:
                self._table = self._read()
        if page < 1:
            raise ValueError("page")
        updated = self._table.column("updated_at").cast("int64").to_numpy()
        first = 0
        if since:
            moment = np.datetime64(since.removesuffix("Z").split("+")[0], "us").astype(np.int64)
            first = int(np.searchsorted(updated, moment, side="left"))
        low = first + (page - 1) * size
        rows = self._table.slice(low, size).to_pylist() if low < len(updated) else []
        for row in rows:
            for name in ("sent_at", "updated_at"):
                row[name] = row[name].strftime("%Y-%m-%dT%H:%M:%SZ")
        return rows, low + size < len(updated)

    def _read(self) -> pa.Table:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        paths = sorted(self._folder.glob("messages_*.parquet"))
        if not paths:
            raise FileNotFoundError(f"{self._folder} holds no messages: create the demo company first.")
        table = pa.concat_tables([pq.read_table(path) for path in paths])
        ids = table.column("message_id").combine_chunks().dictionary_encode().indices.to_numpy()
        updated = table.column("updated_at").cast("int64").to_numpy()
        order = np.lexsort((updated, ids))
        newest = order[np.append(ids[order][1:] != ids[order][:-1], True)]
        return table.take(pa.array(newest[np.lexsort((ids[newest], updated[newest]))])).combine_chunks()


class _Limit:
    """A bucket that fills at a rate and holds one second's worth of requests."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._left = max(per_second, 1.0)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def seconds_to_wait(self) -> float:
        """0 if a request may pass now, else how long it should wait."""
        with self._lock:
            now = time.monotonic()
            self._left = min(max(self._rate, 1.0), self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left >= 1.0:
                self._left -= 1.0
                return 0.0
            return (1.0 - self._left) / self._rate
