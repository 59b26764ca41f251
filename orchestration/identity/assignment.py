"""Durable customer numbers: clusters get the numbers that their records had, and every change is written down.

A cluster keeps the number with which it shares most records; a number is never given twice; one that is given up points
at the customer who has its records now. Tables: assignment, assignment_history, customer_id_change, known_number.
"""

from __future__ import annotations

from datetime import datetime

from orchestration.identity.workspace import Workspace


def assign_numbers(work: Workspace, clusters: str, as_of: datetime | None) -> dict[str, int]:
    """Numbers the clusters of `clusters` (source_system, source_record_id, cluster_id, match_probability).

    as_of: when the decision counts from (naive UTC). Returns counts: records, customers, new_customers,
    merged_customers.
    """
    work.run("""
        create table if not exists {kept}.known_number (
            source_system varchar, source_record_id varchar, customer_id bigint
        );
        create table if not exists {kept}.customer_id_change (
            previous_customer_id bigint, customer_id bigint, cause varchar, changed_at timestamp
        );
        create table if not exists {kept}.assignment_history (
            source_system varchar, source_record_id varchar, customer_id bigint, valid_from timestamp,
            valid_to timestamp
        );
    """)
    work.run(f"""
        create or replace table {{work}}.shared as
        select clusters.cluster_id, previous.customer_id, count(*) as record_count
        from {clusters} as clusters
        inner join {{kept}}.known_number as previous using (source_system, source_record_id)
        group by all;

        create or replace table {{work}}.kept_number as
        select cluster_id, customer_id
        from (
            select
                *,
                row_number() over (partition by cluster_id order by record_count desc, customer_id) as customer_rank,
                row_number() over (partition by customer_id order by record_count desc, cluster_id) as cluster_rank
            from {{work}}.shared
        )
        where customer_rank = 1 and cluster_rank = 1;

        create or replace table {{work}}.numbered as
        with last_number as (
            select greatest(
                coalesce((select max(customer_id) from {{kept}}.known_number), 0),
                coalesce((select max(previous_customer_id) from {{kept}}.customer_id_change), 0),
                coalesce((select max(customer_id) from {{kept}}.assignment_history), 0)
            ) as customer_id
        ),
        newcomers as (
            select cluster_id, min((source_system, source_record_id)) as first_record
            from {clusters}
            where cluster_id not in (select cluster_id from {{work}}.kept_number)
            group by cluster_id
        )
        select cluster_id, customer_id, false as is_new from {{work}}.kept_number
        union all
        select
            newcomers.cluster_id,
            last_number.customer_id + row_number() over (order by newcomers.first_record) as customer_id,
            true as is_new
        from newcomers
        cross join last_number;
    """)
    work.run(
        """
        insert into {kept}.customer_id_change
        select
            shared.customer_id as previous_customer_id,
            numbered.customer_id,
            case
                when numbered.is_new then 'split'
                when shared.customer_id in (select customer_id from {work}.numbered) then 'moved'
                else 'merge'
            end as cause,
            ?::timestamp as changed_at
        from {work}.shared as shared
        inner join {work}.numbered as numbered using (cluster_id)
        where shared.customer_id <> numbered.customer_id
        order by all
        """,
        [as_of],
    )
    counts = work.rows(f"""
        select
            (select count(*) from {clusters}) as records,
            count(*) as customers,
            count(*) filter (where is_new) as new_customers,
            (
                select count(distinct customer_id) from {{work}}.shared
                where customer_id not in (select customer_id from {{work}}.numbered)
            ) as merged_customers
        from {{work}}.numbered
    """)[0]
    work.run(f"""
        create or replace table {{kept}}.assignment as
        select
            clusters.source_system,
            clusters.source_record_id,
            numbered.customer_id::bigint as customer_id,
            clusters.match_probability::double as match_probability
        from {clusters} as clusters
        inner join {{work}}.numbered as numbered using (cluster_id)
        order by clusters.source_system, clusters.source_record_id;

        -- A record that is not delivered today keeps its number for the day on which it is.
        create or replace table {{kept}}.known_number as
        select source_system, source_record_id, customer_id from {{kept}}.assignment
        union all
        select source_system, source_record_id, customer_id
        from {{kept}}.known_number
        anti join {{kept}}.assignment using (source_system, source_record_id);
    """)
    _write_history(work, as_of)
    return dict(zip(("records", "customers", "new_customers", "merged_customers"), counts, strict=True))


def _write_history(work: Workspace, as_of: datetime | None) -> None:
    """Closes the periods that ended and opens the new ones; a record that is not delivered keeps its period."""
    work.run("""
        create or replace table {work}.changed_assignment as
        select present.source_system, present.source_record_id, present.customer_id
        from {kept}.assignment as present
        left join {kept}.assignment_history as past
            on present.source_system = past.source_system and present.source_record_id = past.source_record_id
            and past.valid_to is null
        where past.customer_id is null or past.customer_id <> present.customer_id
    """)
    work.run(
        """
        update {kept}.assignment_history as past set valid_to = coalesce(?::timestamp, past.valid_from)
        from {work}.changed_assignment as changed
        where past.source_system = changed.source_system and past.source_record_id = changed.source_record_id
            and past.valid_to is null
        """,
        [as_of],
    )
    work.run(
        """
        insert into {kept}.assignment_history
        select source_system, source_record_id, customer_id, ?::timestamp, null from {work}.changed_assignment
        order by source_system, source_record_id
        """,
        [as_of],
    )
