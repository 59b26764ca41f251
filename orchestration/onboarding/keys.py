"""Which columns identify a row: candidates by role and name, each tested for nulls and repeats over all rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from orchestration.onboarding.found import Column, Key, Profile, Role
from orchestration.onboarding.roles import AMOUNTS, MOMENTS, PERSONAL, is_date
from orchestration.onboarding.words import words

if TYPE_CHECKING:
    import duckdb

PLACE = ("_source_file", "_source_row")
_IDENTIFYING = ("order_id", "line_id", "product_id", "customer_id", "loyalty_number", "session_id", "conversation_id")
_NEVER = MOMENTS | AMOUNTS | (PERSONAL - {"loyalty_number"}) | {"quantity", "score"}
_MOST_COLUMNS = 6  # of which pairs are tried


def key_of(connection: duckdb.DuckDBPyConnection, profile: Profile, roles: Mapping[str, Role]) -> Key:
    """The key of a stream, with its test; the place of a row in its file where no columns identify it."""
    candidates = _candidates(profile, roles)
    primary = profile.stream.evidence.get("table", "").removeprefix("primary key ")
    if primary:
        candidates.insert(0, tuple(primary.split(", ")))
    equal_rows = _equal_rows(connection, profile)
    is_of_amounts = bool({"net_amount", "unit_price"} & {role.name for role in roles.values()})
    several = profile.stream.fields.get("path") and len(profile.stream.periods) > 1
    for columns in candidates:
        names = ", ".join(f'"{name}"' for name in columns)
        filled = " and ".join(f"nullif(trim(cast(\"{name}\" as varchar)), '') is not null" for name in columns)
        distinct, distinct_rows, empty = connection.execute(
            f"select count(distinct ({names})), count(*), "
            f"(select count(*) from {profile.relation} where not ({filled})) "
            f"from (select distinct {_payload(profile)} from {profile.relation} where {filled})"
        ).fetchone() or (0, 0, 0)
        repeats = profile.rows - empty - distinct_rows
        if empty > 0.001 * profile.rows or not distinct:
            continue
        # Two equal lines of one order may be two lines: only a line's own number makes them one row twice.
        named = {roles[name].name for name in columns if name in roles}
        if equal_rows and (len(columns) > 1 or is_of_amounts) and "line_id" not in named:
            continue
        if distinct == distinct_rows:
            return Key(columns, _evidence(profile, columns, distinct, repeats, empty))
        if several:
            within = connection.execute(
                f"select count(*) from (select distinct {names}, _source_file from {profile.relation} where {filled})"
            ).fetchone()
            if within and within[0] + empty >= profile.rows:
                return Key(
                    columns,
                    f"unique within each of {len(profile.stream.periods):,} files; "
                    f"{distinct_rows - distinct:,} rows give a key of an earlier file another content: versions",
                    has_versions=True,
                )
    tried = ", ".join("+".join(columns) for columns in candidates[:4]) or "none"
    evidence = f"no column identifies a row in {profile.size}; tried: {tried}"
    if equal_rows:
        evidence += f"; {equal_rows:,} rows are equal to another of their file in every column"
    return Key(PLACE, evidence, by_place=True, equal_rows=equal_rows)


def _equal_rows(connection: duckdb.DuckDBPyConnection, profile: Profile) -> int:
    """Rows that are equal to an earlier row of the same file."""
    found = connection.execute(
        f"select count(*) from (select distinct {_payload(profile)}, _source_file from {profile.relation})"
    ).fetchone()
    return profile.rows - (int(found[0]) if found else 0)


def _payload(profile: Profile) -> str:
    return ", ".join(f'"{column.name}"' for column in profile.columns)


def _evidence(profile: Profile, columns: tuple[str, ...], distinct: int, repeats: int, empty: int) -> str:
    text = f"unique in {distinct:,} of {profile.size}"
    if repeats:
        text += f"; {repeats:,} rows are equal to another in every column"
    if empty:
        text += f"; TODO {empty:,} rows without {' or '.join(columns)} go to quarantine"
    return text


def _candidates(profile: Profile, roles: Mapping[str, Role]) -> list[tuple[str, ...]]:
    """Single columns that may be unique, those named as identifiers first; then pairs with the order."""
    named = {role.name: name for name, role in roles.items()}
    identifying = [named[role] for role in _IDENTIFYING if role in named]
    rest = [column.name for column in profile.columns if column.name not in identifying]
    numbers = [name for name in rest if name.split("_")[-1] in words("number_words")]
    others = [name for name in rest if name not in numbers and not _is_value(profile.column(name))]
    singles: list[tuple[str, ...]] = [
        (name,)
        for name in (*identifying, *numbers, *others)
        if profile.column(name).filled >= 0.999 * profile.rows
        and (name not in roles or roles[name].name not in _NEVER)
        and not is_date(profile.column(name))
        and _may_be_unique(profile, name)
    ]
    pairs = list(combinations([*identifying, *numbers][:_MOST_COLUMNS], 2))
    order = named.get("order_id")
    lines = [pair for pair in pairs if pair == (order, named.get("line_id"))]
    is_order = [single for single in singles if single == (order,)]
    others_of_order = [pair for pair in pairs if order in pair]
    return list(dict.fromkeys([*is_order, *lines, *singles, *others_of_order]))


def _is_value(column: Column) -> bool:
    """Words, measures and sentences differ from row to row by chance."""
    is_measure = column.type.startswith(("DOUBLE", "DECIMAL", "FLOAT")) or column.share("has_point") > 0.2
    return is_measure or column.share("word") > 0.5 or column.share("sentence") > 0.2


def _may_be_unique(profile: Profile, name: str) -> bool:
    """Repeats across files are versions, and equal rows are repeats: half of the rows must differ."""
    return profile.column(name).distinct >= 0.5 * profile.rows / max(len(profile.stream.periods), 1)
