"""How fast the demo company is written: interactions per second, seconds, memory and size for a number of customers.

python tests/benchmarks/demo_company.py --customers 100000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path

from examples.veloheld.generator.company import create


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=100_000)
    arguments.add_argument("--days", type=int, default=548)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = threading.Event()
        largest: list[int] = [0]
        watcher = threading.Thread(target=watch, args=(Path(folder), done, largest))
        watcher.start()
        started = time.monotonic()
        summary = create(Path(folder) / "demo", customers=chosen.customers, days=chosen.days, seed=chosen.seed)
        seconds = time.monotonic() - started
        done.set()
        watcher.join()
        megabytes = size(Path(folder)) / 1e6
        files = sum(1 for path in Path(folder).rglob("*") if path.is_file())
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    for stream, rows in sorted(summary.rows.items()):
        print(f"  {stream:<28}{rows:>12,}")
    print(f"{summary.interactions:,} interactions in {seconds:.1f} s: {summary.interactions / seconds:,.0f} per second")
    print(f"{megabytes:,.0f} MB in {files:,} files; {largest[0] / 1e6:,.0f} MB of disk at the most while writing")
    print(f"peak memory: {here:,.0f} MB in the main process, {workers:,.0f} MB in the largest worker")


def size(folder: Path) -> int:
    """Bytes of all files below the folder that are there while one looks."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def watch(folder: Path, done: threading.Event, largest: list[int]) -> None:
    """Records the largest size of the folder until `done` is set."""
    while not done.wait(1.0):
        largest[0] = max(largest[0], size(folder))


if __name__ == "__main__":
    main()
