"""The agent's page: log in, search, and the card of one customer, on the server's side as HTML."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import jinja2
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from orchestration.live.guard import FailedAttempts
from orchestration.live.problems import Problem
from orchestration.live.published import PublishedWarehouse
from orchestration.live.service import Service, client_of, noted
from orchestration.live.sessions import LONGEST_SECONDS, Session
from orchestration.serving.card import (
    Card,
    Contact,
    FoundCustomer,
    card_model,
    contacts_of,
    customer_number,
    find_customers,
)
from orchestration.serving.card.wording import day, words
from orchestration.serving.profile_access import (
    masked,
    may_see_profiled,
    purpose_of_actions,
    withheld_fields,
    word_on_profiling,
)

_FOLDER = Path(__file__).with_name("page")
_STATIC = {"style.css": "text/css", "page.js": "text/javascript"}
COOKIE = "context360_session"
TIMELINE_ROWS = 60  # about six screens; older ones follow on the next page
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
router = APIRouter(include_in_schema=False)


@dataclass
class Pages:
    """What the pages share. logins: failures per client and per account."""

    templates: jinja2.Environment
    published: PublishedWarehouse
    is_secure: bool
    logins: FailedAttempts


def open_pages(service: Service, *, is_secure: bool) -> Pages:
    """The pages of a service. is_secure: behind TLS, so the cookie travels by nothing else."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.filters |= {"day": day, "words": words, "number": customer_number}
    # Five wrong passwords in five minutes: a person who forgot has them, a guesser gets nowhere.
    return Pages(templates, PublishedWarehouse(service.settings.serving_path), is_secure, FailedAttempts(5, 300))


@router.get("/")
async def start(request: Request) -> Response:
    """Where one begins: the search, or the log-in."""
    return _to("/search" if _session(request) else "/login")


@router.get("/page/{name}")
async def static(name: str) -> Response:
    """Style and script."""
    if name not in _STATIC:
        raise Problem(404, "No such file", "The page has no file of this name.")
    return FileResponse(_FOLDER / name, media_type=_STATIC[name], headers={"Cache-Control": "max-age=3600"})


@router.get("/login")
async def login_form(request: Request) -> Response:
    """The form to log in."""
    return _to("/search") if _session(request) else _page(request, "login.html", fault="")


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Begins a session under a new secret, whatever cookie came along."""
    _same_site(request)
    service, pages = _of(request)
    form = await request.form()
    name, password = str(form.get("name", ""))[:64], str(form.get("password", ""))
    for counted in (client_of(request), f"account {name}"):
        try:
            pages.logins.check(counted)
        except Problem as problem:
            answer = _page(request, "login.html", 429, fault=f"Too many wrong passwords. {problem.content['detail']}")
            answer.headers.update(problem.headers)
            return answer
    caller = await asyncio.to_thread(service.accounts.caller, name, password)
    if caller is None:
        for counted in (client_of(request), f"account {name}"):
            pages.logins.count(counted)
        return _page(request, "login.html", 401, fault="Name or password is wrong.")
    service.sessions.end(request.cookies.get(COOKIE))
    answer = _to("/search")
    answer.set_cookie(
        COOKIE, service.sessions.begin(caller, name), max_age=LONGEST_SECONDS, httponly=True, samesite="strict",
        secure=pages.is_secure,
    )  # fmt: skip
    return answer


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Ends the session."""
    session = await _checked_form(request)
    _of(request)[0].sessions.end(request.cookies.get(COOKIE) if session else None)
    answer = _to("/login")
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/search")
async def search_form(request: Request) -> Response:
    """The form to search."""
    return _page(request, "search.html", asked="", found=None) if _session(request) else _to("/login")


@router.post("/search")
async def search(request: Request) -> Response:
    """Candidates for an identifier: it stands in the body, and in no address."""
    session = await _checked_form(request)
    if session is None:
        return _to("/login")
    service, pages = _of(request)
    asked = str((await request.form()).get("identifier", "")).strip()[:200]
    found = await asyncio.to_thread(pages.published.ask, lambda connection: find_customers(connection, asked))
    if len(found) == 1:
        return _to(f"/customers/{customer_number(found[0].customer_key)}")
    for customer in found:
        noted(service, session.caller, "page search", customer.customer_key, "listed", "search")
    if not found:
        noted(service, session.caller, "page search", None, "none", "search")
    hidden = withheld_fields(session.caller.role)
    shown = [FoundCustomer(*_told_apart(customer, hidden)) for customer in found]
    return _page(request, "search.html", asked=asked, found=shown)


def _told_apart(customer: FoundCustomer, hidden: frozenset[str]) -> tuple[Any, ...]:
    born = None if "birth_date" in hidden else customer.birth_date
    return customer.customer_key, customer.name, customer.place, born, customer.last_purchase_at


@dataclass(frozen=True)
class Shown:
    """A card as a caller may see it. groups: contacts by day. more: the moment from which older contacts follow."""

    card: Card
    word: str
    is_profile_hidden: bool
    channels: list[str]
    groups: list[tuple[str, list[Contact]]]
    more: str


@router.get("/customers/{number}")
async def customer(request: Request, number: str) -> Response:
    """The card and the timeline of one customer."""
    session = _session(request)
    if session is None:
        return _to("/login")
    service, pages = _of(request)
    digits = number.upper().removeprefix("C-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return _page(request, "missing.html", 404)
    channel, before = request.query_params.get("channel") or None, _moment(request.query_params.get("before"))
    role = session.caller.role

    def question(connection: duckdb.DuckDBPyConnection) -> Shown | None:
        found = find_customers(connection, f"C-{digits}")
        return _shown(connection, found[0].customer_key, role, channel, before) if found else None

    shown = await asyncio.to_thread(pages.published.ask, question)
    key = shown.card.customer_key if shown else None
    noted(service, session.caller, "page card", key, "shown" if shown else "none", "customer")
    if shown is None:
        return _page(request, "missing.html", 404)
    return _page(request, "customer.html", shown=shown, card=shown.card, channel=channel or "", is_older=bool(before))


def _shown(
    connection: duckdb.DuckDBPyConnection, key: int, role: str, channel: str | None, before: datetime | None
) -> Shown:
    consents = connection.execute(
        "select purpose, is_granted from marts.customer_consent where customer_key = ?", [key]
    ).fetchall()
    word = word_on_profiling([{"purpose": purpose, "is_granted": granted} for purpose, granted in consents])
    card = card_model(connection, key, lambda row: masked(row, role, word), purpose_of_actions(role, word))
    contacts = contacts_of(connection, key, most=TIMELINE_ROWS + 1, before=before, channel=channel)
    channels = connection.execute(
        "select distinct channel from marts.customer_timeline where customer_key = ? and channel is not null"
        " order by 1",
        [key],
    ).fetchall()
    by_day = groupby(contacts[:TIMELINE_ROWS], key=lambda contact: contact.happened_at.date())
    groups = [(day(of_day), list(of)) for of_day, of in by_day]
    more = contacts[TIMELINE_ROWS - 1].happened_at.isoformat() if len(contacts) > TIMELINE_ROWS else ""
    return Shown(card, word, not may_see_profiled(role, word), [name for (name,) in channels], groups, more)


def _of(request: Request) -> tuple[Service, Pages]:
    return request.app.state.service, request.app.state.pages


def _session(request: Request) -> Session | None:
    return _of(request)[0].sessions.find(request.cookies.get(COOKIE))


async def _checked_form(request: Request) -> Session | None:
    """The session that a form belongs to; None where it has ended. Raises Problem 403 for a form from elsewhere."""
    _same_site(request)
    session = _session(request)
    if session is not None and not session.accepts(str((await request.form()).get("form_token", ""))):
        raise Problem(403, "Not a form of this session", "Load the page again, and send the form once more.")
    return session


def _same_site(request: Request) -> None:
    """Raises Problem 403 where a browser says that a page elsewhere sends the form."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise Problem(403, "Not a form of this site", "Open the page under the address of the service.")


def _moment(text: str | None) -> datetime | None:
    """Where a page of the timeline begins; None for the newest."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def shows(request: Request) -> bool:
    """Whether a request is one of these pages, so that its errors are pages too."""
    return not request.url.path.startswith(("/v1/", "/health", "/openapi.json"))


def problem_page(request: Request, problem: Problem) -> Response:
    """An error as a page."""
    answer = _page(request, "problem.html", problem.status, problem=problem.content)
    answer.headers.update(problem.headers)
    return answer


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    session = _session(request)
    content = _of(request)[1].templates.get_template(template).render(session=session, **values)
    # With no referrer at all, browsers hide the origin of forms too.
    return HTMLResponse(content, status, {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"})
