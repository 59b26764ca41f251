"""Measures how long it takes to forecast many customers, and the memory: fit, correction and scores, from purchases on.

The customers are drawn from a BG/NBD model with days as grain over two years, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow

THREADS = 2
START = date(2024, 1, 1)
DAYS = 730


def draw_purchases(customers: int, file: Path) -> None:
    """Writes the purchases of BG/NBD customers who joined evenly over the time, one row group at a time."""
    draws = np.random.default_rng(7)
    rate = draws.gamma(0.6, 1 / 60.0, customers)
    leaves = draws.beta(0.8, 2.5, customers)
    moment = draws.uniform(0, DAYS, customers)
    spend = 15 * 6.0 / draws.gamma(4.0, 1.0, customers)
    who = np.arange(customers)
    connection = duckdb.connect()
    connection.execute("create table purchases (customer_id bigint, purchased_at date, amount double)")
    while len(who):
        day = moment.astype(np.int64)
        amount = spend[who] * draws.gamma(6.0, 1 / 6.0, len(who))
        batch = {"who": who, "day": day, "amount": amount}
        connection.register("batch", pyarrow.table(batch))
        connection.execute(f"insert into purchases select who, date '{START}' + day::integer, amount from batch")
        moment = moment + draws.exponential(1 / rate[who])
        going_on = draws.random(len(who)) >= leaves[who]
        kept = going_on & (moment < DAYS)
        who, moment = who[kept], moment[kept]
    connection.execute(f"copy purchases to '{file}'")


def _measured(file: Path) -> dict[str, float]:
    from orchestration.predictions.scoring.purchases import fit_forecast

    connection = duckdb.connect()
    connection.execute(f"set threads = {THREADS}; set memory_limit = '1GB'")
    connection.execute(f"set temp_directory = '{file.parent}'")
    start = time.perf_counter()
    forecast = fit_forecast(connection, f"read_parquet('{file}')", START + timedelta(days=DAYS - 1))
    fitted = time.perf_counter()
    table = forecast.table()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "customers": len(table),
        "purchases": float((forecast.history.frequency + 1).sum()),
        "fit_seconds": fitted - start,
        "score_seconds": time.perf_counter() - fitted,
        "peak_gb": used.ru_maxrss / 1e6,
        "processor_seconds": used.ru_utime + used.ru_stime,
    }


def main() -> None:
    """Prints seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.file:
        print(json.dumps(_measured(arguments.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "purchases.parquet"
        draw_purchases(arguments.customers, file)
        command = [sys.executable, __file__, "--file", str(file)]
        environment = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{found['customers']:,.0f} customers, {found['purchases']:,.0f} purchase days, {THREADS} threads")
    print(f"  fitted in {found['fit_seconds']:.1f} s, scored in {found['score_seconds']:.1f} s, "
          f"{found['processor_seconds']:.1f} s of processor time, {found['peak_gb']:.2f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
