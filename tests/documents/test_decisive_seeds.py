"""The neutral seeds that decide about consent, purposes, points and stages, held against what was decided.

Each row has its reason in the seed. Whoever changes a decision changes it in both places, on purpose: a test over the
marts cannot tell a wrong decision from a right one.
"""

from __future__ import annotations

import csv

import pytest

from orchestration.settings import DBT_PACKAGE

# Marketing and profiling need consent; to serve a customer needs none.
PURPOSES = """
service contract
marketing consent needs_consent
profiling consent needs_consent
"""
# What serves the customer needs no consent to marketing. All else does, and waits during a complaint.
ACTIONS = """
answer_complaint listen service
meet_need ease service
ask_what_went_wrong listen service is_held_during_complaint
prepare_appointment ease service
remind_of_cart interest marketing is_held_during_complaint
thank_ambassador reward marketing is_held_during_complaint
reward_loyalty reward marketing is_held_during_complaint
birthday recognise marketing is_held_during_complaint
offer_service ease service is_held_during_complaint
win_back listen marketing is_held_during_complaint
welcome recognise marketing is_held_during_complaint
anniversary recognise marketing is_held_during_complaint
show_product_line interest marketing is_held_during_complaint
suggest_product_line interest marketing is_held_during_complaint
"""
# Direction, points, and whether it is an answer, pays an order or is an act of trust. What we send earns nothing.
TOUCHPOINTS = """
online_purchase inbound 50 is_purchase is_trusted_act
store_purchase inbound 50 is_purchase is_trusted_act
web_review inbound 10
account_created inbound 10
loyalty_joined inbound 20 is_trusted_act
online_return inbound 0
store_return inbound 0
appointment inbound 100 is_trusted_act
call_inbound inbound 10 is_response
call_outbound outbound 5
chat_inbound inbound 1 is_response
chat_outbound outbound 0
complaint_opened inbound 0
complaint_reopened inbound 0
complaint_answered outbound 0
email_sent outbound 0
email_delivered outbound 0
email_opened inbound 1
email_clicked inbound 5 is_response
email_replied inbound 15 is_response
email_bounced outbound 0
email_unsubscribed inbound 0
survey_answer inbound 10 is_response
web_view inbound 1
web_search inbound 2
web_download inbound 5
web_newsletter_signup inbound 5
web_webinar_signup inbound 10
web_login inbound 2
web_cart inbound 5
web_checkout inbound 10
chat_started inbound 20 is_trusted_act
appointment_kept inbound 0
coupon_redeemed_online inbound 5 is_response
coupon_redeemed_in_store inbound 5 is_response
app_offer outbound 0
store_offer outbound 0
app_open inbound 2
app_view inbound 1
app_push_sent outbound 0
app_push_opened inbound 1 is_response
app_booking inbound 30 is_response is_trusted_act
social_post inbound 5
social_mention inbound 8
social_reaction inbound 1
preferences_changed inbound 0
post_sent outbound 0
post_replied inbound 15 is_response
post_returned outbound 0
web_message outbound 0
branch_visit inbound 30 is_trusted_act
branch_offer outbound 0
social_reply outbound 0
"""
STAGES = """
attract months_known 0 0
communicate exchange_days 2 1
trust trusted_acts 2 1 is_won_back
commit purchases 3 2 is_won_back
"""
# Class and purposes of what is held.
ATTRIBUTES = """
name identity service marketing profiling
birth_date demographic service marketing profiling
gender demographic service marketing profiling
national_id identity service
email contact service marketing email
phone contact service marketing call
address contact service marketing profiling
occupation demographic service marketing profiling
annual_income demographic service profiling
loyalty relationship service marketing profiling
stated_satisfaction opinion service marketing profiling
social_handle social marketing profiling social
purchases relationship service marketing profiling
contacts behaviour service marketing profiling
answers opinion service profiling
"""
DECIDED = {
    "data_purposes": (PURPOSES, ("purpose", "needs_consent", "lawful_basis")),
    "actions": (ACTIONS, ("action", "kind", "purpose", "is_held_during_complaint")),
    "touchpoints": (
        TOUCHPOINTS, ("touchpoint", "direction", "engagement_points", "is_response", "is_purchase", "is_trusted_act"),
    ),
    "relationship_stages": (STAGES, ("stage", "measure", "enters_at", "leaves_below", "is_won_back")),
    "data_attributes": (ATTRIBUTES, ("attribute", "data_class", "purposes", "consent_channel")),
}  # fmt: skip


def _rows(seed: str) -> list[dict[str, str]]:
    with (DBT_PACKAGE / "seeds" / f"neutral_{seed}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("seed", DECIDED)
def test_seed_decides_what_was_decided(seed: str) -> None:
    decided, columns = DECIDED[seed]
    flags = [column for column in columns if column.startswith(("is_", "needs_"))]

    def shown(row: dict[str, str]) -> str:
        values = [row[column] for column in columns if column not in flags]
        return " ".join([value for value in values if value] + [flag for flag in flags if row[flag] == "true"])

    assert [shown(row) for row in _rows(seed)] == decided.strip().splitlines()


@pytest.mark.parametrize("seed", ["data_purposes", "actions", "touchpoints", "relationship_stages", "data_attributes"])
def test_every_decision_has_a_reason(seed: str) -> None:
    assert [row for row in _rows(seed) if not row["reason"]] == []


def test_what_we_send_earns_no_points() -> None:
    """A call counts, because the customer listens."""
    earning = [
        row["touchpoint"]
        for row in _rows("touchpoints")
        if row["direction"] == "outbound" and row["engagement_points"] != "0"
    ]
    assert earning == ["call_outbound"]
