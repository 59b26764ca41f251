"""Durable customer numbers: clusters get the numbers of their records, and every change is recorded.

A cluster keeps the number with which it shares most records; no number is assigned twice; a retired one points at the
customer that has its records now. Tables: assignment, assignment_history, customer_id_change, known_number.
"""

from __future__ import annotations

from datetime import datetime

from orchestration.identity.memory import known_numbers
from orchestration.identity.workspace import Workspace


def assign_numbers(work: Workspace, as_of: datetime | None, *, whole: bool) -> dict[str, int]:
    """Numbers the clusters of `cluster_record` (source_system, source_record_id, cluster_id, match_probability).

    as_of: when the decision counts from (naive UTC). whole: cluster_record holds all records; otherwise those of the
    groups that a change touches. Returns counts: new_customers, merged_customers. Writes `assignment`, `id_change` and
    `changed_assignment` into the scratch database; keep_assignment makes them count.
    """
    _create_kept_tables(work)
    if not whole:
        _add_holders_of_the_same_numbers(work)
    _number_clusters(work)
    _write_changes(work, as_of)
    _write_assignment(work)
    counts = work.rows("""
        select
            count(*) filter (where is_new) as new_customers,
            (
                select count(distinct customer_id) from {work}.shared
                where customer_id not in (select customer_id from {work}.numbered)
            ) as merged_customers
        from {work}.numbered
    """)[0]
    return {"new_customers": int(counts[0]), "merged_customers": int(counts[1])}


def _create_kept_tables(work: Workspace) -> None:
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


def _number_clusters(work: Workspace) -> None:
    """Writes shared (records per cluster and known number) and numbered (cluster_id, customer_id, is_new)."""
    work.run("""
        create or replace table {work}.shared as
        select clusters.cluster_id, previous.customer_id, count(*) as record_count
        from {work}.cluster_record as clusters
        inner join {kept}.known_number as previous using (source_system, source_record_id)
        group by all;

        create or replace table {work}.kept_number as
        select cluster_id, customer_id
        from (
            select
                *,
                row_number() over (partition by cluster_id order by record_count desc, customer_id) as customer_rank,
                row_number() over (partition by customer_id order by record_count desc, cluster_id) as cluster_rank
            from {work}.shared
        )
        where customer_rank = 1 and cluster_rank = 1;

        create or replace table {work}.numbered as
        with last_number as (
            select greatest(
                coalesce((select max(customer_id) from {kept}.known_number), 0),
                coalesce((select max(previous_customer_id) from {kept}.customer_id_change), 0),
                coalesce((select max(customer_id) from {kept}.assignment_history), 0)
            ) as customer_id
        ),
        newcomers as (
            select cluster_id, min((source_system, source_record_id)) as first_record
            from {work}.cluster_record
            where cluster_id not in (select cluster_id from {work}.kept_number)
            group by cluster_id
        )
        select cluster_id, customer_id, false as is_new from {work}.kept_number
        union all
        select
            newcomers.cluster_id,
            last_number.customer_id + row_number() over (order by newcomers.first_record) as customer_id,
            true as is_new
        from newcomers
        cross join last_number;
    """)


def _write_changes(work: Workspace, as_of: datetime | None) -> None:
    """Writes id_change: the numbers whose records moved to another number, and why."""
    work.run(
        """
        create or replace table {work}.id_change as
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


def _write_assignment(work: Workspace) -> None:
    """Writes assignment, renumbered (records with another or their first number) and changed_assignment."""
    work.run("""
        create or replace table {work}.assignment as
        select
            clusters.source_system,
            clusters.source_record_id,
            numbered.customer_id::bigint as customer_id,
            clusters.match_probability::double as match_probability
        from {work}.cluster_record as clusters
        inner join {work}.numbered as numbered using (cluster_id)
        order by clusters.source_system, clusters.source_record_id;

        create or replace table {work}.renumbered as
        select source_system, source_record_id, customer_id
        from {work}.assignment
        anti join {kept}.known_number using (source_system, source_record_id, customer_id);

        create or replace table {work}.changed_assignment as
        select present.source_system, present.source_record_id, present.customer_id
        from {work}.assignment as present
        anti join (from {kept}.assignment_history where valid_to is null) as past
            using (source_system, source_record_id, customer_id)
        order by present.source_system, present.source_record_id
    """)


def _add_holders_of_the_same_numbers(work: Workspace) -> None:
    """Adds to cluster_record the untouched clusters that have a number of a touched record, with all their records.

    So a number finds the cluster that has most of its records, as it would among all. If the numbers are not those of
    the last call, because the register had others, all clusters are added.
    """
    same = work.value(f"select known_numbers is not distinct from ({known_numbers()}) from {{kept}}.last_call")
    held = """
        where assignments.customer_id in (
            select customer_id from {kept}.known_number
            semi join {work}.affected_record using (source_system, source_record_id)
        )
    """
    work.run(f"""
        insert into {{work}}.cluster_record by name
        select source_system, source_record_id, clusters.cluster_id, assignments.match_probability
        from {{kept}}.assignment as assignments
        inner join {{kept}}.cluster as clusters using (source_system, source_record_id)
        anti join {{work}}.affected_record using (source_system, source_record_id)
        {held if same else ""}
    """)


def keep_assignment(work: Workspace, as_of: datetime | None, *, whole: bool) -> None:
    """Writes the result of assign_numbers to the kept tables: assignment, known_number, history and changes.

    Call it in a transaction. A record that is not delivered today keeps its number for the day it returns, and its
    period in the history.
    """
    if whole:
        work.run("create or replace table {kept}.assignment as from {work}.assignment")
    else:
        work.run("""
            delete from {kept}.assignment
            where (source_system, source_record_id) in (
                select source_system, source_record_id from {work}.affected_record
                union all
                select source_system, source_record_id from {work}.assignment
            );
            insert into {kept}.assignment by name from {work}.assignment
        """)
    work.run("""
        insert into {kept}.customer_id_change from {work}.id_change;
        delete from {kept}.known_number
        where (source_system, source_record_id) in (select source_system, source_record_id from {work}.renumbered);
        insert into {kept}.known_number by name from {work}.renumbered
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
        """,
        [as_of],
    )
