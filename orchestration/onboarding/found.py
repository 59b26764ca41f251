"""What the modules of this package hand to each other: streams, columns, evidence and open questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


class OnboardingError(Exception):
    """A source cannot be looked at; the message names it and the remedy."""


@dataclass(frozen=True)
class FoundStream:
    """A stream of a source before its rows are read. fields: of its catalog entry. evidence: field -> why."""

    name: str
    fields: Mapping[str, Any]
    evidence: Mapping[str, str] = field(default_factory=dict)
    periods: tuple[tuple[date, date], ...] = ()  # of its files, in order


@dataclass(frozen=True)
class FoundSystem:
    """What a catalog entry of the system holds, and its streams. left_out: what cannot be read, and why."""

    connector: str
    fields: Mapping[str, Any]
    streams: tuple[FoundStream, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One landed column, measured over the rows that were read. Counts are of rows with a value, `filled`."""

    name: str
    type: str  # as it lands, in DuckDB's words
    rows: int
    filled: int
    distinct: int
    forms: Mapping[str, int] = field(default_factory=dict)  # form (profile.FORMS) -> rows that have it
    words: frozenset[str] = frozenset()  # lower-case values, where these are few: never printed
    lowest: str | None = None  # smallest and largest value of numbers, dates and moments
    highest: str | None = None
    example: str = ""  # the commonest shape: digits as 9, letters as a

    @property
    def is_text(self) -> bool:
        """Whether the values land as text."""
        return self.type == "VARCHAR"

    def share(self, form: str) -> float:
        """Share of the filled rows that have a form; 0 without any."""
        return self.forms.get(form, 0) / self.filled if self.filled else 0.0

    def all_but_few(self, form: str) -> bool:
        """Whether the form holds for 99 % of the values."""
        return self.share(form) >= 0.99


@dataclass(frozen=True)
class Role:
    """What a column is, and why. is_sure: content agrees with the name; else a person confirms."""

    name: str
    evidence: str
    is_sure: bool = True


@dataclass(frozen=True)
class Question:
    """What only a person knows. key: `<stream>.<subject>`; options: value -> what it means; none: any text."""

    key: str
    text: str
    options: Mapping[str, str] = field(default_factory=dict)
    suggestion: str = ""


@dataclass(frozen=True)
class Key:
    """Columns that identify a row, and the test that they passed. by_place: no columns do."""

    columns: tuple[str, ...]
    evidence: str
    by_place: bool = False
    equal_rows: int = 0  # rows that are equal to another of their file, where no columns identify a row
    has_versions: bool = False  # the same key comes again in later files


@dataclass(frozen=True)
class Profile:
    """The rows of one stream: its relation in DuckDB, and its columns."""

    stream: FoundStream
    relation: str
    rows: int
    rejects: int
    is_sample: bool
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def size(self) -> str:
        """`12,000 rows`, or `the first 2,000,000 rows (a sample)`."""
        return f"the first {self.rows:,} rows (a sample)" if self.is_sample else f"{self.rows:,} rows"
