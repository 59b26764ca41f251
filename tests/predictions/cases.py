"""Data whose truth is known: CDNOW from ../shared/data, and customers and tables that are drawn here."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

PROJECT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("CONTEXT360_SHARED_DATA", PROJECT.parent / "shared" / "data"))
CDNOW = SHARED / "cdnow"
BANK = SHARED / "bank_marketing" / "bank-additional-full.csv"
REFERENCE_PYTHON = PROJECT / ".venv-reference" / "bin" / "python"
CALIBRATION_END = date(1997, 9, 30)
HOLDOUT_DAYS = 273


def cdnow(sample: bool = True) -> duckdb.DuckDBPyConnection:
    """A connection with the table `purchases` of the 1/10 sample, or of all customers."""
    connection = duckdb.connect()
    file, columns = ("CDNOW_sample.txt", 6) if sample else ("CDNOW_master.txt", 5)
    # Columns of fixed width, told apart by one space or more, with one in front.
    connection.execute(f"""
        create table purchases as
        with line as (
            select regexp_split_to_array(trim(line), ' +') as part
            from read_csv('{CDNOW / file}', columns = {{'line': 'varchar'}}, delim = '\t', header = false)
        )
        select part[{columns - 4}] as customer_id, strptime(part[{columns - 3}], '%Y%m%d') as purchased_at,
            cast(part[{columns - 1}] as double) as amount
        from line where part[{columns - 3}] ~ '^[0-9]{{8}}$'
    """)
    return connection


def bg_nbd_customers(
    customers: int, r: float, alpha: float, a: float, b: float, age: float, seed: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customers who live by the story of BG/NBD, one after the other: frequency, recency and age."""
    draws = np.random.default_rng(seed)
    frequency, recency, ages = np.zeros(customers), np.zeros(customers), draws.uniform(age / 2, age, customers)
    for person in range(customers):
        rate, leaves, now = draws.gamma(r, 1 / alpha), draws.beta(a, b), 0.0
        while True:
            now += draws.exponential(1 / rate)
            if now > ages[person]:
                break
            frequency[person] += 1
            recency[person] = now
            if draws.random() < leaves:
                break
    return frequency, recency, ages


def answers(rows: int, seed: int, level: float = -1.5) -> tuple[pd.DataFrame, pd.Series]:
    """A table of many types of column, and an outcome whose log odds are x + 0.5 z + (colour is red) + level."""
    draws = np.random.default_rng(seed)
    x, z = draws.normal(size=(2, rows))
    colour = draws.choice(["red", "green", "blue"], rows)
    odds = x + 0.5 * z + (colour == "red") + level
    features = pd.DataFrame(
        {
            "x": np.where(draws.random(rows) < 0.05, np.nan, x),
            "z": z,
            "colour": colour,
            "member": draws.random(rows) < 0.4,
            "empty": None,
            "constant": 7,
            "number": [f"C{number}" for number in range(rows)],
        }
    )
    return features, pd.Series(draws.random(rows) < 1 / (1 + np.exp(-odds)))
