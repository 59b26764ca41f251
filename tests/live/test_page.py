"""The agent's page: who gets in, what they see, and that it works in a real browser."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from live.browser import CHROMIUM, open_browser
from live.conftest import Live
from starlette.testclient import TestClient

from orchestration.live import accounts
from orchestration.live.accounts import Accounts, add_account, disable_account, list_accounts
from orchestration.live.application import make_application
from orchestration.live.guard import Address
from orchestration.live.page_routes import COOKIE
from orchestration.live.server import Listening
from orchestration.live.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions
from orchestration.live.state_files import LiveError
from orchestration.live.tokens import Caller

PASSWORD = "correct horse battery"


@pytest.fixture
def desk(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A service with an account per role, and passwords that are hashed quickly."""
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    accounts._of_no_account.cache_clear()
    for role in ("agent", "marketer", "privacy"):
        add_account(live.settings.live_path, f"anna-{role}", role, PASSWORD)
    return live


def _log_in(desk: Live, role: str = "agent") -> httpx.Response:
    return desk.client.post("/login", data={"name": f"anna-{role}", "password": PASSWORD}, follow_redirects=False)


def _token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    return found[1]


def _search(desk: Live, identifier: str) -> httpx.Response:
    token = _token(desk.client.get("/search").text)
    return desk.client.post("/search", data={"identifier": identifier, "form_token": token}, follow_redirects=False)


def test_agent_logs_in_searches_and_reads_the_card(desk: Live) -> None:
    assert _log_in(desk).headers["location"] == "/search"
    found = _search(desk, "anna@example.org")
    # One customer matches: the page follows at once, and no personal value stands in its address.
    assert (found.status_code, found.headers["location"]) == (303, "/customers/C-1")
    page = desk.client.get("/customers/C-1").text
    assert "<h1>Anna Aal" in page
    assert "Help to finish the order" in page and "items left in the cart: 1" in page
    assert "Answer the complaint: why" in page


def test_candidates_are_distinguished_by_birth_date_town_and_last_order(desk: Live) -> None:
    _log_in(desk)
    page = _search(desk, "0611112222").text
    assert page.count("<li><a href=") == 2
    assert "born 8 July 1990, Gouda, NL, last order 21 January 2026" in page
    assert "born 10 September 1992" in page
    desk.client.cookies.clear()
    _log_in(desk, "marketer")
    assert "born" not in _search(desk, "0611112222").text


def test_card_shows_titles_and_says_what_hides_a_zero(desk: Live) -> None:
    _log_in(desk)
    page = desk.client.get("/customers/C-1").text
    for shown in ("civil servant", "1 point", "0.00 EUR after returns of 78.70 EUR", "e-mail: consent given"):
        assert shown in page
    # What we sent is no contact of theirs: the last one is the purchase.
    assert re.search(r"Last contact</dt><dd>Purchase in a store \(store\), 10 days ago", page)
    assert not re.search(r"\b1 (points|purchases|contacts)\b", page)
    assert "e-mail: refused" in desk.client.get("/customers/C-2").text
    assert "e-mail: never asked" in desk.client.get("/customers/C-3").text


def test_refused_profiling_hides_scores_on_the_page_too(desk: Live) -> None:
    _log_in(desk)
    anna, bram = (desk.client.get(f"/customers/C-{key}").text for key in (1, 2))
    assert "Show what they look at" in anna and "segment: loyal buyers" in anna
    assert "has refused profiling" in bram
    assert not any(word in bram for word in ("Show what they look at", "segment:", "percentile", "Forecast"))
    assert "Answer the complaint" in bram


def test_timeline_is_filtered_by_channel(desk: Live) -> None:
    _log_in(desk)
    assert "E-mail sent" in desk.client.get("/customers/C-1").text
    page = desk.client.get("/customers/C-1?channel=store").text
    assert "E-mail sent" not in page and "Purchase in a store" in page
    assert desk.client.get("/customers/C-1?channel=x'%20or%201=1--&before=never").status_code == 200


def test_every_page_look_is_logged_with_the_person(desk: Live) -> None:
    _log_in(desk)
    _search(desk, "0611112222")
    desk.client.get("/customers/C-1")
    looks = [
        (look["who"], look["customer"], look["outcome"])
        for look in desk.get("/v1/access-log", "privacy").json()["looks"]
        if look["who"].startswith("user:")
    ]
    assert looks == [
        ("user:anna-agent", "C-1", "shown"), ("user:anna-agent", "C-4", "listed"), ("user:anna-agent", "C-3", "listed"),
    ]  # fmt: skip


# --- who gets in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/search", "/customers/C-1"])
def test_page_without_a_session_leads_to_the_log_in(desk: Live, path: str) -> None:
    answer = desk.client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    # A token of a program is no session, and a session is no token.
    assert desk.client.get(path, headers=desk.as_role("agent"), follow_redirects=False).status_code == 303
    _log_in(desk)
    assert desk.client.get("/v1/profiles/customer:C-1").status_code == 401


def test_session_begins_under_a_new_secret_and_its_cookie_is_closed_to_scripts(desk: Live) -> None:
    desk.client.cookies.set(COOKIE, "planted")
    answer = _log_in(desk)
    cookie = answer.headers["set-cookie"]
    assert "planted" not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    secured = TestClient(make_application(desk.service, Address(is_secure=True)), base_url="https://testserver")
    answer = secured.post("/login", data={"name": "anna-agent", "password": PASSWORD}, follow_redirects=False)
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_form_from_elsewhere_is_refused(desk: Live) -> None:
    _log_in(desk)
    form = {"identifier": "anna@example.org"}
    assert desk.client.post("/search", data=form).status_code == 403
    assert desk.client.post("/search", data=form | {"form_token": "guessed"}).status_code == 403
    token = _token(desk.client.get("/search").text)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = desk.client.post("/search", data=form | {"form_token": token}, headers=headers)
        assert answer.status_code == 403
        assert desk.client.post("/login", data={"name": "x", "password": "y"}, headers=headers).status_code == 403


def test_log_out_and_a_disabled_account_end_the_session(desk: Live) -> None:
    _log_in(desk)
    stolen = desk.client.cookies.get(COOKIE)
    desk.client.post("/logout", data={"form_token": _token(desk.client.get("/search").text)})
    desk.client.cookies.set(COOKIE, stolen)
    assert desk.client.get("/search", follow_redirects=False).status_code == 303
    desk.client.cookies.clear()
    _log_in(desk)
    disable_account(desk.settings.live_path, "anna-agent")
    assert desk.client.get("/search", follow_redirects=False).status_code == 303
    assert _log_in(desk).status_code == 401


def test_session_ends_after_a_shift(desk: Live) -> None:
    now = [0.0]
    sessions = Sessions(Accounts(desk.settings.live_path), lambda: now[0])
    busy = sessions.begin(Caller("user:anna-agent", "agent"), "anna-agent")
    # Asked for every half an hour, a session lives for a shift of ten hours.
    assert LONGEST_SECONDS // IDLE_SECONDS == 20
    for _ in range(20):
        now[0] += IDLE_SECONDS
        assert sessions.find(busy) is not None
    now[0] += 1
    assert sessions.find(busy) is None


def test_session_that_is_not_used_ends_after_half_an_hour(desk: Live) -> None:
    now = [0.0]
    sessions = Sessions(Accounts(desk.settings.live_path), lambda: now[0])
    silent = sessions.begin(Caller("user:anna-agent", "agent"), "anna-agent")
    now[0] = IDLE_SECONDS
    assert sessions.find(silent) is not None
    now[0] += IDLE_SECONDS + 1
    assert sessions.find(silent) is None


def test_guessing_passwords_ends_in_429(desk: Live) -> None:
    wrong = {"name": "anna-agent", "password": "wrong horse battery"}
    codes = [desk.client.post("/login", data=wrong).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert _log_in(desk).status_code == 429  # also with the right one, until the time is over


def test_passwords_are_long_and_only_their_hashes_are_kept(desk: Live) -> None:
    live = desk.settings.live_path
    assert PASSWORD not in (live / "users.json").read_text()
    assert "argon2id" in (live / "users.json").read_text() and "hash" not in str(list_accounts(live))
    with pytest.raises(LiveError, match="15 to 256 characters"):
        add_account(live, "ben", "agent", "short")
    with pytest.raises(LiveError, match="an account anna-agent already"):
        add_account(live, "anna-agent", "agent", PASSWORD)


@pytest.mark.parametrize("path", ["/page/../accounts.py", "/page/%2e%2e/accounts.py", "/page/base.html"])
def test_only_style_and_script_are_served(desk: Live, path: str) -> None:
    assert desk.client.get(path).status_code == 404


def test_pages_forbid_scripts_and_frames_from_elsewhere(desk: Live) -> None:
    _log_in(desk)
    for path in ("/search", "/customers/C-1"):
        answer = desk.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY" and answer.headers["cache-control"] == "no-store"
        assert not re.search(r"(src|href|action)=\"(https?:)?//", answer.text)
        assert "<script>" not in answer.text and " style=" not in answer.text and " onclick" not in answer.text


def test_what_was_searched_is_shown_as_text(desk: Live) -> None:
    _log_in(desk)
    page = _search(desk, '"><script>alert(1)</script>').text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


# --- where it listens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_no_tls(host: str) -> None:
    assert Listening(host).address().is_secure is False


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "::", "customers.example"])
def test_other_machines_are_answered_by_tls_or_a_stated_proxy_only(host: str, tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="must not travel unencrypted"):
        Listening(host).address()
    with pytest.raises(LiveError, match="both --certificate and --key"):
        Listening(host, certificate=tmp_path / "c.pem").address()
    with pytest.raises(LiveError, match="There is no file"):
        Listening(host, certificate=tmp_path / "c.pem", key=tmp_path / "k.pem").address()
    assert Listening(host, proxy="10.0.0.5").address() == Address(is_secure=True)


def test_request_that_came_around_the_proxy_or_by_another_name_is_refused(desk: Live) -> None:
    behind = TestClient(make_application(desk.service, Address(is_secure=True)))
    assert behind.get("/health").status_code == 403
    assert behind.get("https://testserver/health").status_code == 200
    named = TestClient(make_application(desk.service, Listening().address()))
    assert named.get("/health", headers={"Host": "127.0.0.1:8360"}).status_code == 200
    assert named.get("/health", headers={"Host": "rebound.example"}).status_code == 421


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture
def address(desk: Live) -> Iterator[str]:
    """The service on a port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(make_application(desk.service), port=port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


_CONTRAST = """
(() => {
  const light = (c) => { const v = c.match(/[\\d.]+/g).map(Number).slice(0, 3).map((x) => x / 255)
    .map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/rgba\\(.*, 0\\)/.test(c) && c !== "transparent") return c; } return "rgb(255, 255, 255)"; };
  const found = [];
  for (const e of document.querySelectorAll("main *, header *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.offsetParent) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(e.className + " " + e.textContent.trim().slice(0, 30));
  }
  return found;
})()
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_works_by_keyboard_on_a_telephone_and_in_light_and_dark(address: str) -> None:
    with open_browser() as browser:
        browser.look(width=1280)
        browser.go(f"{address}/")
        # The cursor stands in the first field; no mouse is needed.
        browser.type("anna-agent")
        browser.press("Tab", 9)
        browser.type(PASSWORD)
        browser.press("Enter", 13, "\r")
        browser.wait_for("location.pathname === '/search'")
        browser.type("anna@example.org")
        browser.press("Enter", 13, "\r")
        browser.wait_for("location.pathname === '/customers/C-1'")
        assert browser.run("document.querySelector('h1').textContent.trim()") == "Anna Aal C-1"
        browser.press("/", 191, "/")
        assert browser.run("document.activeElement.id") == "quick"
        for dark in (False, True):
            browser.look(width=390, dark=dark)
            assert browser.run("document.documentElement.scrollWidth") == 390  # nothing to scroll sideways
            assert browser.run(_CONTRAST) == []  # WCAG AA: 4.5 to 1
        # What is read out has a name: fields labels, the page a language, headings an order.
        assert browser.run(
            "[...document.querySelectorAll('input:not([type=hidden])')].every((i) => i.labels.length) && "
            "document.documentElement.lang === 'en' && document.querySelectorAll('h1').length === 1"
        )
        browser.look(width=800, printed=True)
        assert browser.run("getComputedStyle(document.querySelector('.bar')).display") == "none"
        assert browser.complaints == []
