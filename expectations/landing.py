"""Rules for landing: the shape of what was delivered, judged load by load before staging may read it.

They follow from what the catalog (key, delivery) and the sources file of the staging folder (columns, types) say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expectations.validation import Rule, Suite

ORIGIN_COLUMNS = ("_dlt_load_id", "_source_file", "_source_row", "_source_day")
TEXT_TYPES = {"varchar", "text", "string"}

# Share of rows that may be unreadable before the delivery as a whole is not trusted (chosen 2026-11-21: a broken export
# breaks most rows, a stray quotation mark a handful).
MOST_UNREADABLE_SHARE = 0.01
# In a small delivery one stray row is more than that (chosen 2026-11-21).
STRAY_ROWS = 5
# A full copy of a table that has lost more than half its rows is more likely cut than true (chosen 2026-11-21).
LEAST_SHARE_OF_LAST_SNAPSHOT = 0.5


def unknown_column_rule(column: str) -> str:
    """The name of the rule that nothing is delivered in a column that the staging folder does not declare."""
    return f"{column} is not delivered"


def landing_suites(
    label: str,
    query: str,
    declared: Mapping[str, str],
    *,
    delivered: Sequence[str],
    key: Sequence[str],
    personal_columns: frozenset[str],
    rejected_rows: int,
    last_snapshot_rows: int | None,
) -> list[Suite]:
    """The suites that judge one load.

    label: system/stream. query: select that yields the rows of the load, whose columns are `delivered`.
    declared: column -> landed type.
    rejected_rows: rows of the delivery that could not be read. last_snapshot_rows: size of the last accepted full copy,
    if this is one.
    """
    table = f"landing/{label}"
    rules = [
        Rule(
            "ExpectColumnToExist",
            {"column": column},
            "The staging model reads it (sources file of the staging folder).",
            name=f"{column} is delivered",
        )
        for column in declared
    ]
    # A column that came once stays in the files that follow, empty: only one with values is news.
    rules += [
        Rule(
            "ExpectColumnValuesToBeNull",
            {"column": column},
            "A column that nobody knows may be news: it lands, and somebody should look at it.",
            severity="warn",
            name=unknown_column_rule(column),
        )
        for column in delivered
        if column not in declared and column not in ORIGIN_COLUMNS
    ]
    rules += [
        Rule(
            "ExpectColumnValuesToBeOfType",
            {"column": column, "type_": data_type.upper()},
            "The staging model expects this type (sources file of the staging folder).",
            name=f"{column} is {data_type}",
        )
        for column, data_type in declared.items()
        if data_type.lower() not in TEXT_TYPES
    ]
    text_columns = [column for column, data_type in declared.items() if data_type.lower() in TEXT_TYPES]
    if text_columns:
        joined = ", ".join(f'"{column}"' for column in text_columns)
        rules.append(
            Rule(
                "UnexpectedRowsExpectation",
                {
                    "unexpected_rows_query": "select 1 from {batch}"
                    f" where contains(concat_ws('|', {joined}), chr(65533))"
                },
                "The replacement character stands for bytes that were lost in a wrong encoding.",
                severity="warn",
                name="text is readable",
            )
        )
    suites = [Suite("landing", table, query, tuple(rules), personal_columns=personal_columns, key_columns=tuple(key))]
    filled = [column for column in key if column in declared]
    volume = [
        Rule(
            "ExpectColumnValuesToBeBetween",
            {"column": "unreadable_share", "max_value": MOST_UNREADABLE_SHARE},
            "More unreadable rows than that mean a broken export, not a stray quotation mark (2026-11-21).",
            name="rows can be read",
        ),
        *(
            Rule(
                "ExpectColumnValuesToBeBetween",
                {"column": f"{column}_missing_share", "max_value": MOST_UNREADABLE_SHARE},
                "Rows without a key go to quarantine; where more than 1 % have none, the delivery is wrong.",
                name=f"{column} is filled",
            )
            for column in filled
        ),
    ]
    if last_snapshot_rows:
        volume.append(
            Rule(
                "ExpectColumnValuesToBeBetween",
                {"column": "row_count", "min_value": int(last_snapshot_rows * LEAST_SHARE_OF_LAST_SNAPSHOT)},
                "A full copy that has lost more than half its rows is more likely cut than true (2026-11-21).",
                name="the copy is whole",
            )
        )
    missing = "".join(
        f', {_share_of_many("missing_" + str(number), "row_count")} as "{column}_missing_share"'
        for number, column in enumerate(filled)
    )
    counts = "".join(f', count(*) - count("{column}") as missing_{number}' for number, column in enumerate(filled))
    measures = f"""
        select
            row_count,
            {_share_of_many(str(rejected_rows), f"(row_count + {rejected_rows})")} as unreadable_share
            {missing}
        from (select count(*) as row_count{counts} from ({query}))
    """
    suites.append(Suite("landing", f"{table} (volume)", measures, tuple(volume)))
    return suites


def _share_of_many(count: str, total: str) -> str:
    """The share that `count` is of `total`, or 0 where they are a few stray rows."""
    return (
        f"case when {count} > {STRAY_ROWS} or {count} * 2 > {total}"
        f" then round({count} / greatest({total}, 1), 4) else 0 end"
    )
