"""Endpoints land page by page, respect Retry-After, and name the token that has expired."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import pytest

from orchestration.channels.connectors import _rest_client
from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from orchestration.channels.catalog import Catalog
    from tests.channels.conftest import Bench

PAGE = 3
INCOMING = "chat/messages/incoming"


class Chat:
    """A chat server with paged messages and a token.

    It can be made to fail: `failures` come first, `cuts` answers end in the middle, and `before_answer` is called with
    the number of the request and may change anything.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.requests: list[str] = []
        self.token = "good"
        self.cuts = 0
        self.before_answer: Callable[[int], object] = lambda number: None
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                chat.requests.append(self.path)
                chat.before_answer(len(chat.requests))
                status, headers, body = chat.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if chat.cuts:
                    chat.cuts -= 1
                    body = body[: len(body) // 2]
                    self.close_connection = True
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        if self.failures:
            status, headers = self.failures.pop(0)
            return status, headers, b"{}"
        if authorization != f"Bearer {self.token}":
            return 401, {}, b"{}"
        parts = urlparse(path)
        if parts.path == "/text":
            return 200, {}, b"hello"
        if parts.path != "/messages":
            return 404, {}, b"{}"
        asked = parse_qs(parts.query)
        since = asked.get("since", [""])[0]
        found = [message for message in self.messages if (message.get("updated_at") or "") >= since]
        start = int(asked.get("start", ["0"])[0])
        return 200, {}, json.dumps(self.page(found, since, start)).encode()

    def page(self, found: list[dict[str, Any]], since: str, start: int) -> dict[str, Any]:
        """One page of the messages found."""
        following = f"{self.url}/messages?since={since}&start={start + PAGE}" if start + PAGE < len(found) else None
        return {"items": found[start : start + PAGE], "next": following}


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()
    yield chat
    chat.server.shutdown()
    chat.server.server_close()


CURSOR = "cursor: updated_at, cursor_param: since, "


def messages(bench: Bench, url: str, fields: str = CURSOR, token: str = "good", path: str = "/messages") -> Catalog:
    bench.environment["CHAT_TOKEN"] = token
    return bench.catalog(
        f"chat:\n  connector: rest_api\n  base_url: {url}\n  token: ${{CHAT_TOKEN}}\n  streams:\n    messages: {{"
        f"path: {path}, {fields} data_selector: items, key: [id], "
        "paginator: {type: json_link, next_url_path: next}}\n"
    )


def message(number: int, at: str | None = None, **more: object) -> dict[str, object]:
    return {"id": number, "updated_at": at or f"2024-01-{number:02d}T00:00:00Z", "body": {"Text": f"n{number}"}, **more}


def test_all_pages_land_as_text(bench: Bench, chat: Chat) -> None:
    chat.messages = [*(message(number) for number in range(1, 7)), message(7, stars=1.5)]
    landed = bench.land(messages(bench, chat.url))
    assert (landed.rows, landed.files) == (7, ("/messages",))
    assert bench.rows("id, body, stars, _source_row", INCOMING)[-1] == ("7", '{"Text":"n7"}', "1.5", 7)


def test_cursor_requests_newer_items_only_and_repeats_none(bench: Bench, chat: Chat) -> None:
    catalog = messages(bench, chat.url)
    chat.messages = [message(1), message(2)]
    bench.land(catalog)
    assert bench.land(catalog).load_id is None
    assert chat.requests[-1] == "/messages?since=2024-01-02T00%3A00%3A00Z"
    chat.messages += [message(3, at="2024-01-02T00:00:00Z"), message(4)]
    assert bench.land(catalog).rows == 2
    assert bench.rows("id", INCOMING) == [("1",), ("2",), ("3",), ("4",)]
    assert bench.land(catalog).load_id is None


def test_endpoint_without_cursor_lands_only_when_it_has_changed(bench: Bench, chat: Chat) -> None:
    catalog = messages(bench, chat.url, fields="")
    chat.messages = [message(1), message(2)]
    assert bench.land(catalog).rows == 2
    chat.messages.reverse()
    assert bench.land(catalog).load_id is None
    chat.messages[0] = message(2, more="x")
    assert bench.land(catalog).rows == 2


def test_server_that_answers_retry_after_and_fails_once_is_asked_again(bench: Bench, chat: Chat) -> None:
    chat.messages = [message(1)]
    chat.failures = [(429, {"Retry-After": "1"}), (500, {})]
    assert bench.land(messages(bench, chat.url)).rows == 1
    assert len(chat.requests) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_token_names_the_stream_and_the_variable_to_renew(bench: Bench, chat: Chat, status: int) -> None:
    chat.failures = [(status, {})]
    with pytest.raises(ChannelError) as caught:
        bench.land(messages(bench, chat.url, token="hunter2"))
    assert str(caught.value) == (
        f"chat/messages: /messages: the server rejects the token (HTTP {status}); renew the environment variable "
        "CHAT_TOKEN"
    )
    assert not caught.value.transient


def test_server_that_keeps_failing_is_transient(bench: Bench, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rest_client, "_ATTEMPTS", 2)
    chat.failures = [(503, {})] * 2
    with pytest.raises(ChannelError, match="still answers HTTP 503 after 2 attempts; run again later") as caught:
        bench.land(messages(bench, chat.url))
    assert caught.value.transient


def test_server_that_is_not_there_is_transient(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rest_client, "_ATTEMPTS", 1)
    with pytest.raises(ChannelError, match="the server does not answer; run again later") as caught:
        bench.land(messages(bench, "http://127.0.0.1:1"))
    assert caught.value.transient


def test_wrong_path_or_selector_or_paginator_names_the_catalog(bench: Bench, chat: Chat) -> None:
    chat.messages = [message(1)]
    with pytest.raises(ChannelError, match=r"/nowhere does not exist on the server .*correct `path` in test\.yaml"):
        bench.land(messages(bench, chat.url, path="/nowhere"))
    with pytest.raises(ChannelError, match="does not answer with JSON; correct `path`"):
        bench.land(messages(bench, chat.url, path="/text"))
    catalog = messages(bench, chat.url)
    stream = catalog.systems["chat"].streams["messages"]
    broken = stream.model_copy(update={"paginator": {"type": "magic"}})
    with pytest.raises(ChannelError, match="dlt does not understand `paginator`"):
        bench.land(
            catalog.model_copy(
                update={
                    "systems": {"chat": catalog.systems["chat"].model_copy(update={"streams": {"messages": broken}})}
                }
            )
        )


def test_no_items_at_all_is_reported_unless_the_catalog_allows_it(bench: Bench, chat: Chat) -> None:
    with pytest.raises(ChannelError, match=r"delivered no items; correct `path` or `data_selector`, or set `allow"):
        bench.land(messages(bench, chat.url))
    assert bench.land(messages(bench, chat.url, fields="allow_empty: true,")).load_id is None


def test_missing_key_is_reported(bench: Bench, chat: Chat) -> None:
    chat.messages = [{"number": 1}]
    with pytest.raises(ChannelError, match=r"/messages: has no column id \(key\); deliver it .* or correct `key`"):
        bench.land(messages(bench, chat.url, fields=""))


def test_fields_of_items_are_mapped_and_cast(bench: Bench, chat: Chat) -> None:
    chat.messages = [
        {"nr": 1, "updated_at": "2024-01-01T00:00:00Z", "stars": 1},
        {"nr": 2, "updated_at": "2024-01-02T00:00:00Z", "stars": "many"},
        {"nr": 3, "updated_at": "2024-01-03T00:00:00Z", "stars": 1.5},
    ]
    landed = bench.land(messages(bench, chat.url, CURSOR + "columns: {nr: id}, types: {stars: double, id: bigint},"))
    assert (landed.rows, landed.rejected_rows, landed.columns["stars"]) == (2, 1, "DOUBLE")
    assert bench.rows("id, stars, _source_day::VARCHAR", INCOMING) == [(1, 1.0, "2024-01-01"), (3, 1.5, "2024-01-03")]
    assert bench.rows("raw, reason", "chat/messages/rejects") == [
        ('{"id":"2","updated_at":"2024-01-02T00:00:00Z","stars":"many"}', "stars is not a valid double")
    ]


def test_days_are_loaded_again_and_the_cursor_stays(bench: Bench, chat: Chat) -> None:
    catalog = messages(bench, chat.url)
    chat.messages = [message(number) for number in range(1, 8)]
    bench.land(catalog)
    again = bench.land(catalog, days=("2024-01-02", "2024-01-04"))
    assert chat.requests[-2].startswith("/messages?since=2024-01-02T00%3A00%3A00Z")
    assert [number for number, load in bench.rows("id, _dlt_load_id", INCOMING) if load == again.load_id] == [
        "2", "3", "4",
    ]  # fmt: skip
    assert bench.land(catalog).load_id is None
    nothing = bench.land(catalog, days=("2023-01-01", "2023-01-02"))
    assert (nothing.load_id, nothing.remark) == (
        None,
        "chat/messages: /messages delivers no items of 2023-01-01 to 2023-01-02",
    )
    chat.messages.append(message(8))
    assert bench.land(catalog).rows == 1


def test_endpoint_without_cursor_is_loaded_again_whole(bench: Bench, chat: Chat) -> None:
    catalog = messages(bench, chat.url, fields="")
    chat.messages = [message(1), message(2)]
    bench.land(catalog)
    assert bench.land(catalog, days=("2024-01-02", "2024-01-04")).rows == 2
    assert bench.land(catalog).load_id is None


def test_lag_finds_items_that_appear_late_and_does_not_repeat_known_ones(bench: Bench, chat: Chat) -> None:
    catalog = messages(bench, chat.url, CURSOR + "lag: 2d,")
    chat.messages = [message(number) for number in range(1, 6)]
    bench.land(catalog)
    assert bench.land(catalog).load_id is None
    assert chat.requests[-1] == "/messages?since=2024-01-03T00%3A00%3A00Z"
    late = message(20, at="2024-01-04T12:00:00Z")
    too_late = message(21, at="2024-01-01T12:00:00Z")
    chat.messages += [late, too_late, message(6)]
    assert bench.land(catalog).rows == 2
    assert bench.land(catalog).load_id is None
    assert bench.rows("count(*), count(DISTINCT id)", INCOMING) == [(7, 7)]
