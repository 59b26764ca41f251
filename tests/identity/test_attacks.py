"""Attacks on linking: strangers who share something do not merge, and one person does not fall apart."""

from __future__ import annotations

import pytest
from identity.conftest import customers, groups, warehouse
from identity.strangers import Town, deliver, record

from orchestration.identity.linking import link_records

ANNA = {"given_name": "Anna", "family_name": "Bakker"}
PIET = {"given_name": "Pieter", "family_name": "Visser"}
HOME = {"street": "Dorpsstraat 12", "postal_code": "1234 AB", "city": "Utrecht"}


@pytest.mark.usefixtures("fewer_random_pairs")
def test_strangers_with_one_birth_date_and_street_stay_strangers(connection) -> None:
    """Of 1,200 people 200 copy birth date, street and sex of another; everything else is their own. All are people."""
    town = Town(1)
    people = [town.person() for _ in range(1_000)]
    records = [record(person, f"crm/{number}") for number, person in enumerate(people)]
    for number in range(200):
        model = town.draw.choice(people)
        copy = town.person(model["gender"]) | {name: model[name] for name in ("birth_date", "street")}
        records.append(record(copy, f"crm/copy{number}"))
    deliver(connection, records)
    assert link_records(connection, "records").customers >= 1_199


@pytest.mark.parametrize(
    ("left_out", "size"),
    [  # beyond 1,500 records no limit of the linking remains; rules that would link 10,000 by e-mail cost seconds
        *(((), size) for size in (1, 2, 400, 401, 3_000)),
        *((("email", "phone"), size) for size in (1, 2, 400, 401, 10_000)),
        pytest.param((), 10_000, marks=pytest.mark.long),
    ],
)
def test_equal_records_are_one_customer_at_any_size(connection, left_out: tuple[str, ...], size: int) -> None:
    town = Town(2)
    person = town.person() | dict.fromkeys(left_out)
    deliver(connection, [record(person, f"crm/{number}") for number in range(size)])
    assert link_records(connection, "records").customers == 1


def test_many_equal_records_among_others_are_one_customer_in_later_runs_too(connection) -> None:
    """401 records of one person among 120 others; the next delivery brings one more and leaves out the first."""
    town = Town(3)
    person = town.person() | {"email": None, "phone": None}
    records = [record(person, f"crm/{number:03d}") for number in range(401)]
    others = [record(town.person(), f"crm/other{number}") for number in range(120)]
    for delivered in (records + others, records[1:] + [record(person, "crm/new")] + others):
        deliver(connection, delivered)
        assert link_records(connection, "records").customers == 121


@pytest.mark.parametrize("systems", [("club",), ("club", "shop")])
@pytest.mark.parametrize("contacts", [("email", "phone"), ("email",), ("phone",)])
def test_people_whose_names_resemble_each_other_and_who_share_nothing_else_stay_apart(
    connection, systems: tuple[str, ...], contacts: tuple[str, ...]
) -> None:
    """120 members called after few syllables: a shared syllable looks like a typing error to the model."""
    given = ("Anna", "Bruno", "Carla", "Dirk", "Eva", "Frits", "Greta", "Hans")
    parts = ("ten", "mar", "wel", "bos", "kuip", "vel", "dor", "lin", "ras", "gro", "pim", "zet")
    people = []
    for n in range(120):
        name = given[n % 8], (parts[n % 12] + parts[n // 12] + parts[(n * 7 + 3) % 12]).capitalize()
        contact = {"email": f"{name[0]}.{name[1]}@mail.example".lower(), "phone": f"06{10_000_000 + n * 7919}"}
        people.append({"given_name": name[0], "family_name": name[1]} | {kind: contact[kind] for kind in contacts})
    deliver(connection, [record(person, f"{system}/{n}") for system in systems for n, person in enumerate(people)])
    assert link_records(connection, "records").customers == 120


GIVEN = ("Anna", "Bruno", "Carla", "Dirk", "Eva", "Frits", "Greta", "Hugo", "Ilse", "Joris", "Katja", "Lodewijk")
FAMILY = (
    "Bakker",
    "Visser",
    "Smit",
    "Mulder",
    "Dekker",
    "Koning",
    "Novak",
    "Rossi",
    "Garcia",
    "Jansen",
    "Ozturk",
    "Wu",
)
PLACEHOLDERS = [
    ("loyalty_number", "0000000"), ("loyalty_number", "null"), ("loyalty_number", "-"), ("loyalty_number", "0"),
    ("national_id", "123456789"), ("national_id", "111111111"), ("national_id", "N/A"),
    ("email", "noreply@shop.example"), ("email", "none"), ("email", "unknown@unknown.example"),
    ("phone", "0000000000"), ("phone", "06 99999999"),
]  # fmt: skip


def stranger(number: int) -> dict[str, str]:
    """One of 144 people; those of 12 successive numbers share no name."""
    return {"given_name": GIVEN[number % 12], "family_name": FAMILY[(number + number // 12) % 12]}


def test_placeholder_makes_no_two_people_one(connection, given) -> None:
    """Four records have each placeholder. Without a name on one side, only the placeholder would link them."""
    given(
        *(
            {"key": f"{key} {column} {value.replace('/', '')}", column: value} | other
            for number, (column, value) in enumerate(PLACEHOLDERS)
            for key, other in {
                "a/1": stranger(number),
                "b/1": stranger(number + 12),
                "a/2": {"city": f"{GIVEN[number]}dam"},
                "b/2": {"city": f"Bad {FAMILY[number]}"},
            }.items()
        )
    )
    assert [group for group in groups(connection) if len(group) > 1] == []
    assert len(groups(connection)) == 4 * 12


def test_placeholder_among_delivered_identifiers_links_none(connection, given, tmp_path) -> None:
    """Three records have each placeholder, as a number of a system and as a number that the firm adds."""
    rules = tmp_path / "identity_rules.yml"
    rules.write_text("rules: [{identifier: member_no, sharing: one_person, reason: The club numbers its members.}]")
    kinds = ("member_no", "loyalty_number")
    values = ("null", "0000", "99999", "unknown", "00000000-0000-0000-0000-000000000000")
    connection.execute(f"""
        create table identifiers as
        select 'a' as source_system, concat_ws(' ', n, kind, value) as source_record_id, kind as identifier_kind,
            value as identifier_value
        from range(3) as numbers(n), unnest({list(kinds)}) as kinds(kind), unnest({list(values)}) as placeholders(value)
    """)
    records = [f"{n} {kind} {value}" for n in range(3) for kind in kinds for value in values]
    given(
        *({"key": f"a/{record}", "city": f"Town {number}"} for number, record in enumerate(records)),
        identifiers="identifiers",
        rules_files=[rules],
    )
    assert [group for group in groups(connection) if len(group) > 1] == []
    assert len(groups(connection)) == 3 * 2 * 5


def test_firm_makes_a_placeholder_a_real_number_again(connection, given, tmp_path) -> None:
    rules = tmp_path / "identity_rules.yml"
    rules.write_text("""
placeholder_identifiers:
  - {kinds: loyalty_number, pattern: "123456", placeholder: false, reason: We have counted beyond it.}
""")
    cards = [{"key": f"{system}/1", "loyalty_number": "123456"} | ANNA for system in "ab"]
    given(*cards, rules_files=[rules])
    assert len(groups(connection)) == 1


@pytest.mark.parametrize("column", ["loyalty_number", "national_id", "email", "phone"])
def test_number_alone_does_not_outweigh_two_full_names(connection, given, column: str) -> None:
    """Six couples; both of a couple use one number: with two family names or one, with and without birth dates or home.

    A state's number in one home would be one person with a wrong name.
    """
    couples = {}
    for number, (one, other) in enumerate([(stranger(n), stranger(n + 15)) for n in range(6)]):
        value = {"email": f"house.{number}@mail.example", "phone": f"06876540{number}1"}.get(
            column, f"4711-08{number}5"
        )
        if number % 2:
            other |= {"family_name": one["family_name"]}
        ours, theirs = [
            ({}, {}),
            ({"birth_date": f"198{number}-01-17"}, {"birth_date": f"197{number}-11-02"}),
            (home := {"street": f"{FAMILY[number + 6]}straat {number}", "postal_code": f"123{number} AB"}, home),
        ][number // 2]
        if (column, number // 2) != ("national_id", 2):
            couples[f"a/{number}"] = {column: value} | one | ours
            couples[f"b/{number}"] = {column: value} | other | theirs
    given(*({"key": key} | record for key, record in couples.items()))
    assert groups(connection) == {frozenset({key}) for key in couples}


@pytest.mark.usefixtures("fewer_random_pairs")
def test_noisy_source_does_not_disarm_what_two_clean_ones_say(connection) -> None:
    """15 fathers and sons of one name and address stay apart when a system with 2,500 wrong birth dates joins."""
    town = Town(4)
    people = [town.person("m") for _ in range(700)]
    sons = [
        father | {key: town.person()[key] for key in ("email", "phone")} | {"birth_date": f"19{60 + n}-11-17"}
        for n, father in enumerate(people[:15])
    ]
    for father in people[:15]:
        father["birth_date"] = f"19{town.draw.randrange(30, 40)}-03-0{town.draw.randrange(1, 9)}"
    clean = [record(person, f"{system}/{number}") for system in ("crm", "shop")
             for number, person in enumerate([*people, *sons])]  # fmt: skip
    junk = [
        record(town.draw.choice(people[15:]) | {"birth_date": town.person()["birth_date"]}, f"junk/{number}")
        for number in range(2_500)
    ]
    for delivered in (clean, clean + junk):
        deliver(connection, delivered)
        link_records(connection, "records")
        found = customers(connection)
        merged = sum(found[f"{one}/{n}"] == found[f"{other}/{700 + n}"]
                     for n in range(15) for one, other in (("crm", "crm"), ("crm", "shop")))  # fmt: skip
        fallen = sum(found[f"crm/{n}"] != found[f"shop/{n}"] for n in range(715))
        assert (merged, fallen) == (0, 0)


def test_name_suffix_tells_father_from_son(connection, given) -> None:
    """John and John of five homes; a name stands for the family name of the home."""
    homes = [
        ("Name Sr.", "Name Jr.", False), ("Name", "Name Jr.", False), ("Name II", "Name III", False),
        ("Name Jr.", "Name, Junior", True), ("Name Jr", "Name II", True),
    ]  # fmt: skip
    given(
        *(
            {"key": f"{system}/{number}", "given_name": "John", "family_name": name.replace("Name", FAMILY[number])}
            | {"street": f"{GIVEN[number]}straat {number}", "postal_code": f"{number}234 AB", "city": "Utrecht"}
            for number, (one, other, _) in enumerate(homes)
            for system, name in (("a", one), ("b", other))
        )
    )
    same = {frozenset({f"a/{number}", f"b/{number}"}) for number, (_, _, is_same) in enumerate(homes) if is_same}
    assert {group for group in groups(connection) if len(group) > 1} == same


def test_full_width_letters_and_ligatures_are_the_letters_they_stand_for(connection, given) -> None:
    given(
        {"key": "a/1", "given_name": "Ａｎｎａ", "family_name": "Ｂａｋｋｅｒ", "birth_date": "1980-01-17"},
        {"key": "b/1", "birth_date": "1980-01-17"} | ANNA,
        {"key": "a/2", "given_name": "Soﬁe", "family_name": "Graﬀ", "email": "ｓｏｆｉｅ@mail.example"},
        {"key": "b/2", "given_name": "Sofie", "family_name": "Graff", "email": "sofie@mail.example"},
    )
    assert groups(connection) == {frozenset({"a/1", "b/1"}), frozenset({"a/2", "b/2"})}


def test_initial_that_fits_two_people_of_one_home_joins_neither(connection, given) -> None:
    given(
        {"key": "a/1", "given_name": "Jan", "family_name": "Bakker", "phone": "0301234560"} | HOME,
        {"key": "a/2", "given_name": "Joke", "family_name": "Bakker", "phone": "0301234560"} | HOME,
        {"key": "b/1", "given_name": "J.", "family_name": "Bakker", "phone": "0301234560"} | HOME,
    )
    assert len(groups(connection)) == 3


def test_run_that_links_many_records_within_one_system_says_so() -> None:
    connection = warehouse()
    town = Town(5)
    people = [town.person() for _ in range(100)]
    deliver(connection, [record(person, f"crm/{copy}x{n}") for n, person in enumerate(people) for copy in range(2)])
    result = link_records(connection, "records")
    assert result.customers == 100
    assert any("200 of 200 records of crm (100%)" in alert for alert in result.alerts)
