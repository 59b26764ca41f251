"""The neutral seeds that decide about consent, purposes, points and stages, held against what was decided.

Each row has its reason in the seed. Whoever changes a decision changes it in both places, on purpose: a test over the
marts cannot tell a wrong decision from a right one.
"""

from __future__ import annotations

import csv

import pytest
from documents.test_reference import GENERATOR

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
carts behaviour service marketing profiling
positions behaviour service marketing profiling
product_readings behaviour service profiling
complaints opinion service profiling
appointments relationship service marketing profiling
loyalty_transactions relationship service marketing profiling
offers behaviour service marketing profiling
consents relationship service
record_numbers identity service
devices behaviour service profiling
relations social service marketing profiling
scores profile marketing profiling
segments profile marketing profiling
engagement profile marketing profiling
interests profile marketing profiling
influence profile marketing profiling
needs profile service marketing profiling
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


# What each row decides, with - where it says nothing: when a need is one, what a segment asks for, and limits beyond
# which a value is no fact.
SETTINGS = {
    "needs": (
        "need precedence signal window_hours threshold_kind threshold action",
        """
open_complaint_help 20 open_complaint 0 - - answer_complaint
product_fault_service 30 product_fault 2160 - - meet_need
in_store_help 40 store_visit 0.5 - - meet_need
near_store_search 50 search_near_store 2 - - meet_need
unanswered_chat 60 unanswered_chat 72 at_least 15 meet_need
missed_call_back 70 missed_call 168 - - meet_need
promised_call_back 80 promised_call 336 - - meet_need
low_battery_service 90 product_battery 24 at_most 10 meet_need
service_recovery 100 satisfaction 720 at_most 2 meet_need
unhappy_unsubscribed 110 unhappy_leaver 720 - - meet_need
appointment_preparation 120 appointment 48 - - prepare_appointment
complaint_follow_up 130 answered_complaint 0 at_least 7 meet_need
fault_follow_up 140 past_product_fault 2160 - - meet_need
cart_help 150 abandoned_cart 48 - - remind_of_cart
search_help 160 searches 24 at_least 3 show_product_line
running_session_help 170 session 0.5 - - show_product_line
service_due 180 service_due 2160 - - offer_service
""",
    ),
    "segments": (
        "segment precedence least_recency_score most_recency_score least_frequency_score least_monetary_score "
        "least_purchase_count most_purchase_count least_intervals most_intervals least_points most_tenure_days "
        "is_loyal",
        """
champions 1 - - 4 4 3 - - 3 - - true
at_risk 2 - - 4 3 3 - 3 - - - false
loyal 3 - - - - 3 - - 3 - - true
new_buyers 4 - - - - - 1 - 3 - - false
promising 5 - - - - - 2 - 3 - - false
sleeping 6 - - - - 1 - 3 - - - false
interested 7 - - - - - 0 - - 10 - false
newcomers 8 - - - - - 0 - - - 90 false
silent 9 - - - - - 0 - - - - false
""",
    ),
    "actions": (
        "action base_score within_days least_count valid_days",
        """
answer_complaint 100 - - 2
meet_need 90 - - 1
ask_what_went_wrong 80 60 - 14
prepare_appointment 75 3 - 2
remind_of_cart 70 7 - 3
thank_ambassador 65 - - 30
reward_loyalty 55 - 3 30
birthday 50 7 - 7
offer_service 47 - - 90
win_back 45 60 - 30
welcome 40 30 - 30
anniversary 35 7 - 14
show_product_line 30 - - 14
suggest_product_line 30 - - 14
""",
    ),
    "engagement_bands": (
        "band band_rank least_points", "none 0 0\nlow 1 0.5\nmedium 2 10\nhigh 3 50\nvery_high 4 120"
    ),
    "journey_steps": (
        "journey_step step_rank is_before_purchase",
        "orientation 1 true\nconsideration 2 true\npurchase 3 true\nuse 4 false\nservice 5 false",
    ),
    "latency_classes": ("latency_class latency_rank most_seconds", "minutes 1 900\ndaily 2 86400\nlater 3 -"),
    "activity_kinds": ("activity_kind latency_class", "interaction -\nposition minutes\nreading minutes"),
    "channels": (
        "channel channel_key context presence",
        """
web 1 situational online
app 2 situational online
email 3 personal -
call 4 relationship -
chat 5 personal -
store 6 relationship on_site
branch 7 relationship on_site
social 8 personal -
post 9 relationship -
""",
    ),
    "relation_weights": (
        "relation_kind weight", "referred_by 3\nfollows 1\nmentions 1\nreacts_to 0.5\nhousehold 0"
    ),
    "identifier_limits": (
        "identifier_kind most_purchases_per_day most_sessions_per_day most_events_per_day", "any 40 60 3000"
    ),
    "moment_limits": (
        "stream earliest_at most_days_ahead placeholder_at", "any 1900-01-02 00:00:00 730 1970-01-01 00:00:00"
    ),
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


@pytest.mark.parametrize("seed", SETTINGS)
def test_setting_is_what_was_decided(seed: str) -> None:
    columns, decided = SETTINGS[seed]
    found = [" ".join(row[column] or "-" for column in columns.split()) for row in _rows(seed)]
    assert found == decided.strip().splitlines()


def test_amount_of_a_billion_is_a_misread_number_but_in_currencies_of_small_units() -> None:
    limits = {(row["stream"], row["currency"]): int(row["most_amount"]) for row in _rows("amount_limits")}
    assert limits.pop(("any", "any")) == 10**9
    assert {"JPY", "KRW", "VND", "IDR", "HUF"} < {currency for _, currency in limits}
    assert not {"EUR", "USD", "GBP", "CHF"} & {currency for _, currency in limits}
    assert set(limits.values()) == {10**11}


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


def test_a_request_for_the_data_held_names_every_fact_about_a_customer() -> None:
    """GDPR article 15 knows no fact that is left out: each with a customer and a system is in customer_data_use."""
    shown = (GENERATOR.PACKAGE / "models" / "marts" / "consent" / "customer_data_use.sql").read_text(encoding="utf-8")
    facts = {
        table.name
        for table in GENERATOR._tables("models")
        if table.name.startswith("fct_") and {"customer_key", "source_system"} <= {name for name, *_ in table.columns}
    }
    assert len(facts) > 10
    assert {fact for fact in facts if f"('{fact}', " not in shown} == set()
