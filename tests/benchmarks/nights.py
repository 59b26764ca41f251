"""What a night costs: a first run, a day more and a night without news, beside a hand-written floor (`make benchmark`).

Each figure is of a process of its own: seconds of processor and of the clock (how crowded the machine is), and the
largest memory. The figures of a commit are kept as JSON in docs/benchmarks/, with a plot of the trend.

python tests/benchmarks/nights.py --customers 2000
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import altair as alt
import duckdb

from orchestration.settings import INSTALLATION

FIGURES = INSTALLATION / "docs" / "benchmarks"
FLOOR = Path(__file__).with_name("floor.sql")
STEP = re.compile(r"^[✓–] (.+?)  .*?(\d+\.\d) s$")
SLOWEST = 20
LOOKUPS = 200


@dataclass(frozen=True)
class Cost:
    """processor, wall: seconds. memory_mb: the largest that a process of it had. steps: seconds of the clock."""

    processor: float
    wall: float
    memory_mb: float
    steps: dict[str, float]


def main() -> None:
    """Measures one size and writes its figures."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--customers", type=int, default=2_000)
    arguments.add_argument("--days", type=int, default=548)
    arguments.add_argument("--seed", type=int, default=360)
    arguments.add_argument("--folder", type=Path, help="where homes are written; default: one that is deleted")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        figures = measure(Path(folder), chosen.customers, chosen.days, chosen.seed)
    name = f"{figures['date']}-{figures['commit']}-{chosen.customers}.json"
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / name).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    show(figures)
    draw_trend(FIGURES)


def measure(folder: Path, customers: int, days: int, seed: int) -> dict[str, Any]:
    """All figures of one size."""
    home = folder / "home"
    command(home, "demo", "create", "--customers", str(customers), "--days", str(days - 1), "--seed", str(seed))
    catalog = ["--catalog", str(home / "demo_company" / "catalog.yaml")]
    costs = {"first run, training included": command(home, "run", *catalog)}
    disk = {"after the first run": disk_of(home)}
    slowest = slowest_tables(home)
    command(home, "demo", "advance", "--days", "1")
    costs["a day more"] = command(home, "run", *catalog)
    costs["nothing new"] = command(home, "run", *catalog)
    disk["after three runs"] = disk_of(home)
    costs["full refresh, without training"] = command(home, "run", "--full-refresh", "--no-train", *catalog)
    # As a user would run dbt alone: no tests, no rules, no reports; identity is read as it is.
    costs["SQL alone"] = command(home, "dbt", "run", "--full-refresh", *catalog)
    costs["who"] = command(home, "who", "C-1")
    costs["status"] = command(home, "status", *catalog)
    with duckdb.connect(str(home / "serving" / "context360.duckdb"), read_only=True) as connection:
        as_of, interactions = connection.execute(
            "select (select as_of from quality.publication), (select count(*) from core.fct_interaction)"
        ).fetchall()[0]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit(),
        "customers": customers,
        "interactions": interactions,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end",
        "costs": {name: asdict(cost) for name, cost in costs.items()},
        "floor": floor(home, as_of),
        "lookup_ms": lookup_milliseconds(home),
        "disk_mb": disk,
        "slowest_tables_seconds": slowest,
    }


def command(home: Path, *arguments: str) -> Cost:
    """What a command costs. Ends the benchmark where the command fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment | {"COLUMNS": "200", "CONTEXT360_HOME": str(home)},
    )  # fmt: skip
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    # A run that warns ends with 1 and is as much work.
    if process.returncode not in (0, 1) or (process.returncode and "Published" not in output):
        sys.exit(f"`context360 {' '.join(arguments)}` failed:\n{output}")
    steps = {match[1].strip(): float(match[2]) for line in output.splitlines() if (match := STEP.match(line))}
    print(
        f"… {' '.join(arguments[:2])}: {used.ru_utime + used.ru_stime:.1f} s of processor", file=sys.stderr, flush=True
    )
    return Cost(round(used.ru_utime + used.ru_stime, 2), round(wall, 2), round(used.ru_maxrss / 1024), steps)


def floor(home: Path, as_of: datetime) -> dict[str, float]:
    """Seconds of the hand-written SQL on the same landing, and the rows of its facts."""
    text = "\n".join(line for line in FLOOR.read_text().splitlines() if not line.startswith("--"))
    script = Template(text).substitute(landing=home / "landing", as_of=f"{as_of:%Y-%m-%d %H:%M:%S}")
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as wh (read_only)")
        connection.execute(script)
        after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - started
        rows = connection.execute("select count(*) from fct_interaction").fetchall()[0][0]
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"processor": round(processor, 2), "wall": round(wall, 2), "interactions": rows}


def lookup_milliseconds(home: Path) -> dict[str, float]:
    """Median and 95th percentile of reading one customer's card data from the published file, in one process."""
    query = "select * from marts.customer_360 where customer_key = ?"
    timeline = "select * from marts.customer_timeline where customer_key = ? order by happened_at desc limit 10"
    with duckdb.connect(str(home / "serving" / "context360.duckdb"), read_only=True) as connection:
        keys = connection.execute(
            f"select customer_key from core.dim_customer where customer_key > 0 using sample {LOOKUPS} (reservoir, 1)"
        ).fetchall()
        taken = []
        for key in keys:
            started = time.perf_counter()
            connection.execute(query, key).fetchall()
            connection.execute(timeline, key).fetchall()
            taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return {"median": round(taken[len(taken) // 2], 2), "p95": round(taken[int(len(taken) * 0.95)], 2)}


def slowest_tables(home: Path) -> dict[str, float]:
    """The tables that dbt took longest for, as the events of the last run say."""
    import dagster as dg

    os.environ["DAGSTER_HOME"] = str(home / "dagster")
    seconds: dict[str, float] = {}
    with dg.DagsterInstance.get() as instance:
        run_id = instance.get_run_records(limit=1)[0].dagster_run.run_id
        for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records:
            made = record.asset_materialization
            if made is not None and "seconds" in made.metadata:
                seconds[".".join(made.asset_key.path)] = float(made.metadata["seconds"].value)  # type: ignore[arg-type]
    return dict(sorted(seconds.items(), key=lambda item: -item[1])[:SLOWEST])


def disk_of(home: Path) -> dict[str, float]:
    """Megabytes per part of the state folder."""
    return {
        part.name: round(sum(file.stat().st_size for file in [part, *part.rglob("*")] if file.is_file()) / 1e6, 1)
        for part in sorted(home.iterdir())
    }


def commit() -> str:
    """The short name of the commit that is measured."""
    called = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], cwd=INSTALLATION, capture_output=True, text=True, check=False
    )
    return called.stdout.strip() or "unknown"


def show(figures: dict[str, Any]) -> None:
    """Prints the figures as a table."""
    bare = figures["floor"]["processor"]
    print(f"{figures['customers']:,} customers, {figures['interactions']:,} interactions, {figures['commit']}")
    for name, cost in figures["costs"].items():
        times = f", {cost['processor'] / bare:,.1f} × floor" if cost["processor"] > 5 else ""
        memory = f"{cost['memory_mb']:,.0f} MB"
        print(f"  {name:<34}{cost['processor']:>8.1f} s processor {cost['wall']:>8.1f} s {memory:>10}{times}")
    print(f"  {'hand-written floor':<34}{bare:>8.2f} s processor {figures['floor']['wall']:>8.2f} s")
    print(f"  one lookup: {figures['lookup_ms']['median']} ms, 95 % below {figures['lookup_ms']['p95']} ms")
    for table, seconds in figures["slowest_tables_seconds"].items():
        print(f"    {table:<50}{seconds:>8.2f} s")


def draw_trend(folder: Path) -> None:
    """Draws processor seconds over the measured commits, a panel per size."""
    rows = []
    for file in sorted(folder.glob("*.json"), key=lambda found: found.stat().st_mtime):
        kept = json.loads(file.read_text(encoding="utf-8"))
        label = f"{kept['date']} {kept['commit']}"
        size = f"{kept['customers']:,} customers"
        rows += [
            {"commit": label, "size": size, "what": what, "processor": cost["processor"]}
            for what, cost in kept["costs"].items()
        ]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("commit:N", title=None, sort=None),
            y=alt.Y("processor:Q", title="seconds of processor", scale=alt.Scale(type="log")),
            color=alt.Color("what:N", title=None),
            row=alt.Row("size:N", title=None),
        )
        .properties(width=560, height=260)
    )
    chart.save(str(folder / "trend.svg"))


if __name__ == "__main__":
    main()
