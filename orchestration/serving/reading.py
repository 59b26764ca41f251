"""Reading the published warehouse and how everything stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import WarehouseError, open_warehouse, table_exists
from orchestration.warehouse.failed_steps import failed_steps

# Why customers have the base rate, where no training gave a reason.
_NEVER_TRAINED = "No forecast has been trained yet."
_UNREADABLE = "The forecast was trained by another release: the next training replaces it."
_FEW_IN_CURRENCY = "Too few customers who pay in this currency have bought again."


@dataclass(frozen=True)
class TableStatus:
    """A published table. as_of: as of the run in which its content last changed."""

    name: str
    rows: int
    as_of: datetime | None
    changed_by_run: str


@dataclass(frozen=True)
class StreamStatus:
    label: str
    state: str
    sentence: str
    last_landed_at: datetime | None
    staged_rows: int
    quarantined_rows: int
    repeat_rows: int
    # Up to when its records reach, and when something new is expected at the latest (naive UTC).
    newest_at: datetime | None
    expected_by: datetime | None


@dataclass(frozen=True)
class Connectedness:
    """Customers and activity without a link.

    orphans: (source system, its customers). unattributed: (source system, touchpoint, interactions, reason) of activity
    that stands under the unknown customer.
    """

    orphans: list[tuple[str, int]]
    unattributed: list[tuple[str, str, int, str]]


@dataclass(frozen=True)
class QuarantinedRows:
    """Rows of a delivered stream in quarantine. rules: (broken rule, rows, an example with file, row and remedy)."""

    label: str
    rules: tuple[tuple[str, int, str], ...]

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(count for _, count, _ in self.rules)


@dataclass(frozen=True)
class Quarantine:
    """What waits in quarantine. incomplete_orders: per system (system, orders, their quarantined lines, their published
    lines, published rows that refer to them).
    """

    streams: list[QuarantinedRows]
    incomplete_orders: list[tuple[str, int, int, int, int]]


@dataclass(frozen=True)
class Status:
    """failed_checks: (severity, sentence) of the newest run, worst first. failed_steps: (step, severity, sentence)
    of what else failed in it."""

    streams: list[StreamStatus]
    tables: list[TableStatus]
    checks: int
    failed_checks: list[tuple[str, str]]
    failed_steps: list[tuple[str, str, str]]


def engine_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The engine and what it may use of this machine, in words."""
    row = connection.execute("""
        select version(), current_setting('threads'), current_setting('memory_limit')
    """).fetchone()
    version, threads, memory = row or ("", 0, "")
    return f"DuckDB {version} with {threads} {'thread' if threads == 1 else 'threads'} and {memory} of memory"


@contextmanager
def read_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published warehouse, for reading. Raises WarehouseError where there is none yet."""
    if not path.exists():
        raise WarehouseError(f"There is no published warehouse at {path} yet: start `context360 run`, or set --home.")
    try:
        with open_warehouse(path, read_only=True) as connection:
            yield connection
    except WarehouseError as error:
        if "damaged" in str(error):
            raise WarehouseError(f"{path} is damaged: start `context360 run`, which writes it anew.") from error
        raise


@contextmanager
def read_newest(warehouse: Path, published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse where it is free, else the published copy: while a run works, its file is taken."""
    if warehouse.exists():
        try:
            context = open_warehouse(warehouse, read_only=True)
            connection = context.__enter__()
        except WarehouseError:
            if not published.exists():
                raise
        else:
            try:
                yield connection
            finally:
                context.__exit__(None, None, None)
            return
    with read_published(published) as connection:
        yield connection


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[TableStatus]:
    """Every published table of core and marts."""
    if not table_exists(connection, "quality", "published_table"):
        return []
    return [
        TableStatus(*row)
        for row in connection.execute(
            "select table_name, row_count, changed_as_of, changed_by_run from quality.published_table order by 1"
        ).fetchall()
    ]


def published_as_of(connection: duckdb.DuckDBPyConnection) -> datetime:
    """The moment for which the published answers are true (naive UTC)."""
    row = connection.execute("select as_of from quality.publication").fetchone()
    assert row is not None
    return row[0]


def as_of_of(warehouse: duckdb.DuckDBPyConnection) -> datetime:
    """The moment for which the contexts in the working warehouse are true (naive UTC)."""
    if not table_exists(warehouse, "marts", "situational_context"):
        raise WarehouseError("The warehouse has no situational context yet: start `context360 run`.")
    row = warehouse.execute("select max(as_of) from marts.situational_context").fetchone()
    assert row is not None
    return row[0]


def connectedness_of(connection: duckdb.DuckDBPyConnection) -> Connectedness:
    """Orphan systems, and activity without a known customer."""
    if not table_exists(connection, "marts", "unattributed_activity"):
        return Connectedness([], [])
    return Connectedness(
        connection.execute(
            "select source_system, customer_count from marts.source_system_connectedness where is_orphan order by 1"
        ).fetchall(),
        connection.execute(
            "select source_system, touchpoint, sum(interaction_count)::bigint, reason from marts.unattributed_activity"
            " group by all order by 3 desc, 1, 2"
        ).fetchall(),
    )


def quarantine_of(connection: duckdb.DuckDBPyConnection, run_id: str | None = None) -> Quarantine:
    """What waits in quarantine, by delivered stream and broken rule; examples hold no personal values.

    run_id: nothing where this run stopped before it judged its rows.
    """
    if not table_exists(connection, "quality", "quarantine"):
        return Quarantine([], [])
    if run_id and not connection.execute("select 1 from quality.row_ledger where run_id = ?", [run_id]).fetchone():
        return Quarantine([], [])
    # A table of an older version is without the rows of canonical streams.
    known = _has_column(connection, "quality", "quarantine", "row_key")
    row_key, canonical = ("row_key", "canonical_stream") if known else ("null", "null::varchar")
    rows = connection.execute(f"""
        select
            source_system || '/' || coalesce(stream, {canonical}),
            quarantine_rule,
            count(*),
            min_by(
                concat_ws(
                    ', ', {canonical} || coalesce(' ' || {row_key}, ''), source_file, 'row ' || source_row
                ) || ': ' || quarantine_reason,
                coalesce(source_file, '') || lpad(coalesce(source_row, 0)::varchar, 20, '0')
            )
        from quality.quarantine
        group by all
        order by 1, 3 desc, 2
    """).fetchall()
    streams = [
        QuarantinedRows(label, tuple((rule, count, example) for _, rule, count, example in found))
        for label, found in groupby(rows, key=lambda row: row[0])
    ]
    return Quarantine(streams, _incomplete_orders_of(connection))


def _has_column(connection: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    found = connection.execute(
        "select 1 from information_schema.columns where table_schema = ? and table_name = ? and column_name = ?",
        [schema, table, column],
    )
    return found.fetchone() is not None


def _incomplete_orders_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int, int, int]]:
    if not table_exists(connection, "quality", "incomplete_order"):
        return []
    return connection.execute("""
        select source_system, count(*), sum(quarantined_lines)::bigint, sum(published_lines)::bigint,
            sum(referring_rows)::bigint
        from quality.incomplete_order
        where published_lines + referring_rows > 0
        group by all
        order by 1
    """).fetchall()


def unusable_identifiers_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, int]]:
    """Identifiers that identify no customer: (system and stream, kind, fault, values, rows), most rows first."""
    if not table_exists(connection, "quality", "unusable_identifier"):
        return []
    return connection.execute("""
        select source_system || '/' || canonical_stream, identifier_kind, fault, value_count, row_count
        from quality.unusable_identifier
        order by row_count desc, 1, 2, 3
    """).fetchall()


def later_rows_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows of the open warehouse that are later than the past moment of the last run, and left out."""
    newest = "select run_id from quality.publication"
    staged = f"select coalesce(sum(later_rows), 0) from quality.row_ledger where run_id = ({newest})"
    contributed = "select coalesce(sum(later_rows), 0) from intermediate.int_contribution_ledger"
    row = connection.execute(f"select ({staged}) + ({contributed})").fetchone()
    assert row is not None
    return int(row[0])


def unconverted_amounts_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, date, date]]:
    """Amounts without an exchange rate: (system and stream, currency, reporting currency, rows, first and last day)."""
    if not table_exists(connection, "quality", "unconverted_amount"):
        return []
    return connection.execute("""
        select source_system || '/' || canonical_stream, currency, reporting_currency, row_count, first_paid_at::date,
            last_paid_at::date
        from quality.unconverted_amount
        order by row_count desc, 1, 2
    """).fetchall()


def base_rate_reason(connection: duckdb.DuckDBPyConnection) -> str:
    """Why customers have the base rate in place of a forecast of their value, in one sentence or two.

    A training that keeps what it has says nothing new: the reason is that of the training which brought it.
    """
    if not table_exists(connection, "marts", "prediction_model"):
        return _NEVER_TRAINED
    row = connection.execute("""
        with trainings as (select * from marts.prediction_model where target = 'value'),
        present as (select model_version from trainings where is_current)
        select decision, reason, exists (select 1 from marts.customer_value where model_version is not null)
        from trainings
        where decision <> 'kept' and model_version is not distinct from (select model_version from present)
        order by trained_as_of desc
        limit 1
    """).fetchone()
    if row is None:
        return _NEVER_TRAINED
    decision, reason, is_in_use = row
    if decision == "abstains" or reason.startswith("The base rate replaces"):
        return str(reason)
    return _FEW_IN_CURRENCY if is_in_use else _UNREADABLE


def status_of(connection: duckdb.DuckDBPyConnection) -> Status:
    """How streams, tables and checks stand."""
    streams: list[StreamStatus] = []
    if table_exists(connection, "quality", "stream_status"):
        has_ledger = table_exists(connection, "quality", "row_ledger")
        ledger = (
            "(from quality.row_ledger where run_id = (select max_by(run_id, rowid) from quality.row_ledger))"
            if has_ledger
            else "(select null as source_system, null as stream, 0 as staged_rows, 0 as quarantined_rows, "
            "0 as repeat_rows, 0 as unreadable_rows where false)"
        )
        has_withheld = has_ledger and _has_column(connection, "quality", "row_ledger", "withheld_rows")
        withheld = " + coalesce(l.withheld_rows, 0)" if has_withheld else ""
        streams = [
            StreamStatus(*row)
            for row in connection.execute(f"""
                select
                    s.source_system || '/' || s.stream, s.state, s.sentence, s.last_landed_at,
                    coalesce(l.staged_rows, 0)::bigint,
                    coalesce(l.quarantined_rows + l.unreadable_rows{withheld}, 0)::bigint,
                    coalesce(l.repeat_rows, 0)::bigint, s.newest_at, s.expected_by
                from quality.stream_status as s
                left join {ledger} as l using (source_system, stream)
                order by 1
            """).fetchall()
        ]
    checks, failed = 0, []
    if table_exists(connection, "quality", "validation_result"):
        newest = "run_id = (select run_id from quality.validation_result order by rowid desc limit 1)"
        row = connection.execute(f"select count(*) from quality.validation_result where {newest}").fetchone()
        checks = row[0] if row else 0
        failed = connection.execute(f"""
            select severity, sentence from quality.validation_result
            where not success and {newest}
            order by severity, sentence
        """).fetchall()
    return Status(streams, published_tables(connection), checks, failed, failed_steps(connection))
