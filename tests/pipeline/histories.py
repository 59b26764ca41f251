"""One company's month, and the ways in which life may deliver it.

`World` holds what really happened, drawn once. `deliver_in_perfect_order` writes every row in the file of its own day,
once, and all databases and full copies as they are in the end. `deliver` writes one step of a drawn history instead:
days out of order, rows late, repeated or corrected, files faulty at first, twice under two names or with a row too
many, a database and full copies that are looked at now and then while they change.
"""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

FIRST_DAY = date(2025, 3, 1)
DAYS = 30
AS_OF = "2025-04-15"
CATALOG = f"""\
catalog: history
project: veloheld
as_of: {AS_OF}
first_day: 2025-01-01
systems:
  crm:
    connector: database
    url: sqlite:///${{HISTORY}}/crm.db
    streams:
      accounts: {{table: accounts, key: [account_id], cursor: updated_at}}
  shop:
    connector: files
    location: ${{HISTORY}}/shop
    streams:
      customers: {{path: "customers/*.csv", format: csv, key: [customer_no]}}
      orders: {{path: "orders/*.csv", format: csv, key: [order_no]}}
      order_lines: {{path: "order_lines/*.csv", format: csv, key: [order_no, line_no]}}
      returns: {{path: "returns/*.csv", format: csv, key: [return_no], delivery: replace}}
      carts: {{path: "carts/*.csv", format: csv, key: [cart_id]}}
      products: {{path: products.csv, format: csv, key: [sku], delivery: snapshot}}
  loyalty:
    connector: files
    location: ${{HISTORY}}/loyalty
    streams:
      members: {{path: members.csv, format: csv, key: [card_no], delivery: snapshot}}
      transactions: {{path: "transactions/*.csv", format: csv, key: [transaction_id]}}
"""
HEADERS = {
    "customers": "customer_no,email,name,phone,street,zip,city,country,newsletter,registered_at",
    "orders": "order_no,customer_no,guest_email,ordered_at,coupon_code,payment,utm_source,utm_campaign,cookie_id,"
    "shipping_zip",
    "order_lines": "order_no,line_no,sku,quantity,unit_price,discount,vat_rate",
    "returns": "return_no,order_no,line_no,quantity,amount,reason,returned_at",
}
CARTS = "cart_id,cookie_id,customer_no,sku,quantity,added_at,state"
TRANSACTIONS = "transaction_id,card_no,booked_at,kind,points,receipt_no,order_no"
PRODUCTS = "sku,title,product_line,category,price,cost"
MEMBERS = "card_no,title,first_name,surname,date_of_birth,email,mobile,postcode,joined_on,points,tier,crm_account_id"
ACCOUNTS = (
    "account_id", "salutation", "first_name", "last_name", "birth_date", "gender", "email", "phone", "mobile", "street",
    "house_no", "postcode", "city", "country", "language", "occupation", "income_band", "loyalty_no", "created_at",
    "updated_at", "deleted",
)  # fmt: skip
Row = tuple[object, ...]
# A column whose text a staging model must read: what a faulty file gets wrong.
READ_COLUMN = {"customers": 9, "orders": 3, "order_lines": 3, "returns": 6}


def moment(day: int, hour: int = 10) -> str:
    return f"{datetime(2025, 3, 1, hour) + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def database_moment(day: int) -> str:
    return moment(day).replace("T", " ").replace("Z", "")


@dataclass
class World:
    """What happened. versions: stream -> key -> (day, row), oldest first."""

    versions: dict[str, dict[object, list[tuple[int, Row]]]] = field(default_factory=lambda: defaultdict(dict))
    accounts: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)
    members: dict[str, list[tuple[int, Row | None]]] = field(default_factory=dict)
    products: dict[str, list[tuple[int, Row | None]]] = field(default_factory=dict)


def world(seed: int = 1) -> World:
    """The company's month; always the same for a seed."""
    draw = random.Random(seed)
    made = World()
    for number in range(12):
        sku = f"P{number:02d}"
        price = 10 + number
        states: list[tuple[int, Row | None]] = [
            (0, (sku, f"Part {number}", "parts_accessories", "brake", price, price / 2))
        ]
        if number % 3 == 0:
            states.append(
                (draw.randrange(2, 28), (sku, f"Part {number}", "parts_accessories", "brake", price + 1, price / 2))
            )
        if number >= 10:
            states.append((28, None))
        made.products[sku] = states
    for person in range(24):
        email, name = f"person{person}@example.org", f"Given{person} Family{person}"
        joined = draw.randrange(0, 10)
        customer = (
            100 + person, email, name, f"06 1234{person:04d}", "Lane 1", "1234 AB", "Breda", "NL", "yes", moment(joined)
        )  # fmt: skip
        versions: list[tuple[int, Row]] = [(joined, customer)]
        if person % 4 == 0:
            moved = (*customer[:6], "Venlo", *customer[7:])
            versions.append((draw.randrange(joined + 1, DAYS), moved))
        made.versions["customers"][100 + person] = versions
        if person % 3 != 2:
            account = f"A{person:04d}"
            row = (
                account, "", f"Given{person}", f"Family{person}", f"0{person % 9 + 1}-05-1980", "f", email, "", "",
                "Lane", "1", "1234 AB", "Breda", "NL", "nl", "teacher", "", "", database_moment(joined),
            )  # fmt: skip
            states_of = [(joined, (*row, database_moment(joined), 0))]
            if person % 2:
                changed = draw.randrange(joined + 1, 25)
                states_of.append((changed, (*row[:15], "nurse", *row[16:], database_moment(changed), 0)))
            if person % 6 == 1:
                states_of.append((27, (*row, database_moment(27), 1)))
            made.accounts[account] = states_of
        if person % 2:
            card = f"L{person:04d}"
            member = (
                card, "", f"Given{person}", f"Family{person}", f"1980-05-0{person % 9 + 1}", email, "", "1234 AB",
                f"{FIRST_DAY:%Y-%m-%d}", 10, "silver", "",
            )  # fmt: skip
            states = [(0, member), (draw.randrange(5, 25), (*member[:9], 50, "gold", ""))]
            if person % 8 == 7:
                states.append((26, None))
            made.members[card] = states
    for number in range(70):
        person = draw.randrange(24)
        day = draw.randrange(10, DAYS)
        order = f"O{number:04d}"
        made.versions["orders"][order] = [
            (day, (order, 100 + person, "", moment(day, 12), "", "ideal", "", "", "", "1234 AB"))
        ]
        for line in range(1, draw.randrange(2, 4)):
            row = (order, line, f"P{draw.randrange(12):02d}", draw.randrange(1, 4), "19.90", "0.00", 21)
            versions = [(day, row)]
            if draw.random() < 0.3 and day < DAYS - 1:
                corrected = (*row[:3], int(row[3]) + 5, *row[4:])
                versions.append((draw.randrange(day + 1, DAYS), corrected))
            made.versions["order_lines"][order, line] = versions
        if number % 5 == 0:
            back = min(day + 2, DAYS - 1)
            made.versions["returns"][f"R{number}"] = [
                (back, (f"R{number}", order, 1, 1, "19.90", "damaged", moment(back, 15)))
            ]
    return made


def _write(path: Path, header: str, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


def _state(versions: dict[str, list[tuple[int, Row | None]]], until: int) -> list[Row]:
    states = [[row for day, row in states if day <= until] for states in versions.values()]
    return [known[-1] for known in states if known and known[-1] is not None]


def _write_present(folder: Path, made: World, until: int) -> None:
    """Databases and full copies, as they are at the end of a day."""
    _write(folder / "shop" / "products.csv", PRODUCTS, _state(made.products, until))
    _write(folder / "loyalty" / "members.csv", MEMBERS, _state(made.members, until))
    # Streams of the same staging folders, for which this month was quiet.
    cart = ("C1", "", "ck-1", "P01", 1, moment(0), "abandoned")
    _write(folder / "shop" / "carts" / "2025-03-01.csv", CARTS, [cart])
    booking = ("T1", "L0001", moment(0), "earn", 10, "", "")
    _write(folder / "loyalty" / "transactions" / "2025-03-01.csv", TRANSACTIONS, [booking])
    (folder / "crm.db").unlink(missing_ok=True)
    with sqlite3.connect(folder / "crm.db") as connection:
        columns = ", ".join(f"{name} {'INTEGER' if name == 'deleted' else 'TEXT'}" for name in ACCOUNTS)
        connection.execute(f"create table accounts ({columns})")
        marks = ", ".join("?" * len(ACCOUNTS))
        connection.executemany(f"insert into accounts values ({marks})", _state(made.accounts, until))
    connection.close()


def _path(folder: Path, stream: str, day: int, name: str = "") -> Path:
    return folder / "shop" / stream / f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d}{name}.csv"


def deliver_in_perfect_order(folder: Path, made: World) -> None:
    """Every row in the file of its day, corrections in the file of theirs; the rest as it is in the end."""
    files: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for stream, keys in made.versions.items():
        for versions in keys.values():
            for day, row in versions:
                files[stream, day].append(row)
    for (stream, day), rows in files.items():
        _write(_path(folder, stream, day), HEADERS[stream], rows)
    _write_present(folder, made, DAYS)


@dataclass(frozen=True)
class Step:
    """One delivery of a history: files to write, and the day at whose end databases and full copies are looked at."""

    files: dict[tuple[str, int, str], list[Row]]
    until: int


def history(made: World, seed: int, steps: int = 3) -> list[Step]:
    """A way in which the month may arrive; always the same for a seed."""
    draw = random.Random(seed)
    final: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for stream, keys in made.versions.items():
        for versions in keys.values():
            for day, row in versions:
                # Late by up to a month; never later than the correction that must follow it.
                is_late = len(versions) == 1 and stream != "returns" and draw.random() < 0.15
                final[stream, draw.randrange(day, DAYS) if is_late else day].append(row)
            if draw.random() < 0.1 and stream != "returns":  # repeated in a later file
                final[stream, draw.randrange(versions[-1][0], DAYS)].append(versions[-1][1])
    plan: list[dict[tuple[str, int, str], list[Row]]] = [{} for _ in range(steps)]
    for (stream, day), rows in final.items():
        draw.shuffle(rows)
        last = draw.randrange(steps)
        plan[last][stream, day, ""] = rows
        if last and draw.random() < 0.2:  # faulty at first
            wrong = list(rows[0])
            wrong[READ_COLUMN[stream]] = "n/a"
            plan[draw.randrange(last)][stream, day, ""] = [tuple(wrong), *rows[1:]]
        elif last and stream == "returns" and draw.random() < 0.7:  # with a row too many at first
            plan[draw.randrange(last)][stream, day, ""] = [*rows, ("R999", *rows[0][1:])]
        if stream != "returns" and draw.random() < 0.1:  # the same under another name
            plan[draw.randrange(last, steps)][stream, day, "_copy"] = rows
    seen = sorted(draw.sample(range(12, DAYS), steps - 1))
    return [Step(files, until) for files, until in zip(plan, [*seen, DAYS], strict=True)]


def deliver(folder: Path, made: World, step: Step) -> None:
    """Adds the files of one step to what lies there, and brings the rest to its day."""
    for (stream, day, name), rows in step.files.items():
        _write(_path(folder, stream, day, name), HEADERS[stream], rows)
    _write_present(folder, made, step.until)


def clear(folder: Path) -> None:
    """Empties the folder of all deliveries."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
