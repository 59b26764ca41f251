"""Records that must not merge: relatives, holders of a shared address, contradicting records."""

from __future__ import annotations

from identity.conftest import customers, groups

HOME = {
    "family_name": "Berg",
    "street": "Kerkstraat",
    "house_number": "1",
    "postal_code": "1011AB",
    "city": "Amsterdam",
}
SHARED = HOME | {"email": "berg@example.com", "phone": "0612345678"}


def test_one_person_in_two_systems_is_one_customer(connection, given) -> None:
    person = HOME | {"given_name": "Lisa", "birth_date": "1990-05-05"}
    given({"key": "crm/1"} | person, {"key": "shop/1"} | person)
    assert len(groups(connection)) == 1


def test_twins_who_share_address_phone_and_email_stay_two(connection, given) -> None:
    given(
        SHARED | {"key": "crm/lisa", "given_name": "Lisa", "birth_date": "1990-05-05"},
        SHARED | {"key": "crm/tom", "given_name": "Tom", "birth_date": "1990-05-05"},
        SHARED | {"key": "shop/tom", "given_name": "Tom", "birth_date": "1990-05-05"},
    )
    assert groups(connection) == {frozenset({"crm/lisa"}), frozenset({"crm/tom", "shop/tom"})}


def test_father_and_son_of_one_name_stay_two(connection, given) -> None:
    given(
        SHARED | {"key": "crm/father", "given_name": "Jan", "birth_date": "1955-01-07"},
        SHARED | {"key": "crm/son", "given_name": "Jan", "birth_date": "1985-11-23"},
    )
    assert len(groups(connection)) == 2


def test_initial_does_not_merge_twins(connection, given) -> None:
    """Jacobus and Joost are both J.; each has a telephone and an address of his own."""
    twin = HOME | {"birth_date": "1991-05-13"}
    given(
        twin | {"key": "crm/jacobus", "given_name": "J.", "email": "jacobus@example.com", "phone": "0643110665"},
        twin | {"key": "card/joost", "given_name": "Joost", "email": "joost@example.org", "phone": "0636315746"},
    )
    assert len(groups(connection)) == 2


def test_similar_short_names_in_one_home_stay_two_people(connection, given) -> None:
    """Three homes; in each, two people share family name, address, e-mail address and telephone."""
    names = {"Berg": ("Peter", "Petra"), "Novak": ("Mark", "Maria"), "Visser": ("Anna", "Hanneke")}
    homes = [
        {"family_name": name, "street": f"{name}straat", "house_number": "1", "postal_code": f"101{number}AB",
         "city": "Amsterdam", "email": f"{name}@example.com", "phone": f"061234567{number}"}
        for number, name in enumerate(names)
    ]  # fmt: skip
    given(
        *(
            home | {"key": f"{system}/{home['family_name']}", "given_name": given_name}
            for home in homes
            for system, given_name in zip(("crm", "shop"), names[home["family_name"]], strict=True)
        )
    )
    assert len(groups(connection)) == 6


def test_crossed_names_of_a_relative_do_not_merge(connection, given) -> None:
    home = {column: HOME[column] for column in ("street", "house_number", "postal_code", "city")}
    given(
        home | {"key": "crm/peter", "given_name": "Peter", "family_name": "Berg", "email": "peter@example.com"},
        home | {"key": "shop/petra", "given_name": "Berg", "family_name": "Petra", "email": "petra@example.org"},
    )
    assert len(groups(connection)) == 2


def test_shared_email_does_not_merge_different_names(connection, given) -> None:
    given(
        {"key": "crm/1", "given_name": "Anna", "family_name": "Vos", "email": "home@example.com"},
        {"key": "shop/1", "given_name": "Pieter", "family_name": "Smit", "email": "home@example.com"},
    )
    assert len(groups(connection)) == 2


def test_nameless_record_joins_no_holder_of_a_shared_email(connection, given) -> None:
    given(
        {"key": "crm/anna", "given_name": "Anna", "family_name": "Vos", "email": "home@example.com"},
        {"key": "crm/piet", "given_name": "Pieter", "family_name": "Vos", "email": "home@example.com"},
        {"key": "guest/1", "email": "home@example.com"},
    )
    assert len(groups(connection)) == 3
    reasons = {row[0] for row in connection.execute("select reason from identity.refused_link").fetchall()}
    assert "shared email of several people" in reasons


def test_recycled_phone_merges_no_one(connection, given) -> None:
    given(
        {"key": "crm/1", "given_name": "Anna", "family_name": "Vos", "phone": "0612345678"},
        {"key": "shop/1", "given_name": "Pieter", "family_name": "Smit", "phone": "+31 6 12345678"},
        {"key": "till/1", "phone": "0612345678"},
    )
    assert len(groups(connection)) == 3


def test_two_national_ids_block_a_merge(connection, given) -> None:
    person = SHARED | {"given_name": "Lisa"}
    given(
        person | {"key": "crm/1", "national_id": "100200300", "birth_date": "1990-05-05"},
        person | {"key": "shop/1", "national_id": "987654321", "birth_date": "1971-08-30"},
    )
    assert len(groups(connection)) == 2


def test_lent_loyalty_card_does_not_merge_two_people(connection, given) -> None:
    given(
        {
            "key": "crm/1",
            "given_name": "Anna",
            "birth_date": "1990-05-05",
            "loyalty_number": "L1",
            "family_name": "Vos",
        },
        {
            "key": "till/1",
            "given_name": "Pieter",
            "birth_date": "1961-02-17",
            "loyalty_number": "L1",
            "family_name": "Bos",
        },
    )
    assert len(groups(connection)) == 2


def test_swapped_and_misspelled_names_are_recognised(connection, given) -> None:
    given(
        {"key": "crm/1", "given_name": "Marieke", "family_name": "Jansen", "birth_date": "1990-05-05"},
        {"key": "shop/1", "given_name": "Jansen", "family_name": "Marieke", "birth_date": "1990-05-05"},
        {"key": "till/1", "given_name": "Mareike", "family_name": "Janssen", "birth_date": "1990-05-05"},
    )
    assert len(groups(connection)) == 1


def test_weak_bridge_between_two_people_is_cut(connection, given) -> None:
    """A record with one half of each of two people does not make them one."""
    anna = HOME | {"given_name": "Anna", "birth_date": "1990-05-05", "email": "anna@example.com", "phone": "0611111111"}
    piet = {"given_name": "Pieter", "family_name": "Smit", "birth_date": "1961-02-17", "email": "piet@example.com",
            "phone": "0622222222", "street": "Dorpsweg", "house_number": "7", "postal_code": "9999ZZ"}  # fmt: skip
    given(
        anna | {"key": "crm/anna"},
        anna | {"key": "shop/anna"},
        piet | {"key": "crm/piet"},
        piet | {"key": "shop/piet"},
        {"key": "till/mixed", "email": "anna@example.com", "loyalty_number": "L9"},
        piet | {"key": "card/piet", "loyalty_number": "L9"},
    )
    who = customers(connection)
    assert who["crm/anna"] == who["shop/anna"] != who["crm/piet"] == who["shop/piet"] == who["card/piet"]


def test_empty_values_are_no_evidence(connection, given) -> None:
    given(
        *(
            {"key": f"crm/{column} {number}", column: value}
            for column in ("given_name", "email", "loyalty_number")
            for number, value in enumerate((" ", "", "unknown"))
        )
    )
    assert len(groups(connection)) == 9
