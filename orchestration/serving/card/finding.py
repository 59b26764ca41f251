"""Customers by any identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.serving.card.numbers import card_numbers
from orchestration.warehouse.connection import table_exists

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class FoundCustomer:
    """A customer to choose from. place: city, region and country, as far as they are known."""

    customer_key: int
    name: str
    place: str


def find_customers(connection: duckdb.DuckDBPyConnection, identifier: str) -> list[FoundCustomer]:
    """The customers that an identifier points at, by number, at most `candidates_shown`.

    identifier: a customer number, an identifier of any system in upper or lower case, a phone number in any notation,
    or a full name, as any of their records has it.
    """
    text = identifier.strip()
    digits = re.sub(r"\D", "", re.split(r"x", text, flags=re.IGNORECASE)[0])
    rows = connection.execute(
        f"""
        with known as (
            select customer_key from core.bridge_customer_identifier
            where lower(identifier_value) = lower($text)
                or (
                    identifier_kind = 'phone'
                    and length($digits) >= $phone_digits
                    and right(identifier_value, $phone_digits) = right($digits, $phone_digits)
                )
            union
            select customer_key from core.dim_customer
            where lower(display_name) = lower($text)
                or lower(concat_ws(' ', family_name, given_name)) = lower($text)
                or customer_key = try_cast($text as bigint)
            {_names(connection)}
        )
        select customer_key, coalesce(display_name, 'name unknown'), concat_ws(', ', city, region, country)
        from core.dim_customer
        where customer_key > 0 and customer_key in (select customer_key from known)
        order by customer_key
        limit $most
        """,
        {
            "text": text,
            "digits": digits,
            "phone_digits": card_numbers().phone_digits,
            "most": card_numbers().candidates_shown,
        },
    ).fetchall()
    return [FoundCustomer(*row) for row in rows]


def _names(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL that adds who has the name in any record; empty in a warehouse published before it had these names."""
    if not table_exists(connection, "core", "bridge_customer_name"):
        return ""
    return """
        union
        select customer_key from core.bridge_customer_name
        where lower(concat_ws(' ', given_name, family_name)) = lower($text)
            or lower(concat_ws(' ', family_name, given_name)) = lower($text)
    """
