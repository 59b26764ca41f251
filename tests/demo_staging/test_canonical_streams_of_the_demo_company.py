"""Each canonical stream against its source files and against the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Ask = Callable[[str], list[tuple]]

# canonical stream -> rows of a system in it, and how many valid different rows that system has delivered.
ROWS = {
    "appointment of crm": ("int_appointment", "crm", "select count(*) from staging.stg_crm__appointments"),
    "campaign of campaigns": ("int_campaign", "campaigns", "select count(*) from {campaigns}"),
    "cart_line of shop": ("int_cart_line", "shop", "select count(*) from staging.stg_shop__carts"),
    "complaint of helpdesk": ("int_complaint", "helpdesk", "select count(*) from {truth:complaints}"),
    "consent of consent": ("int_consent", "consent", "select count(*) from staging.stg_consent__changes"),
    "consent of shop": ("int_consent", "shop", "select count(distinct customer_no) from {customers}"),
    "content of campaigns": ("int_content", "campaigns", "select 18"),
    "coupon of campaigns": ("int_coupon", "campaigns", "select count(*) from {coupons}"),
    "coupon_redemption of campaigns": ("int_coupon_redemption", "campaigns", "select count(*) from {redemptions}"),
    "device of app": (
        "int_device", "app", "select count(distinct device_id) from {app}",
    ),
    "device of sensor": ("int_device", "sensor", "select count(*) from {truth:bikes}"),
    "device of web": ("int_device", "web", "select count(distinct cookie_id) from {web}"),
    "device_reading of sensor": (
        "int_device_reading", "sensor", "select count(distinct reading_id) from {sensor} where battery_percent <= 100",
    ),
    "location of pos": ("int_location", "pos", "select 14"),
    "location of beacon": (
        "int_location", "beacon", "select count(distinct store_id || zone) from {beacon} where rssi < 20",
    ),
    "loyalty_transaction of loyalty": (
        "int_loyalty_transaction", "loyalty", "select count(*) from staging.stg_loyalty__transactions",
    ),
    "offer of campaigns": ("int_offer", "campaigns", "select count(*) from {offers}"),
    "offer_made of campaigns": ("int_offer_made", "campaigns", "select count(distinct r) from {recipients} as r"),
    "position of location": (
        "int_position", "location", "select count(distinct ping_id) from {pings} where lat <> 0",
    ),
    "position of beacon": (
        "int_position", "beacon", "select count(distinct sighting_id) from {beacon} where rssi < 20",
    ),
    "product of shop": ("int_product", "shop", "select count(*) from {products}"),
    "source_record of loyalty": ("int_source_record", "loyalty", "select count(*) from {members}"),
    "survey_answer of survey": (
        "int_survey_answer", "survey", "select count(distinct answer_id) from {answers} where score <> '99'",
    ),
}  # fmt: skip
# Interactions per system: one per distinct valid row, plus additions.
INTERACTIONS = {
    "app": "select count(distinct event_id) from {app} where device_id is not null",
    "email": "select count(distinct event_id) from {email} where email is not null",
    "web": "select count(distinct event_id) from {web} where cookie_id is not null",
    "chat": "select count(distinct message_id) from {chat}",
    "contact_centre": "select count(distinct call_id) from {calls} where duration_seconds >= 0",
    # A follow is not an interaction with the company.
    "social": "select count(distinct post_id) from {posts} where kind <> 'follow' and handle <> ''",
    "helpdesk": "select count(*) from staging.stg_helpdesk__complaint_history",
    # Appointments when they are made, and again when they are kept.
    "crm": "select count(*) + count(*) filter (status = 'kept') from staging.stg_crm__appointments",
    # Offers by mail are the mails of the e-mail engine.
    "campaigns": """
        select (select count(*) from {redemptions}) + (
            select count(distinct r) from {recipients} as r inner join {offers} as o using (offer_id)
            where r.is_holdout = '0' and o.channel <> 'email'
        )""",
    "consent": """
        select count(distinct change_id) from {consents}
        where source = 'preference_centre' and email <> 'nobody'""",
    "survey": "select count(distinct answer_id) from {answers} where score <> '99'",
    "loyalty": "select count(*) from {members}",
}


@pytest.mark.parametrize("case", ROWS)
def test_canonical_stream_holds_every_valid_row_of_a_system_once(case: str, ask: Ask) -> None:
    table, system, expected = ROWS[case]
    assert ask(f"select count(*) from intermediate.{table} where source_system = '{system}'") == ask(expected)


@pytest.mark.parametrize("system", INTERACTIONS)
def test_every_contact_is_an_interaction(system: str, ask: Ask) -> None:
    counted = ask(f"select count(*) from intermediate.int_interaction where source_system = '{system}'")
    assert counted == ask(INTERACTIONS[system])


def test_interactions_are_unique_and_have_known_touchpoints(ask: Ask) -> None:
    assert ask("select count(*) - count(distinct (source_system, source_interaction_id)) "
               "from intermediate.int_interaction") == [(0,)]  # fmt: skip
    assert ask("select distinct touchpoint from intermediate.int_interaction "
               "where touchpoint not in (select touchpoint from seeds.touchpoints)") == []  # fmt: skip
    assert (
        ask("""
        select distinct channel
        from (select channel from seeds.touchpoints union all select channel from intermediate.int_consent)
        where channel not in (select channel from seeds.channels)
    """)
        == []
    )


def test_payments_add_up_to_the_cent(ask: Ask) -> None:
    """Lines of a quarantined order wait with it, because their time of purchase is unknown."""
    ((shop, till),) = ask("""
        select
            (select sum(net_amount) from intermediate.int_order_line where source_system = 'shop'),
            (select sum(net_amount) from intermediate.int_order_line where source_system = 'pos')
    """)
    ((bought, sent_back, paid),) = ask("""
        with lines as (
            select distinct order_no, line_no, quantity::int as quantity, unit_price::decimal(18, 2) as unit_price,
                discount::decimal(18, 2) as discount
            from {order_lines} where quantity::int > 0
        )
        select
            (select sum(quantity * unit_price - discount) from lines
             where order_no in (select order_no from {orders} where ordered_at not like '0000%')),
            (select sum(amount::decimal(18, 2)) from (select distinct return_no, amount, quantity from {returns})
             where quantity::int < 99),
            (select sum(replace(net, ',', '.')::decimal(18, 2)) from (
                select distinct receipt_no, line_no, net from {receipts} where sold_at not like '31.02.%'))
    """)
    assert shop == bought - sent_back
    assert till == paid


def test_reaction_refers_to_an_earlier_message_to_the_same_person(ask: Ask) -> None:
    pairs = ask("""
        select r.touchpoint, s.touchpoint, count(*),
            count(*) filter (s.happened_at <= r.happened_at and s.identifier_value = r.identifier_value)
        from intermediate.int_interaction as r
        left join intermediate.int_interaction as s
            on r.source_system = s.source_system and r.responds_to_id = s.source_interaction_id
        where r.touchpoint in ('email_opened', 'email_clicked', 'email_replied', 'email_bounced')
        group by 1, 2
    """)
    for reaction, cause, count, fitting in pairs:
        # Mails whose sending waits in quarantine, or was on the day before the first, have no cause.
        if cause is None:
            assert count <= 0.02 * sum(row[2] for row in pairs if row[0] == reaction)
        else:
            assert (cause, fitting) == ("email_sent", count)
    assert {row[0] for row in pairs if row[1]} == {"email_opened", "email_clicked", "email_replied", "email_bounced"}


def test_push_open_refers_to_a_push_to_that_telephone_within_five_hours(ask: Ask) -> None:
    ((opened, fitting),) = ask("""
        select count(*), count(*) filter (
            s.touchpoint = 'app_push_sent' and s.device_id = r.device_id
            and r.happened_at - s.happened_at between interval 0 seconds and interval 5 hours
        )
        from intermediate.int_interaction as r
        left join intermediate.int_interaction as s
            on s.source_system = 'app' and r.responds_to_id = s.source_interaction_id
        where r.touchpoint = 'app_push_opened'
    """)
    assert opened > 20
    assert fitting >= opened - 2  # one on the morning of the first day, or one whose sending was wrong


def test_answers_in_a_chat_respond_to_a_question_of_that_conversation(ask: Ask) -> None:
    ((answers, fitting),) = ask("""
        select count(*), count(*) filter (
            q.touchpoint in ('chat_started', 'chat_inbound') and q.session_id = a.session_id
            and q.happened_at <= a.happened_at
        )
        from intermediate.int_interaction as a
        left join intermediate.int_interaction as q
            on q.source_system = 'chat' and a.responds_to_id = q.source_interaction_id
        where a.touchpoint = 'chat_outbound'
    """)
    assert fitting == answers > 50
    started = ask("select count(*) from intermediate.int_interaction where touchpoint = 'chat_started'")
    assert started == ask("select count(distinct conversation_id) from {chat}")


def test_holdouts_were_never_approached(ask: Ask) -> None:
    assert ask("select count(*) filter (is_holdout), count(*) filter (is_holdout and made_at is not null), "
               "count(*) filter (is_holdout and reaction <> 'none') from intermediate.int_offer_made") == [
        (ask("select count(distinct r) from {recipients} as r where is_holdout = '1'")[0][0], 0, 0)
    ]  # fmt: skip


def test_orders_name_the_campaign_that_caused_them(ask: Ask) -> None:
    """Campaigns named by a coupon or a link are the true ones."""
    ((named, right),) = ask("""
        select count(*), count(*) filter (truth.campaign_id = orders.campaign_id)
        from intermediate.int_interaction as orders
        inner join (
            select order_no as id, campaign_id from {truth:orders}
            union all select receipt_no as id, campaign_id from {truth:receipts}
        ) as truth on orders.source_interaction_id = truth.id
        where orders.campaign_id is not null and orders.campaign_id <> 'K000000'
            and orders.touchpoint in ('online_purchase', 'store_purchase', 'workshop_visit')
    """)
    assert right == named > 10


def test_referrals_connect_the_people_of_the_truth(ask: Ask) -> None:
    ((found, right),) = ask("""
        with known as (
            select 'crm_account_id' as kind, record_id as value, person_id from {truth:records} where system = 'crm'
            union all select 'shop_customer_no', record_id, person_id from {truth:records} where system = 'shop'
            union all select 'email', lower(email), person_id from {truth:persons} where email_is_of = person_id
            union all select 'email', lower(true_email), person_id from {truth:records}
        ),
        pairs as (
            select r.source_relation_id, bool_or(t.kind is not null) as is_true
            from intermediate.int_relation as r
            left join known as buyer on r.identifier_kind = buyer.kind and r.identifier_value = buyer.value
            left join known as friend
                on r.other_identifier_kind = friend.kind and r.other_identifier_value = friend.value
            left join {truth:relations} as t
                on t.kind = 'referred_by' and t.person_id = buyer.person_id and t.other_person_id = friend.person_id
            where r.relation_kind = 'referred_by' group by 1
        )
        select count(*), count(*) filter (is_true) from pairs
    """)
    assert found > 5
    assert right == found


def test_follows_equal_those_of_the_truth(ask: Ask) -> None:
    ((found, right),) = ask("""
        with handles as (select record_id, person_id from {truth:records} where system = 'social')
        select count(*), count(t.kind)
        from intermediate.int_relation as r
        left join handles as a on split_part(r.identifier_value, ':', 2) = a.record_id
        left join handles as b on split_part(r.other_identifier_value, ':', 2) = b.record_id
        left join {truth:relations} as t
            on t.kind = 'follows' and t.person_id = a.person_id and t.other_person_id = b.person_id
        where r.relation_kind = 'follows'
    """)
    assert right == found > 50


def test_identifiers_seen_together_belong_together(ask: Ask) -> None:
    """A cookie on the family's tablet, and an address that the family shares, belong to several people."""
    ((cookies, right),) = ask("""
        with owners as (
            select lower(email) as email, household_id from {truth:persons}
            union select lower(work_email), household_id from {truth:persons}
        )
        select count(distinct p.identifier_value || p.other_identifier_value),
            count(distinct p.identifier_value || p.other_identifier_value) filter (o.email is not null)
        from intermediate.int_identifier_pair as p
        inner join {truth:cookies} as c on p.identifier_value = c.cookie_id
        inner join {truth:persons} as someone on c.person_id = someone.person_id
        left join owners as o on p.other_identifier_value = o.email and o.household_id = someone.household_id
        where p.identifier_kind = 'cookie' and p.other_identifier_kind = 'email' and p.source_system = 'web'
    """)
    assert right == cookies > 100
    ((bikes, owned),) = ask("""
        select count(*), count(*) filter (r.person_id = b.person_id)
        from intermediate.int_identifier_pair as p
        inner join {truth:bikes} as b on p.identifier_value = b.bike_serial
        inner join {truth:records} as r on r.system = 'crm' and p.other_identifier_value = r.record_id
        where p.evidence = 'owner on record'
    """)
    assert owned == bikes > 50


def test_complaint_is_resolved_unless_it_is_open(ask: Ask) -> None:
    assert ask("""
        select count(*) from intermediate.int_complaint
        where (state in ('resolved', 'closed')) <> (resolved_at is not null)
            or opened_at is null or first_answered_at < opened_at or resolved_at < first_resolved_at
            or (state <> 'opened') <> (first_answered_at is not null)
    """) == [(0,)]
    assert ask("select count(*) from intermediate.int_complaint where complaint_kind = 'other'") == [(0,)]


def test_zones_lie_in_stores_and_appointments_are_in_them(ask: Ask) -> None:
    assert ask("""
        select count(*) from (
            select parent_location_id as id from intermediate.int_location where location_kind = 'zone'
            union all select location_id from intermediate.int_appointment
            union all select location_id from intermediate.int_order_line where source_system = 'pos'
        ) where id not in (select location_id from intermediate.int_location where location_kind = 'store')
    """) == [(0,)]
    assert ask("select count(*) from intermediate.int_position where location_id is not null "
               "and location_id not in (select location_id from intermediate.int_location)") == [(0,)]  # fmt: skip
