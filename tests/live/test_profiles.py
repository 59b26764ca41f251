"""Profiles over HTTP: found by any identifier, gated by role and by the customer's word on profiling."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import duckdb
import pytest
import yaml
from live.conftest import Live
from live.published import write_published

from orchestration.live.access_log import AccessLog, check_seals, looks
from orchestration.live.server import bring_profiles_up_to_date
from orchestration.live.state_files import LiveError
from orchestration.live.tokens import Caller, add_token, disable_token, list_tokens
from orchestration.serving.profile_access import FILE, may_see_profiled, permitted, word_on_profiling
from orchestration.serving.profile_store import CurrentStore, ProfileStore, write_profiles
from orchestration.settings import DBT_PACKAGE, Settings


@pytest.mark.parametrize(
    ("identifier", "customer"),
    [
        ("customer:C-1", "C-1"),
        ("customer:1", "C-1"),
        ("customer:c-7", "C-1"),  # a former number
        ("record:shop/k2", "C-2"),
        ("email:ANNA@example.org", "C-1"),
        ("phone:+31612345678", "C-1"),
        ("phone:06-12345678", "C-1"),
        ("cookie:ck-1", "C-1"),  # who has it now, not who had it
    ],
)
def test_profile_is_found_by_any_kind_of_identifier(live: Live, identifier: str, customer: str) -> None:
    answer = live.get(f"/v1/profiles/{identifier}")
    assert (answer.status_code, answer.json()["customer"]) == (200, customer)


def test_identifier_in_the_body_gives_the_same_profile(live: Live) -> None:
    asked = {"kind": "email", "value": "anna@example.org", "include": ["identity"]}
    answer = live.client.post("/v1/profiles/lookup", json=asked, headers=live.as_role("agent")).json()
    assert answer == live.get("/v1/profiles/email:anna@example.org?include=identity").json()
    assert answer["identity"]["display_name"] == "Anna Aal"


def test_shared_identifier_names_the_customers_and_chooses_none(live: Live) -> None:
    answer = live.get("/v1/profiles/phone:+31611112222")
    assert (answer.status_code, answer.json()["customers"]) == (409, ["C-3", "C-4"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/profiles/email:nobody@example.org", 404),
        ("/v1/profiles/shoe_size:42", 400),
        ("/v1/profiles/email", 400),
        ("/v1/profiles/customer:C-1?include=salary", 400),
        ("/v1/profiles/customer:..%2f..%2fetc%2fpasswd", 404),
        ("/nowhere", 404),
    ],
)
def test_errors_are_problems_without_the_value_that_was_sent(live: Live, path: str, status: int) -> None:
    answer = live.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert not any(value in answer.text for value in ("nobody", "42", "salary", "passwd"))


def test_refused_profiling_hides_scores_from_an_agent_and_not_from_privacy(live: Live) -> None:
    anna, bram = (live.get(f"/v1/profiles/customer:C-{key}").json() for key in (1, 2))
    assert (anna["profiling"], anna["relationship"]["churn_risk"]) == ("granted", 0.25)
    assert bram["profiling"] == "refused" and "no consent to profiling" in bram["withheld"]
    assert not {"churn_risk", "segment", "stage", "value_basis"} & bram["relationship"].keys()
    assert "influence_percentile" not in bram["personal"]
    assert bram["relationship"]["purchase_count"] == 1  # a fact is no profile
    # Of the two actions, the one that serves needs no profile.
    assert [action["action"] for action in bram["actions"]] == ["answer_complaint"]
    assert len(anna["actions"]) == 2
    assert live.get("/v1/profiles/customer:C-2", "privacy").json()["relationship"]["churn_risk"] == 0.25


def test_unknown_consent_is_kept_apart_from_refused(live: Live) -> None:
    chris = live.get("/v1/profiles/customer:C-3").json()
    assert (chris["profiling"], chris["relationship"]["churn_risk"]) == ("unknown", 0.25)


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        ("agent", {"email", "birth_date", "street"}, set()),
        ("marketer", {"city", "display_name"}, {"email", "phone", "birth_date", "street"}),
        ("service", {"email", "city"}, {"street", "house_number"}),
        ("privacy", {"email", "birth_date", "street"}, set()),
    ],
)
def test_each_role_reads_its_own_fields(live: Live, role: str, shown: set[str], hidden: set[str]) -> None:
    identity = live.get("/v1/profiles/customer:C-1", role).json()["identity"]
    assert shown <= identity.keys() and not hidden & identity.keys()


def test_role_without_a_section_is_refused_it(live: Live) -> None:
    assert live.get("/v1/profiles/customer:C-1?include=identifiers", "marketer").status_code == 403
    assert live.get("/v1/profiles/customer:C-1?include=identifiers", "agent").status_code == 200


def test_every_gated_field_is_one_that_the_contracts_promise() -> None:
    promised = {
        column["name"]
        for folder in ("core", "marts/customer", "marts/actions", "marts/consent")
        for model in yaml.safe_load((DBT_PACKAGE / "models" / folder / "_models.yml").read_text())["models"]
        for column in model.get("columns", [])
    }
    rules = yaml.safe_load(FILE.read_text())
    gated = {field for fields in rules["profiled"].values() for field in fields}
    gated |= {field for role in rules["roles"].values() for field in role["withheld"]}
    assert gated <= promised


def test_the_strictest_word_on_profiling_counts() -> None:
    def words(*granted: bool) -> str:
        return word_on_profiling([{"purpose": "profiling", "is_granted": value} for value in granted])

    assert (words(), words(True), words(True, False)) == ("unknown", "granted", "refused")
    assert word_on_profiling([{"purpose": "marketing", "is_granted": False}]) == "unknown"
    assert may_see_profiled("agent", "unknown") and not may_see_profiled("agent", "refused")
    assert permitted({"actions": []}, "agent", "refused") == {"actions": []}


# --- tokens and the access log ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["agent", "marketer", "service"])
def test_only_privacy_reads_the_access_log(live: Live, role: str) -> None:
    assert live.get("/v1/access-log", role).status_code == 403
    assert live.get("/v1/access-log", "privacy").status_code == 200


@pytest.mark.parametrize("path", ["/v1/profiles/customer:C-1", "/v1/access-log"])
@pytest.mark.parametrize("header", [None, "Bearer x", "Bearer c360_000000000000_" + "A" * 43, "Basic YTpi"])
def test_route_without_a_valid_token_answers_401(live: Live, path: str, header: str | None) -> None:
    answer = live.client.get(path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401 and "www-authenticate" in answer.headers


def test_guessing_tokens_ends_in_429(live: Live) -> None:
    codes = [live.client.get("/v1/access-log", headers={"Authorization": "Bearer x"}).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2


def test_disabled_token_ends_at_once(live: Live) -> None:
    assert live.get("/v1/profiles/customer:C-1").status_code == 200
    disable_token(live.settings.live_path, "agent")
    assert live.get("/v1/profiles/customer:C-1").status_code == 401
    with pytest.raises(LiveError, match="no active token agent"):
        disable_token(live.settings.live_path, "agent")


def test_only_the_hash_of_a_token_is_kept(live: Live) -> None:
    kept = (live.settings.live_path / "tokens.json").read_text()
    assert not any(token.split("_", 2)[2] in kept for token in live.tokens.values())
    assert "sha256" not in str(list_tokens(live.settings.live_path))
    with pytest.raises(LiveError, match="a token agent already"):
        add_token(live.settings.live_path, "agent", "agent")
    with pytest.raises(LiveError, match="no role 'chief'"):
        add_token(live.settings.live_path, "x", "chief")


def test_state_is_closed_to_other_users(live: Live) -> None:
    live.get("/v1/profiles/customer:C-1")
    folder = live.settings.live_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for found in folder.rglob("*"):
        assert stat.S_IMODE(found.stat().st_mode) == (0o700 if found.is_dir() else 0o600), found
    assert stat.S_IMODE(live.settings.profiles_path.stat().st_mode) == 0o600


def test_every_look_is_logged_with_who_whom_and_through_what(live: Live) -> None:
    live.get("/v1/profiles/email:anna@example.org")
    live.get("/v1/profiles/email:nobody@example.org", "service")
    live.get("/v1/profiles/phone:+31611112222", "marketer")
    text = (live.settings.live_path / "access.jsonl").read_text()
    found = [
        (entry["who"], entry["customer"], entry["route"], entry["outcome"], entry["by"])
        for entry in map(json.loads, text.splitlines())
    ]
    assert found == [
        ("token:agent", "C-1", "GET /v1/profiles", "shown", "email"),
        ("token:service", None, "GET /v1/profiles", "none", "email"),
        ("token:marketer", None, "GET /v1/profiles", "several", "phone"),
    ]
    assert "@" not in text and "+31" not in text
    assert [look["who"] for look in live.get("/v1/access-log?customer=C-1", "privacy").json()["looks"]] == [
        "token:privacy", "token:agent",
    ]  # fmt: skip


def test_changed_or_removed_line_of_the_access_log_is_found(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "live")
    for customer in (1, 2, 3):
        log.note(Caller("user:eve", "agent"), "page", customer)
    log.close()
    file = tmp_path / "live" / "access.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    assert check_seals(tmp_path / "live") == 3
    for tampered in (lines[0] + lines[2], lines[0].replace(b"C-1", b"C-9") + lines[1] + lines[2]):
        file.write_bytes(tampered)
        with pytest.raises(LiveError, match="was changed"):
            check_seals(tmp_path / "live")
    # A line that a crash tore off was never answered: it goes, and the chain holds.
    file.write_bytes(b"".join(lines) + b'{"at": "20')
    log = AccessLog(tmp_path / "live")
    log.note(Caller("user:eve", "agent"), "page", 4)
    log.close()
    assert check_seals(tmp_path / "live") == 4
    assert [look["customer"] for look in looks(tmp_path / "live", most=2)] == ["C-4", "C-3"]


def test_nothing_is_shown_where_the_look_cannot_be_logged(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    answer = live.get("/v1/profiles/customer:C-1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "Anna" not in answer.text


# --- publications -----------------------------------------------------------------------------------------------------


def _publish(settings: Settings, **changes: str) -> None:
    fresh = settings.serving_path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    write_published(fresh, **changes)
    with duckdb.connect(str(fresh), read_only=True) as connection:
        write_profiles(connection, settings.profiles_path)
    fresh.replace(settings.serving_path)


def test_publication_is_seen_without_a_failed_request(live: Live) -> None:
    statuses, needs = [], []

    def ask() -> None:
        for _ in range(150):
            answer = live.get("/v1/profiles/customer:C-1?include=situational")
            statuses.append(answer.status_code)
            needs.append(answer.json()["situational"]["need"])

    asking = threading.Thread(target=ask)
    asking.start()
    _publish(live.settings, run_id="run-2", anna_need="open_complaint_help")
    asking.join()
    assert set(statuses) == {200}
    assert live.get("/v1/profiles/customer:C-1?include=situational").json()["situational"]["need"] == (
        "open_complaint_help"
    )
    assert sorted(set(needs)) == needs[:1] or needs == sorted(needs)  # the old answers first, then the new ones


def test_missing_or_damaged_store_is_answered_503_and_written_anew_at_the_start(live: Live) -> None:
    path = live.settings.profiles_path
    assert bring_profiles_up_to_date(live.settings) is False
    path.unlink()
    live.service.profiles = CurrentStore(path)
    assert live.get("/v1/profiles/customer:C-1").status_code == 503
    path.write_bytes(b"no store")
    live.service.profiles = CurrentStore(path)
    assert live.get("/v1/profiles/customer:C-1").status_code == 503
    assert bring_profiles_up_to_date(live.settings) is True
    assert live.get("/v1/profiles/customer:C-1").status_code == 200


def test_store_of_an_older_publication_is_written_anew(live: Live) -> None:
    live.settings.serving_path.unlink()
    write_published(live.settings.serving_path, run_id="run-2")
    assert bring_profiles_up_to_date(live.settings) is True
    assert ProfileStore(live.settings.profiles_path).run_id == "run-2"
