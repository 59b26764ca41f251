"""Whatever is sent, no route answers 500, and each answer is one that OpenAPI promises (schemathesis)."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from live.conftest import Live, open_live
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_EXAMPLES = 12  # per route: a new route is what finds faults, not a longer search


@pytest.fixture(scope="module")
def fuzzed(published_home: Path, tmp_path_factory: pytest.TempPathFactory):
    """One service for all routes."""
    with open_live(published_home, tmp_path_factory.mktemp("fuzzed") / "home") as live:
        yield live


def test_no_request_makes_a_route_fail_or_answer_what_openapi_does_not_promise(fuzzed: Live) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", fuzzed.client.app)
    tried = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        tried.add(operation.label)

        @seed(360)
        @settings(
            max_examples=_EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            fuzzed.service.wrong_tokens._failures.clear()
            case.call_and_validate(
                headers=fuzzed.as_role("privacy"),
                checks=[
                    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
                ],
            )  # fmt: skip

        ask()
    assert {"GET /v1/profiles/{identifier}", "POST /v1/profiles/lookup", "GET /v1/access-log"} <= tried
