"""Held loads: stop the loads that staging finds wrong, and explain a held load to a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from expectations.staging import CONFLICTING_ROWS
from orchestration.channels.intake import decimal_styles
from orchestration.channels.intake.load_register import LoadRegister
from orchestration.channels.landing.loads import hold

if TYPE_CHECKING:
    import duckdb

    from expectations.outcomes import Outcome

CONFLICT_REMEDY = (
    "in the base model, add to `key` a column that distinguishes the rows (`context360.line_number` where there is "
    "none) or to `version` the one that says which is newer, or deliver it again corrected"
)


def hold_unpublished_loads(
    connection: duckdb.DuckDBPyConnection, system: str, stream: str, *, landing_url: str
) -> list[str]:
    """Hold the loads of a stream that were accepted but not published, because staging finds them wrong.

    Returns their ids: those of this run, and of interrupted runs. Empty where the wrong rows are older or the rule is
    new: then no load can be set aside.
    """
    register = LoadRegister(connection, system, stream)
    loads = register.unpublished_loads()
    for load_id in loads:
        hold(landing_url, system, stream, load_id)
        register.set_state(load_id, "held")
    return loads


def broken_row_rules(connection: duckdb.DuckDBPyConnection, staging_folder: str, stream: str) -> str:
    """How many rows of the newest load are in quarantine, and by which rules; empty if none are."""
    base = f"staging.base_{staging_folder}__{stream}"
    newest = f"{base} where _dlt_load_id = (select max(_dlt_load_id) from {base})"
    rules = connection.execute(
        f"select quarantine_rule, count(*) from {newest} and row_fate = 'quarantined' group by all order by 2 desc, 1"
    ).fetchall()
    if not rules:
        return ""
    row = connection.execute(f"select count(*) from {newest}").fetchone()
    named = ", ".join(f"{rule} ({count:,})" for rule, count in rules)
    return f"{sum(count for _, count in rules):,} of {row[0] if row else 0:,} rows are in quarantine: {named}"


def held_sentence(label: str, problems: Sequence[Outcome], explained: tuple[str, str] = ("", "")) -> str:
    """What a user reads about a held load. problems: the broken rules. explained: see `_problem`."""
    first, remedy = _problem(problems, *explained)
    return f"{label}: {first}. The load is held and the last good rows stay in use; {remedy}, and run again."


def stopped_sentence(label: str, problems: Sequence[Outcome], explained: tuple[str, str] = ("", "")) -> str:
    """What a user reads about a stream whose wrong rows were published before, so that no load can be held."""
    first, remedy = _problem(problems, *explained)
    return f"{label}: {first}. The rows are older than this run, so nothing is published; {remedy}, and run again."


def staging_fault(broken: str, conflicting: str, problems: Sequence[Outcome]) -> tuple[str, str]:
    """What is wrong with rows in staging, and the remedy; empty where the words of the failed rules suffice.

    broken: the row rules that rows break. conflicting: the rows that share a key and differ.
    """
    if conflicting and any(problem.column == CONFLICTING_ROWS for problem in problems):
        return conflicting, CONFLICT_REMEDY
    if broken and problems and problems[0].column == "quarantined_share_of_many":
        return broken, ""
    return "", ""


def _problem(problems: Sequence[Outcome], explained: str, remedy: str) -> tuple[str, str]:
    """The first problem in words, and what to do about it.

    problems: the broken rules. explained, remedy: better words than those of the first rule, if there are any.
    """
    first = explained or "a blocking rule failed"
    if problems and not explained:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0].sentence.removeprefix(f"{problems[0].table}: ").rstrip(".") + more
        remedy = decimal_styles.REMEDY if problems[0].rule == decimal_styles.RULE else remedy
    return first, remedy or "deliver it again corrected, or correct the rule"
