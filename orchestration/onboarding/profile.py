"""What the values of each column look like. DuckDB measures all rows; Python sees counts and shares only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestration.channels.connectors._sources import literal
from orchestration.onboarding.found import Column, FoundStream, Profile

if TYPE_CHECKING:
    import duckdb

_YEAR = "(?:18|19|20|21)[0-9]{2}"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
_OFFSET = r"(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?(?:[0-9]{2})?))"
_ISO_DATE = f"{_YEAR}-[0-9]{{1,2}}-[0-9]{{1,2}}"
_ONE_TWO_YEAR = f"[0-9]{{1,2}}([-./])[0-9]{{1,2}}([-./]){_YEAR}"
# Form -> regular expression over the trimmed value. A value may have several forms.
_PATTERNS = {
    "email": r"[^@\s]+@[^@\s]+[.][^@\s.]+",
    "url": r"https?://.+",
    "iso_date": _ISO_DATE,
    "compact_date": f"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])",
    "iso_moment": f"{_ISO_DATE}[ Tt]{_CLOCK}",
    "zoned_moment": f"{_ISO_DATE}[ Tt]{_CLOCK}{_OFFSET}",
    "written_date": _ONE_TWO_YEAR,  # 3/14/2017 or 14.3.2017; `first_over_12` and `second_over_12` say which
    "written_moment": f"{_ONE_TWO_YEAR} +{_CLOCK}",
    "slashed": f"[0-9]{{1,2}}/[0-9]{{1,2}}/{_YEAR}.*",
    "first_over_12": f"(?:1[3-9]|2[0-9]|3[01])[-./][0-9]{{1,2}}[-./]{_YEAR}.*",
    "second_over_12": f"[0-9]{{1,2}}[-./](?:1[3-9]|2[0-9]|3[01])[-./]{_YEAR}.*",
    "epoch_seconds": "1[0-9]{9}",
    "epoch_milliseconds": "1[0-9]{12}",
    "integer": "[+-]?[0-9]{1,18}",
    "leading_zero": "0[0-9]+",
    "point_number": "[+-]?(?:[0-9]+(?:[.][0-9]+)?|[.][0-9]+)",
    "comma_number": "[+-]?(?:[1-9][0-9]{0,2}(?:[.][0-9]{3})+|[0-9]+)(?:,[0-9]+)?",
    "thousands_comma": "[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:[.][0-9]+)?",
    "three_after_point": "[+-]?[0-9]{1,3}[.][0-9]{3}",
    "three_after_comma": "[+-]?[0-9]{1,3},[0-9]{3}",
    "has_point": ".*[0-9][.][0-9].*",
    "has_comma": ".*[0-9],[0-9].*",
    "negative": "-[0-9.,]+",
    "money_symbol": r"[+-]?\s*(?:[$€£]|EUR|USD|GBP)\s*[+-]?[0-9.,]+|[+-]?[0-9.,]+\s*(?:[$€£]|EUR|USD|GBP)",
    "bit": "[01]",
    "phone_like": r"(?:tel:)?[+(0]?[0-9(][0-9()\s./\-]{5,18}[0-9](?: ?(?:x|ext)[. ]?[0-9]+)?",
    "phone_written": r".*[+()\s./\-].*",
    "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "currency_code": "[A-Z]{3}",
    "word": r"\p{L}[\p{L}\p{M}'’ .\-]*",
    "two_words": r"\p{L}[\p{L}\p{M}'’.\-]*,? +\p{L}[\p{L}\p{M}'’ .\-]*",
    "sentence": r"\S+(?:\s+\S+){4,}",
    "street": r".*\p{L}{2}.*[0-9].*|[0-9]+\w? .*\p{L}{2}.*",
    "midnight": r".*[ Tt]0?0:00(?::00(?:[.]0+)?)?(?:Z|\+00:?00)?",
}
FORMS = tuple(_PATTERNS)
# Of so few distinct values, their words are compared with known vocabularies. They are never printed.
_FEW = 24
# Of columns with a type, the rest follows from it.
_FORMS_OF_TYPES = (
    "integer",
    "point_number",
    "compact_date",
    "negative",
    "midnight",
    "iso_date",
    "epoch_seconds",
    "epoch_milliseconds",
)
# Of more distinct values, a sample of about so many is matched: a second for each column.
_MOST_MATCHED = 50_000


def profile_of(
    connection: duckdb.DuckDBPyConnection,
    stream: FoundStream,
    relation: str,
    rows: int,
    rejects: int,
    is_sample: bool,
) -> Profile:
    """The profile of a relation with landed rows. One statement per column, over all its rows."""
    described = connection.execute(f"describe {relation}").fetchall()
    columns = tuple(
        _measured(connection, relation, name, kind, rows)
        for name, kind, *_ in described
        if not name.startswith(("_source_", "_dlt_"))
    )
    return Profile(stream, relation, rows, rejects, is_sample, columns)


def shape(expression: str) -> str:
    """SQL for the shape of a text: digits as 9, letters as a or A, the rest as it is."""
    return (
        f"regexp_replace(regexp_replace(regexp_replace(left({expression}, 40), '[0-9]', '9', 'g'), "
        r"'\p{Lu}', 'A', 'g'), '\p{Ll}', 'a', 'g')"
    )


def _measured(connection: duckdb.DuckDBPyConnection, relation: str, name: str, kind: str, rows: int) -> Column:
    quoted = '"' + name.replace('"', '""') + '"'
    value = f"nullif(trim(cast({quoted} as varchar), E' \\t\\r\\n' || chr(160)), '')"
    # Distinct values and how often they come: patterns are matched once for each.
    connection.execute(
        f"create or replace temp table valued as select {value} as value, count(*) as n from {relation} "
        f"where {value} is not null group by 1"
    )
    filled, distinct = connection.execute("select coalesce(sum(n), 0)::bigint, count(*) from valued").fetchone() or (
        0,
        0,
    )
    patterns = _PATTERNS if kind == "VARCHAR" else {form: _PATTERNS[form] for form in _FORMS_OF_TYPES}
    measured = _forms(connection, patterns, distinct)
    words: frozenset[str] = frozenset()
    if 0 < distinct <= _FEW:
        words = frozenset(row[0] for row in connection.execute("select lower(value) from valued").fetchall())
    example = connection.execute(
        f"select {shape('value')} as shape from valued group by 1 order by sum(n) desc, 1 limit 1"
    ).fetchone()
    lowest, highest = _range(connection, kind, measured, filled)
    return Column(name, kind, rows, filled, distinct, measured, words, lowest, highest, example[0] if example else "")


def _forms(connection: duckdb.DuckDBPyConnection, patterns: Mapping[str, str], distinct: int) -> dict[str, int]:
    """Rows per form. Of very many distinct values, a sample is matched and the counts are those of as many rows."""
    matched = ", ".join(
        f"coalesce(sum(n) filter (where regexp_full_match(value, {literal(pattern)})), 0)::bigint"
        for pattern in patterns.values()
    )
    every = max(distinct // _MOST_MATCHED, 1)
    sample = f"(select * from valued where hash(value) % {every} = 0)" if every > 1 else "valued"
    counts = connection.execute(f"select {matched} from {sample}").fetchone() or ()
    if every == 1:
        return dict(zip(patterns, counts, strict=True))
    total, seen = connection.execute(
        f"select (select sum(n) from valued), (select sum(n) from {sample})"
    ).fetchone() or (0, 1)
    return {form: round(count * total / seen) for form, count in zip(patterns, counts, strict=True)}


def _range(
    connection: duckdb.DuckDBPyConnection, kind: str, forms: dict[str, int], filled: int
) -> tuple[str | None, str | None]:
    """Smallest and largest number or day of the readable values, as text."""
    if not filled or kind == "BOOLEAN":
        return None, None
    if "written_date" not in forms:
        read = "value"
        if kind.startswith(("DOUBLE", "DECIMAL", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT")):
            read = "try_cast(value as double)"
    elif forms["point_number"] >= 0.9 * filled and forms["compact_date"] < 0.9 * filled:
        read = "try_cast(value as double)"
    elif forms["written_date"] + forms["written_moment"] >= 0.9 * filled:
        part = "regexp_extract(value, '([0-9]{1,2})[-./]([0-9]{1,2})[-./]([0-9]{4})', ['a', 'b', 'c'])"
        first, second = ("a", "b") if forms["second_over_12"] else ("b", "a")
        read = f"try_cast({part}.c || '-' || {part}.{first} || '-' || {part}.{second} as date)"
    elif forms["compact_date"] >= 0.9 * filled:
        read = "try_cast(value[1:4] || '-' || value[5:6] || '-' || value[7:8] as date)"
    else:
        read = "try_cast(left(value, 10) as date)"
    lowest, highest = connection.execute(
        f"select min({read})::varchar, max({read})::varchar from valued"
    ).fetchone() or (
        None,
        None,
    )
    return lowest, highest
