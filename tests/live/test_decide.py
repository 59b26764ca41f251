"""Decisions: proposals that the channel may carry, with what allows each, on disk before they are answered."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from live.conftest import Live

from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.landing.land import land_stream
from orchestration.live.decide_routes import allowed_actions

BEFORE, AFTER = datetime(2026, 2, 1), datetime(2026, 3, 1)  # the proposals of the fixture are valid until 1 March
ROUTE = "POST /v1/decide"


def _decide(live: Live, customer: str, role: str = "service", **more: object) -> httpx.Response:
    asked = {"kind": "customer", "value": customer, "channel": "email", "moment": "check-out", **more}
    live.service.fixed_as_of = BEFORE
    return live.client.post("/v1/decide", json=asked, headers=live.as_role(role))


def _logged(live: Live) -> list[dict]:
    folder = live.settings.event_log_path / "decisions" / "decisions"
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


def test_actions_come_by_rank_with_the_consent_that_allows_each(live: Live) -> None:
    answer = _decide(live, "C-1").json()
    found = [(action["rank"], action["action"], action["allowed_by"]) for action in answer["actions"]]
    assert found == [
        # A service needs no consent for a channel in which the customer is present.
        (1, "answer_complaint",
         {"lawful_basis": "consent", "purpose": "service", "channel": "email", "changed_at": None}),
        (2, "show_product_line",
         {"lawful_basis": "consent", "purpose": "marketing", "channel": "email", "changed_at": "2025-01-01T00:00:00"}),
    ]  # fmt: skip
    assert answer["actions"][1]["probability"] == 0.95 and answer["actions"][1]["reason"] == "because"
    assert [action["action"] for action in _decide(live, "C-1", most=1).json()["actions"]] == ["answer_complaint"]


def test_offer_stays_out_of_a_channel_without_consent(live: Live) -> None:
    # Anna has consented to marketing by e-mail, not by call; Bram has refused it, and profiling too.
    for customer, channel in (("C-1", "call"), ("C-2", "email"), ("C-2", "call")):
        actions = _decide(live, customer, channel=channel).json()["actions"]
        assert [action["action"] for action in actions] == ["answer_complaint"]


def test_each_decision_is_logged_with_its_probabilities_before_the_answer(live: Live) -> None:
    answer = _decide(live, "C-1").json()
    (kept,) = _logged(live)
    assert kept["message_id"] == answer["decision_id"]
    assert kept["payload"]["actions"] == answer["actions"]
    assert (kept["payload"]["channel"], kept["payload"]["moment"], kept["payload"]["run_id"]) == (
        "email", "check-out", "run-1",
    )  # fmt: skip
    (look, *_) = live.get("/v1/access-log", "privacy").json()["looks"][1:]
    assert (look["route"], look["customer"], look["outcome"]) == (ROUTE, "C-1", "decided")


def test_decisions_land_as_a_source_system(live: Live, tmp_path: Path) -> None:
    _decide(live, "C-1")
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(
        "catalog: c\nsystems:\n  decisions: {connector: events, streams: {decisions: {message: decision}}}\n"
    )
    system = load_catalog(catalog, {}).systems["decisions"]
    land_stream(
        system, system.streams["decisions"], landing_url=str(tmp_path / "landing"), working_dir=tmp_path / "work",
        event_log=live.settings.event_log_path,
    )  # fmt: skip
    (file,) = (tmp_path / "landing" / "decisions" / "decisions" / "incoming").glob("*.parquet")
    (row,) = pq.read_table(file).to_pylist()
    assert (row["customer_number"], row["channel"], row["moment"]) == ("1", "email", "check-out")
    assert json.loads(row["actions"])[1]["probability"] == 0.95


def test_action_that_is_no_longer_valid_is_left_out() -> None:
    action = {"purpose": "service", "lawful_basis": "contract", "valid_until": "2026-03-01T00:00:00", "action": "a"}
    assert len(allowed_actions([action], [], "web", BEFORE)) == 1
    assert allowed_actions([action], [], "web", AFTER) == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"value": "C-99"}, 404),
        ({"kind": "phone", "value": "0611112222"}, 409),
        ({"channel": "E-mail"}, 400),
        ({"moment": "check out; drop"}, 400),
        ({"most": 0}, 400),
        ({"extra": 1}, 400),
    ],
)
def test_request_that_cannot_be_decided_is_a_problem(live: Live, changes: dict, status: int) -> None:
    assert _decide(live, "C-1", **changes).status_code == status
    assert _logged(live) == []


def test_decision_needs_a_token(live: Live) -> None:
    assert live.client.post("/v1/decide", json={}).status_code in (400, 401)
    asked = {"kind": "customer", "value": "C-1", "channel": "web", "moment": "visit"}
    assert live.client.post("/v1/decide", json=asked).status_code == 401
