"""The parts of a contribution, and what several kinds of contributions have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from orchestration.onboarding.found import Question
from orchestration.onboarding.plan import PLACE, StreamPlan, SystemPlan

# A row with this value breaks a row rule and waits in quarantine: it never becomes a figure.
TODO = "'TODO'"


@dataclass(frozen=True)
class Selected:
    """One selected expression, its name in the canonical stream, and why."""

    sql: str
    name: str
    comment: str = ""


@dataclass(frozen=True)
class Select:
    """One select statement of a contribution. stream: whose staging view it reads; source: SQL in its place."""

    stream: str
    columns: tuple[Selected, ...]
    where: str = ""
    group_by: str = ""
    join: str = ""
    comments: tuple[str, ...] = ()
    distinct: bool = False
    source: str = ""


@dataclass(frozen=True)
class Contribution:
    """A file `<system>__<canonical stream>.sql`: one select per stream, put together with `union all`."""

    canonical: str
    selects: tuple[Select, ...]


def with_equal_columns(selects: list[Select]) -> tuple[Select, ...]:
    """`union all` needs the same columns in the same order: what a select lacks is null."""
    names = list(dict.fromkeys(column.name for select in selects for column in select.columns))
    padded = []
    for select in selects:
        known = {column.name: column for column in select.columns}
        columns = tuple(known.get(name, Selected("null", name)) for name in names)
        padded.append(replace(select, columns=columns))
    return tuple(padded)


def undecided(column: str, remedy: str) -> str:
    """An expression that stops a run until a person has decided: no figure comes of a guess."""
    return "{{ context360.undecided('" + column + "', '" + remedy.replace("'", "") + "') }}"


def words_of(system: SystemPlan, stream: StreamPlan) -> set[str]:
    """The words in the names of a system and a stream."""
    return set(re.split(r"[_\W]+", f"{system.name}_{stream.name}"))


def own_key(stream: StreamPlan) -> str:
    """SQL of one text that identifies a row."""
    return place_text() if stream.base_key == PLACE else " || '/' || ".join(stream.base_key)


def place_text() -> str:
    """SQL of the place of a row: its file and its number there."""
    return "_source_file || '/' || cast(_source_row as {{ dbt.type_string() }})"


def who(stream: StreamPlan, own: str = "") -> list[Selected]:
    """The identifier of the person. own: alias of the view, with a point."""
    if stream.identity is None:
        return []
    return [
        Selected(f"'{stream.identity.kind}'", "identifier_kind", stream.identity.evidence),
        Selected(f"{own}{stream.identity.column}", "identifier_value"),
    ]


def timestamp(name: str, kind: str) -> str:
    """SQL of a moment; a date is its midnight."""
    return f"cast({name} as timestamp)" if kind == "date" else name


def currency(system: SystemPlan, stream: StreamPlan, name: str, own: str = "") -> Selected:
    """The currency of the amounts: delivered, stated, or TODO."""
    if stream.output("currency"):
        return Selected(f"{own}{stream.output('currency')}", name)
    stated = system.answers.currency_of(stream.name)
    if stated:
        return Selected(f"'{stated}'", name, "as stated")
    return Selected(TODO, name, "TODO the currency of the amounts (ISO 4217)")


def choice(system: SystemPlan, stream: StreamPlan, subject: str, text: str, **options: str) -> str:
    """The answer to a question about a stream; '' without one. options: value -> meaning; none: any text."""
    return system.answers.choose(Question(f"{stream.name}.{subject}", f"{stream.name}: {text}", options))
