"""The seven Contoso files, run as a user runs them: every figure is known from the files or from the issue.

What is expected of links and sums is worked out from the delivered files, without any code of this project.
"""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from pipeline.installation import Installation, WarmCommand
from pipeline.personal_data import places_with

# The shop knows this person by another number than the CRM does; e-mail, phone and birth date are the same.
ONE_PERSON_TWO_NUMBERS = {"CNTID_1005", "f4444de5-664e-e911-a9ac-000d3a2d57c3"}
# Purchases in the shop by contacts that are not in the shop's contact file. Only the first one's contact is nowhere.
PURCHASES_WITHOUT_SHOP_CONTACT = (
    "OPID_1004", "OPID_4532", "OPID_4533", "OPID_4534", "OPID_4535", "OPID_6580", "OPID_6581", "OPID_6582", "OPID_6583",
)  # fmt: skip


def rows_of(folder: Path, file: str) -> list[dict[str, str]]:
    """The rows of a delivered file."""
    with (folder / file).open(newline="") as opened:
        return list(csv.DictReader(opened))


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) from core.fct_order_line where source_system = 'shop'", 12_369),
        ("select count(*) from core.fct_order_line where source_system = 'loyalty'", 20_024),
        ("select count(*) from core.fct_order_line", 32_393),
        ("select sum(net_amount) from core.fct_order_line", Decimal("5642309.00")),
        ("select count(distinct order_line_key) from core.fct_order_line", 32_393),
        ("select count(*) from core.fct_survey_answer", 20_020),
        ("select count(*) from core.fct_booking", 41_550),
        ("select sum(net_amount) from core.fct_booking", Decimal("11625471.00")),
        ("select count(*) from marts.customer_360", 15_002),
        ("select count(*) from marts.customer_360 where source_systems = 'hotel'", 10_000),
        ("select count(distinct customer_key) from marts.customer_360", 15_002),
        ("select count(*) from quality.quarantine", 0),
        ("select sum(landed_rows) from quality.row_ledger", 108_964),
        ("select count(*) from quality.row_ledger where difference <> 0", 0),
    ],
)
def test_a_figure_of_the_issue_stands_in_the_published_warehouse(
    contoso: Installation, query: str, expected: int | Decimal
) -> None:
    assert contoso.value(query) == expected


@pytest.mark.parametrize(
    ("touchpoint", "count", "amount"),
    [("online_purchase", 12_369, 3_391_432), ("store_purchase", 20_024, 2_250_877), ("web_review", 20_020, None),
     ("hotel_stay", 41_550, 11_625_471)],
)  # fmt: skip
def test_every_contact_is_an_interaction_with_its_amount(
    contoso: Installation, touchpoint: str, count: int, amount: int | None
) -> None:
    ((found, total),) = contoso.ask(f"""
        select count(*), sum(amount) from core.fct_interaction as i
        inner join core.dim_touchpoint as t using (touchpoint_key) where t.touchpoint = '{touchpoint}'
    """)
    assert (found, total) == (count, amount)


def test_the_hotel_is_the_only_orphan_system(contoso: Installation) -> None:
    connected = dict(contoso.ask("select source_system, is_orphan from marts.source_system_connectedness"))
    assert connected == {"crm": False, "hotel": True, "loyalty": False, "shop": False}


def test_a_first_look_finds_that_all_figures_agree(contoso: Installation, warm: WarmCommand) -> None:
    said = warm("first-look", "--catalog", "contoso", "--home", contoso.home, variables=contoso.variables)
    assert said.code == 0, said.text


def test_the_first_run_says_what_it_made(contoso: Installation) -> None:
    text = (contoso.folder / "first_run.txt").read_text()
    assert f"Published {contoso.published}, as of 2019-05-25 00:00 UTC" in text
    assert "core.fct_order_line                            32,393 rows" in text
    assert "Orphan system: hotel" in text


# --- links -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def customer_of(contoso: Installation) -> dict[tuple[str, str], int]:
    """(system, number there) -> customer."""
    rows = contoso.ask("select source_system, source_record_id, customer_key from core.bridge_source_record")
    return {(system, record): key for system, record, key in rows}


@pytest.fixture(scope="module")
def truth(contoso_files: Path) -> dict[tuple[str, str], str]:
    """(system, number there) -> the person, by the contact number that the files themselves carry."""
    person = {("shop", row["ContactId"]): row["ContactId"] for row in rows_of(contoso_files, "Contact.txt")}
    person |= {
        ("loyalty", row["LoyaltyId"]): row["ContactId"] for row in rows_of(contoso_files, "Customer-Loyalty.txt")
    }
    person |= {
        ("crm", row["ContactId"]): row["ContactId"] for row in rows_of(contoso_files, "CustomerRecordContoso.txt")
    }
    return person


def test_records_of_one_person_are_one_customer(
    truth: dict[tuple[str, str], str], customer_of: dict[tuple[str, str], int]
) -> None:
    assert len(truth) == 5_000 + 5_002 + 4_999
    customers: dict[str, set[int]] = {}
    for record, person in truth.items():
        customers.setdefault(person, set()).add(customer_of[record])
    assert {person: keys for person, keys in customers.items() if len(keys) != 1} == {}


def test_no_two_people_are_one_customer_but_the_one_who_has_two_numbers(
    truth: dict[tuple[str, str], str], customer_of: dict[tuple[str, str], int]
) -> None:
    people: dict[int, set[str]] = {}
    for record, person in truth.items():
        people.setdefault(customer_of[record], set()).add(person)
    assert [who for who in people.values() if len(who) > 1] == [ONE_PERSON_TWO_NUMBERS]
    assert len(people) == 5_002


def test_only_the_purchase_of_a_contact_that_no_system_knows_has_no_customer(
    contoso: Installation, contoso_files: Path
) -> None:
    contacts = {row["ContactId"] for row in rows_of(contoso_files, "Contact.txt")}
    purchases = rows_of(contoso_files, "OnlinePurchases.txt")
    assert [row["PurchaseId"] for row in purchases if row["ContactId"] not in contacts] == [
        *PURCHASES_WITHOUT_SHOP_CONTACT
    ]
    without_customer = contoso.ask("select source_order_id from core.fct_order_line where customer_key = -1")
    assert without_customer == [("OPID_1004",)]


# --- the card --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(["CNTID_1001"], id="contact number"),
        pytest.param(["loyid_1001"], id="loyalty number"),
        pytest.param(["Kenneth_Beraun@KimBoyle.com"], id="e-mail"),
        pytest.param(["(384) 995-7852"], id="phone"),
        pytest.param(["Kenneth", "Beraun"], id="name"),
        pytest.param(["Beraun Kenneth"], id="family name first"),
    ],
)
def test_the_card_is_found_by_any_identifier(contoso: Installation, warm: WarmCommand, identifier: list[str]) -> None:
    said = warm("who", *identifier, "--home", contoso.home, variables=contoso.variables)
    assert said.code == 0, said.text
    for line in (
        "Kenneth Beraun", "1 August 1974", "kenneth_beraun@kimboyle.com", "9720 William Prairie",
        "LOYID_1001, tier medium, 248 points", "3 records in crm, loyalty, shop",
        # 183 + 126 + 195 + 65 at the tills, the last one on 2018-12-24, two of them since 2018-05-25
        "4 purchases, the last 152 days ago (24 December 2018); 2 in the last 12 months",
        "569.00 USD, of which 260.00 USD in the last 12 months",
        # 5, 3, 2, 5 and 5 of 5 stars
        "75 % from 5 answers and reviews",
        "The shipment was delayed",
    ):  # fmt: skip
        assert line in said.text, line


def test_the_card_says_why_the_records_are_one_customer(contoso: Installation, warm: WarmCommand) -> None:
    said = warm("who", "CNTID_1001", "--why", "--home", contoso.home, variables=contoso.variables)
    assert said.code == 0, said.text
    assert re.search(
        r"Records  crm CNTID_1001 \(#\d+\), loyalty LOYID_1001 \(#\d+\), shop CNTID_1001 \(#\d+\)", said.text
    )
    # Three records, three pairs, all of them with the cross-reference that the systems keep themselves.
    assert len([line for line in said.text.splitlines() if " contact_id " in line]) == 3


def test_no_customer_matches_an_unknown_identifier(contoso: Installation, warm: WarmCommand) -> None:
    said = warm("who", "nobody@example.org", "--home", contoso.home, variables=contoso.variables)
    assert said.code == 1
    assert "No customer matches 'nobody@example.org'" in said.text


# --- personal data ---------------------------------------------------------------------------------------------------


def personal_values(contoso_files: Path) -> set[str]:
    """What must stand in no text and no log, in lower case."""
    values = set()
    for file in ("Contact.txt", "Customer-Loyalty.txt", "CustomerRecordContoso.txt"):
        for row in rows_of(contoso_files, file):
            given, family, mail, phone = (row[c].lower() for c in ("FirstName", "LastName", "EMail", "Telephone"))
            values |= {mail, f"{given} {family}", f"{family} {given}"}
            if sum(letter.isdigit() for letter in phone) >= 10:
                values.add(phone)
    assert len(values) > 15_000
    return values


def test_no_personal_data_in_text_logs_or_results(contoso_files: Path, contoso: Installation) -> None:
    texts = {"first": (contoso.folder / "first_run.txt").read_text(), "status": contoso.status().text}
    assert places_with(personal_values(contoso_files), contoso, texts) == {}


def test_the_search_for_personal_data_finds_what_it_is_meant_to_find(contoso: Installation) -> None:
    """A search that never finds anything proves nothing."""
    with duckdb.connect(str(contoso.published), read_only=True) as connection:
        ((name, mail, phone),) = connection.execute(
            "select display_name, email, phone from core.dim_customer where customer_key = 1"
        ).fetchall()
    values = {name.lower(), mail.lower(), phone}
    hidden = {"one": f"... for '{name}', who", "two": f'{{"sample": ["{mail}"]}}', "three": f"({phone})"}
    assert set(places_with(values, contoso, hidden)) == {"one", "two", "three"}
