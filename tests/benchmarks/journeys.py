"""What share of the visits that led to an order stands in the journey of the order, and what share could stand there.

The truth of the demo company says who made each visit to the web site and which purchase it was made for. An oracle
with the same events has three answers, each a bound of the next: all visits; those on a device on which the customer is
identified at some time; those of them that our rules allow (one person's device, after an identification or, with
consent to profiling, in the days before it).

python tests/benchmarks/journeys.py COMPANY --home HOME
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

BACKWARD_DAYS = 30  # variable anonymous_backward
LONGEST_DAYS = 45  # the generator draws visits up to 31 days before the purchase

_PREPARED = """
    set timezone = 'UTC';
    create temp table person as
    select person_id, mode(customer_key) as customer_key
    from '{truth}/records.parquet' as records
    inner join core.bridge_source_record as bridge
        on records.system = bridge.source_system and records.record_id = bridge.source_record_id
    group by person_id;

    create temp table bought as
    select row_number() over (order by person_id, happened_at) as purchase, person_id, product_line,
        (happened_at at time zone 'UTC')::timestamp as bought_at
    from '{truth}/purchases.parquet';

    -- Orders of the web shop whose customer is known.
    create temp table ordered as
    select bought.*, person.customer_key, facts.interaction_key
    from '{truth}/orders.*.parquet' as orders
    inner join core.fct_interaction as facts
        on facts.source_system = 'shop' and facts.source_interaction_id = orders.order_no
    inner join person on orders.person_id = person.person_id and facts.customer_key = person.customer_key
    inner join bought
        on orders.person_id = bought.person_id and abs(date_diff('second', bought_at, facts.happened_at)) < 900;

    create temp table step as
    select delivered.session_id, delivered.device_id, facts.interaction_key, facts.happened_at, facts.customer_key
    from core.fct_interaction as facts
    inner join intermediate.int_interaction as delivered using (source_system, source_interaction_id)
    where facts.source_system = 'web' and delivered.session_id is not null;

    create temp table visit as
    select visits.session_id, visits.product_line, ordered.purchase, ordered.bought_at, ordered.customer_key,
        ordered.interaction_key, begun.started_at, begun.device_id
    from (
        select session_id, min(happened_at) as started_at, max(device_id) as device_id from step group by session_id
    ) as begun
    inner join '{truth}/web_sessions.*.parquet' as visits using (session_id)
    asof join bought
        on visits.person_id = bought.person_id and visits.product_line = bought.product_line
            and begun.started_at < bought.bought_at
    inner join ordered using (purchase)
    where visits.intent = 'before_purchase' and bought.bought_at < begun.started_at + interval {longest} day;

    create temp table judged as
    select visit.*,
        coalesce(evidence.identified, false) as is_identified,
        coalesce(
            evidence.is_before or (evidence.is_after and consents.customer_key is not null), false
        ) and exists (
            select 1 from intermediate.int_device_person as devices
            where devices.device_id = visit.device_id and devices.customer_key = visit.customer_key
                and devices.person_count = 1
        ) as is_allowed,
        exists (
            select 1 from step where step.session_id = visit.session_id and step.customer_key = visit.customer_key
        ) as is_attributed,
        exists (
            select 1 from step
            where step.session_id = visit.session_id and step.customer_key > 0
                and step.customer_key <> visit.customer_key
        ) as is_wrong,
        exists (
            select 1
            from step
            inner join marts.journey_interaction as ours on step.interaction_key = ours.interaction_key
            inner join marts.journey_interaction as theirs
                on ours.customer_key = theirs.customer_key and ours.product_line = theirs.product_line
                    and ours.journey_number = theirs.journey_number
            where step.session_id = visit.session_id and theirs.interaction_key = visit.interaction_key
                and theirs.product_line = visit.product_line
        ) as is_in_journey
    from visit
    left join lateral (
        select true as identified, bool_or(identified_at <= visit.started_at + interval 1 hour) as is_before,
            bool_or(identified_at between visit.started_at and visit.started_at + interval {backward} day) as is_after
        from intermediate.int_device_evidence as evidence
        where evidence.device_id = visit.device_id and evidence.customer_key = visit.customer_key
        having count(*) > 0
    ) as evidence on true
    left join intermediate.int_backward_consent as consents on visit.customer_key = consents.customer_key
"""

_MEASURED = """
    with first_visit as (
        select ordered.purchase, ordered.product_line, ordered.bought_at,
            min(started_at) as true_at,
            min(started_at) filter (is_identified) as identified_at,
            min(started_at) filter (is_allowed) as allowed_at,
            min(started_at) filter (is_in_journey) as found_at
        from ordered left join judged using (purchase)
        group by all
    ),
    orders as (
        select product_line, count(*) as orders,
            100 * avg((true_at is not null)::int) as with_a_visit,
            100 * avg((allowed_at is not null)::int) as allowed_orders,
            100 * avg((found_at is not null)::int) as found_orders,
            median(date_diff('second', true_at, bought_at)) / 86400 as true_days,
            median(date_diff('second', allowed_at, bought_at)) / 86400 as allowed_days,
            median(date_diff('second', found_at, bought_at)) / 86400 as found_days
        from first_visit group by rollup (product_line)
    ),
    visits as (
        select product_line, count(*) as visits,
            100 * avg(is_identified::int) as identified,
            100 * avg(is_allowed::int) as allowed,
            100 * avg(is_attributed::int) as attributed,
            100 * avg(is_in_journey::int) as in_journey,
            100 * avg(is_wrong::int) as wrong
        from judged group by rollup (product_line)
    )
    select coalesce(orders.product_line, 'all'), orders, with_a_visit, allowed_orders, found_orders, true_days,
        allowed_days, found_days, visits, identified, allowed, attributed, in_journey, wrong
    from orders left join visits on orders.product_line is not distinct from visits.product_line
    order by orders desc
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("company", type=Path, help="folder of the demo company, with its truth")
    arguments.add_argument("--home", type=Path, required=True, help="home of a run of the same company")
    chosen = arguments.parse_args()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{chosen.home / 'warehouse.duckdb'}' as warehouse (read_only); use warehouse")
        connection.execute(
            _PREPARED.format(truth=chosen.company / "truth", backward=BACKWARD_DAYS, longest=LONGEST_DAYS)
        )
        print("| product line | orders | with a visit | allowed | found | days: true, allowed, found | visits "
              "| identified | allowed | attributed | in the journey | wrong |")  # fmt: skip
        print("|" + "---|" * 12)
        for line, orders, seen, allowed, found, *rest in connection.execute(_MEASURED).fetchall():
            days = ", ".join("–" if days is None else f"{days:.1f}" for days in rest[:3])
            visits = " | ".join("–" if share is None else f"{share:.1f} %" for share in rest[4:])
            print(f"| {line.replace('_', ' ')} | {orders:,} | {seen:.1f} % | {allowed:.1f} % | {found:.1f} % | {days} "
                  f"| {rest[3] or 0:,} | {visits} |")  # fmt: skip


if __name__ == "__main__":
    main()
