"""Links source records to customers by deterministic rules, inside the warehouse.

The interface is what later versions keep: a table of records in, tables of links, clusters and assignments out. Only
pairs of integers leave the engine, for the connected components.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

RULES_FILE = Path(__file__).with_name("rules.yml")


@dataclass(frozen=True)
class LinkResult:
    """What was decided, as names of tables in the warehouse and a few counts.

    assignments: (source_system, source_record_id, customer_id, match_probability), one row per source record.
    links: the evidence, one row per linked pair of records.
    ignored_values: identifier values that too many records share to say anything.
    """

    assignments: str
    links: str
    records: int
    customers: int
    new_customers: int
    merged_customers: int
    ignored_values: int


def link_records(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    *,
    identifiers: str | None = None,
    as_of: datetime | None = None,
    schema: str = "identity",
    rules_file: Path = RULES_FILE,
) -> LinkResult:
    """Decide which records are the same person and give every customer a durable number.

    records: table with one row per source record: source_system, source_record_id, given_name, family_name, birth_date,
        gender, email, phone, street, house_number, postal_code, city, region, country, national_id, loyalty_number.
    identifiers: table (source_system, source_record_id, identifier_kind, identifier_value) with every identifier of the
        records; without it the identifiers are derived from the records.
    as_of: when the decision counts from (naive UTC); recorded with customers that were merged or split.

    An unchanged input keeps every number. A merged customer keeps the number of its larger part. Raises ValueError
    where a record has no key or a key stands twice.
    """
    rules, limit = _read_rules(rules_file)
    connection.execute(f"create schema if not exists {schema}")
    _number_records(connection, records, schema)
    _collect_links(connection, identifiers or _derived_identifiers(records), rules, limit, schema)
    _cluster(connection, schema)
    counts = _assign(connection, as_of, schema)
    ignored = _count(connection, f"select count(*) from {schema}.ignored_identifier")
    for helper in ("numbered_record", "numbered_link"):
        connection.execute(f"drop table {schema}.{helper}")
    return LinkResult(
        assignments=f"{schema}.assignment", links=f"{schema}.link", ignored_values=ignored, **counts
    )  # fmt: skip


def _read_rules(file: Path) -> tuple[list[str], int]:
    import yaml

    content = yaml.safe_load(file.read_text())
    return [rule["identifier"] for rule in content["rules"]], int(content["most_records_per_value"]["limit"])


def _number_records(connection: duckdb.DuckDBPyConnection, records: str, schema: str) -> None:
    """Gives the records numbers 0, 1, 2, … in the order of their keys, so that the rest works on integers."""
    connection.execute(f"""
        create or replace table {schema}.numbered_record as
        select
            source_system,
            source_record_id,
            row_number() over (order by source_system, source_record_id) - 1 as record_number
        from {records}
    """)
    bad_keys = _count(
        connection,
        f"""
        select count(*) from (
            select 1 from {schema}.numbered_record
            group by source_system, source_record_id
            having count(*) > 1 or source_system is null or source_record_id is null
        )
        """,
    )
    if bad_keys:
        raise ValueError(
            f"{bad_keys:,} keys of source records in {records} are empty or stand twice: "
            "every record needs one source_system and source_record_id of its own."
        )


def _derived_identifiers(records: str) -> str:
    return f"""(
        select source_system, source_record_id, unnest([
            {{'identifier_kind': 'email', 'identifier_value': nullif(lower(trim(email)), '')}},
            {{'identifier_kind': 'phone_and_birth_date', 'identifier_value': phone || '|' || birth_date::varchar}},
            {{'identifier_kind': 'national_id', 'identifier_value': national_id}},
            {{'identifier_kind': 'loyalty_number', 'identifier_value': loyalty_number}}
        ], recursive := true)
        from {records}
    )"""


def _collect_links(
    connection: duckdb.DuckDBPyConnection, identifiers: str, rules: list[str], limit: int, schema: str
) -> None:
    """One link from the first record that uses a value to each other one: a star, so that pairs never explode."""
    connection.execute(
        f"""
        create or replace temp table identifier_group as
        select
            identifiers.identifier_kind,
            identifiers.identifier_value,
            array_agg(distinct records.record_number order by records.record_number) as record_numbers
        from {identifiers} as identifiers
        inner join {schema}.numbered_record as records using (source_system, source_record_id)
        where identifiers.identifier_kind in (select unnest(?::varchar[])) and identifiers.identifier_value is not null
        group by all
        having count(distinct records.record_number) > 1
        """,
        [rules],
    )
    # The values themselves are personal data: how many there are is enough to go and look.
    connection.execute(
        f"""
        create or replace table {schema}.ignored_identifier as
        select identifier_kind, md5(identifier_value) as identifier_hash, len(record_numbers) as record_count
        from identifier_group
        where len(record_numbers) > ?
        """,
        [limit],
    )
    connection.execute(
        f"""
        create or replace table {schema}.numbered_link as
        select
            record_numbers[1] as record_number,
            unnest(record_numbers[2:]) as other_record_number,
            identifier_kind as rule
        from identifier_group
        where len(record_numbers) <= ?
        """,
        [limit],
    )
    connection.execute("drop table identifier_group")
    connection.execute(f"""
        create or replace table {schema}.link as
        select distinct
            ours.source_system,
            ours.source_record_id,
            theirs.source_system as other_source_system,
            theirs.source_record_id as other_source_record_id,
            links.rule,
            1.0::double as match_probability
        from {schema}.numbered_link as links
        inner join {schema}.numbered_record as ours on links.record_number = ours.record_number
        inner join {schema}.numbered_record as theirs on links.other_record_number = theirs.record_number
    """)


def _cluster(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Records that are linked directly or through others form one cluster, called after its first record."""
    import numpy
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = _count(connection, f"select count(*) from {schema}.numbered_record")
    links = connection.execute(
        f"select distinct record_number, other_record_number from {schema}.numbered_link"
    ).fetchnumpy()
    ours, theirs = links["record_number"], links["other_record_number"]
    graph = coo_array((numpy.ones(len(ours), dtype=numpy.int8), (ours, theirs)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1] if size else numpy.empty(0, dtype=numpy.int32)
    import pyarrow

    labelled = pyarrow.table({"record_number": numpy.arange(size, dtype=numpy.int64), "label": labels})
    connection.register("labelled", labelled)
    connection.execute(f"""
        create or replace table {schema}.cluster as
        select
            records.source_system,
            records.source_record_id,
            min(records.record_number) over (partition by labelled.label) as cluster_id
        from {schema}.numbered_record as records
        inner join labelled on records.record_number = labelled.record_number
    """)
    connection.unregister("labelled")


def _assign(connection: duckdb.DuckDBPyConnection, as_of: datetime | None, schema: str) -> dict[str, int]:
    """Durable numbers: a cluster keeps the number with which it shares most records; the rest get new ones."""
    connection.execute(f"""
        create table if not exists {schema}.known_number (
            source_system varchar, source_record_id varchar, customer_id bigint
        );
        create table if not exists {schema}.customer_id_change (
            previous_customer_id bigint, customer_id bigint, cause varchar, changed_at timestamp
        );
        create or replace temp table shared as
        select clusters.cluster_id, previous.customer_id, count(*) as record_count
        from {schema}.cluster as clusters
        inner join {schema}.known_number as previous using (source_system, source_record_id)
        group by all;

        create or replace temp table kept as
        select cluster_id, customer_id
        from (
            select
                *,
                row_number() over (partition by cluster_id order by record_count desc, customer_id) as customer_rank,
                row_number() over (partition by customer_id order by record_count desc, cluster_id) as cluster_rank
            from shared
        )
        where customer_rank = 1 and cluster_rank = 1;

        create or replace temp table numbered as
        with last_number as (
            select greatest(
                coalesce((select max(customer_id) from {schema}.known_number), 0),
                coalesce((select max(previous_customer_id) from {schema}.customer_id_change), 0)
            ) as customer_id
        )
        select cluster_id, customer_id, false as is_new from kept
        union all
        select
            clusters.cluster_id,
            last_number.customer_id + row_number() over (order by clusters.cluster_id) as customer_id,
            true as is_new
        from (
            select distinct cluster_id from {schema}.cluster
            except
            select cluster_id from kept
        ) as clusters
        cross join last_number;
    """)
    connection.execute(
        f"""
        insert into {schema}.customer_id_change
        select
            shared.customer_id as previous_customer_id,
            numbered.customer_id,
            case when numbered.is_new then 'split' else 'merge' end as cause,
            ?::timestamp as changed_at
        from shared
        inner join numbered using (cluster_id)
        where shared.customer_id <> numbered.customer_id
        """,
        [as_of],
    )
    counts = connection.execute(f"""
        select
            (select count(*) from {schema}.numbered_record) as records,
            count(*) as customers,
            count(*) filter (where is_new) as new_customers,
            (select count(distinct customer_id) from shared where customer_id not in (select customer_id from numbered))
                as merged_customers
        from numbered
    """).fetchone()
    connection.execute(f"""
        create or replace table {schema}.assignment as
        select
            clusters.source_system,
            clusters.source_record_id,
            numbered.customer_id::bigint as customer_id,
            1.0::double as match_probability
        from {schema}.cluster as clusters
        inner join numbered using (cluster_id)
        order by clusters.source_system, clusters.source_record_id;

        -- A record that is not delivered today keeps its number for the day on which it is.
        create or replace table {schema}.known_number as
        select source_system, source_record_id, customer_id from {schema}.assignment
        union all
        select source_system, source_record_id, customer_id
        from {schema}.known_number
        anti join {schema}.assignment using (source_system, source_record_id);
        drop table shared;
        drop table kept;
        drop table numbered;
    """)
    assert counts is not None
    return dict(zip(("records", "customers", "new_customers", "merged_customers"), counts, strict=True))


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else 0
