"""Rules for staging: value domains and formats, and how much had to go to quarantine.

The domains stand where the columns are described: `meta.expectations` of a column in the staging folder's models file,
as a list of {expectation, arguments, reason}. `{landed_at}` in an argument is when the newest load landed: nothing that
it tells can have happened later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from expectations.validation import Rule, Suite

# Share of the newest load that may be in quarantine before the load as a whole is not trusted (chosen 2026-11-21:
# Contoso has none; a changed format breaks nearly all rows).
MOST_QUARANTINED_SHARE = 0.01


def staging_suites(adapter: str, stream: str, model: Mapping[str, Any], landed_at: datetime) -> list[Suite]:
    """The suites of one stream. model: the node of `stg_<adapter>__<stream>` in dbt's manifest."""
    table = f"staging.stg_{adapter}__{stream}"
    rules = []
    personal, keys = set(), []
    for name, column in model["columns"].items():
        meta = column.get("meta") or (column.get("config") or {}).get("meta") or {}
        if meta.get("personal_data"):
            personal.add(name)
        if meta.get("is_key"):
            keys.append(name)
        rules += [_rule(name, written, landed_at) for written in meta.get("expectations", ())]
    base = f"staging.base_{adapter}__{stream}"
    newest = f"""
        select
            count(*) as row_count,
            count(*) filter (where row_fate = 'quarantined') as quarantined_rows,
            coalesce(count(*) filter (where row_fate = 'quarantined') / nullif(count(*), 0), 0) as quarantined_share
        from {base}
        where _dlt_load_id = (select max(_dlt_load_id) from {base})
    """
    quarantine = Rule(
        "ExpectColumnValuesToBeBetween",
        {"column": "quarantined_share", "max_value": MOST_QUARANTINED_SHARE},
        "Where more of a load breaks the row rules, its format has changed (2026-11-21).",
        name="few rows of the newest load are in quarantine",
    )
    return [
        Suite("staging", f"{base} (newest load)", newest, (quarantine,)),
        Suite(
            "staging", table, f"select * from {table}", tuple(rules),
            personal_columns=frozenset(personal), key_columns=tuple(keys),
        ),
    ]  # fmt: skip


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
    """Dates as dates: the manifest is JSON, which has none. The day after landing is the first that cannot be told."""
    if written == "{landed_at}":
        return landed_at.date() + timedelta(days=1)
    if isinstance(written, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return date.fromisoformat(written)
    return written
