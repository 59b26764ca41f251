"""Looking for personal data where none may be: texts, logs, event logs, reports, published validation results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

import duckdb
from pipeline.installation import Installation

_WORD = re.compile(r"[\w.@+'-]+")
# Where personal data belongs: what was delivered, the register of numbers, and the tables themselves.
_MAY_HOLD_IT = ("landing", "identity", "extraction", "serving", "warehouse.duckdb", "warehouse.duckdb.wal")


def places_with(values: Iterable[str], installation: Installation, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Place -> the values (at most three) that stand there. values: single words or pairs of words, in lower case."""
    wanted = set(values)
    found = {place: _found(wanted, text.lower()) for place, text in texts.items()}
    for file in sorted(installation.home.rglob("*")):
        name = file.relative_to(installation.home)
        if file.is_file() and name.parts[0] not in _MAY_HOLD_IT:
            found[str(name)] = _found(wanted, file.read_bytes().decode("utf-8", "replace").lower())
    if installation.published.exists():
        with duckdb.connect(str(installation.published), read_only=True) as connection:
            for (table,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'quality'"
            ).fetchall():
                rows = connection.execute(f"select to_json(t)::varchar from quality.{table} as t").fetchall()
                found[f"quality.{table}"] = _found(wanted, "\n".join(row for (row,) in rows).lower())
    return {place: hits for place, hits in found.items() if hits}


def _found(values: set[str], text: str) -> list[str]:
    words = [word.strip(".'-") for word in _WORD.findall(text)]
    said = set(words) | {f"{one} {other}" for one, other in pairwise(words)}
    return sorted(values & said)[:3]
