"""DuckDB SQL as text: quoted names, literals, and a query in place of `{batch}`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def identifier(name: str) -> str:
    """`name` in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A Python value as an SQL literal; unknown types as text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    text = "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, datetime):
        return f"{'timestamptz' if value.tzinfo else 'timestamp'} {text}"
    return f"date {text}" if isinstance(value, date) else text


def literals(values: Sequence[Any]) -> str:
    """Literals, separated by commas."""
    return ", ".join(literal(value) for value in values)


def as_subquery(query: str) -> str:
    """A query in parentheses; on lines of its own, so that it may end with a comment."""
    return f"(\n{query.strip().rstrip(';')}\n)"


def with_batch(template: str, query: str) -> str:
    """`template` with `query` as a subquery in place of `{batch}`."""
    return template.replace("{batch}", as_subquery(query))
