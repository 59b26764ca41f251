"""How names of people and streets are written, worked out by hand."""

from __future__ import annotations

import duckdb
import pytest
from texts.text_macros import cases_table, compiled

NAMES = {
    "JAN DE VRIES": "Jan de Vries",
    "anna-maria van der berg": "Anna-Maria van der Berg",
    "o'brien": "O'Brien",
    "MCDONALD": "McDonald",
    "'t hart": "'t Hart",
    "MÜLLER": "Müller",
    "J. de Groot": "J. de Groot",
    "Van der Berg": "Van der Berg",  # mixed letters: written so
}
# Street as delivered -> street and house number.
STREETS = {
    "Kerkstraat 25": ("Kerkstraat", "25"),
    "Schoolstraat 12 bis": ("Schoolstraat", "12 bis"),
    "Lindenlaan 40B": ("Lindenlaan", "40B"),
    "Chaussée de Namur 46-2": ("Chaussée de Namur", "46-2"),
    "221B Baker Street": ("221B Baker Street", None),  # read with the number in front
    "1e Helmersstraat": ("1e Helmersstraat", None),
    "1e Helmersstraat 12": ("1e Helmersstraat", "12"),
    "Plein 1944": ("Plein 1944", None),  # a year
    "Plein 1944 12": ("Plein 1944", "12"),
    "Kerkstraat": ("Kerkstraat", None),
}


def _made(call: str, texts: list[str]) -> list[str | None]:
    with duckdb.connect() as connection:
        rows = connection.execute(f"select {compiled(call)} from {cases_table(texts)} order by number").fetchall()
    return [value for (value,) in rows]


def test_name_in_capitals_or_small_letters_gets_its_capitals() -> None:
    assert dict(zip(NAMES, _made("cased_name('value')", list(NAMES)), strict=True)) == NAMES


def test_house_number_is_taken_out_of_the_street() -> None:
    streets = _made("street_alone('value', 'null')", list(STREETS))
    numbers = _made("house_number_alone('value', 'null')", list(STREETS))
    assert dict(zip(STREETS, zip(streets, numbers, strict=True), strict=True)) == STREETS


@pytest.mark.parametrize(("street", "alone"), [("Kerkstraat 51", "Kerkstraat"), ("Kerkstraat 5", "Kerkstraat 5")])
def test_house_number_that_stands_apart_counts(street: str, alone: str) -> None:
    assert _made("""street_alone('value', "'51'")""", [street]) == [alone]
    assert _made("""house_number_alone('value', "'51'")""", [street]) == ["51"]


def test_accents_do_not_tell_spellings_apart() -> None:
    assert _made("without_accents('value')", ["Jürgen Müller", "Yıldız", "Strauß"]) == [
        "Jurgen Muller", "Yildiz", "Strauss",
    ]  # fmt: skip
