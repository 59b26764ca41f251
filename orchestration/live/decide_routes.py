"""`POST /v1/decide`: what to do for a customer in a channel at a moment, with the reason and consent of each action.

It ranks and filters what the run has proposed; it proposes nothing of its own. Each decision is on disk with the
probability of each action before it is answered, so that the policy can be judged by what then happens.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from orchestration.live.event_writer import Event
from orchestration.live.problems import forbidden
from orchestration.live.profile_routes import only_customer, problems
from orchestration.live.service import Service, caller_of, noted, service_of
from orchestration.live.tokens import Caller
from orchestration.live.tracking import text_of
from orchestration.serving.profile_access import permitted, readable_sections, word_on_profiling

router = APIRouter()
_SHOWN = (
    "kind", "action", "item", "title", "evidence", "reason", "purpose", "propensity", "expected_value_amount",
    "currency", "valid_until",
)  # fmt: skip
# The purpose that a contract allows: whoever is in contact with us may be served there, whatever they said of offers.
_SERVICE = "service"


class Moment(BaseModel):
    """Who is where. The identifier stands in the body, so that it stands in no log of a proxy."""

    model_config = ConfigDict(extra="forbid")
    kind: str = Field(max_length=64, description="Kind of identifier: customer, email, cookie, …")
    value: str = Field(max_length=1_000, description="The identifier.")
    channel: str = Field(
        pattern="^[a-z][a-z_]{0,39}$", description="Where the action would be taken: web, app, call, …"
    )
    moment: str = Field(pattern="^[a-z][a-z0-9_-]{0,39}$", description="What is going on, such as check-out.")
    most: int = Field(default=3, ge=1, le=20, description="The most actions.")


class Decision(BaseModel):
    """The actions, best first, and the number under which their outcome is reported."""

    decision_id: str
    customer: str
    as_of: str
    actions: list[dict[str, Any]]


@router.post(
    "/v1/decide",
    summary="What to do for a customer now",
    response_model=Decision,
    responses=problems(404, 409),
)
async def decide(
    moment: Moment,
    service: Annotated[Service, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_of)],
) -> Response:
    """The proposed actions that this channel may carry, by rank, each with the consent that allows it."""
    if "actions" not in readable_sections(caller.role):
        raise forbidden("Deciding")
    store = service.store()
    customer = only_customer(service, store, caller, "POST /v1/decide", moment.kind, moment.value)
    found = store.sections(customer, ("actions", "consents"))
    word = word_on_profiling(found["consents"])
    shown = permitted({"actions": found["actions"]}, caller.role, word)["actions"]
    now = service.fixed_as_of or datetime.now(UTC).replace(tzinfo=None)
    actions = allowed_actions(shown, found["consents"], moment.channel, now)[: moment.most]
    decision_id = str(uuid.uuid4())
    noted(service, caller, "POST /v1/decide", customer, "decided", moment.kind)
    answer = {
        "decision_id": decision_id, "customer": f"C-{customer}", "as_of": store.meta["as_of"], "actions": actions,
    }  # fmt: skip
    logged = {
        "customer_number": customer, "channel": moment.channel, "moment": moment.moment, "decided_for": caller.name,
        "run_id": store.run_id, "actions": actions,
    }  # fmt: skip
    row = {"message_id": decision_id, "received_at": text_of(datetime.now(UTC)), "payload": logged}
    system, stream = service.decisions
    await service.intake.writer.write([Event(system, stream, decision_id, orjson.dumps(row) + b"\n")])
    return Response(orjson.dumps(answer), media_type="application/json")


def allowed_actions(
    actions: Sequence[Mapping[str, Any]], consents: Sequence[Mapping[str, Any]], channel: str, now: datetime
) -> list[dict[str, Any]]:
    """The actions that a channel may carry at a moment, by rank, each with its probability and what allows it.

    actions: rows of marts.next_best_action; consents: rows of marts.customer_consent. An action for another channel is
    moved to this one only where the customer has consented to its purpose here.
    """
    found: list[dict[str, Any]] = []
    for row in actions:
        if row.get("valid_until") and datetime.fromisoformat(row["valid_until"]) <= now:
            continue
        allowed = _allowed_by(row, consents, channel)
        if allowed is not None:
            shown = {name: row[name] for name in _SHOWN if name in row}
            probability = row.get("proposal_probability")
            found.append({"rank": len(found) + 1, **shown, "probability": probability, "allowed_by": allowed})
    return found


def _allowed_by(
    action: Mapping[str, Any], consents: Sequence[Mapping[str, Any]], channel: str
) -> dict[str, Any] | None:
    """What allows an action in a channel, or None."""
    purpose = action["purpose"]
    here = [row for row in consents if row["purpose"] == purpose and row["channel"] == channel]
    if any(not row["is_granted"] for row in here):
        return None
    if here:
        return {
            "lawful_basis": here[0]["lawful_basis"], "purpose": purpose, "channel": channel,
            "changed_at": here[0].get("changed_at"),
        }  # fmt: skip
    if purpose == _SERVICE:
        return {"lawful_basis": action["lawful_basis"], "purpose": purpose, "channel": channel, "changed_at": None}
    return None
