"""The keyed store: the published answers of each customer by any identifier, for programs that ask one at a time.

A publication writes one LMDB file and puts it in place of the old one in a single step, as it does with the published
warehouse. A reader maps the file into memory and answers at once after a start. Nothing is computed here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from orchestration.serving.card.numbers import card_numbers
from orchestration.warehouse.connection import readable_failures, table_exists

if TYPE_CHECKING:
    import duckdb

FORMAT = 1  # of keys and values; a store of another format is written anew
# Kinds of identifiers beside those of core.bridge_customer_identifier.
CUSTOMER_NUMBER, SOURCE_RECORD, PHONE = "customer", "record", "phone"

# Section -> (the query of its rows, whether a customer has several).
SECTIONS: dict[str, tuple[str, bool]] = {
    "identity": ("select * from core.dim_customer where customer_key > 0", False),
    "relationship": (
        """
        select contexts.*, three.stage, three.stage_since, three.engagement_points, three.engagement_points_90d_ago,
            three.engagement_band, three.segment, three.purchase_probability_90d, three.likely_product_line,
            three.likely_product_line_probability
        from marts.relationship_context as contexts inner join marts.customer_360 as three using (customer_key)
        """,
        False,
    ),
    "personal": ("select * from marts.personal_context", False),
    "situational": ("select * from marts.situational_context", False),
    "needs": ("select * exclude (as_of) from marts.customer_need order by customer_key, need_rank", True),
    "actions": ("select * from marts.next_best_action order by customer_key, action_rank", True),
    "consents": ("select * from marts.customer_consent order by customer_key, purpose, channel", True),
    "identifiers": (
        """
        select customer_key, identifier_kind, identifier_value, valid_from, valid_to, is_shared, source_systems
        from core.bridge_customer_identifier
        order by customer_key, identifier_kind, identifier_value, valid_from
        """,
        True,
    ),
}
_ROWS = 10_000
# Addresses that LMDB reserves; the file takes what its content needs.
_MAP_BYTES = 1 << 38
_LONGEST_KEY = 400  # LMDB's own bound is 511 bytes


def write_profiles(connection: duckdb.DuckDBPyConnection, target: Path) -> int:
    """Writes the store of a warehouse, open on `connection`, into the file `target`, atomically.

    Returns the number of customers. Raises WarehouseError where the disk is full; the old file is then untouched.
    """
    import lmdb

    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with readable_failures(target):
        try:
            with (
                lmdb.open(str(fresh), subdir=False, lock=False, sync=False, map_size=_MAP_BYTES) as environment,
                environment.begin(write=True) as transaction,
            ):
                for key, value in _entries(connection):
                    transaction.put(key, value)
                customers = _count(connection)
                transaction.put(b"meta", orjson.dumps(_publication(connection) | {"customers": customers}))
            with lmdb.open(str(fresh), subdir=False, lock=False, map_size=_MAP_BYTES) as environment:
                environment.sync(True)
            fresh.replace(target)
        except lmdb.DiskError as error:
            raise OSError(28, str(error)) from error
        finally:
            fresh.unlink(missing_ok=True)
    return customers


def _entries(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[bytes, bytes]]:
    for section, (query, is_list) in SECTIONS.items():
        for customer, rows in groupby(_dicts(connection, query), key=lambda row: row.pop("customer_key")):
            found = list(rows)
            yield section_key(customer, section), orjson.dumps(found if is_list else found[0], default=_plain)
    numbers = connection.execute("select customer_number, customer_key from core.bridge_customer_number")
    for number, customer in _rows(numbers):
        yield identifier_key(CUSTOMER_NUMBER, str(number)), orjson.dumps([customer])
    yield from _pointers(
        connection,
        "select 'record', source_system || '/' || source_record_id, customer_key from core.bridge_source_record"
        " where customer_key > 0",
    )
    # Who has an identifier now goes before those who had it.
    yield from _pointers(
        connection,
        """
        select identifier_kind, identifier_value, customer_key from core.bridge_customer_identifier
        where customer_key > 0
        qualify (valid_to is null) = max(valid_to is null) over (partition by identifier_kind, lower(identifier_value))
        """,
    )
    yield from _pointers(
        connection,
        f"""
        select 'phone_end', right(identifier_value, {card_numbers().phone_digits}), customer_key
        from core.bridge_customer_identifier where customer_key > 0 and identifier_kind = 'phone' and valid_to is null
        """,
    )


def _pointers(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[bytes, bytes]]:
    cursor = connection.execute(
        f"select kind, lower(value), list_sort(list(distinct customer_key)) from ({query}) as found(kind, value,"
        " customer_key) where value is not null group by all"
    )
    for kind, value, customers in _rows(cursor):
        yield identifier_key(kind, value), orjson.dumps(customers)


def _dicts(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[dict[str, Any]]:
    """Rows without their empty columns."""
    cursor = connection.cursor().execute(query)
    names = [column[0] for column in cursor.description]
    for row in _rows(cursor):
        yield {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _rows(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_ROWS):
        yield from rows


def _plain(value: Any) -> Any:
    """A decimal as a number: JSON has no other."""
    return float(value)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select count(*) from core.dim_customer where customer_key > 0").fetchone()
    return row[0] if row else 0


def _publication(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    row = connection.execute("select run_id, as_of from quality.publication").fetchone()
    assert row is not None
    kinds = connection.execute("select distinct identifier_kind from core.bridge_customer_identifier order by 1")
    known = [CUSTOMER_NUMBER, SOURCE_RECORD, *(kind for (kind,) in kinds.fetchall())]
    return {"format": FORMAT, "run_id": row[0], "as_of": row[1], "kinds": known}


def has_profiles(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the warehouse has what the store is made from: it lacks it where systems deliver no such thing."""
    needed = ("relationship_context", "personal_context", "situational_context", "customer_need", "next_best_action")
    return all(table_exists(connection, "marts", table) for table in (*needed, "customer_consent", "customer_360"))


def section_key(customer_key: int, section: str) -> bytes:
    """Under which a section of a customer stands."""
    return f"s|{customer_key}|{section}".encode()


def identifier_key(kind: str, value: str) -> bytes:
    """Under which the customers of an identifier stand."""
    key = f"i|{kind}|{value.strip().lower()}".encode()
    return key if len(key) <= _LONGEST_KEY else b"h|" + hashlib.sha256(key).hexdigest().encode()


class ProfileStore:
    """One written store, mapped read-only."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError where there is none, ValueError where it cannot be read."""
        import lmdb

        if not path.is_file():
            raise FileNotFoundError(path)
        try:
            self._environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False)
            with self._environment.begin() as transaction:
                self.meta: dict[str, Any] = orjson.loads(transaction.get(b"meta", b"{}"))
        except (lmdb.Error, orjson.JSONDecodeError) as error:
            raise ValueError(f"{path} is damaged ({type(error).__name__})") from error

    @property
    def run_id(self) -> str:
        """The run that published it; empty where another version wrote it."""
        return self.meta.get("run_id", "") if self.meta.get("format") == FORMAT else ""

    def customers_of(self, kind: str, value: str) -> list[int]:
        """The customers of an identifier: none, one, or all who share it.

        kind: one of core.bridge_customer_identifier, `customer` (C-154, also a former number) or `record`
        (system/number). A telephone number may have any notation.
        """
        if kind == CUSTOMER_NUMBER:
            value = re.sub(r"^c-", "", value.strip(), flags=re.IGNORECASE)
            value = str(int(value)) if re.fullmatch(r"[0-9]{1,18}", value) else value
        found = self._customers(kind, value)
        if not found and kind == PHONE:
            digits = re.sub(r"\D", "", value)[-card_numbers().phone_digits :]
            found = self._customers("phone_end", digits) if len(digits) == card_numbers().phone_digits else []
        return found

    def _customers(self, kind: str, value: str) -> list[int]:
        with self._environment.begin() as transaction:
            found = transaction.get(identifier_key(kind, value))
        return orjson.loads(found) if found else []

    def sections(self, customer_key: int, names: Iterable[str]) -> dict[str, Any]:
        """Sections of a customer by name; a section without rows is an empty object or list."""
        with self._environment.begin() as transaction:
            found = {name: transaction.get(section_key(customer_key, name)) for name in names}
        return {
            name: orjson.loads(value) if value else [] if SECTIONS[name][1] else {} for name, value in found.items()
        }

    def close(self) -> None:
        """Unmaps the file."""
        self._environment.close()


class CurrentStore:
    """The newest store at a path: a new publication is opened between two questions."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._store: ProfileStore | None = None

    def __call__(self) -> ProfileStore:
        """The store. Raises FileNotFoundError or ValueError where there is none that can be read."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            if self._store is None:
                raise
            return self._store  # what is mapped stays readable
        stamp = (found.st_ino, found.st_mtime_ns)
        if self._store is None or stamp != self._stamp:
            if self._store is not None:
                self._store.close()
                self._store = None
            self._store = ProfileStore(self._path)
            self._stamp = stamp
        return self._store
