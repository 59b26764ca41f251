"""Customers by any identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from orchestration.serving.card.numbers import card_numbers
from orchestration.serving.card.wording import day, joined
from orchestration.warehouse.connection import table_exists

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class FoundCustomer:
    """A customer to choose from. place: city, region and country, as far as they are known.

    birth_date and last_purchase_at distinguish people of one name; None where they are not known.
    """

    customer_key: int
    name: str
    place: str
    birth_date: date | None = None
    last_purchase_at: datetime | None = None

    def details(self) -> str:
        """Birth date, place and last order, as far as they are known."""
        return joined(
            f"born {day(self.birth_date)}" if self.birth_date else None,
            self.place,
            f"last order {day(self.last_purchase_at)}" if self.last_purchase_at else None,
        )


def customer_number(customer_key: int) -> str:
    """A customer number as people read and type it: `C-154`. Numbers of source systems do not look like it."""
    return f"C-{customer_key}"


def find_customers(connection: duckdb.DuckDBPyConnection, identifier: str) -> list[FoundCustomer]:
    """The customers that an identifier points at, by number, at most `candidates_shown`.

    identifier: a customer number (`C-154`, also a former one), a record as `system/number`, an identifier of any system
    in upper or lower case, a phone number in any notation, or a full name, as any of their records has it. Digits alone
    are a customer number where no system has such an identifier.
    """
    text = identifier.strip()
    numbered = re.fullmatch(r"C-(\d{1,18})", text, flags=re.IGNORECASE)
    if numbered:
        return _customers(connection, _BY_NUMBER, {"number": int(numbered[1])})
    system, slash, record = text.partition("/")
    if slash and (found := _customers(connection, _BY_RECORD, {"system": system.strip(), "record": record.strip()})):
        return found
    digits = re.sub(r"\D", "", re.split(r"x", text, flags=re.IGNORECASE)[0])
    found = _customers(
        connection,
        _BY_IDENTIFIER + (_BY_NAME_OF_A_RECORD if table_exists(connection, "core", "bridge_customer_name") else ""),
        {"text": text, "digits": digits, "phone_digits": card_numbers().phone_digits},
    )
    if not found and re.fullmatch(r"\d{1,18}", text):
        return _customers(connection, _BY_NUMBER, {"number": int(text)})
    return found


_BY_NUMBER = "select customer_key from core.bridge_customer_number where customer_number = $number"
_BY_RECORD = """
    select customer_key from core.bridge_source_record
    where source_system = $system and lower(source_record_id) = lower($record)
"""
_BY_IDENTIFIER = """
    select customer_key from core.bridge_customer_identifier
    where lower(identifier_value) = lower($text)
        or (
            identifier_kind = 'phone'
            and length($digits) >= $phone_digits
            and right(identifier_value, $phone_digits) = right($digits, $phone_digits)
        )
    union
    select customer_key from core.dim_customer
    where lower(display_name) = lower($text) or lower(concat_ws(' ', family_name, given_name)) = lower($text)
"""
# Absent from a warehouse that was published before it had these names.
_BY_NAME_OF_A_RECORD = """
    union
    select customer_key from core.bridge_customer_name
    where lower(concat_ws(' ', given_name, family_name)) = lower($text)
        or lower(concat_ws(' ', family_name, given_name)) = lower($text)
"""


def _customers(connection: duckdb.DuckDBPyConnection, keys: str, values: dict[str, object]) -> list[FoundCustomer]:
    ordered = "null"
    if table_exists(connection, "marts", "relationship_context"):
        ordered = (
            "(select last_purchase_at from marts.relationship_context as r where r.customer_key ="
            " customers.customer_key)"
        )
    rows = connection.execute(
        f"""
        select customers.customer_key, coalesce(customers.display_name, 'Name unknown'),
            concat_ws(', ', customers.city, customers.region, customers.country), customers.birth_date, {ordered}
        from core.dim_customer as customers
        where customers.customer_key > 0 and customers.customer_key in ({keys})
        order by customers.customer_key
        limit $most
        """,
        {**values, "most": card_numbers().candidates_shown},
    ).fetchall()
    return [FoundCustomer(*row) for row in rows]
