"""`GET /v1/profiles/{kind}:{value}` and its siblings: the published answers about one customer."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from orchestration.live.access_log import looks
from orchestration.live.problems import Problem, forbidden
from orchestration.live.service import Service, caller_of, noted, privacy_caller, service_of
from orchestration.live.tokens import Caller
from orchestration.serving.profile_access import (
    may_see_profiled,
    permitted,
    readable_sections,
    withheld_fields,
    word_on_profiling,
)
from orchestration.serving.profile_store import SECTIONS, ProfileStore

router = APIRouter()
LookUp = Annotated[Service, Depends(service_of)]
Authenticated = Annotated[Caller, Depends(caller_of)]
PROBLEM = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
        }
    }
}
_TEXTS = {
    400: "A part of the request cannot be used; `detail` says which.",
    401: "No valid token.",
    403: "The role does not read this.",
    404: "No customer has this identifier.",
    408: "The body arrived too slowly.",
    409: "Several customers share this identifier; `customers` has their numbers.",
    413: "The request is too large.",
    421: "The service does not answer under this name.",
    429: "Too many wrong tokens; `Retry-After` says when to try again.",
    503: "Nothing is published, or the disk is full; `Retry-After` says when to try again.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for OpenAPI: those given, and those of every route."""
    return {
        status: {"description": _TEXTS[status], "content": PROBLEM}
        for status in sorted({*statuses, 400, 401, 403, 408, 413, 421, 429, 503})
    }


class Profile(BaseModel):
    """One customer: sections as asked for. A field without a value, or that the caller may not see, is left out."""

    customer: str = Field(description="Customer number, as in C-154.")
    as_of: str = Field(description="Moment for which the answers are true (UTC).")
    profiling: str = Field(description="What the customer says about profiling: granted, refused or unknown.")
    withheld: list[str] = Field(description="Why fields are left out: `role`, or `no consent to profiling`.")
    model_config = ConfigDict(extra="allow")


class Question(BaseModel):
    """An identifier in the body of a request, so that it stands in no log of a proxy."""

    model_config = ConfigDict(extra="forbid")
    kind: str = Field(max_length=64, description="Kind of identifier: email, phone, cookie, customer, record, …")
    value: str = Field(max_length=1_000, description="The identifier.")
    include: list[str] | None = Field(default=None, max_length=20, description="Sections; default: all of the role.")


_ANSWER: dict[str, Any] = {"response_model": Profile, "responses": problems(404, 409)}


_PARAMETERS = [
    {
        "name": "identifier", "in": "path", "required": True, "schema": {"type": "string", "minLength": 3},
        "description": "kind:value, as in customer:C-154, email:…, phone:…, cookie:… or record:crm/7.",
    },
    {
        "name": "include", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 400},
        "description": "Sections, separated by commas. Default: all that the role reads.",
    },
]  # fmt: skip


# The framework's own reading of parameters would double the time of this route, hence the plain request.
@router.get(
    "/v1/profiles/{identifier:path}",
    summary="The profile of one customer",
    openapi_extra={"parameters": _PARAMETERS},
    **_ANSWER,
)
async def profile(request: Request) -> Response:
    """The published answers about the customer who has an identifier, in the sections that the caller may read."""
    caller = await caller_of(request)
    kind, colon, value = request.path_params["identifier"].partition(":")
    if not colon or not value:
        raise Problem(400, "Not an identifier", "Write kind:value, as in customer:C-154.")
    include = request.query_params.get("include")
    wanted = None if include is None else [name.strip() for name in include.split(",") if name.strip()]
    return _answer(request.app.state.service, caller, "GET /v1/profiles", kind, value, wanted)


@router.post("/v1/profiles/lookup", summary="The profile of one customer, by an identifier in the body", **_ANSWER)
async def look_up(question: Question, service: LookUp, caller: Authenticated) -> Response:
    """As `GET /v1/profiles/…`, without a personal value in the address."""
    return _answer(service, caller, "POST /v1/profiles/lookup", question.kind, question.value, question.include)


def _answer(service: Service, caller: Caller, route: str, kind: str, value: str, include: list[str] | None) -> Response:
    names = chosen_sections(caller, include)
    store = service.store()
    customer = only_customer(service, store, caller, route, kind, value)
    found = store.sections(customer, dict.fromkeys((*names, "consents")))
    word = word_on_profiling(found["consents"])
    shown = permitted({name: found[name] for name in names}, caller.role, word)
    withheld = ["role"] if withheld_fields(caller.role) else []
    if not may_see_profiled(caller.role, word):
        withheld.append("no consent to profiling")
    noted(service, caller, route, customer, "shown", kind)
    answer = {"customer": f"C-{customer}", "as_of": store.meta["as_of"], "profiling": word, "withheld": withheld}
    return Response(orjson.dumps(answer | shown), media_type="application/json")


def chosen_sections(caller: Caller, include: list[str] | None) -> list[str]:
    """The sections that are asked for. Raises Problem 400 for an unknown one, 403 for one that the role lacks."""
    readable = readable_sections(caller.role)
    if include is None:
        return list(readable)
    for name in include:
        if name not in SECTIONS:
            raise Problem(400, "Unknown section", f"`include` knows {', '.join(SECTIONS)}.")
        if name not in readable:
            raise forbidden(f"Reading {name}")
    return include


def only_customer(service: Service, store: ProfileStore, caller: Caller, route: str, kind: str, value: str) -> int:
    """The customer of an identifier. Raises Problem 400, 404, or 409 where several share it; each look is noted."""
    if kind not in store.meta["kinds"]:
        raise Problem(400, "Unknown kind of identifier", f"Known are {', '.join(store.meta['kinds'])}.")
    customers = store.customers_of(kind, value)
    if len(customers) == 1:
        return customers[0]
    noted(service, caller, route, None, "several" if customers else "none", kind)
    if customers:
        raise Problem(
            409,
            "Several customers share this identifier",
            "Ask by customer number, or by an identifier that only one of them has.",
            customers=[f"C-{customer}" for customer in customers],
        )
    raise Problem(404, "No such customer", f"No customer has this {kind}.")


@router.get("/v1/access-log", summary="Who looked at which customer, newest first", responses=problems())
async def access_log(
    service: LookUp,
    caller: Annotated[Caller, Depends(privacy_caller)],
    customer: Annotated[str | None, Query(pattern=r"^C-[0-9]{1,18}$", description="As in C-154.")] = None,
    who: Annotated[str | None, Query(max_length=80, description="As in token:check-out or user:anna.")] = None,
    most: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> Response:
    """For the role privacy. Reading it is noted too."""
    noted(service, caller, "GET /v1/access-log", int(customer[2:]) if customer else None, "log read", "customer")
    found = looks(service.settings.live_path, customer=customer, who=who, most=most)
    return Response(orjson.dumps({"looks": found}), media_type="application/json")
