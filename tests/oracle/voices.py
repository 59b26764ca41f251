"""Draws what customers say: texts, answers, complaints, what they state as preferred, and the people they refer."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from oracle.company import AS_OF, Company, Row
from oracle.facts import SYSTEMS, about_lines, interaction, line_of, some_moment

# Survey kind, question, whether it is about satisfaction, ends of the scale.
QUESTIONS = [
    ("csat", "How satisfied are you?", True, 1, 5),
    (None, "How many stars is the product worth?", True, 1, 5),
    ("nps", "How likely are you to recommend us?", True, 0, 10),
    (None, "How far do you ride?", False, 1, 5),
    ("market_research", "How much do bikes interest you?", False, 1, 5),
    ("market_research", "How much does clothing interest you?", False, 1, 5),
    ("psychographics", "Do you prefer letters?", False, 0, 10),
]
TEXTS = ["chat_inbound", "chat_outbound", "social_post", "social_reply", "email_replied"]


def draw_voices(company: Company) -> None:
    """Fills answers, complaints, relations and influence, and adds questions to the seed of stated preferences."""
    for like, kind, item, share in (
        ("%do bikes interest%", "product_line", "bikes", 0.6),
        ("%does clothing interest%", "product_line", "clothing", 0.5),
        ("%prefer letters%", "channel", "post", 0.6),
    ):  # fmt: skip
        company.add(
            "stated_preferences", question_like=like, preference_kind=kind, item=item, least_share=share, reason=""
        )
    for customer in company.customers:
        for _ in range(company.random.choice([0, 0, 1, 2, 6])):
            _answer(company, customer, some_moment(company, customer))
        for _ in range(company.random.choice([0, 0, 1, 4])):
            _text(company, customer)
        for _ in range(company.random.choice([0, 0, 0, 1, 2])):
            complaint(company, customer)
        _influence(company, customer)


def _words(company: Company) -> dict[str, object]:
    if company.chance(0.4):
        return {}
    return {
        "verbatim": f"Text {company.new_key()}",
        "sentiment": None if company.chance(0.2) else company.random.randrange(-100, 101) / 100,
    }


def _answer(company: Company, customer: int, answered_at: datetime) -> None:
    kind, question, is_about_satisfaction, low, high = company.random.choice(QUESTIONS)
    words = _words(company)
    product = company.random.randrange(201, 213) if kind is None and is_about_satisfaction else -2
    made = interaction(
        company, customer, "web_review" if kind is None else "survey_answer", answered_at, product_key=product, **words
    )
    if product > 0:
        about_lines(company, made, {line_of(company, product): None})
    score = company.random.randrange(low, high + 1)
    company.add(
        "fct_survey_answer", survey_answer_key=company.new_key(), interaction_key=made["interaction_key"],
        customer_key=customer, touchpoint_key=made["touchpoint_key"], channel_key=made["channel_key"],
        answered_at=answered_at, survey_kind=kind, question=question, is_about_satisfaction=is_about_satisfaction,
        score=Decimal(score), scale_minimum=low, scale_maximum=high,
        nps_class=("promoter" if score > 8 else "passive" if score > 6 else "detractor") if kind == "nps" else None,
        source_system=company.random.choice(SYSTEMS), **words,
    )  # fmt: skip


def _text(company: Company, customer: int) -> None:
    touchpoint = company.random.choice(TEXTS)
    interaction(company, customer, touchpoint, some_moment(company, customer), **_words(company))


def complaint(company: Company, customer: int) -> Row:
    """A complaint that is open, resolved, reopened, resolved again, or resolved after the as of only."""
    draw = company.random
    fate = draw.choice(["open", "resolved", "reopened", "resolved again", "resolved later"])
    span = timedelta(days=draw.choice([5, 50, 800]))
    opened, first_resolved, reopened, resolved = sorted(company.moment(customer, AS_OF - span, AS_OF) for _ in range(4))
    if fate == "resolved later":
        resolved = company.moment(customer, AS_OF, AS_OF + timedelta(days=9))
    row = {
        "complaint_key": company.new_key(), "session_key": company.new_key(), "customer_key": customer,
        "product_key": -2, "complaint_kind": draw.choice(["delivery", "quality", None]), "state": "opened",
        "is_open": fate in ("open", "reopened"), "opened_at": opened, "reopened_count": 0,
    }  # fmt: skip
    if fate in ("reopened", "resolved again"):
        row |= {"first_resolved_at": first_resolved, "reopened_at": reopened, "reopened_count": draw.choice([1, 2])}
    if fate in ("resolved", "resolved later"):
        row["first_resolved_at"] = resolved
    if not row["is_open"]:
        row["resolved_at"] = resolved
    interaction(
        company, customer, "complaint_opened", opened, session_key=row["session_key"], **_words(company),
    )  # fmt: skip
    latest = AS_OF + timedelta(days=1)
    if company.chance(0.4):
        row["first_answered_at"] = company.moment(customer, opened, latest)
    if company.chance(0.4):
        answered = company.moment(customer, opened, latest)
        interaction(company, customer, "complaint_answered", answered, session_key=row["session_key"])
    return company.add("fct_complaint", **row)


def _influence(company: Company, customer: int) -> None:
    draw = company.random
    if company.chance(0.3):
        company.add(
            "fct_customer_influence", customer_key=customer, pagerank=draw.random() / 1000,
            influence_percentile=float(draw.randrange(101)), referral_count=draw.randrange(3),
            follower_count=draw.randrange(500),
        )  # fmt: skip
    for kind in ("referred_by", "referred_by", "follows", "mentions"):
        other = draw.choice(company.customers)
        known = {
            (row["from_customer_key"], row["to_customer_key"], row["relation_kind"])
            for row in company.tables["bridge_customer_relation"]
        }
        if company.chance(0.2) and other != customer and (customer, other, kind) not in known:
            company.add(
                "bridge_customer_relation", from_customer_key=customer, to_customer_key=other, relation_kind=kind,
                weight=1,
                since=None if company.chance(0.2) else some_moment(company, customer),
            )  # fmt: skip
