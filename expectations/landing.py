"""Rules for landing: the shape of a delivery, judged load by load before staging may read it.

They follow from the catalog (key, delivery) and from the sources file of the staging folder (columns, types).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from expectations.rules import Rule, Suite, between
from expectations.thresholds import LEAST_SHARE_OF_LAST_SNAPSHOT, MOST_UNREADABLE_SHARE, STRAY_ROWS

ORIGIN_COLUMNS = ("_dlt_load_id", "_source_file", "_source_row", "_source_day")
# What the measure of empty values in a key column is called, after the column.
MISSING_SHARE = "_missing_share"
TEXT_TYPES = {"varchar", "text", "string"}
# DuckDB's types that differ in width or precision only. A time zone is more than that.
_KINDS_OF_TYPES = {
    "integer": {
        "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "INT",
        "INT1", "INT2", "INT4", "INT8", "SHORT", "LONG", "SIGNED",
    },
    "float": {"FLOAT", "REAL", "DOUBLE", "FLOAT4", "FLOAT8"},
    "decimal": {"DECIMAL", "NUMERIC"},
    "boolean": {"BOOLEAN", "BOOL"},
    "timestamp": {"TIMESTAMP", "DATETIME", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_US"},
}  # fmt: skip


def unknown_column_rule(column: str) -> str:
    """The name of the rule that a column which the staging folder does not declare holds no values."""
    return f"{column} is not delivered"


def landing_suites(
    label: str,
    query: str,
    declared: Mapping[str, str],
    *,
    delivered: Mapping[str, str],
    key: Sequence[str],
    personal_columns: frozenset[str],
    rejected_rows: int,
    last_snapshot_rows: int | None,
) -> list[Suite]:
    """The suites that judge one load.

    label: system/stream. query: select that yields the rows of the load, whose columns and types are `delivered`.
    declared: column -> type that staging reads. rejected_rows: rows of the delivery that could not be read.
    last_snapshot_rows: size of the last accepted full copy, if this is one.
    """
    table = f"landing/{label}"
    shape = (*_column_rules(declared, delivered), *_type_rules(declared, delivered), *_text_rules(declared))
    filled = [column for column in key if column in declared]
    return [
        Suite("landing", table, query, shape, personal_columns=personal_columns, key_columns=tuple(key)),
        Suite(
            "landing",
            f"{table} (volume)",
            _measures(query, filled, rejected_rows),
            _volume_rules(filled, last_snapshot_rows),
        ),
    ]


def _column_rules(declared: Mapping[str, str], delivered: Collection[str]) -> list[Rule]:
    expected = [
        Rule(
            "ExpectColumnToExist",
            {"column": column},
            "The staging model reads it (sources file of the staging folder).",
            name=f"{column} is delivered",
        )
        for column in declared
    ]
    # A column delivered once stays in later files, empty: only one with values is new.
    unknown = [
        Rule(
            "ExpectColumnValuesToBeNull",
            {"column": column},
            "An undeclared column lands; its values may be new information, so look at them.",
            severity="warn",
            name=unknown_column_rule(column),
        )
        for column in delivered
        if column not in declared and column not in ORIGIN_COLUMNS
    ]
    return expected + unknown


def _type_rules(declared: Mapping[str, str], delivered: Mapping[str, str]) -> list[Rule]:
    return [
        Rule(
            "ExpectColumnValuesToBeOfType",
            {"column": column, "type_": _wanted_type(data_type, delivered.get(column, ""))},
            "The staging model expects this type (sources file of the staging folder).",
            name=f"{column} is {data_type}",
        )
        for column, data_type in declared.items()
        if data_type.lower() not in TEXT_TYPES
    ]


def _wanted_type(declared: str, delivered: str) -> str:
    """The declared type, or the delivered one where they differ in width only: staging reads one as the other."""
    is_same = _kind_of_type(declared) == _kind_of_type(delivered)
    return delivered if is_same else declared.upper()


def _kind_of_type(data_type: str) -> str:
    name = data_type.upper().split("(")[0].strip()
    return next((kind for kind, names in _KINDS_OF_TYPES.items() if name in names), data_type.upper())


def _text_rules(declared: Mapping[str, str]) -> list[Rule]:
    text_columns = [column for column, data_type in declared.items() if data_type.lower() in TEXT_TYPES]
    if not text_columns:
        return []
    joined = ", ".join(f'"{column}"' for column in text_columns)
    query = f"select 1 from {{batch}} where contains(concat_ws('|', {joined}), chr(65533))"
    return [
        Rule(
            "UnexpectedRowsExpectation",
            {"unexpected_rows_query": query},
            "The replacement character stands for bytes lost in a wrong encoding.",
            severity="warn",
            name="text is readable",
        )
    ]


def _volume_rules(filled: Sequence[str], last_snapshot_rows: int | None) -> tuple[Rule, ...]:
    rules = [
        between(
            "unreadable_share",
            None,
            MOST_UNREADABLE_SHARE,
            "More unreadable rows mean a broken export, not a stray quotation mark.",
            name="rows can be read",
        ),
        *(
            between(
                f"{column}{MISSING_SHARE}",
                None,
                MOST_UNREADABLE_SHARE,
                "Rows without a key go to quarantine; if more than 1 % have none, the delivery is wrong.",
                name=f"{column} is filled",
            )
            for column in filled
        ),
    ]
    if last_snapshot_rows:
        rules.append(
            between(
                "row_count",
                int(last_snapshot_rows * LEAST_SHARE_OF_LAST_SNAPSHOT),
                None,
                "A full copy that has lost more than half its rows is more likely cut than true.",
                name="the copy is whole",
            )
        )
    return tuple(rules)


def _measures(query: str, filled: Sequence[str], rejected_rows: int) -> str:
    """SQL for one row: row_count, unreadable_share, and <column>_missing_share of each key column."""
    missing = "".join(
        f', {_share_of_many("missing_" + str(number), "row_count")} as "{column}{MISSING_SHARE}"'
        for number, column in enumerate(filled)
    )
    counts = "".join(f', count(*) - count("{column}") as missing_{number}' for number, column in enumerate(filled))
    return f"""
        select
            row_count,
            {_share_of_many(str(rejected_rows), f"(row_count + {rejected_rows})")} as unreadable_share
            {missing}
        from (select count(*) as row_count{counts} from ({query}))
    """


def _share_of_many(count: str, total: str) -> str:
    """SQL for the share of `count` in `total`; 0 for a few stray rows."""
    return (
        f"case when {count} > {STRAY_ROWS} or {count} * 2 > {total}"
        f" then round({count} / greatest({total}, 1), 4) else 0 end"
    )
