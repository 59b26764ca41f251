"""Rules for staging: value domains and formats, and how many rows may go to quarantine.

Some follow from known facts: the key from the catalog, and plausible values from a column's name and type. Value
domains are described with the columns: `config.meta.expectations` of a column in the staging folder's models file, a
list of {expectation, arguments, reason}. `{landed_at}` in an argument is when the newest load landed: no delivered
event can have happened later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from expectations.rules import Rule, Suite, between
from expectations.sql import identifier
from expectations.thresholds import (
    MOST_DAYS_AHEAD,
    MOST_IMPLAUSIBLE_SHARE,
    MOST_QUARANTINED_ROWS,
    MOST_QUARANTINED_SHARE,
    STRAY_ROWS,
)

# Rows that share their key with a different row of the same delivery.
CONFLICTING_ROWS = "conflicting_rows"
_EMAIL = "^[^@ ]+@[^@ ]+[.][^@ ]+$"
_E164 = "^[+][1-9][0-9]{5,14}$"


def staging_suites(
    adapter: str,
    stream: str,
    model: Mapping[str, Any],
    landed_at: datetime,
    *,
    key: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    catalog_file: str = "catalog.yaml",
) -> list[Suite]:
    """The suites of one stream.

    model: the node of `stg_<adapter>__<stream>` in dbt's manifest. key: the stream's key in the catalog. columns: the
    staging view's columns with their DuckDB types; without them no rule is derived. catalog_file: where the key stands.
    """
    table = f"staging.stg_{adapter}__{stream}"
    rules = []
    personal, keys = set(), []
    described = set()
    for name, column in model["columns"].items():
        meta = column["config"]["meta"]
        if meta.get("personal_data"):
            personal.add(name)
        if meta.get("is_key"):
            keys.append(name)
        written_rules = meta.get("expectations", ())
        rules += [_rule(name, written, landed_at) for written in written_rules]
        if written_rules:
            described.add(name)
    base = f"staging.base_{adapter}__{stream}"
    newest = f"""
        select
            count(*) as row_count,
            count(*) filter (where row_fate = 'quarantined') as quarantined_rows,
            coalesce(quarantined_rows / nullif(row_count, 0), 0) as quarantined_share,
            case when quarantined_rows > {MOST_QUARANTINED_ROWS} then quarantined_share else 0 end
                as quarantined_share_of_many
        from {base}
        where _dlt_load_id = (select max(_dlt_load_id) from {base})
    """
    quarantine = (
        between(
            "quarantined_share_of_many",
            None,
            MOST_QUARANTINED_SHARE,
            "If more of a load breaks the row rules, its format has changed.",
            name="few rows of the newest load are in quarantine",
        ),
        between(
            "quarantined_share",
            None,
            0.5,
            "Most rows of a delivery, however small, are readable; else its format has changed.",
            severity="warn",
            name="most rows of the newest load are readable",
        ),
    )
    is_in_catalog = bool(key and columns and all(column in columns for column in key))
    set_in = f"`key` of the stream in {catalog_file}" if is_in_catalog else "`is_key` in the models file of staging"
    key = key if is_in_catalog else keys
    derived = _derived(table, key, set_in, {n: t for n, t in (columns or {}).items() if n not in described}, landed_at)
    return [
        Suite("staging", f"{base} (newest load)", newest, quarantine),
        _one_row_per_key(base),
        *derived,
        Suite(
            "staging", table, f"select * from {table}", tuple(rules),
            personal_columns=frozenset(personal), key_columns=tuple(keys),
        ),
    ]  # fmt: skip


def _one_row_per_key(base: str) -> Suite:
    return Suite(
        "staging",
        f"{base} (rows of one key)",
        f"select count(*) as {CONFLICTING_ROWS} from {base} where conflicting_key is not null",
        (
            between(
                CONFLICTING_ROWS,
                None,
                0,
                "Two different rows of one key in one delivery: only one could be staged, and nothing says which.",
                name="rows of one key and one delivery are equal, or `version` orders them",
            ),
        ),
    )


def _derived(
    table: str, key: Sequence[str], set_in: str, columns: Mapping[str, str], landed_at: datetime
) -> list[Suite]:
    """Rules that follow from names and types, as measures of one scan over the table. set_in: where the key is set."""
    measures: dict[str, str] = {}
    rules: list[Rule] = []
    if key and all(column in columns for column in key):
        measures["repeated_keys"] = f"count(*) - count(distinct ({', '.join(map(identifier, key))}))"
        named = ", ".join(key)
        rules.append(
            replace(
                between(
                    "repeated_keys",
                    None,
                    0,
                    f"{named} is the key of the stream ({set_in}): every row has its own. If several rows share "
                    "it, name the key there that `judged_rows` has in the base model.",
                    name=f"{named} names one row",
                ),
                claim=f"no row may repeat the {named} of another ({set_in}); the number of rows that do",
            )
        )
    for column, kind in columns.items():
        condition, reason = _plausible(column, kind, landed_at)
        if condition is None:
            continue
        share = f"{column}_implausible_share"
        wrong = f"count(*) filter (where not ({condition}))"
        measures[share] = f'case when {wrong} > {STRAY_ROWS} then {wrong} / nullif(count("{column}"), 0) else 0 end'
        rules.append(
            # A derived rule fits nearly every system and may not fit one: it warns and stops nothing.
            between(share, None, MOST_IMPLAUSIBLE_SHARE, reason, severity="warn", name=f"{column} is plausible")
        )
    if not measures:
        return []
    query = "select " + ", ".join(f'{expression} as "{name}"' for name, expression in measures.items())
    return [Suite("staging", f"{table} (derived)", f"{query} from {table}", tuple(rules))]


def _plausible(column: str, kind: str, landed_at: datetime) -> tuple[str | None, str]:
    """The condition that filled values of a column should meet, by its name and type, and why; None if unknown."""
    if column.startswith("_") or column.endswith("_original"):
        return None, ""
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        last = landed_at + timedelta(days=MOST_DAYS_AHEAD)
        return (
            f"\"{column}\" between timestamp '1900-01-01' and timestamp '{last:%Y-%m-%d}'",
            "A date before 1900 or years ahead is misread, or a placeholder for `no date` that should be null.",
        )
    if kind == "VARCHAR" and (column == "email" or column.endswith("_email")):
        return f"regexp_matches(\"{column}\", '{_EMAIL}')", "An address without @ and domain cannot receive mail."
    if kind == "VARCHAR" and (column in ("phone", "mobile") or column.endswith(("_phone", "_mobile"))):
        return f"regexp_matches(\"{column}\", '{_E164}')", "Phone numbers are compared in E.164: see comparable_phone."
    if kind == "VARCHAR" and column.endswith("_name"):
        return f'contains("{column}", chr(65533)) = false', "The replacement character stands for lost letters."
    return None, ""


def _rule(column: str, written: Mapping[str, Any], landed_at: datetime) -> Rule:
    return Rule(
        written["expectation"],
        {
            "column": column,
            **{key: _value(value, landed_at) for key, value in (written.get("arguments") or {}).items()},
        },
        written["reason"],
        severity=written.get("severity", "error"),
    )


def _value(written: Any, landed_at: datetime) -> Any:
    """Dates as dates, as JSON, and so the manifest, has none. `{landed_at}` is the first day after landing."""
    if written == "{landed_at}":
        return landed_at.date() + timedelta(days=1)
    if isinstance(written, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return date.fromisoformat(written)
    return written
