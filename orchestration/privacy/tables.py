"""Taking people out of a table, whatever table it is: by customer number, record, identifier, landed row and value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.privacy.person import People
from orchestration.privacy.values import ERASED, Finder

if TYPE_CHECKING:
    import duckdb

# Columns that name a customer: a row with one of them is a row about that customer.
_NUMBERS = ("customer_key", "customer_id", "customer_number", "previous_customer_id")
_WITHOUT_TEXT = ("BOOLEAN", "DATE", "TIME", "DOUBLE", "FLOAT", "INTERVAL")
_PAIRS = {
    "leaving_record": (("source_system", "source_record_id"), ("other_source_system", "other_source_record_id")),
    "leaving_identifier": (
        ("identifier_kind", "identifier_value"), ("other_identifier_kind", "other_identifier_value"),
    ),
}  # fmt: skip
_PLACES = (("_dlt_load_id", "_source_file", "_source_row"), ("load_id", "source_file", "source_row"))


class Leaving:
    """People on a DuckDB connection, as temporary tables. gone: landed rows (load id, source file, row) that went.

    kept: keys of documents that the books need: (system, order number).
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        people: People,
        gone: Sequence[tuple[str, str, int]],
        kept: Iterable[tuple[str, str]],
        record_numbers: Collection[int],
        personal_columns: Collection[str],
    ) -> None:
        self.connection, self.personal_columns = connection, frozenset(personal_columns)

        def table(name: str, types: Mapping[str, str], rows: Collection[tuple[object, ...]]) -> None:
            columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
            connection.execute(f"create or replace temp table {name} ({columns})")
            values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in types]
            unnested = ", ".join(f"unnest(?::{kind}[])" for kind in types.values())
            connection.execute(f"insert into {name} select {unnested}", values)

        table("leaving_number", {"number": "bigint"}, [(number,) for number in people.numbers])
        pair = {"first": "varchar", "second": "varchar"}
        table("leaving_record", pair, sorted(people.records))
        table("leaving_identifier", pair, sorted(people.identifiers))
        table("leaving_record_number", {"number": "bigint"}, [(number,) for number in record_numbers])
        table("gone_row", {"load_id": "varchar", "source_file": "varchar", "source_row": "bigint"}, gone)
        table("kept_document", pair, sorted(set(kept)))

    def about_them(self, columns: Mapping[str, str]) -> str:
        """SQL: whether a row of a table with these columns is about them; `false` where no column can say it."""
        them = "in (from leaving_number)"
        conditions = [f"{name} {them}" for name in _NUMBERS if columns.get(name) == "BIGINT"]
        if not {"customer_key", "customer_id"} & set(columns):
            conditions += [f"{name} {them}" for name in self.other_numbers(columns)]
        for table, pairs in _PAIRS.items():
            conditions += [
                f"({', '.join(pair)}) in (select first, second from {table})"
                for pair in pairs
                if set(pair) <= set(columns)
            ]
        conditions += [
            f"{name} in (from leaving_record_number)"
            for name in ("record_number", "record_number_l", "record_number_r", "component", "part")
            if columns.get(name, "") in ("BIGINT", "INTEGER", "UBIGINT", "HUGEINT")
        ]
        for place in _PLACES:
            if set(place) <= set(columns):
                conditions.append(f"({', '.join(place)}) in (from gone_row)")
        return " or ".join(f"coalesce({condition}, false)" for condition in conditions) or "false"

    def is_kept(self, columns: Collection[str]) -> str:
        """SQL: whether a row is a document that the books need; it stays, without its customer."""
        for name in ("source_order_id", "source_interaction_id"):
            if {"source_system", name, "customer_key"} <= set(columns):
                return f"coalesce((source_system, {name}) in (select first, second from kept_document), false)"
        return "false"

    def other_numbers(self, columns: Mapping[str, str]) -> list[str]:
        """Columns with another customer than the one that a row is about."""
        others = [name for name in columns if name.endswith("_customer_key") or name == "holder_key"]
        return [name for name in others if columns[name] == "BIGINT"]


def with_text(type_name: str) -> bool:
    """Whether values of a type can hold a value that is looked for."""
    return not type_name.upper().startswith(_WITHOUT_TEXT)


def scrub_tables(leaving: Leaving, finder: Finder, database: str) -> dict[str, int]:
    """Takes people out of every table of an attached database. Returns the rows that went or changed, by table.

    One pass per table and kind of change, whatever the number of people.
    """
    connection = leaving.connection
    changed: dict[str, int] = {}
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        """
        select schema_name, table_name, column_name, data_type from duckdb_columns()
        inner join (select distinct schema_name, table_name from duckdb_tables() where database_name = $database)
            using (schema_name, table_name)
        where database_name = $database order by table_oid, column_index
        """,
        {"database": database},
    ).fetchall():
        tables.setdefault((schema, table), {})[column] = kind
    for (schema, table), columns in tables.items():
        name = f'"{database}"."{schema}"."{table}"'
        count = _scrub_rows(leaving, name, columns)
        count += _scrub_values(leaving, finder, name, schema, columns)
        if count:
            changed[f"{schema}.{table}"] = count
    return changed


def _scrub_rows(leaving: Leaving, name: str, columns: Mapping[str, str]) -> int:
    run = leaving.connection.execute
    about, kept = leaving.about_them(columns), leaving.is_kept(columns)
    count = 0
    if about != "false":
        if kept != "false":
            empty = ", ".join(f"{column} = null" for column in columns if column in ("customer_key", "device_key"))
            count += _count(run(f"update {name} set {empty} where ({about}) and {kept}"))
        count += _count(run(f"delete from {name} where {about}"))
    for column in leaving.other_numbers(columns):
        count += _count(run(f"update {name} set {column} = null where {column} in (from leaving_number)"))
    return count


def _scrub_values(leaving: Leaving, finder: Finder, name: str, schema: str, columns: Mapping[str, str]) -> int:
    """Replaces what rows about others say of these people; rows of what identity has learned go."""
    import pyarrow as pa

    texts = [column for column, kind in columns.items() if with_text(kind)]
    if not texts:
        return 0
    cast = ", ".join(f'cast("{column}" as varchar) as "{column}"' for column in texts)
    found: dict[str, dict[int, str]] = {}
    reader = leaving.connection.execute(f"select rowid as _rowid, {cast} from {name}").to_arrow_reader(200_000)
    for batch in reader:
        table = pa.Table.from_batches([batch])
        for column in texts:
            whole = schema == "identity" or column in leaving.personal_columns
            rows = finder.rows(table.column(column), whole_cells=whole)
            if rows:
                taken = table.select(["_rowid", column]).take(pa.array(sorted(rows)))
                pairs = zip(taken.column("_rowid").to_pylist(), taken.column(column).to_pylist(), strict=True)
                found.setdefault(column, {}).update((row_id, _replaced(finder, text)) for row_id, text in pairs)
    for column, texts_of in found.items():
        ids, made = list(texts_of), list(texts_of.values())
        if schema == "identity" or columns[column] != "VARCHAR":
            leaving.connection.execute(f"delete from {name} where rowid in (select unnest(?::bigint[]))", [ids])
        else:
            leaving.connection.execute(
                f'update {name} as said set "{column}" = made.said from'
                " (select unnest(?::bigint[]) as row_id, unnest(?::varchar[]) as said) as made"
                " where said.rowid = made.row_id",
                [ids, made],
            )
    return len({row_id for texts_of in found.values() for row_id in texts_of})


def _replaced(finder: Finder, text: str) -> str:
    """The text without values; a cell that is one as a whole is replaced."""
    made = finder.without(text)
    return ERASED if made == text else made


def _count(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    return int(row[0]) if row else 0


def scrub_parquet(leaving: Leaving, finder: Finder, file: Path, fresh: Path) -> int:
    """Takes people out of a Parquet file; `fresh` is then the new file, if the count of changed rows is not 0."""
    quoted, target = (str(path).replace("'", "''") for path in (file, fresh))
    run = leaving.connection.execute
    columns = {row[0]: row[1] for row in run(f"describe select * from read_parquet('{quoted}')").fetchall()}
    run(f"create or replace temp table scrubbed as from read_parquet('{quoted}')")
    try:
        schema = "identity" if "identity" in file.parts else "main"
        count = _scrub_rows(leaving, "scrubbed", columns) + _scrub_values(leaving, finder, "scrubbed", schema, columns)
        if count:
            run(f"copy (from scrubbed) to '{target}' (format parquet, compression zstd)")
        return count
    finally:
        run("drop table scrubbed")
