"""Tables too small to learn from: linking decides as a human reviewer would."""

from __future__ import annotations

import random

import pytest
from identity.conftest import customers, groups, warehouse
from pipeline import histories

from orchestration.identity.linking import link_records

GIVEN = ("Anna", "Hanna", "Maria", "Marie", "Lisa", "Elisa", "Jan", "Jana", "Peter", "Petra", "Julia", "Mark", "Erik")
FAMILY = ("Visser", "Smit", "Meyer", "Garcia", "Lopez", "Berg", "Bos", "Mulder", "Dekker", "Koning", "Rossi", "Novak")


def delivered(person: int, systems: tuple[str, ...]) -> list[dict[str, str]]:
    """The records of one of the people of histories.world, in those of the systems that know them."""
    made = histories.world()
    common = {"given_name": f"Given{person}", "family_name": f"Family{person}", "email": f"person{person}@example.org"}
    birth_date = f"1980-05-0{person % 9 + 1}"
    known = {
        "shop": common | {"phone": f"06 1234{person:04d}", "street": "Lane 1", "postal_code": "1234 AB",
                          "city": "Breda", "country": "NL"},
        "crm": common | {"birth_date": birth_date, "gender": "f", "street": "Lane", "house_number": "1",
                         "postal_code": "1234 AB", "city": "Breda", "country": "NL"},
        "loyalty": common | {"birth_date": birth_date, "postal_code": "1234 AB"},
    }  # fmt: skip
    present = {
        "shop": 100 + person in made.versions["customers"],
        "crm": f"A{person:04d}" in made.accounts,
        "loyalty": f"L{person:04d}" in made.members,
    }
    return [{"key": f"{system}/{person}"} | known[system] for system in systems if present[system]]


@pytest.mark.parametrize("systems", [("shop",), ("shop", "crm"), ("shop", "crm", "loyalty")])
@pytest.mark.parametrize("people", [2, 8, 24])
def test_names_that_differ_in_a_number_are_different_people(connection, given, systems, people) -> None:
    given(*(record for person in range(people) for record in delivered(person, systems)))
    expected: dict[str, set[str]] = {}
    for key in customers(connection):
        expected.setdefault(key.split("/")[1], set()).add(key)
    assert groups(connection) == {frozenset(records) for records in expected.values()}


def test_thirty_colleagues_at_one_address_are_thirty_customers(connection, given) -> None:
    """One street, one domain, telephone numbers that follow each other, names that resemble each other."""
    given(
        *(
            {
                "key": f"crm/{n}", "given_name": GIVEN[n % 13], "family_name": FAMILY[n % 12], "street": "Ringweg 7",
                "postal_code": "1011 AB", "city": "Amsterdam", "phone": f"020 12345{n:02d}",
                "email": f"{GIVEN[n % 13]}.{FAMILY[n % 12]}@firm.example",
            }
            for n in range(30)
        )
    )  # fmt: skip
    assert len(groups(connection)) == 30


# The first draw holds the claim; the other two hold it for other names and errors.
@pytest.mark.parametrize("systems", [("crm",), ("crm", "shop")])
def test_forty_namesakes_of_six_names_are_forty_customers(connection, given, systems) -> None:
    """Each has an e-mail address and a telephone of their own: names that a system repeats so often say little."""
    given(
        *(
            {
                "key": f"{systems[n % len(systems)]}/{n}", "given_name": GIVEN[n % 6], "family_name": FAMILY[n % 6],
                "email": f"user{n * 7919 % 1000}@mail{n % 5}.example", "phone": f"06 {n * 104729 + 10000000}",
            }
            for n in range(40)
        )
    )  # fmt: skip
    assert len(groups(connection)) == 40


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_sixty_records_of_twenty_people_with_typing_errors_are_linked(connection, given, seed: int) -> None:
    draw = random.Random(seed)

    def typed(value: str) -> str:
        place = draw.randrange(1, len(value) - 1)
        return value[:place] + draw.choice(("", "x", value[place] * 2)) + value[place + 1 :]

    records = []
    for person in range(20):
        birth_date = f"19{draw.randrange(40, 99)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
        phone = f"06{draw.randrange(10**7, 10**8)}"
        for system in ("crm", "shop", "till"):
            record = {"given_name": GIVEN[person % 13], "family_name": FAMILY[person % 12], "phone": phone,
                      "email": f"{GIVEN[person % 13]}.{FAMILY[person % 12]}@mail.example"}  # fmt: skip
            wrong = draw.choice(("given_name", "family_name", "email", None))
            if wrong:
                record[wrong] = typed(record[wrong])
            records.append(record | {"key": f"{system}/{person}", "birth_date": birth_date})
    given(*records)
    found = groups(connection)
    assert all(len({key.split("/")[1] for key in group}) == 1 for group in found)
    assert sum(len(group) == 3 for group in found) >= 18  # "Jxn" may be a twin of Jan


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"given_name": "Anna", "family_name": "Vos"}, {"given_name": "Hanna", "family_name": "Vos"}, False),
        ({"given_name": "Anna", "birth_date": "1990-05-05"}, {"given_name": "Anna", "birth_date": "1991-07-12"}, False),
        ({"family_name": "Vos", "phone": "0612345678"}, {"family_name": "Vos", "phone": "0612345679"}, False),
        ({"given_name": "Guest 1", "city": "Breda"}, {"given_name": "Guest 2", "city": "Breda"}, False),
        ({"email": "anna@mail.example"}, {"email": "hanna@mail.example"}, False),
        ({"given_name": "Anna", "family_name": "Vos", "email": "a@mail.example"},
         {"given_name": "Anna", "family_name": "Vos", "email": "a@mail.example"}, True),
        ({"given_name": "Anna", "family_name": "Vos", "birth_date": "1990-05-05"},
         {"given_name": "Anna", "family_name": "Voss", "birth_date": "1990-05-05"}, True),
    ],
)  # fmt: skip
def test_two_records_are_linked_only_on_enough_evidence(connection, given, one, other, same) -> None:
    given({"key": "a/1"} | one, {"key": "b/1"} | other)
    assert len(groups(connection)) == (1 if same else 2)


def test_table_delivered_by_two_systems_has_each_person_once() -> None:
    connection = warehouse()
    connection.execute("""
        create table records as
        select 's' || system as source_system, person::varchar as source_record_id,
            ['Anna', 'Jan', 'Maria', 'Piet'][person % 4 + 1] as given_name,
            ['Vos', 'Berg', 'Bakker', 'Smit', 'Novak'][person % 5 + 1] as family_name,
            date '1950-01-01' + (person * 971)::int as birth_date
        from range(20) as people(person), range(2) as systems(system)
    """)
    assert link_records(connection, "records").customers == 20
