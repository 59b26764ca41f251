"""The application: routes, errors and what holds for every request."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from orchestration.live import decide_routes, profile_routes
from orchestration.live.event_routes import add_event_routes
from orchestration.live.guard import Address, Guard
from orchestration.live.page_routes import open_pages, problem_page, shows
from orchestration.live.page_routes import router as page_router
from orchestration.live.problems import Problem
from orchestration.live.service import Service


def make_application(service: Service, address: Address | None = None) -> ASGIApp:
    """The ASGI application of an open service. address: where it is reached; without it, under any name."""
    app = FastAPI(
        title="context360",
        version="1",
        description="Profiles, decisions and events of one installation. Guide: docs/guides/live_service.md.",
        docs_url=None,  # its pages load scripts from an outside address
        redoc_url=None,
        default_response_class=Response,
    )
    app.state.service = service
    app.state.intake = service.intake
    app.state.pages = open_pages(service, is_secure=bool(address and address.is_secure))
    app.include_router(profile_routes.router, tags=["profiles"])
    app.include_router(decide_routes.router, tags=["decisions"])
    app.include_router(add_event_routes(profile_routes.problems(404)), tags=["events"])
    app.include_router(page_router)
    app.add_api_route("/health", _health, methods=["GET"], summary="Whether the service answers", tags=["service"])
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)
    _document_tokens(app)
    return Guard(app, address or Address())


async def _health(request: Request) -> Response:
    """The moment of the newest publication; no personal data."""
    store = request.app.state.service.store()
    return Response(orjson.dumps({"status": "ok", "as_of": store.meta["as_of"]}), media_type="application/json")


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_page(request, problem) if shows(request) else problem.response()


async def _invalid(_: Request, error: Exception) -> Response:
    """400 with the field; what was sent is not repeated, because it may be personal."""
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(step) for step in fault["loc"][1:]) or "body", "fault": fault["type"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['field']}: {fault['fault'].replace('_', ' ')}" for fault in faults)
    return Problem(400, "The request cannot be used", detail, faults=faults).response()


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    titles = {404: "No such route", 405: "No such method"}
    detail = "See /openapi.json for routes and methods."
    return Problem(
        error.status_code, titles.get(error.status_code, "Not possible"), detail, headers=error.headers
    ).response()


async def _fault(_: Request, __: Exception) -> Response:
    """A fault of ours: its trace is in the log of the service, without values."""
    return Problem(500, "Internal error", "The service's output says where; report it.").response()


def _document_tokens(app: FastAPI) -> None:
    """Says in OpenAPI that every route but /health wants a token, and that errors are problems."""
    plain = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            bearer = HTTPBearer(bearerFormat="c360_…", scheme_name="token").model.model_dump(
                by_alias=True, exclude_none=True, mode="json"
            )
            schema.setdefault("components", {})["securitySchemes"] = {"token": bearer}
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    operation["responses"].pop("422", None)  # faults of a request are 400
                    if path.startswith("/v1/profiles") or path.startswith(("/v1/access-log", "/v1/decide")):
                        operation["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = documented  # type: ignore[method-assign]
