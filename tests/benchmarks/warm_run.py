"""How long a warm run takes, where the time goes, and how much memory it needs. Run by `make benchmark`.

Runs the catalog once to warm up and then several times in processes of their own; prints medians. Beside it stands the
floor: the same amounts computed by one hand-written query on the same files, so that ratios can be compared between
machines.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from

STEP = re.compile(r"^[✓–] (.+?)  .*?(\d+\.\d) s$")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--catalog", default="contoso")
    arguments.add_argument("--runs", type=int, default=5)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        first, _, _ = run(chosen.catalog, home)
        print(f"first run (everything is new): {first:.1f} s")
        walls, processors, steps = [], [], {}
        for _ in range(chosen.runs):
            wall, processor, found = run(chosen.catalog, home)
            walls.append(wall)
            processors.append(processor)
            for step, seconds in found.items():
                steps.setdefault(step, []).append(seconds)
    print(f"warm run: median {statistics.median(walls):.1f} s, {min(walls):.1f} to {max(walls):.1f} s, "
          f"processor {statistics.median(processors):.1f} s")  # fmt: skip
    inside = 0.0
    for step, seconds in sorted(steps.items(), key=lambda item: -statistics.median(item[1])):
        inside += statistics.median(seconds)
        print(f"  {step:<40} {statistics.median(seconds):5.1f} s")
    print(f"  {'start, parsing, events, exit':<40} {statistics.median(walls) - inside:5.1f} s")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of a run: {peak:,.0f} MB")
    bare = floor(chosen.catalog)
    print(f"hand-written floor: {bare:.2f} s; a warm run is {statistics.median(walls) / bare:.0f} times as long")


def run(catalog: str, home: str) -> tuple[float, float, dict[str, float]]:
    """One run in a process of its own: (wall seconds, processor seconds, seconds per step)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    command = [sys.executable, "-m", "orchestration.cli", "run", "--catalog", catalog, "--home", home]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=False)
    wall = time.monotonic() - started
    if done.returncode:
        sys.exit(f"The run failed:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    steps = {match[1].strip(): float(match[2]) for line in done.stdout.splitlines() if (match := STEP.match(line))}
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, steps


def floor(catalog: str) -> float:
    """Seconds that DuckDB needs to read every file of the catalog and count and sum it, without any checks."""
    settings = settings_from(catalog=catalog)
    started = time.monotonic()
    with duckdb.connect() as connection:
        for system, stream in load_catalog(settings.catalog_path, settings.environment).streams():
            path = f"{system.location}/{stream.path}"
            connection.execute(f"create table t as from read_csv('{path}', all_varchar = true)")
            connection.execute("select count(*), count(distinct hash(t)) from t").fetchall()
            connection.execute("drop table t")
    return time.monotonic() - started


if __name__ == "__main__":
    main()
