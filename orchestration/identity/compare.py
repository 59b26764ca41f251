"""What other rules would change, before they count: who would be merged and split, and what moves with them.

The warehouse is only read: its memory of the linking is copied into a database that is forgotten, and linked there.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.identity.decisions import read_decisions
from orchestration.identity.linking import link_records
from orchestration.identity.rules import RULES_FILE, read_rules
from orchestration.warehouse.connection import WarehouseError, readable_failures


class ComparisonError(Exception):
    """The rules cannot be compared; the message says why and what to do."""


@dataclass(frozen=True)
class Regrouping:
    """Customers who would be merged into one, or one who would be split.

    before, after: customer numbers. records: as `system #record number`. because: rules or reasons that differ.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    records: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Moved:
    """How much of something would stand under another customer number, under a known one for the first time, or none.

    what: revenue with its currency, interactions, consents. total: all of it. Amounts are in the currency named.
    """

    what: str
    total: float
    to_another_customer: float
    becomes_known: float
    becomes_unknown: float


@dataclass(frozen=True)
class Comparison:
    """The assignment as it is, and as the other rules would make it.

    moved_records: records that would have another customer number. rescored: per figure of a customer (scores from 1 to
    5, points), the customers for whom it would change. conflicting_consents: customers who would be merged of whom one
    agrees to marketing mail and the other does not. notes: sentences of the linking.
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
    warehouse: Path, rules_file: Path, *, decisions: Path | None = None, examples: int = 10
) -> Comparison:
    """Links the warehouse's records with other rules, in memory, and compares the customers with those of today.

    warehouse: the working warehouse, opened read-only. decisions: reviewed decisions that hold in both. examples: so
    many merges and splits are listed at most. Raises ComparisonError where a file cannot be used, WarehouseError where
    the warehouse cannot be read.
    """
    check_rules(rules_file)
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
                rules_file=rules_file,
                decisions=decisions,
                as_of=None,
            )
        except ValueError as error:
            raise ComparisonError(str(error)) from error
        return _compared(connection, real, result.notes, examples)


def check_rules(file: Path) -> None:
    """Raises ComparisonError where a rules file is missing, no YAML, or holds something that is not a setting."""
    if not file.is_file():
        raise ComparisonError(f"There is no rules file {file}: name one, such as a changed copy of {RULES_FILE.name}.")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        known = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ComparisonError(f"{file.name} is no list of settings: write them as in {RULES_FILE.name}.")
        unknown = [section for section in content if section not in known]
        unknown += [
            f"{section}.{field}"
            for section, fields in content.items()
            if isinstance(fields, dict) and isinstance(known.get(section), dict)
            for field in fields
            if field not in known[section]
        ]
        if unknown:
            raise ComparisonError(f"{file.name} sets {', '.join(unknown)}, which is no setting: see {RULES_FILE.name}.")
        read_rules(file)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise ComparisonError(f"{file.name}{place} cannot be read as YAML: correct it there.") from error
    except ValueError as error:
        raise ComparisonError(str(error)) from error
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ComparisonError(f"{file.name} is not written as {RULES_FILE.name} is: {error}.") from error


def check_decisions(file: Path) -> None:
    """Raises ComparisonError where a file of decisions cannot be used."""
    if not file.is_file():
        raise ComparisonError(f"There is no file of decisions {file}: name one, or leave it out.")
    try:
        read_decisions(file)
    except (ValueError, yaml.YAMLError) as error:
        raise ComparisonError(" ".join(str(error).split())) from error


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _copy_memory(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """What the linking remembers, so that unchanged rules link as the next run would."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = 'identity' order by 1",
        [database],
    ).fetchall()
    if ("assignment",) not in tables:
        raise WarehouseError("Nobody has been recognised in this warehouse yet: start `context360 run`.")
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
    records, before, after, moved = _row(
        connection,
        """
        select count(*), count(distinct before_id), count(distinct after_id), count(*) filter (before_id <> after_id)
        from regrouped
        """,
    )
    merges, merged = _row(connection, "select count(*), coalesce(sum(len(before_ids)), 0)::bigint from merge_group")
    (splits,) = _row(connection, "select count(*) from split_group")
    as_of = _as_of(connection, real)
    _key_facts(connection, real, as_of)
    return Comparison(
        records=records,
        customers_before=before,
        customers_after=after,
        moved_records=moved,
        merges=merges,
        merged_customers=merged,
        splits=splits,
        merge_examples=_merge_examples(connection, examples),
        split_examples=_split_examples(connection, examples),
        links_before=_counts(connection, f"select rule, count(*) from {real}.identity.link group by 1 order by 1"),
        links_after=_counts(connection, "select rule, count(*) from identity.link group by 1 order by 1"),
        moved=_moved(connection),
        rescored=_rescored(connection),
        conflicting_consents=_conflicting_consents(connection),
        notes=notes,
    )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _counts(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(connection.execute(query).fetchall())


def _merge_examples(connection: duckdb.DuckDBPyConnection, examples: int) -> tuple[Regrouping, ...]:
    """Those that merge most customers first; because: the links between records that were apart."""
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
    """Those that split into most customers first; because: why the records are kept apart, where it was asked."""
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


def _as_of(connection: duckdb.DuckDBPyConnection, real: str) -> datetime | None:
    """The moment of the last published run; without one, everything counts."""
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = 'quality' "
        "and table_name = 'publication'",
        [real.strip('"')],
    ).fetchone()
    if not found:
        return None
    return connection.execute(f"select max(as_of) from {real}.quality.publication").fetchone()[0]  # type: ignore[index]


def _key_facts(connection: duckdb.DuckDBPyConnection, real: str, as_of: datetime | None) -> None:
    """Writes `fact`: what customers did and agreed to, with the customer by its identifier, before and after.

    Devices are left out: what is anonymous follows the people who are identified on them.
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


def _moved(connection: duckdb.DuckDBPyConnection) -> tuple[Moved, ...]:
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


def _rescored(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Customers whose scores, as marts.relationship_context has them, and points would differ."""
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
    row = _row(connection, f"select {counts} from scored_before as b full join scored_after as a using (customer_id)")
    return dict(zip((figure.replace("_", " ") for figure in figures), row, strict=True))


def _quintile(column: str) -> str:
    """1 to 5 among those who bought, as the macro of that name."""
    return (
        f"case when {column} is not null then least(5, 1 + floor(5 * percent_rank() over "
        f"(partition by {column} is null order by {column}))::int) end"
    )


def _conflicting_consents(connection: duckdb.DuckDBPyConnection) -> int:
    (count,) = _row(
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
