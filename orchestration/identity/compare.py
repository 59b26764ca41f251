"""What other rules would change before they apply: merged and split customers, and what moves with them.

The warehouse is only read: the linking's memory is copied into a database in memory and linked there.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.identity.compare_facts import (
    Moved,
    conflicting_consents,
    first_row,
    moved,
    newest_as_of,
    rescored,
    write_facts,
)
from orchestration.identity.decisions import read_decisions
from orchestration.identity.linking import link_records
from orchestration.identity.rules import RulesError, read_rules
from orchestration.warehouse.connection import WarehouseError, readable_failures


class ComparisonError(Exception):
    """The rules cannot be compared; the message says why and what to do."""


@dataclass(frozen=True)
class Regrouping:
    """Customers that would be merged into one, or one that would be split.

    before, after: customer numbers. records: as `system #record number`. because: rules or reasons that differ.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    records: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Comparison:
    """The assignment today, and with the other rules.

    moved_records: records that would have another customer number. rescored: per figure of a customer (scores from 1 to
    5, points), the customers whose figure would change. conflicting_consents: merged customers, one of which agrees to
    marketing mail and another does not. notes: messages of the linking.
    """

    records: int
    customers_before: int
    customers_after: int
    moved_records: int
    merges: int
    merged_customers: int
    splits: int
    merge_examples: tuple[Regrouping, ...]
    split_examples: tuple[Regrouping, ...]
    links_before: dict[str, int]
    links_after: dict[str, int]
    moved: tuple[Moved, ...]
    rescored: dict[str, int]
    conflicting_consents: int
    notes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether the other rules change nothing."""
        return not (self.merges or self.splits or self.moved_records)

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self) | {"is_same": self.is_same}


def compare_rules(
    warehouse: Path,
    rules_file: Path,
    *,
    firm_rules: Path | None = None,
    decisions: Path | None = None,
    examples: int = 10,
) -> Comparison:
    """Links the warehouse's records with other rules, in memory, and compares the customers with today's.

    warehouse: the working warehouse, opened read-only. rules_file: what differs from today's rules, which are the
    neutral ones and firm_rules. decisions: reviewed decisions, used by both. examples: the most merges and splits
    listed. Raises ComparisonError if a file cannot be used, WarehouseError if the warehouse cannot be read.
    """
    rules_files = (rules_file,) if firm_rules is None else (firm_rules, rules_file)
    check_rules(*rules_files)
    if not warehouse.exists():
        raise WarehouseError(f"There is no warehouse at {warehouse} yet: start `context360 run`, or set --home.")
    with tempfile.TemporaryDirectory() as spill, readable_failures(warehouse), duckdb.connect() as connection:
        connection.execute(f"set temp_directory = '{_quoted(spill)}'")
        real = f'"{warehouse.stem}"'
        connection.execute(f"attach '{_quoted(str(warehouse))}' as {real} (read_only)")
        _copy_memory(connection, warehouse.stem)
        try:
            result = link_records(
                connection,
                f"{real}.intermediate.int_source_record",
                identifiers=f"{real}.intermediate.int_identifier",
                rules_files=rules_files,
                decisions=decisions,
                as_of=None,
            )
        except ValueError as error:
            raise ComparisonError(str(error)) from error
        return _compared(connection, real, result.notes, examples)


def check_rules(*files: Path) -> None:
    """Raises ComparisonError if one of the rules files, the last laid over the others, cannot be used."""
    try:
        read_rules(*files)
    except RulesError as error:
        raise ComparisonError(str(error)) from error


def check_decisions(file: Path) -> None:
    """Raises ComparisonError if a file of decisions cannot be used."""
    if not file.is_file():
        raise ComparisonError(f"There is no file of decisions {file}: name one, or leave it out.")
    try:
        read_decisions(file)
    except (ValueError, yaml.YAMLError) as error:
        raise ComparisonError(" ".join(str(error).split())) from error


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _copy_memory(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Copies the linking's memory, so that unchanged rules link as the next run would."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = 'identity' order by 1",
        [database],
    ).fetchall()
    if ("assignment",) not in tables:
        raise WarehouseError("This warehouse has no customers yet: start `context360 run`.")
    connection.execute("create schema identity")
    for (table,) in tables:
        connection.execute(f'create table identity."{table}" as from "{database}".identity."{table}"')


def _compared(connection: duckdb.DuckDBPyConnection, real: str, notes: tuple[str, ...], examples: int) -> Comparison:
    connection.execute(f"""
        create temp table regrouped as
        select
            before.customer_id as before_id,
            present.customer_id as after_id,
            present.source_system,
            present.source_record_id,
            present.source_system || ' #' || coalesce(numbers.record_number::varchar, '?') as record
        from identity.assignment as present
        left join {real}.identity.assignment as before using (source_system, source_record_id)
        left join identity.record_number as numbers using (source_system, source_record_id)
    """)
    connection.execute("""
        create temp table merge_group as
        select after_id, list(distinct before_id order by before_id) as before_ids
        from regrouped where before_id is not null group by 1 having count(distinct before_id) > 1;
        create temp table split_group as
        select before_id, list(distinct after_id order by after_id) as after_ids
        from regrouped where before_id is not null group by 1 having count(distinct after_id) > 1;
    """)
    records, before, after, moved_records = first_row(
        connection,
        """
        select count(*), count(distinct before_id), count(distinct after_id), count(*) filter (before_id <> after_id)
        from regrouped
        """,
    )
    merges, merged = first_row(
        connection, "select count(*), coalesce(sum(len(before_ids)), 0)::bigint from merge_group"
    )
    (splits,) = first_row(connection, "select count(*) from split_group")
    write_facts(connection, real, newest_as_of(connection, real))
    return Comparison(
        records=records,
        customers_before=before,
        customers_after=after,
        moved_records=moved_records,
        merges=merges,
        merged_customers=merged,
        splits=splits,
        merge_examples=_merge_examples(connection, examples),
        split_examples=_split_examples(connection, examples),
        links_before=_counts(connection, f"select rule, count(*) from {real}.identity.link group by 1 order by 1"),
        links_after=_counts(connection, "select rule, count(*) from identity.link group by 1 order by 1"),
        moved=moved(connection),
        rescored=rescored(connection),
        conflicting_consents=conflicting_consents(connection),
        notes=notes,
    )


def _counts(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(connection.execute(query).fetchall())


def _merge_examples(connection: duckdb.DuckDBPyConnection, examples: int) -> tuple[Regrouping, ...]:
    """The largest merges first; because: the links between records that are apart today."""
    return _examples(
        connection,
        f"""
        with chosen as (
            select after_id as id, before_ids, [after_id] as after_ids from merge_group
            order by len(before_ids) desc, after_id limit {examples:d}
        ),
        causes as (
            select ours.after_id as id, string_agg(distinct links.rule, ', ' order by links.rule) as because
            from identity.link as links
            inner join regrouped as ours
                on links.source_system = ours.source_system and links.source_record_id = ours.source_record_id
            inner join regrouped as theirs
                on links.other_source_system = theirs.source_system
                and links.other_source_record_id = theirs.source_record_id
            where ours.before_id <> theirs.before_id and ours.after_id in (select id from chosen)
            group by 1
        )
        select
            before_ids, after_ids, list(record order by regrouped.before_id, record), coalesce(any_value(because), '')
        from chosen
        inner join regrouped on chosen.id = regrouped.after_id
        left join causes on chosen.id = causes.id
        group by chosen.id, before_ids, after_ids
        order by len(before_ids) desc, chosen.id
        """,
    )


def _split_examples(connection: duckdb.DuckDBPyConnection, examples: int) -> tuple[Regrouping, ...]:
    """The largest splits first; because: why the records are not linked, if they were compared."""
    return _examples(
        connection,
        f"""
        with chosen as (
            select before_id as id, [before_id] as before_ids, after_ids from split_group
            order by len(after_ids) desc, before_id limit {examples:d}
        ),
        causes as (
            select ours.before_id as id, string_agg(distinct links.reason, ', ' order by links.reason) as because
            from identity.refused_link as links
            inner join regrouped as ours
                on links.source_system = ours.source_system and links.source_record_id = ours.source_record_id
            inner join regrouped as theirs
                on links.other_source_system = theirs.source_system
                and links.other_source_record_id = theirs.source_record_id
            where ours.before_id = theirs.before_id and ours.after_id <> theirs.after_id
            group by 1
        )
        select
            before_ids, after_ids, list(record order by regrouped.after_id, record),
            coalesce(any_value(because), 'no longer linked')
        from chosen
        inner join regrouped on chosen.id = regrouped.before_id
        left join causes on chosen.id = causes.id
        group by chosen.id, before_ids, after_ids
        order by len(after_ids) desc, chosen.id
        """,
    )


def _examples(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Regrouping, ...]:
    return tuple(
        Regrouping(tuple(before), tuple(after), tuple(records), because)
        for before, after, records, because in connection.execute(query).fetchall()
    )
