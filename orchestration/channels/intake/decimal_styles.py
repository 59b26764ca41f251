"""Whether a stream writes its numbers with a decimal point or a decimal comma, and whether a load changes that.

Staging reads a column in one style. What the other style means by `1.234` it would read as a number a thousand times as
large, so a load in another style is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expectations.outcomes import Outcome
from orchestration.channels.intake.load_register import DecimalStyle, LoadRegister

if TYPE_CHECKING:
    import duckdb

# The rule's name in quality.validation_result.
RULE = "the decimal style is that of earlier loads"
REMEDY = (
    "deliver it as before, or, if the source has changed for good, give the stream a new name in the catalog with a "
    "staging model that reads the new style"
)
# Rows that show the style of a column: a program writes all rows alike.
_ROWS_LOOKED_AT = 100_000
_ROWS_OF_FIRST_LOOK = 1_000
# A column holds numbers if half of its texts are some; names and codes with a comma here and there do not.
_LEAST_SHARE_OF_NUMBERS = 0.5
# One odd value is a row for quarantine. Two are a change, or one beside a value that either style could read.
_LEAST_VALUES = 2
# A mixed column goes to staging, which quarantines what is not in its style; up to a tenth is the stray value.
_MOST_IN_OLD_STYLE = 0.1


@dataclass(frozen=True)
class _Counts:
    """Texts of a column: numbers that only one style can mean, numbers that both can, and the first file with each."""

    point: int
    comma: int
    either: int
    point_file: str | None
    comma_file: str | None

    @property
    def style(self) -> DecimalStyle | None:
        """The style of most texts; None if no text shows one, or as many show either."""
        if self.point == self.comma:
            return None
        return "point" if self.point > self.comma else "comma"

    def has_changed_from(self, known: DecimalStyle) -> bool:
        old, new = (self.point, self.comma) if known == "point" else (self.comma, self.point)
        is_a_change = new >= _LEAST_VALUES or (new > 0 and self.either > 0)
        return is_a_change and old <= _MOST_IN_OLD_STYLE * (old + new)

    def file_of(self, style: DecimalStyle) -> str:
        return (self.point_file if style == "point" else self.comma_file) or "the delivery"


def decimal_styles(
    connection: duckdb.DuckDBPyConnection, query: str, text_columns: Sequence[str]
) -> dict[str, DecimalStyle]:
    """Column -> style, for those columns of the rows that show one. query: a select that yields the rows."""
    counts = _counts(connection, query, text_columns)
    return {column: found.style for column, found in counts.items() if found.style}


def changed_styles(
    connection: duckdb.DuckDBPyConnection, label: str, query: str, known: Mapping[str, DecimalStyle]
) -> list[Outcome]:
    """An outcome per column whose style is known: whether the load keeps to it.

    label: system/stream. query: a select that yields the rows of the load. known: column -> style of earlier loads.
    """
    counts = _counts(connection, query, list(known))
    return [_outcome(label, column, known[column], found) for column, found in counts.items()]


def known_styles(
    connection: duckdb.DuckDBPyConnection, register: LoadRegister, accepted: str, text_columns: Sequence[str]
) -> dict[str, DecimalStyle]:
    """Column -> style of the accepted loads. accepted: a relation of their rows, read where the register knows none."""
    if register.is_without_decimal_styles():
        register.set_decimal_styles(decimal_styles(connection, f"select * from {accepted}", text_columns))
    known = register.decimal_styles()
    return {column: known[column] for column in text_columns if column in known}


def _outcome(label: str, column: str, known: DecimalStyle, found: _Counts) -> Outcome:
    changed = found.has_changed_from(known)
    new: DecimalStyle = "comma" if known == "point" else "point"
    sentence = (
        f"landing/{label}: column {column} in {found.file_of(new)} has a decimal {new} ({_EXAMPLES[new]}), and earlier "
        f"loads have a decimal {known} ({_EXAMPLES[known]})."
        if changed
        else f"landing/{label}: column {column} has a decimal {known}, as in earlier loads."
    )
    return Outcome(
        layer="landing",
        table=f"landing/{label}",
        rule=RULE,
        expectation="decimal_style",
        column=column,
        severity="error",
        success=not changed,
        observed_value=new if changed else known,
        unexpected_count=getattr(found, new) if changed else 0,
        unexpected_share=None,
        sample=None,
        reason="Staging reads one style: in the other, 1.234 is a number a thousand times as large.",
        sentence=sentence,
        failing_rows_query=None,
    )


_EXAMPLES = {"point": "as in 1234.50", "comma": "as in 1234,50"}


def _counts(connection: duckdb.DuckDBPyConnection, query: str, columns: Sequence[str]) -> dict[str, _Counts]:
    delivered = {name for name, kind, *_ in connection.execute(f"describe {query}").fetchall() if kind == "VARCHAR"}
    numeric = _columns_of_numbers(connection, query, [column for column in columns if column in delivered])
    if not numeric:
        return {}
    point, comma = _only("[.]", ","), _only(",", "[.]")
    measures = [
        f"{measure} filter (regexp_full_match({_text(column)}, '{pattern}'))"
        for column in numeric
        for measure, pattern in (
            ("count(*)", point),
            ("count(*)", comma),
            ("count(*)", _EITHER),
            ("min(_source_file)", point),
            ("min(_source_file)", comma),
        )
    ]
    rows = f"(from ({query}) limit {_ROWS_LOOKED_AT})"
    found = connection.execute(f"select {', '.join(measures)} from {rows}").fetchone() or ()
    return {column: _Counts(*found[5 * number : 5 * number + 5]) for number, column in enumerate(numeric)}


def _columns_of_numbers(connection: duckdb.DuckDBPyConnection, query: str, columns: Sequence[str]) -> list[str]:
    if not columns:
        return []
    shares = ", ".join(
        f"avg(regexp_full_match({_text(column)}, '{_NUMBER}')::int) filter ({_text(column)} <> '')"
        for column in columns
    )
    rows = f"(from ({query}) limit {_ROWS_OF_FIRST_LOOK})"
    found = connection.execute(f"select {shares} from {rows}").fetchone() or ()
    return [
        column
        for column, share in zip(columns, found, strict=True)
        if share is not None and share >= _LEAST_SHARE_OF_NUMBERS
    ]


def _text(column: str) -> str:
    """The column without blanks around it: the first look needs no more."""
    return f"trim(\"{column}\", ' \t\r\n\u00a0')"


def _only(decimal: str, group: str) -> str:
    """A pattern for numbers that only one style can mean: `1,234.56`, `12.5`, `0.125`, `1234.567` and `1,234,567`."""
    return (
        f"[+-]?(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+{decimal}[0-9]+|[0-9]+{decimal}(?:[0-9]{{1,2}}|[0-9]{{4,}})"
        f"|(?:0[0-9]*|[0-9]{{4,}}){decimal}[0-9]{{3}}|[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{2,}}|{decimal}[0-9]+)"
    )


# A thousand and more in one style, one and more in the other.
_EITHER = "[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}"
_NUMBER = "[+-]?[0-9]*(?:[.,][0-9]+)*"
