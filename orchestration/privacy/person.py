"""What the warehouse knows of some customers: their numbers, records, identifiers and events, as tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.privacy.stream_rules import KEY_COLUMNS, QUOTED_ELSEWHERE, identifier_token, key_token
from orchestration.warehouse.connection import table_exists

if TYPE_CHECKING:
    import duckdb


@dataclass
class People:
    """Some customers, and everything by which rows are theirs.

    keys: present customer keys. numbers: all numbers that they ever had. records: (system, record number). identifiers:
    (kind, value), used by no other customer. tokens: token -> whether it names a record of a system, whose number never
    belongs to anybody else. names: full names as shown.
    """

    keys: set[int] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    records: set[tuple[str, str]] = field(default_factory=set)
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    tokens: dict[str, bool] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def people_of(
    connection: duckdb.DuckDBPyConnection, keys: Collection[int], canonical: Mapping[str, Mapping[str, Any]]
) -> People:
    """Everything by which rows belong to some customers. canonical: canonical stream -> its meta of dbt.

    connection: to the working warehouse. One pass over each table, whatever the number of customers.
    """
    connection.execute("create or replace temp table leaving as select unnest(?::bigint[]) as customer_key", [[*keys]])
    people = People(set(keys))
    _add_records(connection, people)
    _add_identifiers(connection, people)
    for system, key, value in _events(connection, canonical):
        people.tokens[key_token(system, key, value)] = True
        if key in QUOTED_ELSEWHERE:
            people.tokens.setdefault(key_token("", key, value), True)
    _without_documents_of_others(connection, people)
    people.names = {
        name
        for (name,) in connection.execute("""
            select distinct lower(trim(written)) from (
                select unnest([
                    display_name, given_name || ' ' || family_name, family_name || ' ' || given_name,
                    family_name || ', ' || given_name
                ]) as written
                from (
                    select customer_key, display_name, given_name, family_name from core.dim_customer
                    union all by name select customer_key, display_name, given_name, family_name
                    from core.dim_customer_history
                    union all by name select customer_key, given_name, family_name from core.bridge_customer_name
                ) semi join leaving using (customer_key)
            ) where written is not null
        """).fetchall()
    }
    return people


def _add_records(connection: duckdb.DuckDBPyConnection, people: People) -> None:
    people.numbers = people.keys | {
        number
        for (number,) in connection.execute(
            "select customer_number from core.bridge_customer_number semi join leaving using (customer_key)"
        ).fetchall()
    }
    connection.execute("""
        create or replace temp table leaving_record as
        select distinct source_system, source_record_id from core.bridge_source_record
        semi join leaving using (customer_key)
    """)
    if table_exists(connection, "identity", "known_number"):
        connection.execute(
            """
            insert into leaving_record
            select distinct source_system, source_record_id from identity.known_number
            where customer_id in (select unnest(?::bigint[])) and source_record_id is not null
                and (source_system, source_record_id) not in (
                    select source_system, source_record_id from core.bridge_source_record
                )
            """,
            [[*people.numbers]],
        )
    people.records = set(connection.execute("from leaving_record").fetchall())
    people.tokens |= {key_token(system, "source_record_id", number): True for system, number in people.records}


def _add_identifiers(connection: duckdb.DuckDBPyConnection, people: People) -> None:
    """Identifiers that only these customers use. One that a household shares stays that of the others."""
    people.identifiers = set(
        connection.execute("""
            with used as (
                select customer_key, identifier_kind, identifier_value from core.bridge_customer_identifier
                union
                select customer_key, identifier_kind, identifier_value from intermediate.int_identified_customer
                where customer_key is not null
            )
            select identifier_kind, identifier_value from used
            anti join intermediate.int_shared_identifier using (identifier_kind, identifier_value)
            where identifier_value is not null
            group by all
            having bool_and(customer_key in (from leaving))
        """).fetchall()
    )
    numbers = {number for _, number in people.records}
    people.tokens |= {identifier_token(kind, value): value in numbers for kind, value in people.identifiers}


def _events(
    connection: duckdb.DuckDBPyConnection, canonical: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """(system, key, value) of all events and documents of these customers alone."""
    keys = dict(KEY_COLUMNS) | {about["key"][0]: about["key"][0] for about in canonical.values() if about.get("key")}
    found: list[tuple[str, str, str]] = []
    for table, columns in _columns(connection, "core").items():
        if not {"customer_key", "source_system"} <= columns:
            continue
        for column in sorted(columns):
            key = keys.get(column) or keys.get(column.removeprefix("source_"))
            if key and column.startswith("source_") and key not in ("order_line_id", "cart_line_id"):
                found += [
                    (system, key, value)
                    for system, value in connection.execute(f"""
                        select source_system, cast({column} as varchar) from core.{table}
                        where {column} is not null and source_system is not null
                        group by all
                        having bool_or(customer_key in (from leaving))
                            and bool_and(customer_key is null or customer_key in (from leaving))
                    """).fetchall()
                ]
    found += [
        (system, "session_id", value)
        for system, value in connection.execute("""
            select source_system, session_id
            from intermediate.int_interaction
            inner join core.fct_interaction using (source_system, source_interaction_id)
            where session_id is not null
            group by all
            having bool_or(customer_key in (from leaving))
                and bool_and(customer_key is null or customer_key in (from leaving))
        """).fetchall()
    ]
    connection.execute(
        "create or replace temp table leaving_identifier (identifier_kind varchar, identifier_value varchar)"
    )
    connection.execute("""
        insert into leaving_identifier
        select distinct identifier_kind, identifier_value from core.bridge_customer_identifier
        group by all having bool_and(customer_key in (from leaving))
    """)
    found += [
        (system, "coupon_code", value)
        for system, value in connection.execute("""
            select distinct source_system, coupon_code from intermediate.int_coupon
            semi join leaving_identifier using (identifier_kind, identifier_value) where coupon_code is not null
        """).fetchall()
    ]
    return found


def _without_documents_of_others(connection: duckdb.DuckDBPyConnection, people: People) -> None:
    """Takes away numbers of orders and coupons that other customers have, too: two systems may number alike."""
    for key, query in (
        ("order_id", "select source_order_id, customer_key from core.fct_order_line"),
        ("coupon_code", "select coupon_code, customer_key from core.fct_order_line"),
    ):
        others = connection.execute(f"""
            select distinct value from ({query}) as used(value, customer_key)
            where customer_key is not null and customer_key not in (from leaving) and value is not null
        """).fetchall()
        for (value,) in others:
            people.tokens.pop(key_token("", key, value), None)


def _columns(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = ?", [schema]
    ).fetchall():
        found.setdefault(table, set()).add(column)
    return found
