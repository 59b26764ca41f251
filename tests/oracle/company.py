"""A small company whose facts and dimensions are drawn at random, as tables of plain rows.

What is drawn stands in `dimensions.py` and `facts.py`. The rows keep to what the descriptions of core promise; columns
that no drawn row has are null. Moments are drawn apart from each other for every customer, so that no order between two
of them depends on chance.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_REPOSITORY = Path(__file__).resolve().parents[2]
_SEEDS = _REPOSITORY / "dbt_project" / "seeds"
_OWN_SEEDS = _REPOSITORY / "examples" / "contoso" / "seeds"

AS_OF = datetime(2026, 3, 17, 14, 40)
HISTORY = timedelta(days=5 * 365)
TIME_ZONE = "Europe/Amsterdam"
REPORTING_CURRENCY = "EUR"


def seed(name: str) -> list[Row]:
    """The rows of a neutral seed under those of the example, as text; empty cells are None."""
    rows: dict[str, Row] = {}
    for folder, prefix in ((_SEEDS, "neutral"), (_OWN_SEEDS, "own")):
        file = folder / f"{prefix}_{name}.csv"
        if file.exists():
            with file.open(newline="") as lines:
                for row in csv.DictReader(lines):
                    key = next(value for column, value in row.items() if not column.endswith(("_key", "_rank")))
                    rows[key] = {column: value or None for column, value in row.items()}
    return list(rows.values())


TOUCHPOINTS = {int(row["touchpoint_key"]): row for row in seed("touchpoints")}
CHANNELS = {int(row["channel_key"]): row for row in seed("channels")}
TOUCHPOINT_KEYS = {row["touchpoint"]: key for key, row in TOUCHPOINTS.items()}
CHANNEL_KEYS = {row["channel"]: key for key, row in CHANNELS.items()}


def is_true(text: str | None) -> bool:
    """Whether a cell of a seed says true."""
    return text == "true"


class Company:
    """The drawn rows per table, and what draws them: one random number generator and one source of keys."""

    def __init__(self, number: int, customers: int) -> None:
        self.random = random.Random(number)
        self.customers = list(range(1, customers + 1))
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self._of_customer: dict[tuple[str, int], list[Row]] = defaultdict(list)
        self._keys = count(1001)
        self._taken: dict[int, set[datetime]] = defaultdict(set)

    def new_key(self) -> int:
        """A key that no other row has."""
        return next(self._keys)

    def add(self, table: str, **row: Any) -> Row:
        """Adds a row to a table and returns it."""
        self.tables[table].append(row)
        if "customer_key" in row:
            self._of_customer[table, row["customer_key"]].append(row)
        return row

    def of(self, table: str, customer: int) -> list[Row]:
        """The rows of a customer."""
        return self._of_customer[table, customer]

    def one(self, table: str, column: str, value: Any) -> Row:
        """The row of a dimension with a key; empty for one that only the unknown members have."""
        return next((row for row in self.tables[table] if row[column] == value), {})

    def per_customer(self, table: str) -> Iterator[tuple[int, list[Row]]]:
        """Every customer, with their rows of a table."""
        for customer in self.customers:
            yield customer, self.of(table, customer)

    def chance(self, share: float) -> bool:
        """True in this share of all calls."""
        return self.random.random() < share

    def is_free(self, customer: int, moment: datetime) -> bool:
        """Whether nothing of the customer happens at a moment; from now on something does."""
        is_free = moment not in self._taken[customer]
        self._taken[customer].add(moment)
        return is_free

    def moment(self, customer: int, since: datetime, until: datetime, *, is_timed: bool = True) -> datetime:
        """A moment between two others at which nothing else of the customer happens: to the second, or the day."""
        seconds = max(int((until - since).total_seconds()), 60)
        while True:
            moment = since.replace(microsecond=0) + timedelta(seconds=self.random.randrange(seconds))
            moment = moment if is_timed else moment.replace(hour=0, minute=0, second=0)
            if moment not in self._taken[customer] and moment != AS_OF:
                self._taken[customer].add(moment)
                return moment
