"""What moves with customers when rules change: revenue, interactions, consents, scores. Part of `identity.compare`.

Reads the warehouse attached as a read-only database, and `identity.assignment` as the other rules make it. Writes
temporary tables only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb


@dataclass(frozen=True)
class Moved:
    """How much of something would belong to another customer, to a known customer for the first time, or to none.

    what: revenue with its currency, interactions, consents. total: all of it. Amounts are in the currency named.
    """

    what: str
    total: float
    to_another_customer: float
    becomes_known: float
    becomes_unknown: float


def first_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The only row of a result."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def newest_as_of(connection: duckdb.DuckDBPyConnection, real: str) -> datetime | None:
    """The as of of the last published run; None without one: then everything counts."""
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = 'quality' "
        "and table_name = 'publication'",
        [real.strip('"')],
    ).fetchone()
    if not found:
        return None
    return connection.execute(f"select max(as_of) from {real}.quality.publication").fetchone()[0]  # type: ignore[index]


def write_facts(connection: duckdb.DuckDBPyConnection, real: str, as_of: datetime | None) -> None:
    """Writes `fact`: purchases, interactions and consents, each with its customer before and after.

    An identifier finds its customer if all its records belong to one. Devices are left out: anonymous events follow the
    people identified on them.
    """
    for name, assignment in (("before", f"{real}.identity.assignment"), ("after", "identity.assignment")):
        connection.execute(f"""
            create temp table identified_{name} as
            select
                identifier_kind,
                identifier_value,
                case when min(customer_id) = max(customer_id) then min(customer_id) end as customer_id
            from {real}.intermediate.int_identifier
            inner join {assignment} using (source_system, source_record_id)
            group by all
        """)
    connection.execute(
        f"""
        create temp table fact as
        with delivered as (
            select
                'revenue ' || currency as what, net_amount as amount, 0 as points,
                source_system || '/' || order_id as purchase, ordered_at as happened_at, identifier_kind,
                identifier_value, null as is_granted
            from {real}.intermediate.int_order_line
            union all
            select
                'revenue ' || currency, net_amount, 0, source_system || '/' || booking_id, started_at, identifier_kind,
                identifier_value, null
            from {real}.intermediate.int_booking
            union all
            select
                'interactions', 1, coalesce(touchpoints.engagement_points, 0), null, happened_at, identifier_kind,
                identifier_value, null
            from {real}.intermediate.int_interaction
            left join {real}.core.dim_touchpoint as touchpoints using (touchpoint)
            union all
            select
                'consents', 1, 0, null, changed_at, identifier_kind, identifier_value,
                case when purpose = 'marketing' and channel = 'email' then is_granted end
            from {real}.intermediate.int_consent
        )
        select
            delivered.what, delivered.amount, delivered.points, delivered.purchase, delivered.happened_at,
            delivered.is_granted, before.customer_id as before_id, present.customer_id as after_id
        from delivered
        left join identified_before as before using (identifier_kind, identifier_value)
        left join identified_after as present using (identifier_kind, identifier_value)
        where delivered.happened_at < ?::timestamp or ?::timestamp is null
        """,
        [as_of, as_of],
    )


def moved(connection: duckdb.DuckDBPyConnection) -> tuple[Moved, ...]:
    """What would change its customer, summed over `fact`: revenue by currency first, then the others."""
    rows = connection.execute("""
        select
            what,
            sum(amount),
            coalesce(sum(amount) filter (before_id <> after_id), 0),
            coalesce(sum(amount) filter (before_id is null and after_id is not null), 0),
            coalesce(sum(amount) filter (before_id is not null and after_id is null), 0)
        from fact
        where what is not null
        group by 1
        order by what not like 'revenue%', what
    """).fetchall()
    return tuple(Moved(what, *(float(amount) for amount in amounts)) for what, *amounts in rows)


def rescored(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Per figure of marts.relationship_context, the number of customers whose figure would differ."""
    for name in ("before", "after"):
        connection.execute(f"""
            create temp table scored_{name} as
            with bought as (
                select
                    {name}_id as customer_id,
                    max(happened_at) as last_at,
                    count(distinct purchase) as purchases,
                    sum(amount) as amount
                from fact where what like 'revenue%' and {name}_id is not null group by 1
            ),
            points as (
                select {name}_id as customer_id, sum(points) as engagement_points
                from fact where {name}_id is not null group by 1
            )
            select
                customer_id,
                amount as customer_value,
                {_quintile("last_at")} as recency_score,
                {_quintile("purchases")} as frequency_score,
                {_quintile("amount")} as monetary_score,
                coalesce(engagement_points, 0) as engagement_points
            from points left join bought using (customer_id)
        """)
    figures = ("customer_value", "recency_score", "frequency_score", "monetary_score", "engagement_points")
    counts = ", ".join(f"count(*) filter (coalesce(b.{figure}, 0) <> coalesce(a.{figure}, 0))" for figure in figures)
    row = first_row(
        connection, f"select {counts} from scored_before as b full join scored_after as a using (customer_id)"
    )
    return dict(zip((figure.replace("_", " ") for figure in figures), row, strict=True))


def _quintile(column: str) -> str:
    """SQL for the quintile, 1 to 5, among customers with a purchase; the same as dbt's macro `quintile`."""
    return (
        f"case when {column} is not null then least(5, 1 + floor(5 * percent_rank() over "
        f"(partition by {column} is null order by {column}))::int) end"
    )


def conflicting_consents(connection: duckdb.DuckDBPyConnection) -> int:
    """The merged customers, one of which agrees to marketing mail and another does not. Reads merge_group and fact."""
    (count,) = first_row(
        connection,
        """
        with last_word as (
            select before_id, max_by(is_granted, happened_at) as is_granted
            from fact where is_granted is not null and before_id is not null group by 1
        ),
        merged as (select after_id, unnest(before_ids) as before_id from merge_group)
        select count(*) from (
            select after_id from merged inner join last_word using (before_id)
            group by 1 having count(distinct is_granted) > 1
        )
        """,
    )
    return int(count)
