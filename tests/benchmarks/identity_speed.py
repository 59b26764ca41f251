"""Measures the linking of many records beside plain Splink: time and memory as ratios, on the same records and threads.

Each side runs in a process of its own, one after the other; then 1 % new records are linked against the rest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

THREADS = 2
NEW_SHARE = 1  # per cent


def _connection(folder: Path, database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(database)
    connection.execute(f"set threads = {THREADS}; set temp_directory = '{folder}'")
    return connection


def _measured(side: str, folder: Path) -> dict[str, float]:
    from identity.measures import accuracy
    from identity.plain_splink import link_plainly

    from orchestration.identity.linking import link_records

    connection = _connection(folder)
    connection.execute(f"create table everyone as from read_parquet('{folder}/records.parquet')")
    connection.execute(f"create table truth as from read_parquet('{folder}/truth.parquet')")
    old = f"hash(source_record_id) % 100 >= {NEW_SHARE}" if side == "ours" else "true"
    connection.execute(f"create table records as from everyone where {old}")
    figures: dict[str, float] = {}
    start = time.perf_counter()
    if side == "ours":
        result = link_records(connection, "records").assignments
    else:
        link_plainly(connection)
        result = "plain"
    figures["seconds"] = time.perf_counter() - start
    figures["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    figures["f1"] = accuracy(connection, result).f1
    if side == "ours":
        start = time.perf_counter()
        link_records(connection, "everyone")
        figures["new_seconds"] = time.perf_counter() - start
    return figures


def main() -> None:
    """Prints seconds, memory and F1 of both sides, and the ratios."""
    from identity.datasets import synthetic

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--side", choices=("ours", "plain"))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(_measured(arguments.side, arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        connection = _connection(folder)
        synthetic(connection, arguments.records)
        for table in ("records", "truth"):
            connection.execute(f"copy {table} to '{folder}/{table}.parquet'")
        connection.close()
        figures = {}
        for side in ("plain", "ours"):
            command = [sys.executable, __file__, "--side", side, "--folder", name]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures[side] = json.loads(output.splitlines()[-1])
    ours, plain = figures["ours"], figures["plain"]
    print(f"{arguments.records:,} synthetic records, {THREADS} threads")
    for side, found in figures.items():
        print(f"  {side:<6} {found['seconds']:7.1f} s  {found['peak_gb']:5.2f} GB  pairwise F1 {found['f1']:.4f}")
    print(f"  ratio  {ours['seconds'] / plain['seconds']:7.2f}    {ours['peak_gb'] / plain['peak_gb']:5.2f}")
    print(f"  {NEW_SHARE} % new records: {ours['new_seconds']:.1f} s, "
          f"{ours['new_seconds'] / ours['seconds']:.1%} of a full run")  # fmt: skip


if __name__ == "__main__":
    main()
