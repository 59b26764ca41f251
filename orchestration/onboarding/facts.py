"""What customers do and say beside purchases, and the lists of products and places."""

from __future__ import annotations

from orchestration.onboarding.plan import StreamPlan, SystemPlan
from orchestration.onboarding.purchases import net_amount
from orchestration.onboarding.selects import (
    TODO,
    Select,
    Selected,
    choice,
    currency,
    own_key,
    timestamp,
    undecided,
    who,
    words_of,
)
from orchestration.onboarding.words import words


def booking(system: SystemPlan, stream: StreamPlan) -> Select:
    """A stay."""
    started, ended = stream.line("started_at"), stream.line("ended_at")
    assert started is not None and ended is not None
    columns = [
        Selected(own_key(stream), "booking_id", stream.key.evidence),
        Selected(TODO, "touchpoint", "TODO what the stay is, in seeds/own_touchpoints.csv"),
        *who(stream),
        Selected(timestamp(started.name, started.kind), "started_at"),
        Selected(timestamp(ended.name, ended.kind), "ended_at"),
        Selected(net_amount(system, stream, "")[0], "net_amount"),
        currency(system, stream, "currency"),
    ]
    return Select(stream.name, tuple(columns))


def answer(system: SystemPlan, stream: StreamPlan) -> Select:
    """An answer to one question: a review or a survey."""
    score, moment = stream.landed("score"), stream.moment
    assert score is not None and moment is not None
    is_review = bool(words_of(system, stream) & words("review_words")) or "review" in score.name
    low, high, why = _scale(system, stream)
    columns = [
        Selected(own_key(stream), "survey_answer_id", stream.key.evidence),
        Selected("'web_review'" if is_review else "'survey_answer'", "touchpoint", "by the name; TODO confirm"),
        *who(stream),
        Selected(f"'{score.name}'", "question"),
        Selected("true", "is_about_satisfaction", "TODO confirm: a higher score is a more satisfied customer"),
        Selected(stream.output("score"), "score"),
        Selected(low, "scale_minimum", why),
        Selected(high, "scale_maximum"),
        *([Selected(stream.output("verbatim"), "verbatim")] if stream.output("verbatim") else []),
        Selected(timestamp(moment.name, moment.kind), "answered_at"),
    ]
    return Select(stream.name, tuple(columns))


def _scale(system: SystemPlan, stream: StreamPlan) -> tuple[str, str, str]:
    score = stream.landed("score")
    assert score is not None
    seen = f"{score.lowest} to {score.highest} delivered"
    low, high = float(score.lowest or 0), float(score.highest or 0)
    if low >= 1 and 4 < high <= 5:
        return "1", "5", f"{seen}; TODO confirm the scale"
    if low == 0 and high == 10:
        return "0", "10", seen
    stated = choice(
        system,
        stream,
        f"{score.name}.scale",
        f"on which scale is {score.name} ({seen})? Write it as 1-10",
    )
    lowest, _, highest = stated.partition("-")
    if lowest.strip().isdigit() and highest.strip().isdigit():
        return lowest.strip(), highest.strip(), "as stated"
    either = undecided(score.name, "the lowest and the highest score that can be given")
    return either, either, f"TODO {seen}: which scores can be given?"


def product(system: SystemPlan, stream: StreamPlan) -> Select:
    """A product."""
    columns = [Selected(own_key(stream), "product_id", stream.key.evidence)]
    for role, name in (("product_title", "title"), ("label", "title"), ("product_line", "product_line")):
        if stream.output(role) and name not in {column.name for column in columns}:
            columns.append(Selected(stream.output(role), name))
    price = stream.output("net_amount") or stream.output("unit_price")
    if price:
        columns += [Selected(price, "price_amount"), currency(system, stream, "currency")]
    return Select(stream.name, tuple(columns))


def place(stream: StreamPlan) -> Select:
    """A store."""
    columns = [
        Selected(own_key(stream), "location_id", stream.key.evidence),
        Selected("'store'", "location_kind", "TODO store, branch, workshop or zone"),
    ]
    for role, name in (("label", "title"), ("city", "city"), ("country", "country")):
        if stream.output(role):
            columns.append(Selected(stream.output(role), name))
    return Select(stream.name, tuple(columns))


def interaction(system: SystemPlan, stream: StreamPlan) -> Select:
    """A contact that is neither a purchase nor an answer."""
    moment = stream.moment
    assert moment is not None
    touchpoint, why = TODO, "TODO one of the touchpoints: seeds/own_touchpoints.csv, or those of the package"
    if words_of(system, stream) & words("call_words"):
        answered = choice(system, stream, "touchpoint", "who calls?", inbound="the customer", outbound="we")
        touchpoint, why = (
            (f"'call_{answered}'", "as stated") if answered else (TODO, "TODO call_inbound or call_outbound")
        )
    columns = [
        Selected(own_key(stream), "source_interaction_id", stream.key.evidence),
        Selected(touchpoint, "touchpoint", why),
        *who(stream),
        Selected(timestamp(moment.name, moment.kind), "happened_at"),
    ]
    known = ("duration_seconds", "outcome", "url", "session_id", "product_id", "campaign_id", "verbatim")
    columns += [Selected(stream.output(role), role) for role in known if stream.output(role)]
    return Select(stream.name, tuple(columns))
