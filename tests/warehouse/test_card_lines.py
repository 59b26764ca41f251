"""The lines of a card about one customer, each written by hand from what the customer did."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from orchestration.serving.card.finding import find_customers
from orchestration.serving.card.personal import personal_lines
from orchestration.serving.card.relationship import identity_lines, relationship_lines
from orchestration.serving.card.situational import situational_lines

NOW = datetime(2025, 6, 10, 12, 0)


class Customer(dict[str, object]):
    """A row of customer_360 of which a test sets the columns that matter; all others are null."""

    def __missing__(self, column: str) -> None:
        return None


def situation(**columns: object) -> dict[str, str]:
    """The lines of the situational context that say something, without the as of and the need."""
    lines = dict(situational_lines(Customer(as_of=NOW, **columns)))
    return {name: line for name, line in lines.items() if line and name not in ("As of", "Need")}


def test_position_is_in_metres_below_a_kilometre_and_in_kilometres_from_there() -> None:
    seen = {"nearest_store": "Breda", "position_age_seconds": 600}
    near = situation(**seen, nearest_store_metres=999, position_accuracy_metres=30)
    assert near == {"Position": "10 minutes ago, 999 m from Breda, the nearest store (accurate to 30 m)"}
    far = situation(**seen, nearest_store_metres=12_340)
    assert far == {"Position": "10 minutes ago, 12.3 km from Breda, the nearest store"}
    # Who is in the store needs no distance to it.
    inside = {"visited_store": "Breda", "visit_last_seen_at": NOW, "is_in_store": True, "visit_dwell_seconds": 0}
    assert situation(**seen, **inside, nearest_store_metres=5) == {"In store": "in Breda, last seen just now"}


def test_visit_to_a_store_goes_on_or_has_ended() -> None:
    visit = {"visited_store": "Breda", "visited_zone": "e_bikes", "visit_last_seen_at": datetime(2025, 6, 10, 11, 55)}
    assert situation(**visit, is_in_store=True, visit_dwell_seconds=1_500) == {
        "In store": "in Breda, zone e bikes, last seen 5 minutes ago, 25 minutes so far"
    }
    assert situation(**visit, is_in_store=True, visit_dwell_seconds=59) == {
        "In store": "in Breda, zone e bikes, last seen 5 minutes ago"
    }
    assert situation(**visit, is_in_store=False) == {"In store": "was in Breda, zone e bikes 5 minutes ago"}


def test_session_is_running_or_was() -> None:
    session = {
        "session_channel": "app", "session_started_at": datetime(2025, 6, 10, 11, 20), "session_page_count": 1,
        "session_last_at": datetime(2025, 6, 10, 11, 50), "session_product_line": "e_bikes",
    }  # fmt: skip
    assert situation(**session, is_session_running=True) == {
        "Session": "in the app now, for 40 minutes, 1 page, mostly e bikes"
    }
    assert situation(**session, is_session_running=False) == {
        "Session": "was in the app 10 minutes ago, 1 page, mostly e bikes"
    }


def test_cart_product_and_complaint_of_one_customer() -> None:
    lines = situation(
        cart_line_count=2, cart_amount=99.5, cart_currency="EUR", is_cart_abandoned=True,
        cart_last_added_at=datetime(2025, 6, 9, 9, 0),
        connected_product_count=3, connected_product="E-bike X", fault_code="E21", fault_since=date(2025, 6, 1),
        battery_percent=40, product_read_at=datetime(2025, 6, 10, 10, 0),
        open_complaint_since=date(2025, 5, 1), open_complaint_kind="late_delivery",
        open_complaint_reopened_at=date(2025, 5, 20), open_complaint_answered_at=date(2025, 5, 3),
        next_appointment_at=datetime(2025, 6, 12, 14, 30), next_appointment_kind="workshop_visit",
        next_appointment_location="Breda", is_in_house=True, stay_ends_at=date(2025, 6, 14),
        search_terms="saddle", search_count_1d=3,
    )  # fmt: skip
    assert lines == {
        "Staying": "until 14 June 2025",
        "Cart": "2 products worth 99.50 EUR, abandoned; the last one added 27 hours ago",
        "Searches": "saddle (3 times in the last day)",
        "Product": (
            "E-bike X: fault E21 since 1 June 2025, battery at 40 % (reported 2 hours ago); 2 other connected products"
        ),
        "Complaint": "late delivery, open since 1 May 2025, reopened on 20 May 2025, answered on 3 May 2025",
        "Appointment": "workshop visit on 12 June 2025 at 14:30 UTC in Breda",
    }


def test_one_connected_product_without_a_fault_and_a_complaint_that_waits() -> None:
    lines = situation(
        connected_product_count=1, product_read_at=datetime(2025, 6, 8, 12, 0), open_complaint_since=date(2025, 6, 1)
    )
    assert lines == {
        "Product": "connected product: no fault (reported 2 days ago)",
        "Complaint": "complaint, open since 1 June 2025, waits for an answer",
    }


@pytest.mark.parametrize(("trend", "words"), [(0.1, "; the last one better than before"), (0, ""), (None, "")])
def test_last_answer_is_better_than_before(trend: float | None, words: str) -> None:
    lines = dict(personal_lines(Customer(opinion_count=2, average_satisfaction=0.75, satisfaction_trend=trend)))
    assert lines["Satisfaction"] == f"75 % from 2 answers and reviews{words}"


def test_last_answer_is_worse_than_before() -> None:
    lines = dict(personal_lines(Customer(opinion_count=2, average_satisfaction=0.75, satisfaction_trend=-0.1)))
    assert lines["Satisfaction"] == "75 % from 2 answers and reviews; the last one worse than before"


def test_visits_and_purchases_of_all_time_and_of_a_year() -> None:
    lines = dict(
        relationship_lines(
            Customer(
                purchase_count=9, purchase_day_count=8, recency_days=1, last_purchase_at=date(2025, 6, 9),
                purchase_count_12m=4, on_site_count=12, on_site_count_12m=5, usual_location="Breda",
                recency_score=5, frequency_score=4, monetary_score=3, usual_channel="store", usual_weekday=1,
                usual_hour=9, current_value_amount=900, value_12m_amount=400, currency="EUR",
                first_known_at=date(2020, 2, 3),
            )
        )
    )  # fmt: skip
    assert lines["Purchases"] == "9 purchases on 8 days, the last 1 day ago (9 June 2025); 4 in the last 12 months"
    assert lines["On site"] == "12 visits, 5 in the last 12 months, mostly Breda"
    assert lines["Scores"] == "recency 5, frequency 4, value 3 (5 is best)"
    assert lines["Usual contact"] == "store, Monday, at 9:00"
    assert lines["Known since"] == "3 February 2020"


def test_records_show_how_certain_their_link_is() -> None:
    person = Customer(
        street="Kerkstraat", house_number="1", postal_code="4811 AB", city="Breda", country="NL", loyalty_number="L7",
        loyalty_tier="gold", loyalty_points=0, email="a@x.example",
    )  # fmt: skip
    found = Customer(source_record_count=3, source_systems="crm, shop", match_probability=0.97)
    lines = dict(identity_lines(found, person))
    assert lines["Records"] == "3 records in crm, shop (link probability 97 %)"
    assert lines["Address"] == "Kerkstraat 1, 4811 AB Breda, NL"
    assert lines["Loyalty"] == "L7, tier gold, 0 points"


def test_phone_is_found_in_any_notation_and_never_by_a_few_digits() -> None:
    """Nine digits are a number; the last ones alone are those of many people."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema core;
            create table core.bridge_customer_identifier as
            select 7 as customer_key, 'phone' as identifier_kind, '+31612345678' as identifier_value;
            create table core.dim_customer as
            select 7 as customer_key, 'Anna Visser' as display_name, 'Anna' as given_name, 'Visser' as family_name,
                'Breda' as city, null::varchar as region, null::varchar as country,
                null::date as birth_date;
            create table core.bridge_customer_number as
            select 1 as customer_number, 1 as customer_key where false
        """)
        for asked, customers in {
            "+31612345678": [7], "06 12 34 56 78": [7], "0031-6-12345678": [7], "612345678": [7],
            "12345678": [], "678": [], "8": [], "Anna": [], "": [],
        }.items():  # fmt: skip
            assert [found.customer_key for found in find_customers(connection, asked)] == customers, asked


def test_need_without_an_action_says_why_and_further_needs_follow() -> None:
    needs = [
        ("missed_call_back", "called on 3 March", None),
        ("service_due", "service of Tour 5 due since 1 March", "comes after: Call back"),
    ]
    lines = dict(situational_lines(Customer(as_of=NOW, need="missed_call_back", needs=needs)))
    assert lines["Need"] == "missed call back: called on 3 March"
    assert lines["Further needs"] == (
        "service due: service of Tour 5 due since 1 March (no action: comes after: Call back)"
    )
    assert dict(situational_lines(Customer(as_of=NOW)))["Need"] == "none detected"
