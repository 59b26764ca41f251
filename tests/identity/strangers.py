"""Invented people for attacks on linking: drawn from a seed, each with values of their own."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pyarrow

_SYLLABLES = "ba ken mar lo ti sun ver hol jan der ri na el mo wes fa gru pi sto kle van ha do ses".split()  # noqa: SIM905
_COLUMNS = (
    "source_system", "source_record_id", "given_name", "family_name", "birth_date", "gender", "email", "phone",
    "street", "postal_code", "city", "national_id", "loyalty_number",
)  # fmt: skip
Person = dict[str, Any]


class Town:
    """A source of strangers: 300 given names, 1,500 family names, 600 streets, 200 towns."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self._given = {sex: [self._word(2) for _ in range(150)] for sex in "mf"}
        self._family = [self._word(3) for _ in range(1_500)]
        self._streets = [f"{self._word(3)}straat" for _ in range(600)]
        self._towns = [f"{self._word(2)}dam" for _ in range(200)]

    def _word(self, syllables: int) -> str:
        return "".join(self.draw.choice(_SYLLABLES) for _ in range(syllables)).capitalize()

    def person(self, sex: str | None = None) -> Person:
        draw = self.draw
        sex = sex or draw.choice("mf")
        given, family = draw.choice(self._given[sex]), draw.choice(self._family)
        return {
            "given_name": given,
            "family_name": family,
            "gender": sex,
            "birth_date": f"{draw.randrange(1940, 2005)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}",
            "email": f"{given}.{family}{draw.randrange(10_000)}@mail.example".lower(),
            "phone": f"06{draw.randrange(10**7, 10**8)}",
            "street": f"{draw.choice(self._streets)} {draw.randrange(1, 200)}",
            "postal_code": f"{draw.randrange(1000, 9999)} {chr(65 + draw.randrange(26))}{chr(65 + draw.randrange(26))}",
            "city": draw.choice(self._towns),
        }


def record(person: Person, key: str) -> Person:
    """The person as a record; key: system/id."""
    system, record_id = key.split("/")
    return person | {"source_system": system, "source_record_id": record_id}


def deliver(connection: duckdb.DuckDBPyConnection, records: list[Person]) -> None:
    """Writes the table `records`."""
    connection.register(
        "given_records",
        pyarrow.table(
            {column: pyarrow.array([row.get(column) for row in records], pyarrow.string()) for column in _COLUMNS}
        ),
    )
    connection.execute("""
        create or replace table records as
        select * replace (cast(birth_date as date) as birth_date) from given_records
    """)
    connection.unregister("given_records")
