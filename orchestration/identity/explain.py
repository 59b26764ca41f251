"""Explains a customer: its records, the links between them with their weights, and the refused links."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.identity.model import LinkageModel

_MOST_STEPS = 10_000


@dataclass(frozen=True)
class Weight:
    """One comparison of two records: its outcome, and the bits it adds (negative: against a match)."""

    comparison: str
    outcome: str
    bits: float


@dataclass(frozen=True)
class Link:
    """Two records (system, id), the rule or `model` that links them or the reason of a refusal, and the evidence."""

    first: tuple[str, str]
    second: tuple[str, str]
    rule: str
    reason: str
    match_probability: float
    match_weight: float
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class Explanation:
    """A customer: present number, earlier numbers, records (system, id), links, and refused near misses."""

    customer_id: int
    previous_customer_ids: tuple[int, ...]
    records: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    refused: tuple[Link, ...]


def explain(connection: duckdb.DuckDBPyConnection, customer_id: int, schema: str = "identity") -> Explanation:
    """Explains a customer by any number it has ever had.

    Raises KeyError if the number was never assigned.
    """
    present = present_customer(connection, customer_id, schema)
    records = connection.execute(
        f"select source_system, source_record_id from {schema}.assignment where customer_id = ? order by all", [present]
    ).fetchall()
    names, labels = _comparisons(connection, schema)
    return Explanation(
        customer_id=present,
        previous_customer_ids=_previous(connection, present, schema),
        records=tuple((system, record) for system, record in records),
        links=_links(connection, f"{schema}.link", "''", present, schema, names, labels),
        refused=_links(connection, f"{schema}.refused_link", "reason", present, schema, names, labels),
    )


def present_customer(connection: duckdb.DuckDBPyConnection, customer_id: int, schema: str = "identity") -> int:
    """Today's number of a customer, for any number that was ever published.

    A merged number resolves to the customer that has most of its records now. Raises KeyError if the number was never
    assigned.
    """
    for _ in range(_MOST_STEPS):
        if connection.execute(
            f"select 1 from {schema}.known_number where customer_id = ? limit 1", [customer_id]
        ).fetchone():
            return customer_id
        row = connection.execute(
            f"""
            with successor as (
                select customer_id, max(changed_at) as changed_at
                from {schema}.customer_id_change where previous_customer_id = $customer group by customer_id
            ),
            record as (
                select distinct source_system, source_record_id
                from {schema}.assignment_history where customer_id = $customer
            ),
            taken as (
                select history.customer_id, count(*) as records
                from {schema}.assignment_history as history
                inner join record using (source_system, source_record_id)
                where history.customer_id in (select customer_id from successor)
                group by history.customer_id
            )
            select customer_id
            from successor left join taken using (customer_id)
            order by changed_at desc nulls last, records desc nulls last, customer_id
            limit 1
            """,
            {"customer": customer_id},
        ).fetchone()
        if row is None:
            break
        customer_id = int(row[0])
    raise KeyError(f"The customer number {customer_id} was never assigned.")


def _previous(connection: duckdb.DuckDBPyConnection, present: int, schema: str) -> tuple[int, ...]:
    """The retired numbers that resolve to a customer, out of those whose chain of changes leads to it."""
    found = connection.execute(
        f"""
        with recursive earlier(number) as (
            select $customer::bigint
            union
            select change.previous_customer_id
            from {schema}.customer_id_change as change
            inner join earlier on change.customer_id = earlier.number
        )
        select number from earlier where number <> $customer order by number
        """,
        {"customer": present},
    ).fetchall()
    return tuple(number for (number,) in found if present_customer(connection, number, schema) == present)


def assignment_as_of(connection: duckdb.DuckDBPyConnection, moment: datetime, schema: str = "identity") -> Any:
    """The assignment as it was known at a moment: a relation (source_system, source_record_id, customer_id)."""
    return connection.sql(
        f"""
        select source_system, source_record_id, customer_id
        from {schema}.assignment_history
        where (valid_from is null or valid_from <= $moment) and (valid_to is null or valid_to > $moment)
        order by source_system, source_record_id
        """,
        params={"moment": moment},
    )


def _comparisons(connection: duckdb.DuckDBPyConnection, schema: str) -> tuple[list[str], dict[str, dict[int, str]]]:
    row = connection.execute(f"select model from {schema}.linkage_model").fetchone()
    if row is None:
        return [], {}
    model = LinkageModel.from_dict(json.loads(row[0]))
    return model.comparisons, model.labels


def _links(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    reason: str,
    customer_id: int,
    schema: str,
    names: list[str],
    labels: dict[str, dict[int, str]],
) -> tuple[Link, ...]:
    records = f"(select source_system, source_record_id from {schema}.assignment where customer_id = ?)"
    rows = connection.execute(
        f"""
        select
            source_system, source_record_id, other_source_system, other_source_record_id, coalesce(rule, 'model'),
            {reason}, match_probability, match_weight, gammas, weights
        from {table}
        where (source_system, source_record_id) in {records}
            or (other_source_system, other_source_record_id) in {records}
        order by match_weight desc, 1, 2, 3, 4
        """,
        [customer_id, customer_id],
    ).fetchall()
    return tuple(
        Link(
            (row[0], row[1]),
            (row[2], row[3]),
            row[4],
            row[5],
            float(row[6]),
            float(row[7]),
            tuple(
                Weight(name, labels[name].get(gamma, "missing"), round(float(bits), 2))
                for name, gamma, bits in zip(names, row[8], row[9], strict=False)
            ),
        )
        for row in rows
    )
