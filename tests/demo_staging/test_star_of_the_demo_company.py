"""The star against the files of the demo company and against the truth about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Ask = Callable[[str], list[tuple]]

# dimension -> how many members the company has, without the unknown ones
MEMBERS = {
    "dim_campaign": "select count(*) from {campaigns}",
    "dim_offer": "select count(*) from {offers}",
    "dim_content": "select 18",
    "dim_product": "select count(*) from {products}",
}
# Customers with exactly one person, and that person.
PERSONS = """
    persons as (
        select customer_key, any_value(records.person_id) as person_id
        from core.bridge_source_record as bridge
        inner join {truth:records} as records
            on bridge.source_system = records.system and bridge.source_record_id = records.record_id
        group by customer_key
        having count(distinct records.person_id) = 1
    )
"""


@pytest.mark.parametrize("dimension", MEMBERS)
def test_dimension_holds_every_member_and_two_unknown_members(dimension: str, ask: Ask) -> None:
    ((members,),) = ask(MEMBERS[dimension])
    assert ask(f"select count(*) from core.{dimension}") == [(members + 2,)]


def test_browsers_hold_the_key_of_every_dimension_without_rounding(ask: Ask) -> None:
    columns = ask("""
        select table_name, column_name from duckdb_columns()
        where schema_name = 'core' and starts_with(table_name, 'dim_') and ends_with(column_name, '_key')
    """)
    assert {"product_key", "device_key", "location_key", "offer_key"} <= {column for _, column in columns}
    for table, column in columns:
        ((widest,),) = ask(f"select max(abs({column})) from core.{table}")
        assert widest < 2**53, column


def test_zone_has_the_position_of_its_store(ask: Ask) -> None:
    assert ask("""
        select count(*) > 0, count(*) filter (split_part(zone.location_id, '/', 1) <> store.location_id),
            count(*) filter (zone.latitude <> store.latitude or zone.latitude is null)
        from core.dim_location as zone
        inner join core.dim_location as store on zone.site_location_key = store.location_key
        where zone.location_kind = 'zone'
    """) == [(True, 0, 0)]


def test_web_sessions_equal_the_sessions_of_the_site(ask: Ask) -> None:
    assert ask("""
        select count(distinct session_key), count(distinct (session_key, device_key))
        from core.fct_interaction where source_system = 'web'
    """) == ask("""
        select count(distinct session_id), count(distinct (session_id, cookie_id))
        from {web} where cookie_id is not null
    """)


def test_nearly_every_reaction_finds_its_cause(ask: Ask) -> None:
    ((reactions, found),) = ask("""
        select count(*), count(earlier.interaction_key)
        from core.fct_interaction as later
        left join core.fct_interaction as earlier on later.responds_to_interaction_key = earlier.interaction_key
        where later.responds_to_interaction_key is not null
    """)
    assert reactions > 1_000
    assert found / reactions > 0.999  # an order may be in quarantine, and its return not


def test_lines_name_an_offer_exactly_if_a_coupon_reduced_them(ask: Ask) -> None:
    ((cheaper, with_offer, both),) = ask("""
        select count(*) filter (discount_amount > 0), count(*) filter (offer_key > 0),
            count(*) filter (discount_amount > 0 and offer_key > 0)
        from core.fct_order_line
    """)
    assert cheaper == with_offer == both > 0


def test_till_without_cost_uses_the_cost_of_the_product(ask: Ask) -> None:
    assert ask("""
        select count(*) > 0, count(*) filter (line.cost_amount is distinct from
            round(line.quantity * cast(product.cost as decimal(18, 2)), 2))
        from core.fct_order_line as line
        inner join core.dim_product using (product_key)
        inner join {products} as product on product_id = sku
        where line.source_system = 'pos' and line.is_cost_estimated
    """) == [(True, 0)]


def test_returns_are_negative_and_refer_to_an_order_of_the_same_customer(ask: Ask) -> None:
    assert ask("""
        select count(*) > 0, count(*) filter (net_amount > 0 or quantity > 0 or gross_amount > 0 or cost_amount > 0),
            count(*) filter (returned.customer_key <> line.customer_key)
        from core.fct_order_line as line
        left join core.fct_interaction as returned on line.returned_interaction_key = returned.interaction_key
        where line.line_kind = 'return' and line.source_system = 'shop'
    """) == [(True, 0, 0)]


def test_holdouts_do_not_react_and_a_used_coupon_is_a_purchase(ask: Ask) -> None:
    assert ask("""
        select count(*) filter (is_holdout) > 0,
            count(*) filter (is_holdout and (reaction <> 'none' or made_at is not null)),
            count(*) filter (redeemed_at is not null and bought_at is null),
            count(*) filter (bought_at < made_at)
        from core.fct_offer_made
    """) == [(True, 0, 0, 0)]


def test_complaint_is_open_exactly_while_it_is_unresolved(ask: Ask) -> None:
    assert ask("""
        select count(*) > 0, count(*) filter (is_open <> (resolved_at is null)),
            count(*) filter (seconds_to_resolution < seconds_to_first_answer or seconds_to_first_answer < 0)
        from core.fct_complaint
    """) == [(True, 0, 0)]


def test_the_steps_of_a_complaint_are_interactions_of_its_session(ask: Ask) -> None:
    assert ask("""
        select count(distinct complaint_key), count(*)
        from core.fct_complaint as complaint
        inner join core.fct_interaction as step using (session_key)
        where step.happened_at >= complaint.opened_at
    """) == ask("""
        select count(distinct complaint_id), count(*) from staging.stg_helpdesk__complaint_history
        inner join staging.stg_helpdesk__complaints using (complaint_id)
    """)


def test_consents_of_a_holder_do_not_overlap_and_one_is_current(ask: Ask) -> None:
    assert ask("""
        select count(*) > 100, max(still_valid), min(still_valid) from (
            select count(*) filter (valid_to is null) as still_valid
            from core.fct_consent group by holder_key, purpose, channel
        )
    """) == [(True, 1, 1)]


def test_stays_hold_every_sighting_once_and_are_at_the_visited_store(ask: Ask) -> None:
    assert ask("select source_system, sum(sighting_count) from core.fct_position group by 1 order by 1") == ask(
        "select source_system, count(*) from intermediate.int_position group by 1 order by 1"
    )
    # Telephones on their way to a store are seen less than 400 m from it; three minutes later its beacons see some.
    ((followed, same_store),) = ask("""
        select count(*), count(*) filter (coming.location_key = zone.site_location_key)
        from core.fct_position as coming
        inner join core.fct_position as inside
            on coming.device_key = inside.device_key
            and inside.arrived_at between coming.arrived_at and coming.arrived_at + interval 10 minute
        inner join core.dim_location as zone on inside.location_key = zone.location_key
        where coming.position_kind = 'gps' and inside.position_kind = 'beacon' and coming.location_key > 0
    """)
    assert followed > 20
    assert same_store == followed


def test_stay_in_a_zone_ends_when_the_next_beacon_sees_the_device(ask: Ask) -> None:
    assert ask("""
        select count(*) filter (dwell_seconds > 0) > 0, max(dwell_seconds) <= 30 * 60 * max(sighting_count),
            count(*) filter (dwell_seconds <> date_diff('second', arrived_at, left_at))
        from core.fct_position where position_kind = 'beacon'
    """) == [(True, True, 0)]


def test_the_newest_state_of_a_bike_is_its_newest_reading(ask: Ask) -> None:
    assert ask("""
        select count(*) from core.fct_product_reading as state
        inner join core.dim_device using (device_key)
        where state.valid_to is null and state.valid_from <> (
            select max(read_at) from intermediate.int_device_reading as reading
            where reading.device_id = dim_device.device_id
        )
    """) == [(0,)]


def test_customer_history_starts_at_the_first_record_and_ends_as_dim_customer(ask: Ask) -> None:
    columns = """customer_key, display_name, given_name, family_name, email, phone, street, house_number, postal_code,
        city, region, country, loyalty_tier, has_email_marketing_consent"""
    assert (
        ask(f"""
        with today as (select {columns} from core.dim_customer_history where is_current),
        customers as (select {columns} from core.dim_customer)
        (from today except from customers) union all (from customers except from today)
    """)
        == []
    )
    assert ask("""
        select count(*) from core.dim_customer as customer
        where first_known_at <> (
            select min(valid_from) from core.dim_customer_history as period
            where period.customer_key = customer.customer_key
        )
    """) == [(0,)]


def test_moved_customer_has_the_earlier_address_in_history(ask: Ask) -> None:
    """The shop delivers an account again on the day after it changes: both addresses are in its files."""
    moved = ask("""
        select customer_no, list(street order by filename) as streets from (
            select customer_no, filename, max(street) as street
            from (select *, regexp_extract(filename, '[^/]+$') as filename from {customers_by_file})
            group by all
        )
        group by customer_no having count(distinct street) = 2
    """)
    assert moved
    for number, streets in moved:
        known = [
            street
            for (street,) in ask(f"""
                select street from intermediate.int_source_record_version
                where source_system = 'shop' and source_record_id = '{number}' order by known_from
            """)
        ]
        assert [s for s, before in zip(known, [None, *known], strict=False) if s != before] == [
            s for s, before in zip(streets, [None, *streets], strict=False) if s != before
        ]


def test_households_equal_those_of_the_truth(ask: Ask) -> None:
    ((pairs, true_pairs),) = ask(f"""
        with {PERSONS}
        select count(*), count(*) filter (one.household_id = other.household_id)
        from core.bridge_customer_relation
        inner join persons as a on from_customer_key = a.customer_key
        inner join persons as b on to_customer_key = b.customer_key
        inner join {{truth:persons}} as one on a.person_id = one.person_id
        inner join {{truth:persons}} as other on b.person_id = other.person_id
        where relation_kind = 'household'
    """)
    assert pairs > 100
    assert true_pairs / pairs >= 0.98
    assert ask("""
        select count(*) from core.bridge_customer_relation as one
        where relation_kind = 'household' and not exists (
            select 1 from core.bridge_customer_relation as other
            where other.relation_kind = 'household' and other.from_customer_key = one.to_customer_key
            and other.to_customer_key = one.from_customer_key
        )
    """) == [(0,)]


def test_referrers_equal_those_of_the_truth(ask: Ask) -> None:
    ((pairs, true_pairs),) = ask(f"""
        with {PERSONS}
        select count(*), count(truth.person_id)
        from core.bridge_customer_relation
        inner join persons as a on from_customer_key = a.customer_key
        inner join persons as b on to_customer_key = b.customer_key
        left join {{truth:relations}} as truth
            on truth.kind = 'referred_by' and truth.person_id = a.person_id and truth.other_person_id = b.person_id
        where relation_kind = 'referred_by'
    """)
    assert pairs >= 3
    assert true_pairs / pairs >= 0.95


def test_reply_of_a_customer_leaves_no_contact_without_one(ask: Ask) -> None:
    ((replies, unanswered),) = ask("""
        with contacts as (
            select replied_to.interaction_key, replied_to.customer_key,
                count(distinct replies.customer_key) as customers
            from core.fct_interaction as replies
            inner join core.fct_interaction as replied_to
                on replies.responds_to_interaction_key = replied_to.interaction_key
            where replies.customer_key > 0 and replies.amount is null and not replied_to.is_purchase
            group by replied_to.interaction_key, replied_to.customer_key
        )
        select count(*), count(*) filter (customer_key < 0 and customers = 1) from contacts
    """)
    assert replies > 100
    assert unanswered == 0
