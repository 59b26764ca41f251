"""A company small enough to know by heart, delivered in the seven files that the example contoso reads.

300 people have a shop account, a loyalty card and a CRM record each; 100 guests are known to the hotel only. All are
invented. Every figure that a test expects follows from the constants.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

Rows = list[list[str]]

PEOPLE, GUESTS = 300, 100
PURCHASES, REVIEWS, STAYS = 1_000, 1_000, 1_000
SHOP_PRICE, TILL_PRICE, STAY_PRICE = 10, 5, 100
CUSTOMERS = PEOPLE + GUESTS
ORDER_LINES = 2 * PURCHASES
ORDERED_AMOUNT = PURCHASES * SHOP_PRICE + PURCHASES * TILL_PRICE
# Everybody buys on one day of the ten months only: who has just bought will not buy again, and every run says so.
WARNED_TABLE = "marts/engagement_points_judgement"
KNOWN_WARNING = "marts.engagement_points_judgement: the set points do not mislead"
STREAMS = (
    "crm/contacts", "hotel/stays", "loyalty/members", "loyalty/pos_purchases", "shop/contacts", "shop/online_purchases",
    "shop/reviews",
)  # fmt: skip
FILES = {
    "crm/contacts": "crm_contacts.csv",
    "hotel/stays": "stays.csv",
    "loyalty/members": "members.csv",
    "loyalty/pos_purchases": "till_purchases.csv.gz",
    "shop/contacts": "shop_contacts.csv",
    "shop/online_purchases": "online_purchases.csv",
    "shop/reviews": "reviews.csv",
}

_GIVEN = ("Aldwyne", "Briseth", "Corvane", "Delphira", "Emberly", "Fauntle", "Gwin", "Hespera", "Ixavier", "Jolanthe")
_SYLLABLES = ("quor", "zan", "thibb", "mev", "lux", "dorn", "wex", "pirr", "gund", "yask")
_FIRST_DAY = date(2018, 6, 1)

SHOP_SYSTEM = """\
  shop:
    connector: files
    location: ${LITTLE_COMPANY}
    streams:
      contacts: {path: shop_contacts.csv, format: csv, key: [contact_id], delivery: snapshot}
      online_purchases: {path: online_purchases.csv, format: csv, key: [purchase_id]}
      reviews: {path: reviews.csv, format: csv, key: [review_id]}
"""
LOYALTY_SYSTEM = """\
  loyalty:
    connector: files
    location: ${LITTLE_COMPANY}
    streams:
      members: {path: members.csv, format: csv, key: [loyalty_id], delivery: snapshot}
      pos_purchases: {path: till_purchases.csv.gz, format: csv, key: [purchase_id]}
"""
CRM_SYSTEM = """\
  crm:
    connector: files
    location: ${LITTLE_COMPANY}
    streams:
      contacts: {path: crm_contacts.csv, format: csv, key: [contact_id], delivery: snapshot}
"""
HOTEL_SYSTEM = """\
  hotel:
    connector: files
    location: ${LITTLE_COMPANY}
    streams:
      stays:
        path: stays.csv
        format: csv
        key: [stay_id]
"""
_HEAD = "catalog: little_company\nproject: contoso\nas_of: 2019-05-25\nsystems:\n"
HOTEL_ONLY = _HEAD + HOTEL_SYSTEM
WITHOUT_SHOP = _HEAD + LOYALTY_SYSTEM + CRM_SYSTEM + HOTEL_SYSTEM
CATALOG = _HEAD + SHOP_SYSTEM + LOYALTY_SYSTEM + CRM_SYSTEM + HOTEL_SYSTEM


def names(person: int) -> tuple[str, str]:
    """(given name, family name); no two people share a family name."""
    family = _SYLLABLES[person // 100] + _SYLLABLES[person // 10 % 10] + _SYLLABLES[person % 10]
    return _GIVEN[person % 10], family.capitalize()


def email(person: int) -> str:
    given, family = names(person)
    return f"{given}.{family}@example.org".lower()


def phone(person: int) -> str:
    return f"2125{person:06d}"


def personal_values() -> list[str]:
    """What must stand in no log, in lower case."""
    return [
        value.lower()
        for person in range(PEOPLE)
        for value in (email(person), phone(person), names(person)[1])
    ]  # fmt: skip


def _us(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _day(number: int) -> date:
    return _FIRST_DAY + timedelta(days=number % 300)


def _shop_contacts() -> Iterable[Sequence[object]]:
    yield (
        "ContactId", "FirstName", "LastName", "FullName", "DateOfBirth", "Gender", "EMail", "Telephone", "PostCode",
        "StreetAddress", "City", "State", "Country", "CreatedOn", "Loyalty Tier", "Email Subscriber", "Income",
        "Occupation", "CustomerSatisfaction",
    )  # fmt: skip
    for person in range(PEOPLE):
        given, family = names(person)
        yield (
            f"CNTID_{person}", given, family, f"{given} {family}", _us(_born(person)), "Female", email(person),
            phone(person), f"{10000 + person}", f"{person + 1} Long Lane", "Springfield", "Ohio", "USA", "1/15/2018",
            "high", "Yes", "50000", "Teacher", "high",
        )  # fmt: skip


def _born(person: int) -> date:
    return date(1950, 1, 1) + timedelta(days=37 * person)


def _members() -> Iterable[Sequence[object]]:
    yield (
        "LoyaltyId", "ContactId", "FirstName", "LastName", "FullName", "DateOfBirth", "Gender", "EMail", "Telephone",
        "RewardPoints", "CreditCard", "CreatedOn",
    )  # fmt: skip
    for person in range(PEOPLE):
        given, family = names(person)
        yield (
            f"LOYID_{person}", f"CNTID_{person}", given, family, f"{given} {family}", _born(person), "Female",
            email(person), phone(person), 100, "Yes", "2018-01-20",
        )  # fmt: skip


def _crm_contacts() -> Iterable[Sequence[object]]:
    yield "ContactId", "FirstName", "LastName", "FullName", "DateOfBirth", "Gender", "EMail", "Telephone"
    for person in range(PEOPLE):
        given, family = names(person)
        yield (
            f"CNTID_{person}", given, family, f"{given} {family}", _us(_born(person)), "Female", email(person),
            phone(person),
        )  # fmt: skip


def _online_purchases() -> Iterable[Sequence[object]]:
    yield "ContactId", "PurchaseId", "ProductId", "PurchasedOn", "TotalPrice", "ActivityTypeDisplay", "Subject"
    for number in range(PURCHASES):
        yield (
            f"CNTID_{number % PEOPLE}", f"OPID_{number}", f"ProdID_{number % 20}", _us(_day(number)), SHOP_PRICE,
            "OnlinePurchase", "Purchased a product online",
        )  # fmt: skip


def _till_purchases() -> Iterable[Sequence[object]]:
    yield (
        "LoyaltyId", "PurchaseId", "ProductId", "PurchasedOn", "TotalPrice", "RewardPointsAdded", "ActivityTypeDisplay",
        "Subject",
    )  # fmt: skip
    for number in range(PURCHASES):
        yield (
            f"LOYID_{number % PEOPLE}", f"PID_{number}", f"ProdID_{number % 20}", _day(number), TILL_PRICE, 1,
            "POS Purchase", "Purchased a product In-Store",
        )  # fmt: skip


def _reviews() -> Iterable[Sequence[object]]:
    yield "ReviewId", "UserId", "ReviewText", "ActivityTypeDisplay", "ReviewRating", "ReviewDate"
    for number in range(REVIEWS):
        yield (
            f"REVWID_{number}", f"CNTID_{number % PEOPLE}", "Good quality", "WebsiteReview", 4, _us(_day(number)),
        )  # fmt: skip


def _stays() -> Iterable[Sequence[object]]:
    yield (
        "HotelCustomerID", "StayID", "CheckInDate", "CheckOutDate", "RoomType", "DollarsSpent", "BookingType",
        "TravelCategory", "NumberOfNights",
    )  # fmt: skip
    for number in range(STAYS):
        arrival = _day(number)
        yield (
            f"A{number % GUESTS:06d}", f"S{number:06d}", f"{_us(arrival)} 0:00",
            f"{_us(arrival + timedelta(days=2))} 0:00", "Large", STAY_PRICE, "Online", "Business", 2,
        )  # fmt: skip


_ROWS = {
    "crm/contacts": _crm_contacts,
    "hotel/stays": _stays,
    "loyalty/members": _members,
    "loyalty/pos_purchases": _till_purchases,
    "shop/contacts": _shop_contacts,
    "shop/online_purchases": _online_purchases,
    "shop/reviews": _reviews,
}


def rows_of(stream: str) -> Rows:
    """The good delivery of a stream: its header and its rows."""
    return [[str(value) for value in row] for row in _ROWS[stream]()]


def as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def deliver(folder: Path, stream: str, rows: Iterable[Sequence[object]] | None = None) -> None:
    """Writes the file of a stream: the good delivery, or other rows."""
    content = as_csv(rows_of(stream) if rows is None else rows)
    file = folder / FILES[stream]
    if file.is_dir():
        file.rmdir()
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def deliver_all(folder: Path) -> None:
    """Writes all files, each as it should be; what is good already is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for stream in STREAMS:
        content = as_csv(rows_of(stream))
        file = folder / FILES[stream]
        good = gzip.compress(content, mtime=0) if file.suffix == ".gz" else content
        if not file.is_file() or file.read_bytes() != good:
            deliver(folder, stream)


def with_column(rows: Rows, column: str, value: object, only: Iterable[int] | None = None) -> Rows:
    """The rows with one column overwritten, in all rows or in those of the given numbers (the first row is 1)."""
    position = rows[0].index(column)
    chosen = set(range(1, len(rows)) if only is None else only)
    return [
        [*row[:position], str(value), *row[position + 1 :]] if number in chosen else row
        for number, row in enumerate(rows)
    ]


def without_column(rows: Rows, column: str) -> Rows:
    position = rows[0].index(column)
    return [[*row[:position], *row[position + 1 :]] for row in rows]


def with_swapped_columns(rows: Rows, column: str, other: str) -> Rows:
    """The rows with the values of two columns exchanged; the header stays."""
    a, b = rows[0].index(column), rows[0].index(other)
    swapped = []
    for row in rows[1:]:
        fresh = list(row)
        fresh[a], fresh[b] = row[b], row[a]
        swapped.append(fresh)
    return [rows[0], *swapped]
