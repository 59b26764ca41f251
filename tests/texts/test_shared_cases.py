"""The shared cases that are about texts, read as their README says is right. Skipped where they are absent."""

from __future__ import annotations

import csv
from datetime import datetime

import duckdb
import pytest
from texts.text_macros import PACKAGE, cases_table, compiled

CASES = PACKAGE.parents[1] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="there is no ../shared/cases")


def column_as(file: str, column: str, call: str, delimiter: str = ",") -> list:
    """What a macro makes of a column of a file, in the order of the file."""
    with (CASES / file).open(encoding="utf-8", newline="") as lines:
        texts = [row[column] for row in csv.DictReader(lines, delimiter=delimiter)]
    return [
        v for (v,) in duckdb.execute(f"select {compiled(call)} from {cases_table(texts)} order by number").fetchall()
    ]


def test_rentals_with_offsets_start_at_their_moment_in_utc() -> None:
    assert column_as("01_rentals_with_offsets.csv", "started_at", "timestamp_from_utc_text('value')") == [
        datetime(2025, 7, 1, 10),
        datetime(2025, 6, 30, 22, 30),
        datetime(2025, 7, 1, 17),
        datetime(2025, 7, 1, 10),
        None,
    ]


def test_last_word_about_consent_is_no() -> None:
    file = "01_consent_with_offsets.csv"
    changed_at = column_as(file, "changed_at", "timestamp_from_utc_text('value')")
    granted = column_as(file, "granted", "boolean_from_digit('value')")
    assert max(zip(changed_at, granted, strict=True)) == (datetime(2025, 3, 1, 9), False)


def test_row_with_a_decimal_point_is_not_read_as_a_decimal_comma() -> None:
    file = "03_decimal_styles.csv"
    net = column_as(file, "net", "money_from_comma_text('value')", ";")
    quantity = column_as(file, "quantity", "decimal_from_comma_text('value')", ";")
    assert [None if n is None else str(n) for n in net] == [None, None, "1234.560000", None]
    assert [None if q is None else int(q) for q in quantity] == [1, 1, None, 1]


def test_impossible_moments_are_not_read() -> None:
    found = column_as("05_impossible_moments.csv", "started_at", "timestamp_from_utc_text('value')")
    assert found == [None] * 6 + [datetime(2025, 3, 3, 9)]
