"""A firm's own checks: `checks.yml` in its folder, read into the same suites as the product's rules.

    marts.customer_360:
      - {type: not_null, column: customer_key, reason: Every row is a customer.}
      - type: between
        column: engagement_points
        min: 0
        max: 5000
        severity: warn
        reason: More points than 5,000 come from a test account (2026-11-27).

A file maps tables (schema.table) to lists of rules. Every rule has a type and a reason; `severity` is error (default:
stops the steps below) or warn; `name` replaces the claim that follows from the type. The types and their settings:

    not_null     column, mostly          unique       column, or columns for a combination
    between      column, min, max, mostly   in_set    column, values, mostly
    matches      column, pattern, mostly    row_count min, max
    no_rows      where (an SQL condition that no row may meet), name

`mostly` is the share of rows, 0 to 1, that must comply (default: all). Empty values comply with everything except
not_null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from expectations.rules import SEVERITIES, Rule, Suite
from expectations.wording import rule_name

_TABLE = re.compile(r"[a-z_]\w*\.[a-z_]\w*")
_COMMON = frozenset({"type", "reason", "severity", "name"})


class ChecksError(ValueError):
    """A checks file cannot be used; the message names file, table and rule, and says what to write instead."""


def suites_from_yaml(
    path: Path, *, personal_columns: Mapping[str, frozenset[str]] | None = None
) -> dict[str, list[Suite]]:
    """The suites of each table in a checks file; an empty file has none.

    personal_columns: per table, the columns with personal data; suites on such tables show no values. Raises
    ChecksError if the file cannot be read or a rule is incomplete, misspelled or contradicts itself. Whether tables and
    columns exist is judged with the data: a rule about a missing one fails.
    """
    content = _content(path)
    suites: dict[str, list[Suite]] = {}
    for table, entries in content.items():
        place = f"{path.name}, {table}"
        if not isinstance(table, str) or not _TABLE.fullmatch(table):
            raise ChecksError(f"{place}: not a table name; write schema.table, as in marts.customer_360.")
        if not isinstance(entries, list) or not entries:
            raise ChecksError(f"{place}: has no list of rules; write one rule per line, each with a dash in front.")
        rules = tuple(_rule(entry, f"{place}, rule {number}") for number, entry in enumerate(entries, start=1))
        _check_names(rules, place)
        suites[table] = [
            Suite(
                layer=table.split(".")[0],
                table=f"{table} ({path.name})",
                query=f"select * from {table}",
                rules=rules,
                personal_columns=(personal_columns or {}).get(table, frozenset()),
            )
        ]
    return suites


def _check_names(rules: tuple[Rule, ...], place: str) -> None:
    """Raises ChecksError if two rules have one name: results are stored by name."""
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        name = rule_name(rule)
        if name in seen:
            raise ChecksError(
                f"{place}, rule {number}: {name!r} is also rule {seen[name]}; remove one, or give it a `name`."
            )
        seen[name] = number


# --- reading ---------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML that refuses a repeated key: PyYAML keeps the last one only, and the other rules would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[str] = []
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} appears twice", problem_mark=key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep=deep)


def _content(path: Path) -> dict[Any, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a SafeLoader
    except FileNotFoundError:
        raise ChecksError(f"There is no checks file {path}: write one, or remove the setting that names it.") from None
    except UnicodeDecodeError:
        raise ChecksError(f"{path.name}: is not UTF-8 text; save it in UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ChecksError(f"{path.name}{line}: {problem}; correct it there.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ChecksError(f"{path.name}: is not a mapping of tables; write schema.table: and its rules below.")
    return content


# --- rules -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Type:
    """required, optional: settings beside type, reason, severity and name. make: settings -> (GX class, arguments)."""

    required: frozenset[str]
    optional: frozenset[str]
    make: Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]


def _about_column(expectation: str, *settings: str, optional: tuple[str, ...] = (), **renamed: str) -> _Type:
    """A rule about the values of one column. renamed: setting -> GX argument, where they differ."""

    def make(entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        used = ("column", *settings, *optional, "mostly")
        return expectation, {renamed.get(key, key): entry[key] for key in used if key in entry}

    return _Type(frozenset({"column", *settings}), frozenset({*optional, "mostly"}), make)


def _unique(entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if "columns" in entry:
        return "ExpectCompoundColumnsToBeUnique", {"column_list": entry["columns"]}
    return "ExpectColumnProportionOfUniqueValuesToBeBetween", {"column": entry["column"], "min_value": 1}


def _row_count(entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "ExpectTableRowCountToBeBetween", {f"{end}_value": entry[end] for end in ("min", "max") if end in entry}


def _no_rows(entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    query = f"select * from {{batch}} where {entry['where']}"
    return "UnexpectedRowsExpectation", {"unexpected_rows_query": query}


_BOUNDS = ("min", "max")
_TYPES = {
    "not_null": _about_column("ExpectColumnValuesToNotBeNull"),
    "unique": _Type(frozenset(), frozenset({"column", "columns"}), _unique),
    "between": _about_column(
        "ExpectColumnValuesToBeBetween", optional=_BOUNDS, min="min_value", max="max_value"
    ),
    "in_set": _about_column("ExpectColumnValuesToBeInSet", "values", values="value_set"),
    "matches": _about_column("ExpectColumnValuesToMatchRegex", "pattern", pattern="regex"),
    "row_count": _Type(frozenset(), frozenset(_BOUNDS), _row_count),
    "no_rows": _Type(frozenset({"where", "name"}), frozenset(), _no_rows),
}  # fmt: skip


def _rule(entry: Any, place: str) -> Rule:
    if not isinstance(entry, dict):
        raise ChecksError(f"{place}: is not a rule; write at least type and reason.")
    kind = entry.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        found = "has no type" if kind is None else f"type {kind!r} is unknown"
        raise ChecksError(f"{place}: {found}; use one of {', '.join(_TYPES)}.")
    settings = _TYPES[kind]
    allowed = settings.required | settings.optional
    unknown = sorted(str(key) for key in set(entry) - allowed - _COMMON)
    if unknown:
        raise ChecksError(
            f"{place}: {kind} has no setting {unknown[0]!r}; use {', '.join(sorted(allowed))}, reason, severity, name."
        )
    missing = sorted(key for key in settings.required | {"reason"} if entry.get(key) in (None, ""))
    if missing:
        raise ChecksError(f"{place}: {missing[0]} is missing; {_REMEDY[missing[0]]}.")
    for key, value in entry.items():
        if not _VALID[key](value):
            raise ChecksError(f"{place}: {key} cannot be {value!r}; {_REMEDY[key]}.")
    _check_together(entry, kind, place)
    expectation, arguments = settings.make(entry)
    return Rule(expectation, arguments, entry["reason"], entry.get("severity", "error"), entry.get("name"))


def _check_together(entry: Mapping[str, Any], kind: str, place: str) -> None:
    """Raises ChecksError if settings that are right on their own do not fit together."""
    if kind == "unique" and ("column" in entry) == ("columns" in entry):
        raise ChecksError(f"{place}: unique needs either column or columns; write one of them.")
    if kind not in ("between", "row_count"):
        return
    bounds = [entry[end] for end in _BOUNDS if end in entry]
    if not bounds:
        raise ChecksError(f"{place}: {kind} has no bounds; write min, max or both.")
    if kind == "row_count" and not all(isinstance(bound, int) for bound in bounds):
        raise ChecksError(f"{place}: a number of rows is a whole number; correct min or max.")
    if len({type(bound) if isinstance(bound, date) else float for bound in bounds}) > 1:
        raise ChecksError(f"{place}: min and max are of different kinds; write two numbers, dates or timestamps.")
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        raise ChecksError(f"{place}: min is greater than max, so every row would fail; exchange them.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _is_pattern(value: Any) -> bool:
    try:
        return _is_text(value) and bool(re.compile(value))
    except re.error:
        return False


_VALID: dict[str, Callable[[Any], bool]] = {
    "type": _is_text,
    "reason": _is_text,
    "severity": lambda value: value in SEVERITIES,
    "name": _is_text,
    "column": _is_text,
    "columns": lambda value: isinstance(value, list) and len(value) > 1 and all(map(_is_text, value)),
    "min": lambda value: _is_number(value) or isinstance(value, date),
    "max": lambda value: _is_number(value) or isinstance(value, date),
    "values": lambda value: isinstance(value, list) and bool(value) and None not in value,
    "pattern": _is_pattern,
    "where": _is_text,
    "mostly": lambda value: _is_number(value) and 0 < value <= 1,
}
_REMEDY = {
    "type": "write one of the types",
    "reason": "write why the rule exists, and when its bounds were chosen",
    "severity": f"write {' or '.join(SEVERITIES)}",
    "name": "write in a few words what holds, as in `no order without a customer`",
    "column": "write the name of the column",
    "columns": "write a list of at least two columns, as in [order_id, line]",
    "min": "write a number, or a date without quotes, as in 2026-01-31",
    "max": "write a number, or a date without quotes, as in 2026-01-31",
    "values": "write the list of values that are right, as in [new, paid]; empty values are right anyway",
    "pattern": "write a regular expression in single quotes, as in '^[A-Z]{2}$'",
    "where": "write an SQL condition that no row may meet, as in `amount < 0`",
    "mostly": "write a share above 0 and up to 1, as in 0.99",
}
