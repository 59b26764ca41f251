"""Anonymous visits that join a person, against the true user of each cookie and telephone."""

from __future__ import annotations

from collections.abc import Callable

from scipy.stats import binom

Ask = Callable[[str], list[tuple]]

# The person behind each customer number; orders identify a guest by the e-mail address.
TRUTH = """
    with person_of_record as (
        select system as source_system, record_id as source_record_id, person_id from {truth:records}
        where system in ('crm', 'shop', 'loyalty')
        union
        select 'shop', 'guest ' || guest_email, t.person_id
        from staging.stg_shop__orders inner join {truth:orders} as t using (order_no)
        where customer_no is null and guest_email is not null
    ),
    person_of_customer as (
        select distinct customer_id as customer_key, person_id
        from identity.assignment inner join person_of_record using (source_system, source_record_id)
    ),
    session as (select distinct session_id, person_id from {truth:web_sessions}),
    activity as (
        select
            f.source_system, f.attribution, f.customer_key, f.probable_customer_key, f.attribution_probability,
            f.happened_at, i.session_id, coalesce(i.device_id, i.identifier_value) as device_id,
            coalesce(s.person_id, d.person_id) as person_id,
            exists (
                from person_of_customer as p
                where p.person_id = coalesce(s.person_id, d.person_id)
                    and p.customer_key = coalesce(nullif(f.customer_key, -1), f.probable_customer_key)
            ) as is_right
        from core.fct_interaction as f
        inner join intermediate.int_interaction as i using (source_system, source_interaction_id)
        left join session as s on f.source_system = 'web' and i.session_id = s.session_id
        left join {truth:devices} as d on f.source_system = 'app' and i.device_id = d.device_id
        where f.source_system in ('web', 'app')
    )
"""


def test_device_evidence_multiplies_the_web_activity_of_known_customers(ask: Ask) -> None:
    ((total, named, known),) = ask(f"""{TRUTH}
        select count(*), count(*) filter (attribution = 'known'), count(*) filter (customer_key > 0)
        from activity where source_system = 'web'
    """)
    # Most web visitors never identify themselves; their activity stays anonymous.
    assert named < 0.05 * total
    assert known > 4 * named


def test_less_than_one_percent_of_attributed_activity_belongs_to_another_person(ask: Ask) -> None:
    found = ask(f"""{TRUTH}
        select attribution, count(*), count(*) filter (not is_right)
        from activity where person_id is not null and attribution in ('known by session', 'known by device') group by 1
    """)
    assert {attribution for attribution, *_ in found} == {"known by session", "known by device"}
    for attribution, count, wrong in found:
        assert count > 500, attribution
        assert wrong < 0.01 * count, f"{attribution}: {wrong} of {count}"


def test_activity_before_the_evidence_is_attributed_only_in_its_session_or_with_consent(ask: Ask) -> None:
    """Evidence, from the systems' own rows: a login, a sign-up, an order, a cart of an account, a chat."""
    evidence = """
        evidence as (
            select cookie_id as device_id, occurred_at as t, session_id from staging.stg_web__events
            where email is not null
            union all select device_id, occurred_at, null from staging.stg_app__events where email is not null
            union all select cookie_id, ordered_at, null from staging.stg_shop__orders
            where coalesce(customer_no, guest_email) is not null
            union all select cookie_id, added_at, null from staging.stg_shop__carts where customer_no is not null
            union all select cookie_id, sent_at, null from staging.stg_chat__messages
            where email is not null or phone is not null
        ),
        first_evidence as (select device_id, min(t) as t from evidence group by 1),
        span as (select session_id, min(happened_at) as t0, max(happened_at) as t1 from activity group by 1)
    """
    assert ask(f"""{TRUTH}, {evidence}
        select count(*) from activity left join first_evidence as e using (device_id)
        where attribution in ('known by device', 'probable') and (e.t is null or happened_at < e.t - interval 30 day)
            or attribution = 'probable' and happened_at < e.t
    """) == [(0,)]
    ((count, wrong, without_consent),) = ask(f"""{TRUTH}, {evidence},
        consent as (
            select customer_key from core.fct_consent where purpose = 'profiling' and valid_to is null
            group by customer_key having bool_and(is_granted)
        )
        select count(*), count(*) filter (person_id is not null and not is_right),
            count(*) filter (customer_key not in (select customer_key from consent))
        from activity inner join first_evidence as e using (device_id)
        where attribution = 'known by device' and happened_at < e.t
    """)
    assert count > 0
    assert without_consent == 0
    # At least 99 % are right, as far as so few can show: at 1 %, so many are wrong in more than one sample of twenty.
    assert binom.sf(wrong - 1, count, 0.01) > 0.05
    # The app delivers no sessions: there, no pause of half an hour lies between the event and the evidence.
    assert ask(f"""{TRUTH}, {evidence}
        select count(*) from activity as a inner join span using (session_id)
        where attribution = 'known by session' and source_system = 'web' and not exists (
            from evidence as e
            where e.device_id = a.device_id
                and (e.session_id = a.session_id or e.t between t0 and t1 + interval 30 minute)
        )
    """) == [(0,)]


def test_journeys_with_an_earlier_look_are_as_long_as_they_truly_are(ask: Ask) -> None:
    """Of the largest product line. A purchase without a look on an identified device is a journey of minutes."""
    ((true_days,),) = ask("""
        with session as (
            select t.session_id, any_value(t.person_id) as person_id, min(i.happened_at) as looked_at
            from {truth:web_sessions} as t
            inner join intermediate.int_interaction as i on i.source_system = 'web' and i.session_id = t.session_id
            where t.product_line = 'parts_accessories' group by 1
        ),
        journey as (
            select p.happened_at::timestamp - min(s.looked_at) as length
            from {truth:purchases} as p
            inner join session as s
                on s.person_id = p.person_id and s.looked_at <= p.happened_at::timestamp
                    and s.looked_at > p.happened_at::timestamp - interval 60 day
            where p.product_line = 'parts_accessories' group by p.person_id, p.happened_at
        )
        select median(epoch(length)) / 86400 from journey where length > interval 1 hour
    """)
    ((looked, bought, days),) = ask("""
        select count(days_to_purchase), count(*) filter (purchased_at > began_at), median(days_to_purchase)
        from marts.journey where outcome = 'purchased' and product_line = 'parts_accessories'
    """)
    assert looked > 0.4 * bought
    assert 0.5 * true_days < days < 1.5 * true_days


def test_facts_do_not_count_for_inferred_customers(ask: Ask) -> None:
    assert ask("""
        select count(*) from core.fct_interaction
        where (customer_key > 0) <> (attribution like 'known%')
            or (probable_customer_key is not null) <> (attribution = 'probable')
            or (attribution_probability > 0.5) is distinct from (case when attribution = 'probable' then true end)
    """) == [(0,)]


def test_cookie_leads_to_the_customer_who_logged_in_with_it(ask: Ask) -> None:
    ((cookies, right),) = ask(f"""{TRUTH}
        select count(*), count(*) filter (p.person_id is not null)
        from core.bridge_customer_identifier as b
        inner join {{truth:cookies}} as c on b.identifier_value = c.cookie_id
        left join person_of_customer as p on b.customer_key = p.customer_key and c.person_id = p.person_id
        where b.identifier_kind = 'cookie' and not b.is_shared
    """)
    assert cookies > 100
    assert right > 0.99 * cookies
