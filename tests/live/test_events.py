"""Events in: what is accepted, what is refused with its field, and that what was answered is on disk once."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from live.conftest import SECRET, WRITE_KEY, Live, open_live

from orchestration.channels.catalog import EventsSystem
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.errors import CatalogError
from orchestration.channels.landing.land import land_stream

BASIC = {"Authorization": "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()}
CATALOG = f"""\
catalog: little
systems:
  site:
    connector: events
    write_key: {WRITE_KEY}
    secret: {SECRET}
    streams:
      track: {{message: track}}
      orders: {{message: webhook, key: [order_no]}}
"""


def _logged(live: Live, stream: str) -> list[dict]:
    folder = live.settings.event_log_path / "site" / stream
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def _track(**more: object) -> dict[str, object]:
    return {"userId": "u1", "event": "Order Completed", "properties": {"total": 9.5}, **more}


def test_message_of_each_kind_is_kept_in_its_stream(live: Live) -> None:
    messages = {
        "identify": {"userId": "u1", "traits": {"email": "a@example.org"}},
        "track": _track(),
        "page": {"anonymousId": "a1", "name": "Home", "properties": {"url": "https://shop.example/"}},
        "screen": {"anonymousId": "a1", "name": "Start"},
        "group": {"userId": "u1", "groupId": "g1", "traits": {"name": "Club"}},
    }
    for kind, message in messages.items():
        answer = live.client.post(f"/v1/{kind}", json=message, headers=BASIC)
        assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 1, "repeats": 0})
        (kept,) = _logged(live, kind)
        assert kept.get("user_id") == message.get("userId") and kept.get("anonymous_id") == message.get("anonymousId")
    assert _logged(live, "track")[0]["properties"] == {"total": 9.5}
    assert _logged(live, "group")[0]["group_id"] == "g1"


def test_write_key_in_the_body_counts_as_much_as_basic(live: Live) -> None:
    assert live.client.post("/v1/track", json=_track(writeKey=WRITE_KEY)).status_code == 200
    for headers, message in (({}, _track()), ({}, _track(writeKey="x")), ({"Authorization": "Basic !"}, _track())):
        assert live.client.post("/v1/track", json=message, headers=headers).status_code == 401
    assert len(_logged(live, "track")) == 1


def test_message_that_comes_twice_is_kept_once_also_after_a_restart(live: Live, tmp_path: Path) -> None:
    message = _track(messageId="m-1")
    answers = [live.client.post("/v1/track", json=message, headers=BASIC).json() for _ in range(2)]
    assert [(answer["accepted"], answer["repeats"]) for answer in answers] == [(1, 0), (0, 1)]
    (live.settings.live_path / "tokens.json").unlink()
    with open_live(live.settings.home, tmp_path / "again") as again:
        batch = {"batch": [message | {"type": "track"}, _track(messageId="m-2", type="track")]}
        answer = again.client.post("/v1/batch", json=batch, headers=BASIC).json()
        assert (answer["accepted"], answer["repeats"]) == (1, 1)
        assert [event["message_id"] for event in _logged(again, "track")] == ["m-1", "m-2"]


def test_wrong_clock_of_a_sender_is_corrected_by_its_sent_at(live: Live) -> None:
    # The sender's clock is 1 January 2020; the event happened 90 s before it was sent.
    live.client.post(
        "/v1/track", headers=BASIC,
        json=_track(timestamp="2020-01-01T00:00:00Z", sentAt="2020-01-01T02:01:30+02:00"),
    )  # fmt: skip
    (kept,) = _logged(live, "track")
    received = time.mktime(time.strptime(kept["received_at"][:19], "%Y-%m-%dT%H:%M:%S"))
    happened = time.mktime(time.strptime(kept["timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert received - happened == pytest.approx(90, abs=1)
    assert (kept["original_timestamp"], kept["sent_at"]) == ("2020-01-01T00:00:00.000Z", "2020-01-01T00:01:30.000Z")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/track", {"userId": "u1"}, "event"),
        ("/v1/track", {"event": "E"}, "userId"),
        ("/v1/track", _track(userId=True), "userId"),
        ("/v1/track", _track(properties=[1]), "properties"),
        ("/v1/track", _track(timestamp="yesterday"), "timestamp"),
        ("/v1/track", _track(timestamp="9999-01-01T00:00:00Z"), "timestamp"),
        ("/v1/track", _track(messageId="x" * 600), "messageId"),
        ("/v1/track", _track(properties={"long": "x" * 33_000}), "body"),
        ("/v1/group", {"userId": "u1"}, "groupId"),
        ("/v1/batch", {"batch": []}, "batch"),
        ("/v1/batch", {"batch": [_track(type="track"), {"type": "order", "userId": "u1"}]}, "batch[1].type"),
        ("/v1/batch", {"batch": [_track(type="track", event="")]}, "batch[0].event"),
        # The catalog has no stream for it: it would never land.
        ("/v1/alias", {"userId": "u1", "previousId": "u0"}, "type"),
    ],
)
def test_malformed_event_is_refused_with_its_field_and_nothing_is_kept(
    live: Live, path: str, body: dict, field: str
) -> None:
    answer = live.client.post(path, json=body, headers=BASIC)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not list((live.settings.event_log_path / "site").rglob("*.jsonl"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"userId": "\xff"}', b"[" * 3_000])
def test_body_that_is_no_json_object_is_refused(live: Live, body: bytes) -> None:
    assert live.client.post("/v1/track", content=body, headers=BASIC).status_code == 400


def test_gzip_is_unpacked_within_bounds(live: Live) -> None:
    packed = BASIC | {"Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(_track()).encode())
    assert live.client.post("/v1/track", content=body, headers=packed).status_code == 200
    bomb = gzip.compress(b"[" + b" " * 600_000 + b"]")
    assert live.client.post("/v1/track", content=bomb, headers=packed).status_code == 413
    assert live.client.post("/v1/track", content=b"no gzip", headers=packed).status_code == 400
    large = b"{" + b" " * 512_000 + b"}"
    assert live.client.post("/v1/track", content=large, headers=BASIC).status_code == 413


def test_pages_of_named_sites_only_may_send(live: Live) -> None:
    for origin, admitted in (("https://shop.example", True), ("https://evil.example", False)):
        asked = live.client.options("/v1/track", headers={"Origin": origin})
        sent = live.client.post("/v1/track", json=_track(), headers=BASIC | {"Origin": origin})
        assert (asked.headers.get("access-control-allow-origin") == origin) is admitted
        assert (sent.status_code == 200) is admitted
        assert (sent.headers.get("access-control-allow-origin") == origin) is admitted


def test_full_disk_is_answered_503_and_the_event_can_be_sent_again(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    live.client.post("/v1/track", json=_track(messageId="m-1"), headers=BASIC)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", full)
        answer = live.client.post("/v1/track", json=_track(messageId="m-2"), headers=BASIC)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert live.client.post("/v1/track", json=_track(messageId="m-2"), headers=BASIC).json()["accepted"] == 1
    assert [event["message_id"] for event in _logged(live, "track")] == ["m-1", "m-2"]


def test_flood_is_answered_503(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.live.event_writer._WAITING_BYTES", 10)
    answer = live.client.post("/v1/track", json=_track(), headers=BASIC)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


# --- webhooks ---------------------------------------------------------------------------------------------------------


def _signed(body: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), body, hashlib.sha256)


@pytest.mark.parametrize("written", ["hex", "prefixed", "base64"])
def test_signed_webhook_is_kept_once(live: Live, written: str) -> None:
    body = json.dumps({"order_no": "o1", "lines": [{"sku": "a"}]}).encode()
    digest = _signed(body)
    signature = {
        "hex": digest.hex(),
        "prefixed": f"sha256={digest.hex()}",
        "base64": base64.b64encode(digest).decode(),
    }[written]
    for accepted in (1, 0):
        answer = live.client.post("/v1/webhooks/site/orders", content=body, headers={"X-Signature-256": signature})
        assert (answer.status_code, answer.json()["accepted"]) == (200, accepted)
    assert _logged(live, "orders")[0]["payload"] == {"order_no": "o1", "lines": [{"sku": "a"}]}


def test_webhook_of_the_standard_is_refused_when_it_is_old(live: Live) -> None:
    body = b'{"order_no": "o1"}'
    for moment, status in ((int(time.time()), 200), (int(time.time()) - 3_600, 401)):
        signed = hmac.digest(SECRET.encode(), f"w1.{moment}.".encode() + body, hashlib.sha256)
        headers = {
            "webhook-id": "w1", "webhook-timestamp": str(moment),
            "webhook-signature": "v1," + base64.b64encode(signed).decode(),
        }  # fmt: skip
        assert live.client.post("/v1/webhooks/site/orders", content=body, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "signature", "status"),
    [
        ("/v1/webhooks/site/orders", "", 401),
        ("/v1/webhooks/site/orders", "00" * 32, 401),
        ("/v1/webhooks/site/track", None, 404),
        ("/v1/webhooks/other/orders", None, 404),
    ],
)
def test_unsigned_or_unknown_webhook_is_refused(live: Live, path: str, signature: str | None, status: int) -> None:
    headers = {"X-Signature-256": _signed(b"{}").hex() if signature is None else signature}
    assert live.client.post(path, content=b"{}", headers=headers).status_code == status


# --- landing ----------------------------------------------------------------------------------------------------------


def _land(live: Live, stream: str, tmp_path: Path):
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG)
    system = load_catalog(catalog, {}).systems["site"]
    assert isinstance(system, EventsSystem)
    return land_stream(
        system, system.streams[stream], landing_url=str(tmp_path / "landing"), working_dir=tmp_path / "work",
        event_log=live.settings.event_log_path,
    )  # fmt: skip


def _rows(tmp_path: Path, stream: str) -> list[dict]:
    files = sorted((tmp_path / "landing" / "site" / stream / "incoming").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_run_lands_each_event_once_with_its_place_in_the_log(live: Live, tmp_path: Path) -> None:
    for number in (1, 2):
        live.client.post("/v1/track", json=_track(messageId=f"m-{number}", properties={"a": 1.0}), headers=BASIC)
    assert _land(live, "track", tmp_path).rows == 2
    assert _land(live, "track", tmp_path).rows == 0
    # A line that a crash tore off was never answered: it does not land, and what follows in a new segment does.
    (segment,) = (live.settings.event_log_path / "site" / "track").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"message_id":"m-3","rec')
    live.service.intake.writer.close()
    live.client.post("/v1/track", json=_track(messageId="m-4"), headers=BASIC)
    assert _land(live, "track", tmp_path).rows == 1
    rows = _rows(tmp_path, "track")
    assert [(row["message_id"], row["_source_row"]) for row in rows] == [("m-1", 1), ("m-2", 2), ("m-4", 1)]
    assert rows[0]["_source_file"] == segment.name and rows[0]["event"] == "Order Completed"
    assert json.loads(rows[0]["properties"]) == {"a": 1.0} and rows[0]["anonymous_id"] is None


def test_fields_of_a_webhook_land_as_columns(live: Live, tmp_path: Path) -> None:
    for body in (b'{"order_no": "o1", "Total": 9.5}', b'[{"order_no": "o2"}, {"order_no": "o3", "gift": true}]'):
        headers = {"X-Signature-256": _signed(body).hex()}
        assert live.client.post("/v1/webhooks/site/orders", content=body, headers=headers).status_code == 200
    assert _land(live, "orders", tmp_path).rows == 3
    rows = [(row["order_no"], row["total"], row["gift"]) for row in _rows(tmp_path, "orders")]
    assert rows == [("o1", "9.5", None), ("o2", None, None), ("o3", None, "true")]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("write_key: short", "write_key"),
        ("", "receives messages, so it needs write_key, as in ${SITE_WRITE_KEY}"),
        (f"write_key: {WRITE_KEY}\n    cursor: x", "unknown field cursor"),
    ],
)
def test_catalog_says_what_a_sender_of_events_needs(tmp_path: Path, written: str, sentence: str) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(
        f"catalog: c\nsystems:\n  site:\n    connector: events\n    {written}\n    streams: {{t: {{message: track}}}}\n"
    )
    with pytest.raises(CatalogError) as raised:
        load_catalog(catalog, {})
    assert sentence in str(raised.value)
