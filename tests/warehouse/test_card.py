"""The texts of the customer's card."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import pytest
from rich.console import Console

from orchestration.serving.card.finding import find_customers
from orchestration.serving.card.layout import actions_of, card_of
from orchestration.serving.card.numbers import FILE, CardNumbers, card_numbers
from orchestration.serving.card.personal import personal_lines
from orchestration.serving.card.relationship import identity_lines, relationship_lines
from orchestration.serving.card.situational import situational_lines
from orchestration.serving.card.wording import ago, counted, ordinal
from orchestration.serving.reading import base_rate_reason
from orchestration.warehouse.connection import WarehouseError


class Customer(dict[str, object]):
    """A row of customer_360 of which a test sets the columns that matter; all others are null."""

    def __missing__(self, column: str) -> None:
        return None


def test_expected_value_is_shown_as_natural_frequency_and_only_where_a_model_gives_it() -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema marts;
            create table marts.next_best_action as
            select 1 as customer_key, 'consent' as lawful_basis, 'EUR' as currency, * from (values
                (1, 'interest', 'Suggest', 'likely', 'app', 0.204::double, 41.06::decimal(18, 2)),
                (2, 'ease', 'Help', 'rare', 'app', 0.0014, 0.40),
                (3, 'reward', 'Reward', 'loyal', 'email', null, null)
            ) as v (action_rank, kind, title, evidence, channel, propensity, expected_value_amount)
        """)
        console = Console(width=200)
        with console.capture() as shown:
            console.print(actions_of(connection, 1))
            console.print(actions_of(connection, 2))
    lines = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert lines == [
        # 0.204 of 100 people are 20; 100 times 41.06 EUR.
        "interest Suggest: likely (by app, basis: consent); of 100 similar customers, 20 buy it within 90 days, for "
        "4,106 EUR in total",
        "ease Help: rare (by app, basis: consent); of 1,000 similar customers, 1 buys it within 90 days, for 400 EUR "
        "in total",
        "reward Reward: loyal (by email, basis: consent)",
        "none",
    ]


def _forecast(**columns: object) -> str:
    customer = Customer(
        current_value_amount=0, value_12m_amount=0, currency="EUR", expected_value_12m_amount=103.4, **columns
    )
    return dict(relationship_lines(customer))["Forecast"]


def test_forecast_of_a_model_lists_its_probabilities() -> None:
    shown = _forecast(
        value_basis="model",
        expected_purchases_12m=1.24,
        probability_alive=0.82,
        next_purchase_date=date(2026, 5, 18),
        purchase_probability_90d=0.999,
        likely_product_line="e_bikes",
        likely_product_line_probability=0.001,
    )
    assert shown == (
        "1.2 purchases and 103 EUR in the next 12 months; 82 % likely still active; if so, 50 % likely to buy by "
        "18 May 2026; > 99 % likely to buy within 90 days; e bikes: < 1 % within 90 days"
    )


def test_forecast_at_the_base_rate_says_that_it_is_the_same_for_everyone() -> None:
    reason = "No forecast has been trained yet."
    assert _forecast(value_basis="base rate", expected_purchases_12m=0.4, base_rate_reason=reason) == (
        "0.40 purchases and 103 EUR in the next 12 months: base rate, the same for everyone. "
        "No forecast has been trained yet."
    )


def test_refuted_forecast_is_not_shown_as_too_few_buyers() -> None:
    reason = "The base rate replaces it. A forecast expected 90 purchases in the last 90 days; customers made 4."
    assert _forecast(value_basis="base rate", expected_purchases_12m=0.4, base_rate_reason=reason) == (
        f"0.40 purchases and 103 EUR in the next 12 months: base rate, the same for everyone. {reason}"
    )


def test_unknown_probability_of_being_active_is_shown_as_unknown() -> None:
    shown = _forecast(value_basis="model", expected_purchases_12m=1.24, probability_alive=None)
    assert shown == "1.2 purchases and 103 EUR in the next 12 months; whether still active is unknown"


@pytest.mark.parametrize(
    ("segment", "is_silent", "alive", "shown"),
    [
        ("loyal", False, 0.9, ""),
        ("at_risk", True, 0.2, ""),
        ("at_risk", True, None, ""),
        ("at_risk", True, 0.98, ", so at risk; yet 98 % likely still active: others bought again after such a pause"),
        ("loyal", False, 0.4, ", so loyal; yet only 40 % likely still active: "
         "few others bought again after such a pause"),
    ],
)  # fmt: skip
def test_rhythm_reconciles_the_segment_with_the_chance_of_being_active(
    segment: str, is_silent: bool, alive: float | None, shown: str
) -> None:
    customer = Customer(
        current_value_amount=0, value_12m_amount=0, segment=segment, is_silent_segment=is_silent,
        probability_alive=alive, purchase_interval_days=43.2, intervals_since_purchase=4.66,
    )  # fmt: skip
    assert dict(relationship_lines(customer))["Rhythm"] == (
        f"silent for 4.7 times the usual 43 days between purchases{shown}"
    )


def test_reason_of_a_base_rate_is_that_of_the_training_which_brought_it() -> None:
    """A forecast, refuted a month later; the month after, the base rate is kept."""
    with duckdb.connect() as connection:
        assert base_rate_reason(connection) == "No forecast has been trained yet."
        connection.execute("create schema marts")
        connection.execute("""
            create table marts.customer_value as select 1 as model_version;
            create table marts.prediction_model as
            select 'value' as target, * from (values
                ('first', 'The first forecast.', 'v1', timestamp '2025-01-01', false),
                ('replaced', 'The base rate replaces it. A forecast expected 90.', 'v2', timestamp '2025-02-01', false),
                ('kept', 'Kept: too young.', 'v2', timestamp '2025-03-01', true)
            ) as v (decision, reason, model_version, trained_as_of, is_current)
        """)
        assert base_rate_reason(connection) == "The base rate replaces it. A forecast expected 90."


@pytest.mark.parametrize(
    ("decision", "reason", "version", "is_used", "shown"),
    [
        ("abstains", "12 customers bought again; a forecast needs 50.", None, False,
         "12 customers bought again; a forecast needs 50."),
        ("abstains", "A forecast expected 90 purchases in the last 90 days; customers made 4.", 1, False,
         "A forecast expected 90 purchases in the last 90 days; customers made 4."),
        ("first", "The first forecast.", 1, True, "Too few customers who pay in this currency have bought again."),
        ("first", "The first forecast.", 1, False,
         "The forecast was trained by another release: the next training replaces it."),
    ],
)  # fmt: skip
def test_reason_of_a_base_rate_is_the_true_one(
    decision: str, reason: str, version: int | None, is_used: bool, shown: str
) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.customer_value as select $used::int as model_version",
            {"used": 1 if is_used else None},
        )
        connection.execute(
            """
            create table marts.prediction_model as
            select 'buy' as target, 'first' as decision, 'Another target.' as reason, 1 as model_version,
                timestamp '2025-01-01' as trained_as_of, true as is_current
            """
        )
        assert base_rate_reason(connection) == "No forecast has been trained yet."
        connection.execute(
            "insert into marts.prediction_model values ('value', ?, ?, ?, timestamp '2025-01-01', true)",
            [decision, reason, version],
        )
        assert base_rate_reason(connection) == shown


def test_merged_customer_is_found_by_every_name_of_their_records() -> None:
    """Anna Bakker and Anna Visser are one customer, shown as Anna Visser."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema core;
            create table core.bridge_customer_identifier as
            select 7 as customer_key, 'email' as identifier_kind, 'anna.bakker@mail.example' as identifier_value;
            create table core.dim_customer as
            select 7 as customer_key, 'Anna Visser' as display_name, 'Anna' as given_name, 'Visser' as family_name,
                'Breda' as city, null::varchar as region, null::varchar as country,
                null::date as birth_date;
            create table core.bridge_customer_name as
            select 7 as customer_key, * from (values ('Anna', 'Bakker'), ('Anna', 'Visser'))
            as v (given_name, family_name)
        """)
        for asked in ("anna bakker", "Bakker Anna", "Anna Visser", "Anna.Bakker@mail.example"):
            assert [found.customer_key for found in find_customers(connection, asked)] == [7]
        assert find_customers(connection, "Anna Mulder") == []


def test_every_customer_is_reached_although_numbers_of_systems_look_like_customer_numbers() -> None:
    """Record 906 of the shop is customer 1823, and its record 1823 is customer 906; 4 was merged into 906."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema core;
            create table core.bridge_customer_identifier as
            select * from (values (1823, 'shop_no', '906'), (906, 'shop_no', '1823'))
            as i (customer_key, identifier_kind, identifier_value);
            create table core.dim_customer as
            select customer_key, 'N' || customer_key as display_name, null::varchar as given_name,
                null::varchar as family_name, null::varchar as city, null::varchar as region, null::varchar as country,
                null::date as birth_date
            from (values (906), (1823), (7)) as c (customer_key);
            create table core.bridge_source_record as
            select * from (values ('shop', '906', 1823), ('shop', '1823', 906), ('crm', 'A/7', 7))
            as r (source_system, source_record_id, customer_key);
            create table core.bridge_customer_number as
            select * from (values (906, 906), (1823, 1823), (7, 7), (4, 906)) as n (customer_number, customer_key)
        """)
        reached = {
            "C-906": [906], "c-1823": [1823], "C-4": [906], "C-5": [],
            "shop/906": [1823], "crm/a/7": [7], "pos/906": [],
            "906": [1823], "7": [7],
        }  # fmt: skip
        for asked, customers in reached.items():
            assert [found.customer_key for found in find_customers(connection, asked)] == customers, asked


def test_value_has_a_currency_and_no_line_before_the_first_purchase() -> None:
    def value(**customer: object) -> str:
        return dict(
            relationship_lines(Customer(recency_days=3, current_value_amount=1500, value_12m_amount=30, **customer))
        )["Value"]

    assert (
        value(purchase_count=2, last_purchase_at=date(2025, 3, 4), currency="EUR")
        == "1,500.00 EUR, of which 30.00 EUR in the last 12 months"
    )
    assert (
        value(purchase_count=2, last_purchase_at=date(2025, 3, 4), currency="JPY", unconverted_currencies="EUR, USD")
        == "1,500 JPY, of which 30 JPY in the last 12 months, without the amounts in EUR, USD (no exchange rate)"
    )
    assert value(purchase_count=0, currency=None, returned_amount=0) == ""
    # Someone who only brought something back: no purchase, and the value is what they got back.
    assert value(purchase_count=0, currency="KWD", returned_amount=60) == (
        "1,500.000 KWD, of which 30.000 KWD in the last 12 months"
    )


def test_names_of_the_data_are_words_and_a_missing_birth_date_leaves_the_gender() -> None:
    person = Customer(birth_date=None, gender="male", occupation="civil_servant")
    lines = dict(identity_lines(Customer(source_record_count=1, source_systems="crm", match_probability=1), person))
    assert (lines["Occupation"], lines["Born"], lines["Gender"]) == ("civil servant", "", "male")
    born = Customer(birth_date=date(1961, 2, 9), gender="female")
    lines = dict(identity_lines(Customer(source_record_count=1, source_systems="crm", match_probability=1), born))
    assert (lines["Born"], lines["Gender"]) == ("9 February 1961, female", "")


def test_customer_without_a_forecast_has_no_line_for_it() -> None:
    assert _forecast(expected_purchases_12m=None) == ""


@pytest.mark.parametrize(("points", "trend"), [(121, "rising"), (120, "steady"), (80, "steady"), (79, "falling")])
def test_trend_of_engagement_needs_a_change_of_a_fifth(points: int, trend: str) -> None:
    customer = Customer(
        purchase_count=0, stage="trust", stage_since=date(2025, 6, 1), segment="loyal",
        engagement_points=points, engagement_points_90d_ago=100, engagement_band="very_high",
    )  # fmt: skip
    assert dict(relationship_lines(customer))["Stage"] == (
        f"trust since June 2025; {points} engagement points (very high, {trend}); segment: loyal"
    )


def test_one_of_anything_is_singular() -> None:
    customer = Customer(
        purchase_count=1, purchase_day_count=1, purchase_count_12m=1, recency_days=1,
        last_purchase_at=datetime(2026, 3, 4), stage="attract", stage_since=date(2026, 3, 1), segment="new",
        engagement_points=0.8, engagement_points_90d_ago=0, engagement_band="low", on_site_count=1,
        on_site_count_12m=1, current_value_amount=5, value_12m_amount=5,
    )  # fmt: skip
    lines = dict(relationship_lines(customer))
    assert lines["Stage"] == "attract since March 2026; 1 engagement point (low, rising); segment: new"
    assert lines["Purchases"] == "1 purchase, the last 1 day ago (4 March 2026); 1 in the last 12 months"
    assert lines["On site"] == "1 visit, 1 in the last 12 months"
    member = Customer(loyalty_number="L1", loyalty_points=1)
    lines = dict(identity_lines(Customer(source_record_count=1, source_systems="crm", match_probability=1), member))
    assert (lines["Loyalty"], lines["Records"]) == ("L1, 1 point", "1 record in crm")


def test_stage_that_is_older_than_the_kept_history_says_so() -> None:
    customer = Customer(
        stage="attract", stage_since=date(2022, 12, 1), segment="silent", engagement_points=0,
        engagement_points_90d_ago=0, engagement_band="none", stage_is_older=True,
    )  # fmt: skip
    shown = dict(relationship_lines(customer))["Stage"]
    assert shown == "attract since December 2022 or earlier; 0 engagement points (none, steady); segment: silent"


def test_points_that_are_shown_as_none_are_not_falling() -> None:
    """0.2 points that were 0.4 ninety days ago are shown as 0."""
    customer = Customer(
        stage="attract", stage_since=date(2022, 12, 1), segment="silent", engagement_points=0.2,
        engagement_points_90d_ago=0.4, engagement_band="none",
    )  # fmt: skip
    assert "0 engagement points (none, steady)" in dict(relationship_lines(customer))["Stage"]


@pytest.mark.parametrize(("channel", "shown"), [("web", " (web)"), ("unknown", ""), (None, "")])
def test_last_contact_names_its_channel_where_it_is_known(channel: str | None, shown: str) -> None:
    customer = Customer(
        as_of=datetime(2026, 1, 1), last_interaction_at=datetime(2025, 12, 23), last_touchpoint="Answer to a complaint",
        last_channel=channel,
    )  # fmt: skip
    assert dict(situational_lines(customer))["Last contact"] == f"Answer to a complaint{shown}, 9 days ago"


@pytest.mark.parametrize(
    ("sentiment", "tone"), [(0.21, "positive"), (0.2, "mixed"), (-0.2, "mixed"), (-0.21, "negative")]
)
def test_tone_between_the_thresholds_is_mixed(sentiment: float, tone: str) -> None:
    lines = dict(personal_lines(Customer(average_sentiment=sentiment, verbatim_count=2)))
    assert lines["Satisfaction"] == f"tone {tone} (2 texts)"


def test_personal_context_uses_the_terms_of_the_field() -> None:
    lines = dict(
        personal_lines(
            Customer(
                nps_class="promoter", referral_count=1, influence_percentile=90.0, is_ambassador=True,
                revealed_channel="web", stated_channels="call, email", has_email_marketing_consent=None,
                complaint_count=2, last_complaint_kind="late_delivery", last_complaint_at=datetime(2025, 3, 4),
            )
        )
    )  # fmt: skip
    assert lines["Recommends us"] == "promoter, brought 1 customer, influence: 90th percentile, ambassador"
    assert lines["Channels"] == "revealed: web; stated: call, email"
    assert lines["Marketing"] == "e-mail: never asked"
    assert lines["Complaints"] == "2, none open; the last: late delivery on 4 March 2025"


@pytest.mark.parametrize(
    ("number", "written"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (13, "13th"), (61, "61st"), (90, "90th")],
)
def test_ordinals(number: int, written: str) -> None:
    assert ordinal(number) == written


def test_durations_use_the_largest_unit_of_which_there_are_two() -> None:
    now = datetime(2025, 12, 31)
    assert ago(now - timedelta(seconds=59), now) == "just now"
    assert ago(now - timedelta(minutes=119), now) == "119 minutes ago"
    assert ago(now - timedelta(hours=47), now) == "47 hours ago"
    assert ago(now - timedelta(days=2), now) == "2 days ago"
    # The same day as that of the last purchase beside it, whatever the hour.
    assert ago(datetime(2025, 11, 20, 10, 5), now) == ago(datetime(2025, 11, 20), now) == "41 days ago"
    assert counted(1, "page") == "1 page" and counted(1_200, "page") == "1,200 pages"


def test_every_number_of_the_card_has_a_reason() -> None:
    import yaml

    numbers = yaml.safe_load(FILE.read_text())["numbers"]
    assert set(numbers) == set(CardNumbers.__dataclass_fields__)
    assert all(len(entry["reason"]) > 20 for entry in numbers.values())
    assert card_numbers().tone_from == numbers["tone_from"]["value"]


def test_purchases_beside_the_forecast_are_counted_in_days_where_they_differ() -> None:
    """The forecast counts days: `780 purchases` beside `208 expected purchases` would contradict each other."""
    lines = dict(relationship_lines(Customer(
        purchase_count=780, purchase_day_count=310, purchase_count_12m=400, recency_days=1,
        last_purchase_at=date(2025, 3, 4), current_value_amount=1500, value_12m_amount=30, currency="EUR",
        expected_purchases_12m=208.4, expected_value_12m_amount=3120, value_basis="model", probability_alive=0.99,
    )))  # fmt: skip
    assert lines["Purchases"].startswith("780 purchases on 310 days, the last 1 day ago (4 March 2025); 400 in")
    assert lines["Forecast"].startswith("208.4 days with a purchase and 3,120 EUR in the next 12 months")


def test_forecast_that_another_model_contradicts_is_not_shown() -> None:
    lines = dict(relationship_lines(Customer(expected_purchases_12m=None, value_basis="models disagree")))
    assert lines["Forecast"] == "none: two models contradict each other about a purchase within 90 days"


def test_card_of_an_earlier_publication_names_the_remedy() -> None:
    """After an upgrade, before the next run: the row has fewer columns than the card reads."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema core; create schema marts;
            create table core.dim_touchpoint as select 'web_view' as touchpoint, 'Page viewed' as title;
            create table core.dim_product as select 'P' as product_id, 'Pump' as title, 1 as product_key;
            create table core.dim_content as select 'C' as content_id, 'Page' as title, 1 as content_key;
            create table core.dim_campaign as select 'K' as campaign_id, 'Spring' as title, 1 as campaign_key;
            create table core.dim_offer as select 'O' as offer_id, 1 as campaign_key, 1 as offer_key;
            create table core.dim_customer as select 7 as customer_key;
            create table marts.customer_360 as select 7 as customer_key, 'Ada' as display_name
        """)
        with pytest.raises(WarehouseError, match="an earlier version wrote it. Start `context360 run`"):
            card_of(connection, 7)
