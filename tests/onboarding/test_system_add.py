"""`context360 system add`: what it makes of small deliveries. Expected readings and keys are worked out by hand."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import yaml

from orchestration.channels.catalog_file import load_catalog
from orchestration.console.onboard import add_system
from orchestration.firm.scaffold import write_firm_folder
from orchestration.onboarding.roles import role_by_name
from orchestration.onboarding.sources import stream_name

MEMBERS = """\
member_no,full_name,email,mobile,updated_at
M1,Anna Bos,anna@example.org,06 12345678,2026-01-05T09:00:00Z
M2,Jan de Vries,jan@example.org,06 12345679,2026-01-06T09:00:00Z
M3,Els Smit,els@example.org,06 12345680,2026-01-07T09:00:00Z
"""
RENTALS = """\
rental_no,member_no,bike,started_at,price
R1,M1,B7,2026-01-08T10:00:00Z,12.50
R2,M1,B7,2026-01-09T10:00:00Z,7.00
R3,M3,B8,2026-01-09T11:00:00Z,9.25
"""


class Firm:
    """A new firm's folder, with a folder of deliveries beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = write_firm_folder(folder / "firm", None)
        self.deliveries = self.root / "deliveries" / "new"
        self.deliveries.mkdir(parents=True)

    def deliver(self, **files: str) -> None:
        for name, text in files.items():
            (self.deliveries / f"{name}.csv").write_text(text, encoding="utf-8")

    def add(self, name: str = "rental", source: str = "", **options: str) -> int:
        chosen = {"country": "", "currency": "", "zone": ""} | options
        return add_system(
            name,
            [source or str(self.deliveries)],
            catalog=str(self.root / "catalog.yaml"),
            home=self.root / ".context360",
            ask=False,
            **chosen,
        )

    def text(self, file: str, system: str = "rental") -> str:
        return (self.root / "models" / "staging" / system / file).read_text(encoding="utf-8")

    @property
    def catalog(self) -> dict:
        return yaml.safe_load((self.root / "catalog.yaml").read_text())


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def test_rental_of_the_guide_is_written_without_a_line_by_hand(firm: Firm) -> None:
    firm.deliver(**{"members_2026-01-09": MEMBERS, "rentals_2026-01-09": RENTALS})
    assert firm.add(currency="EUR", country="NL") == 0
    entry = firm.catalog["systems"]
    assert list(entry) == ["rental"]  # the sample's invented rows are out
    streams = entry["rental"]["streams"]
    assert streams["members"] == {"path": "members_*.csv", "format": "csv", "key": ["member_no"]}
    assert streams["rentals"]["key"] == ["rental_no"]
    assert streams["rentals"]["day"] == "started_at"
    load_catalog(firm.root / "catalog.yaml", {})
    members = firm.text("base_rental__members.sql")
    for line in (
        "{{ context360.given_name_of('full_name') }} as given_name,",
        "{{ context360.comparable_email('email') }} as email,",
        "{{ context360.comparable_phone('mobile', \"'NL'\") }} as phone,",
        "{{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,",
        "version=['updated_at']",
    ):
        assert line in members
    lines = firm.text("rental__order_line.sql")
    assert "member_no as identifier_value" in lines
    assert "-- identifier_kind: 100.0% of its 2 values are in members" in lines
    assert "price_amount as net_amount" in lines
    assert "'EUR' as currency" in lines


def test_what_is_not_known_stops_a_run_and_publishes_nothing(firm: Firm) -> None:
    firm.deliver(members=MEMBERS, rentals=RENTALS)
    firm.add()
    lines = firm.text("rental__order_line.sql")
    # Neither is a touchpoint or a currency: row rules hold such rows in quarantine.
    assert "'TODO' as touchpoint" in lines
    assert "'TODO' as currency" in lines
    assert "context360.undecided('mobile'" in firm.text("base_rental__members.sql")


def test_personal_columns_are_marked_and_no_value_is_printed_or_written(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    firm.deliver(members=MEMBERS, rentals=RENTALS)
    firm.add()
    tables = yaml.safe_load(firm.text("_rental__sources.yml"))["sources"][0]["tables"]
    marked = {column["name"] for column in tables[0]["columns"] if "config" in column}
    assert marked == {"full_name", "email", "mobile"}
    written = "".join(file.read_text() for file in (firm.root / "models" / "staging" / "rental").iterdir())
    for value in ("Anna", "Vries", "anna@", "12345678", "M1"):
        assert value not in written + capsys.readouterr().out


def test_second_call_shows_a_diff_and_changes_nothing(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.deliver(members=MEMBERS, rentals=RENTALS)
    firm.add(currency="EUR", country="NL")
    own = firm.root / "models" / "staging" / "rental" / "rental__order_line.sql"
    own.write_text(own.read_text().replace("'TODO' as touchpoint", "'store_purchase' as touchpoint"))
    before = {file: file.read_bytes() for file in firm.root.rglob("*") if file.is_file()}
    firm.deliver(rentals=RENTALS.replace("price", "price,note").replace(".50", ".50,x").replace("00\n", "00,\n"))
    firm.deliver(rentals="rental_no,member_no,bike,started_at,price,note\nR1,M1,B7,2026-01-08T10:00:00Z,12.50,x\n")
    capsys.readouterr()
    assert firm.add(currency="EUR", country="NL") == 0
    shown = capsys.readouterr().out
    assert "+          - {name: note, data_type: varchar}" in shown
    assert "-    'store_purchase' as touchpoint," in shown
    after = {file: file.read_bytes() for file in firm.root.rglob("*") if file.is_file()}
    assert {file: text for file, text in after.items() if file.suffix in (".sql", ".yml", ".yaml")} == {
        file: text for file, text in before.items() if file.suffix in (".sql", ".yml", ".yaml")
    }


@pytest.mark.parametrize(
    ("values", "reading"),
    [
        (("12,50", "1.234,00", "7,5"), "money_from_comma_text('amount')"),
        (("12.50", "1234.00", "7.5"), "money_from_text('amount')"),
        (("1,234.50", "7.50", "12.00"), "money_from_text(\"replace(amount, ',', '')\")"),
        (("1.234", "2.500", "7.125"), "undecided('amount'"),  # a thousandth, or thousands?
        (("1,234", "2,500", "7,125"), "undecided('amount'"),
        (("12", "7", "1000"), "money_from_text('amount')"),
    ],
)
def test_decimal_style_is_read_from_the_values_or_asked(firm: Firm, values: tuple[str, ...], reading: str) -> None:
    rows = "".join(f"O{number};C1;2026-01-0{number};{value}\n" for number, value in enumerate(values, start=1))
    firm.deliver(orders=f"order_no;customer_no;order_date;amount\n{rows}")
    firm.add("shop")
    assert f"context360.{reading}" in firm.text("base_shop__orders.sql", "shop")


@pytest.mark.parametrize(
    ("values", "reading"),
    [
        (("3/14/2026", "1/2/2026"), "date_from_us_text('order_date')"),
        (("14/3/2026", "2/1/2026"), "date_from_day_first_text('order_date')"),
        (("02.01.2026", "03.04.2026"), "date_from_day_first_text('order_date')"),
        (("02/01/2026", "03/04/2026"), "undecided('order_date'"),
        (("3/14/2026", "14/3/2026"), "undecided('order_date'"),
        (("20260314", "20260102"), "date_from_iso_text('order_date')"),
        (("2026-03-14 10:00:00", "2026-01-02 11:00:00"), "utc_from_local_text('order_date')"),
        (("2026-03-14T10:00:00+02:00", "2026-01-02T11:00:00Z"), "timestamp_from_utc_text('order_date')"),
        (("14/3/2026 10:00", "2/1/2026 11:30"), "utc_from_local_text(\"replace(order_date, '/', '-')\")"),
        (("1767225600", "1767312000"), "timestamp_from_epoch_text('order_date')"),
    ],
)
def test_date_style_is_read_from_the_values_or_asked(firm: Firm, values: tuple[str, ...], reading: str) -> None:
    rows = "".join(f"O{number},C1,{value},5.50\n" for number, value in enumerate(values, start=1))
    firm.deliver(orders=f"order_no,customer_no,order_date,amount\n{rows}")
    firm.add("shop")
    assert f"context360.{reading}" in firm.text("base_shop__orders.sql", "shop")


def test_price_beside_a_quantity_is_not_taken_for_the_amount(firm: Firm) -> None:
    firm.deliver(
        orders="order_no,customer_no,order_date,quantity,price\nO1,C1,2026-01-01,2,5.50\nO2,C1,2026-01-02,1,3.00\n"
    )
    firm.add("shop")
    assert "context360.undecided('price_amount'" in firm.text("shop__order_line.sql", "shop")


def test_cancelled_orders_are_asked_about(firm: Firm) -> None:
    firm.deliver(
        orders="order_no,customer_no,order_date,total,status\nO1,C1,2026-01-01,5.50,paid\nO2,C1,2026-01-02,3.00,cancelled\n"
    )
    firm.add("shop")
    assert "where {{ context360.undecided('status'" in firm.text("shop__order_line.sql", "shop")


def test_negative_amounts_become_returns(firm: Firm) -> None:
    firm.deliver(orders="order_no,customer_no,order_date,total\nO1,C1,2026-01-01,5.50\nO2,C1,2026-01-02,-5.50\n")
    firm.add("shop")
    lines = firm.text("shop__order_line.sql", "shop")
    assert "case when total_amount < 0 then 'return' else 'purchase' end as line_kind" in lines
    assert "then 'online_return' else 'online_purchase' end as touchpoint" in lines


def test_equal_lines_of_a_receipt_are_asked_about(firm: Firm) -> None:
    line = "1,K1,2026-01-01,A,2.00\n"
    firm.deliver(receipts=f"receipt_no,card_no,sold_at,sku,total\n{line}{line}2,K2,2026-01-01,B,3.50\n")
    firm.add("till")
    assert "context360.undecided('line_no'" in firm.text("base_till__receipts.sql", "till")


def test_lines_of_a_receipt_without_a_number_are_counted(firm: Firm) -> None:
    line = "1,K1,2026-01-01,A,{}\n"
    firm.deliver(
        receipts=f"receipt_no,card_no,sold_at,sku,total\n{line.format(2)}{line.format(3)}2,K2,2026-01-01,B,3\n"
    )
    firm.add("till")
    base = firm.text("base_till__receipts.sql", "till")
    assert "{{ context360.line_number(['receipt_no']) }} as line_no" in base
    assert "key=['receipt_no', 'line_no']" in base
    assert "key" not in firm.catalog["systems"]["till"]["streams"]["receipts"]


def test_lines_find_the_moment_of_their_order_in_its_head(firm: Firm) -> None:
    firm.deliver(
        orders="order_no,customer_no,order_date\nO1,C1,2026-01-01\nO2,C2,2026-01-02\n",
        order_lines="order_no,line_no,sku,total\nO1,1,A,5.50\nO1,2,B,3.00\nO2,1,A,5.50\n",
    )
    firm.add("shop")
    lines = firm.text("shop__order_line.sql", "shop")
    assert "left join {{ ref('stg_shop__orders') }} as heads on lines.order_no = heads.order_no" in lines
    assert "lines.line_no as order_line_id" in lines
    assert "heads.customer_no as identifier_value" in lines
    # Nothing describes the people of the orders, so their numbers become records.
    assert "select customer_no as identifier_value" in firm.text("shop__source_record.sql", "shop")


def test_key_that_comes_again_with_other_content_in_later_files_is_one_with_versions(firm: Firm) -> None:
    firm.deliver(**{"members_2026-01-09": MEMBERS, "members_2026-01-10": MEMBERS.replace("Anna Bos", "Anna Bosch")})
    firm.add()
    entry = (firm.root / "catalog.yaml").read_text()
    assert "key: [member_no]  # unique within each of 2 files" in entry


def test_database_keeps_its_types_and_its_password_out_of_the_catalog(
    firm: Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute(
            "create table purchases (id integer primary key, customer_id integer, bought text, total real)"
        )
        connection.executemany(
            "insert into purchases values (?, ?, ?, ?)", [(1, 7, "2026-01-01", 5.5), (2, 8, "2026-01-02", 3.0)]
        )
    assert firm.add("shop", f"sqlite:///{tmp_path}/shop.db") == 0
    base = firm.text("base_shop__purchases.sql", "shop")
    assert "cast({{ context360.quoted('total') }} as decimal(18, 6)) as total_amount" in base
    assert firm.catalog["systems"]["shop"]["streams"]["purchases"]["key"] == ["id"]


def test_encoding_delimiter_and_missing_header_are_found(firm: Firm) -> None:
    (firm.deliveries / "kunden.csv").write_bytes(
        "Kundennr;Nachname;Straße\nK1;Müller;Höhe 1\nK2;Jäger;Äcker 2\n".encode("cp1252")
    )
    (firm.deliveries / "aligned.txt").write_text("  1   5.50\n  2  13.00\n")
    firm.add("erp")
    streams = firm.catalog["systems"]["erp"]["streams"]
    assert streams["kunden"]["encoding"] == "cp1252"
    assert streams["kunden"]["delimiter"] == ";"
    assert "given_name" not in firm.text("erp__source_record.sql", "erp")
    assert "{{ context360.clean_name('nachname') }} as family_name" in firm.text("base_erp__kunden.sql", "erp")


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("e_mail", "email"), ("mailadres", "email"), ("correo_electronico", "email"), ("courriel", "email"),
        ("telefoonnummer", "phone"), ("handynummer", "phone"), ("telemovel", "phone"),
        ("voornaam", "given_name"), ("vorname", "given_name"), ("prenom", "given_name"), ("nombre", "given_name"),
        ("achternaam", "family_name"), ("nachname", "family_name"), ("sobrenome", "family_name"),
        ("geburtsdatum", "birth_date"), ("date_de_naissance", "birth_date"), ("fecha_de_nacimiento", "birth_date"),
        ("kundennummer", "customer_id"), ("klantnr", "customer_id"), ("numero_client", "customer_id"),
        ("hotel_customer_id", "customer_id"), ("bestelnummer", "order_id"), ("rechnungsnr", "order_id"),
        ("gesamtbetrag", "net_amount"), ("montant_total", "net_amount"), ("valor_total", "net_amount"),
        ("stuckzahl", "quantity"), ("aantal", "quantity"), ("cantidad", "quantity"),
        ("bestelldatum", "happened_at"), ("data_da_compra", "happened_at"), ("order_date", "happened_at"),
        ("store_city", "city"), ("review_text", "verbatim"), ("bewertung", "score"),
    ],
)  # fmt: skip
def test_columns_are_known_in_six_languages(column: str, role: str) -> None:
    found = role_by_name(column)
    assert found is not None
    assert found[0] == role


@pytest.mark.parametrize(
    "column", ["customer_satisfaction", "review_id", "order_priority_flag", "emp_var_rate", "cons_price_idx"]
)
def test_word_beside_other_words_names_no_number(column: str) -> None:
    found = role_by_name(column)
    assert found is None or found[0] not in ("customer_id", "order_id", "verbatim", "net_amount")


def test_stream_names_leave_out_dates_of_deliveries() -> None:
    assert stream_name("Customer-Loyalty_2026-01.csv", is_numbered=True) == "customer_loyalty"
    assert stream_name("POSPurchases.txt") == "pos_purchases"
    assert stream_name("dataset4a.csv") == "dataset4a"
