"""Endpoints land page by page, wait when they are told to, and say whose token has expired."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import pytest

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from orchestration.channels.catalog import Catalog
    from tests.channels.conftest import Bench

PAGE = 3
INCOMING = "chat/messages/incoming"


class Chat:
    """A chat server with paged messages, a token, and a list of failures that come first."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.requests: list[str] = []
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                chat.requests.append(self.path)
                status, headers, body = chat.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
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
        if authorization != "Bearer good":
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
        following = f"{self.url}/messages?since={since}&start={start + PAGE}" if start + PAGE < len(found) else None
        return 200, {}, json.dumps({"items": found[start : start + PAGE], "next": following}).encode()


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


def test_cursor_asks_for_newer_items_only_and_repeats_none(bench: Bench, chat: Chat) -> None:
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


def test_server_that_asks_for_patience_and_fails_once_is_asked_again(bench: Bench, chat: Chat) -> None:
    chat.messages = [message(1)]
    chat.failures = [(429, {"Retry-After": "1"}), (500, {})]
    assert bench.land(messages(bench, chat.url)).rows == 1
    assert len(chat.requests) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token_names_the_stream_and_the_variable_to_renew(bench: Bench, chat: Chat, status: int) -> None:
    chat.failures = [(status, {})]
    with pytest.raises(ChannelError) as caught:
        bench.land(messages(bench, chat.url, token="hunter2"))
    assert str(caught.value) == (
        f"chat/messages: /messages: the server refuses the token (HTTP {status}); renew the environment variable "
        "CHAT_TOKEN"
    )
    assert not caught.value.transient


def test_server_that_keeps_failing_is_transient(bench: Bench, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.channels.connectors import rest_api

    monkeypatch.setattr(rest_api, "_ATTEMPTS", 2)
    chat.failures = [(503, {})] * 2
    with pytest.raises(ChannelError, match="still answers HTTP 503 after 2 attempts; run again later") as caught:
        bench.land(messages(bench, chat.url))
    assert caught.value.transient


def test_server_that_is_not_there_is_transient(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.channels.connectors import rest_api

    monkeypatch.setattr(rest_api, "_ATTEMPTS", 1)
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


def test_no_items_at_all_is_told_unless_the_catalog_allows_it(bench: Bench, chat: Chat) -> None:
    with pytest.raises(ChannelError, match=r"delivered no items; correct `path` or `data_selector`, or set `allow"):
        bench.land(messages(bench, chat.url))
    assert bench.land(messages(bench, chat.url, fields="allow_empty: true,")).load_id is None


def test_lacking_key_is_told(bench: Bench, chat: Chat) -> None:
    chat.messages = [{"number": 1}]
    with pytest.raises(ChannelError, match=r"/messages: has no column id \(key\); deliver it .* or correct `key`"):
        bench.land(messages(bench, chat.url, fields=""))
