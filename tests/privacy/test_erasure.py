"""Two people leave the little company: nothing of them is left in any file, and nothing of others has changed.

Every expected figure follows from little_company.py: a person has 1 record in each of 3 systems, and 3 or 4 purchases
online, purchases at the till and reviews each (1,000 of each for 300 people).
"""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pipeline import little_company
from pipeline.installation import REPOSITORY, Installation, Said, environment
from privacy.raw_search import places_with

LEAVING = (5, 7)  # CNTID_5 has purchases 5, 305, 605, 905: 4 of each kind; CNTID_7, too
ROWS_THAT_GO = {
    "crm/contacts": 2, "loyalty/members": 2, "loyalty/pos_purchases": 8, "shop/contacts": 2, "shop/reviews": 8,
}  # fmt: skip
ROWS_THAT_STAY = {"shop/online_purchases": 8}  # the books need them
BOOKS = "key: [purchase_id], books: {reason: tax law, for: 7 years}}"


def values_of(person: int) -> list[str]:
    """Values of a person that no other person has, and that no other values make when they stand side by side."""
    given, family = little_company.names(person)
    return [little_company.email(person), little_company.phone(person), f"{given} {family}"]


def _plant(company: Installation) -> None:
    """Values of the first leaving person in every kind of file that a state folder may hold."""
    home, (email, phone, name) = company.home, values_of(LEAVING[0])
    (home / "reports" / "note.html").write_text(f"<p>Ask {email} about it, {phone}</p>")
    (home / "live" / "events").mkdir(parents=True)
    (home / "live" / "events" / "segment.jsonl").write_text(EVENT.format(email))
    (home / "dbt" / "logs" / "dbt.log").write_text(f"a row with {email.upper()}")
    (home / "dagster" / "old_event.json.gz").write_bytes(gzip.compress(f'{{"to": "{email}"}}'.encode()))
    (home / "dagster" / "dump.bin").write_bytes(b"\0\1" + f"{name} <{email}>".encode("utf-16-le"))
    (home / "extraction" / "shop__contacts" / "trace.pickle").write_bytes(b"\x80\4\0" + email.encode())
    with sqlite3.connect(home / "dagster" / "history" / "runs.db") as runs:
        runs.execute("create table planted (said text)")
        runs.execute("insert into planted values (?)", [f"hello {email}"])
    shutil.copy(company.warehouse, home / "warehouse.duckdb.before_upgrade")
    contacts = home / "landing" / "shop" / "contacts"
    (held,) = [file for file in (contacts / "rows").glob("*.parquet") if file.name != "declared.parquet"]
    (contacts / "held").mkdir()
    shutil.copy(held, contacts / "held" / "1600000000.5.planted.parquet")
    rejects = pq.read_table(contacts / "rejects" / "declared.parquet").schema
    row = dict.fromkeys(rejects.names) | {"raw": f'CNTID_5;{email};"', "reason": "quotes", "_source_row": 9}
    pq.write_table(pa.Table.from_pylist([row], schema=rejects), contacts / "rejects" / "1600000000.5.planted.parquet")
    _mention(company, email)


def _mention(company: Installation, email: str) -> None:
    """Another customer, person 8, names the first leaving one in a review: in landing, and in what was made of it."""
    (file,) = [
        f for f in (company.home / "landing/shop/reviews/rows").glob("*.parquet") if f.name != "declared.parquet"
    ]
    table = pq.read_table(file)
    texts = table.column("review_text").to_pylist()
    texts[table.column("review_id").to_pylist().index("REVWID_8")] = f"Thanks to {email} for the tip"
    place = table.schema.get_field_index("review_text")
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(texts, table.schema.field(place).type)), file
    )
    for path in (company.warehouse, company.published):
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "update core.fct_survey_answer set verbatim = ? where source_survey_answer_id = 'REVWID_8'",
                [f"Thanks to {email} for the tip"],
            )


@pytest.fixture(scope="module")
def keys(good_company: Installation) -> dict[int, int]:
    """Leaving person -> customer key."""
    return {
        person: key
        for person in LEAVING
        for (key,) in good_company.ask(
            f"select customer_key from core.bridge_source_record where source_record_id = 'CNTID_{person}' limit 1"
        )
    }


EVENT = '{{"traits": {{"email": "{}"}}}}\n'
# Dies where the first warehouse is to be changed: landing has been, and nothing else.
KILLED = """
import os, pathlib, sys
import orchestration.privacy.erase as erasing
from orchestration.console import erase_customers

erasing._erase_warehouse = lambda *_: os._exit(9)
erase_customers(["CNTID_5", "shop/CNTID_7"], from_file=None, dry_run=False, yes=True, tasks=None, catalog=sys.argv[1],
                home=pathlib.Path(sys.argv[2]))
"""


def _kill_an_erasure(company: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, company.catalog_argument, str(company.home)], cwd=REPOSITORY,
        env=environment(company.variables), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 9, done.stdout + done.stderr


@pytest.fixture(scope="module")
def erased(company_copy: Callable[[], Installation]) -> tuple[Installation, Said]:
    """The little company after the two have left, in an erasure that was killed and went on."""
    company = company_copy()
    catalog = company.folder / "catalog.yaml"
    online = "path: online_purchases.csv, format: csv, "
    catalog.write_text(catalog.read_text().replace(f"{online}key: [purchase_id]}}", online + BOOKS))
    _plant(company)
    _kill_an_erasure(company)
    refused = company.run("--until", "staging")
    assert "start `context360 erase`, which finishes it" in refused.text and refused.code != 0
    said = company.command(
        "erase", "--tasks", company.folder / "tasks.csv", "--catalog", company.catalog_argument, "--home", company.home
    )
    return company, said


def test_every_place_is_searched_and_nothing_is_found(erased: tuple[Installation, Said]) -> None:
    company, said = erased
    assert said.code == 0, said.text
    assert "Found: 0." in said.text
    (certificate,) = (company.home / "privacy" / "certificates").glob("*.json")
    report = json.loads(certificate.read_text())
    assert report["hits"] == 0 and report["people"] == 2
    # The held load that was planted has their contacts, too.
    assert report["landing_rows"] | ROWS_THAT_GO | {"shop/contacts": 4} == report["landing_rows"]
    assert {stream: rows for stream, rows in report["kept_for_books"].items() if rows} == ROWS_THAT_STAY
    assert report["at_source"] == {"crm": 2, "loyalty": 2, "shop": 2}


def test_a_tool_that_knows_no_format_finds_nothing(erased: tuple[Installation, Said]) -> None:
    company, _ = erased
    leaving = [value for person in LEAVING for value in values_of(person)]
    assert places_with(leaving, company.home) == {}
    # The tool does find what is there.
    assert {"warehouse.duckdb", "serving/context360.duckdb"} <= places_with(values_of(8), company.home).keys()


def test_nothing_of_other_customers_changes(
    erased: tuple[Installation, Said], good_company: Installation, keys: dict[int, int]
) -> None:
    company, _ = erased
    columns = {
        table: names.split(",")
        for table, names in good_company.ask("""
            select schema_name || '.' || table_name, string_agg(column_name, ',') from duckdb_columns()
            where schema_name in ('core', 'marts') and not internal group by 1
        """)
    }
    compared = 0
    for table, names in columns.items():
        number = next((name for name in ("customer_key", "from_customer_key") if name in names), None)
        others = f"where {number} not in {tuple(keys.values())}" if number else ""
        left_out = "exclude (verbatim)" if table == "core.fct_survey_answer" else ""
        rows = f"select * {left_out} from {table} {others}"
        query = f"select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from ({rows}) as t"
        if number or table.startswith("marts."):
            assert company.ask(query) == good_company.ask(query), table
            compared += 1
    assert compared > 50
    assert (
        company.value("select count(*) from core.dim_customer where customer_key > 0") == little_company.CUSTOMERS - 2
    )
    assert company.ask("select verbatim from core.fct_survey_answer where source_survey_answer_id = 'REVWID_8'") == [
        ("Thanks to [erased] for the tip",)
    ]


def test_sales_that_the_books_need_stay_without_their_customer(
    erased: tuple[Installation, Said], good_company: Installation, keys: dict[int, int]
) -> None:
    company, _ = erased
    theirs = f"select sum(net_amount), count(*) from core.fct_order_line where customer_key in {tuple(keys.values())}"
    online = (
        " and touchpoint_key in (select touchpoint_key from core.dim_touchpoint where touchpoint = 'online_purchase')"
    )
    nobodys = "select sum(net_amount), count(*) from core.fct_order_line where customer_key is null"
    assert good_company.ask(theirs + online) == company.ask(nobodys) == [(8 * little_company.SHOP_PRICE, 8)]
    landed = f"{company.home}/landing/shop/online_purchases/rows/*.parquet"
    query = f"select contact_id, count(*) from read_parquet('{landed}') where purchase_id like 'OPID_%5' group by 1"
    assert ("removed", 4) in duckdb.execute(query).fetchall()  # 5, 305, 605 and 905


def test_the_list_for_the_sources_names_records_and_stands_outside(erased: tuple[Installation, Said]) -> None:
    company, _ = erased
    listed = (company.folder / "tasks.csv").read_text().splitlines()
    assert sorted(listed[1:]) == sorted(
        f'{system},"{record}"'
        for person in LEAVING
        for system, record in (
            ("crm", f"CNTID_{person}"),
            ("shop", f"CNTID_{person}"),
            ("loyalty", f"LOYID_{person}"),
        )  # fmt: skip
    )
    assert (company.folder / "tasks.csv").stat().st_mode & 0o777 == 0o600
    for file in (company.home / "privacy").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_places_in_the_event_log_stay(erased: tuple[Installation, Said]) -> None:
    """Its reader remembers how many bytes have landed."""
    email = little_company.email(LEAVING[0])
    segment = erased[0].home / "live" / "events" / "segment.jsonl"
    assert segment.read_text() == EVENT.format("*" * len(email))


def test_numbers_stay_given_without_data(erased: tuple[Installation, Said], keys: dict[int, int]) -> None:
    company, _ = erased
    register = company.home / "identity" / (company.home / "identity" / "current").read_text().strip()
    known = duckdb.execute(
        f"select source_record_id from read_parquet('{register}/known_number.parquet')"
        f" where customer_id in {tuple(keys.values())}"
    ).fetchall()
    assert known == [(None,), (None,)]
    assert company.command("who", f"C-{keys[5]}", "--home", company.home).code == 1


def test_every_delivered_row_is_landed_or_counted_as_erased(erased: tuple[Installation, Said]) -> None:
    company, _ = erased
    for stream, rows in ROWS_THAT_GO.items():
        counted = f"{company.home}/landing/{stream}/removed/*.parquet"
        ((removed,),) = duckdb.execute(f"select sum(erased_rows) from read_parquet('{counted}')").fetchall()
        system, name = stream.split("/")
        delivered = company.built_value(
            f"select sum(row_count) from quality.load where source_system = '{system}' and stream = '{name}'"
        )
        planted = 2 if stream == "shop/contacts" else 0  # the held copy held both, too
        assert (removed, company.landed(stream) + removed - planted) == (rows + planted, delivered), stream


def test_an_identifier_of_nobody_erases_nobody(company_copy: Callable[[], Installation]) -> None:
    company = company_copy()
    before = company.content()
    said = company.command(
        "erase", "CNTID_5", "unknown@nowhere.example", "--yes", "--catalog", company.catalog_argument,
        "--home", company.home,
    )  # fmt: skip
    assert said.code == 1
    assert "Identifier 2 of 2 matches no customer" in said.text and "unknown@" not in said.text
    assert company.content() == before and not (company.home / "privacy").exists()


# --- no erased person comes back --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def delivered_again(erased: tuple[Installation, Said], good_company: Installation) -> Installation:
    """The company after its sources have delivered both again, and a backup of landing was put back."""
    company, _ = erased
    rows = little_company.rows_of("shop/contacts")
    header = {name: place for place, name in enumerate(rows[0])}
    for number, born_again, created in (("CNTID_900", 5, "6/1/2019"), ("CNTID_901", 7, "1/1/2019")):
        row = list(next(row for row in rows if row[0] == f"CNTID_{born_again}"))
        row[0], row[header["CreatedOn"]] = number, created
        rows.append(row)
    little_company.deliver(company.source, "shop/contacts", rows)  # a full copy
    late = ["REVWID_9999", "CNTID_5", "A late review", "WebsiteReview", "4", "1/3/2019"]
    little_company.deliver(company.source, "shop/reviews", [*little_company.rows_of("shop/reviews"), late])
    for file in (good_company.home / "landing/loyalty/members/rows").glob("*.parquet"):  # a backup
        shutil.copy(file, company.home / "landing/loyalty/members/rows" / file.name)
    said = company.run("--until", "staging")
    assert said.code == 0, said.text
    return company


def test_full_copies_late_rows_and_backups_bring_nobody_back(delivered_again: Installation) -> None:
    base = "select count(*) from staging.base_{} where {} in ('CNTID_5', 'CNTID_7')"
    for table, column in (
        ("shop__contacts", "contact_id"), ("shop__reviews", "contact_id"), ("loyalty__members", "contact_id"),
    ):  # fmt: skip
        assert delivered_again.built_value(base.format(table, column)) == 0, table


def test_who_returns_after_the_erasure_is_somebody_new(delivered_again: Installation) -> None:
    """A new record counts as of their own accord if it came to be after the erasure, 2019-05-25."""
    new = delivered_again.built("select contact_id from staging.stg_shop__contacts where contact_id like 'CNTID_90_'")
    assert new == [("CNTID_900",)]


def test_what_is_held_out_is_counted(delivered_again: Installation) -> None:
    counts = {}
    for stream in ("shop/contacts", "shop/reviews", "loyalty/members"):
        counted = f"{delivered_again.home}/landing/{stream}/removed/*.parquet"
        ((counts[stream],),) = duckdb.execute(f"select sum(erased_rows) from read_parquet('{counted}')").fetchall()
    # Contacts: 2 at first, 2 in the held load, and 2 and CNTID_901 in the full copy. Reviews: 8 at first, and 9 in the
    # file that was delivered again. Members: 2, which came back and went again.
    assert counts == {"shop/contacts": 7, "shop/reviews": 17, "loyalty/members": 2}
