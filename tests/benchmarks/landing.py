"""How fast rows land, how much memory that takes, and how much slower a source is with us than without us.

Each measurement runs in a process of its own, warmed up with a landing of one row. Rates depend on the machine, and on
what else it does: seconds of processor say how fast it could be. The ratios to a plain loop over the same source, and
the ratio of the memory of two sizes, depend on it less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import duckdb

from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.landing.land import land_stream

WRITTEN = {"csv": "format csv", "jsonl": "format json", "parquet": "format parquet"}
SMALL_FILES, ROWS_PER_SMALL_FILE = 548, 5
ITEMS_PER_HUNDRED_ROWS, TABLE_ROWS_PER_TEN_ROWS = 1, 2
# An API that answers at once would be none that exists; this one delivers 25,000 items a second.
PAGE, THINKING_SECONDS = 500, 0.02
EVENTS = """
    select 'e' || lpad(i::varchar, 9, '0') as event_id, 'u' || (hash(i) % 100000)::varchar as visitor_id,
        timestamp '2025-01-01' + to_seconds(i // 3) as occurred_at,
        ['view', 'click', 'buy', 'search'][1 + (hash(i + 1) % 4)::int] as kind,
        '/p/' || (hash(i + 2) % 5000)::varchar as page, round((hash(i + 3) % 10000) / 100.0, 2) as amount,
        (hash(i + 4) % 600)::int as seconds, ['nl', 'de', 'be'][1 + (hash(i + 5) % 3)::int] as country
    from range({rows}) as r(i)
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--times", type=int, default=2, help="the best of so many")
    arguments.add_argument("--child", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.child:
        print(json.dumps(measured(json.loads(chosen.child))))
        return
    with tempfile.TemporaryDirectory() as folder:
        files(Path(folder), chosen.rows, chosen.times)
        small_files(Path(folder), chosen.times)
        endpoint(Path(folder), chosen.rows * ITEMS_PER_HUNDRED_ROWS // 100, chosen.times)
        table(Path(folder), chosen.rows * TABLE_ROWS_PER_TEN_ROWS // 10, chosen.times)


def files(folder: Path, rows: int, times: int) -> None:
    for kind, how in WRITTEN.items():
        peaks = {}
        for size in (rows // 4, rows):
            data = folder / f"{kind}_{size}"
            data.mkdir()
            with duckdb.connect() as connection:
                connection.execute(f"copy ({EVENTS.format(rows=size)}) to '{data}/events.{kind}' ({how})")
            stream = f"{{path: 'events.{kind}', format: {kind}}}"
            found = best(times, folder, f"connector: files\n    location: {data}", stream)
            assert found["rows"] == size
            peaks[size] = found["peak"]
        print(
            f"{kind:<8} {rows:,} rows: {rows / found['seconds']:>9,.0f} rows/s, {found['processor']:.1f} s of"
            f" processor, {peaks[rows]:,.0f} MB at most"
            f" ({peaks[rows] / peaks[rows // 4]:.2f} times that of a quarter of the rows);"
            f" nothing new: {found['again']:.3f} s"
        )


def small_files(folder: Path, times: int) -> None:
    for kind, how in WRITTEN.items():
        data = folder / f"small_{kind}"
        data.mkdir()
        with duckdb.connect() as connection:
            connection.execute(f"create table events as {EVENTS.format(rows=SMALL_FILES * ROWS_PER_SMALL_FILE)}")
            for number in range(SMALL_FILES):
                rows = f"from events limit {ROWS_PER_SMALL_FILE} offset {number * ROWS_PER_SMALL_FILE}"
                connection.execute(f"copy ({rows}) to '{data}/events_{number:04d}.{kind}' ({how})")
        found = best(times, folder, f"connector: files\n    location: {data}", f"{{path: '*.{kind}', format: {kind}}}")
        assert found["rows"] == SMALL_FILES * ROWS_PER_SMALL_FILE
        print(f"{kind:<8} {SMALL_FILES} small files: {found['seconds']:.2f} s; nothing new: {found['again']:.3f} s")


def endpoint(folder: Path, items: int, times: int) -> None:
    with server(items) as url:
        stream = "{path: /events, data_selector: items, paginator: {type: json_link, next_url_path: next}}"
        found = best(times, folder, f"connector: rest_api\n    base_url: {url}", stream)
        plain = min(timed(lambda: fetch_pages(f"{url}/events")) for _ in range(times))
    print_ratio("REST", items, found, plain)


def fetch_pages(url: str | None) -> int:
    import requests

    session, items = requests.Session(), 0
    while url:
        answer = session.get(url, timeout=10).json()
        items += len(answer["items"])
        url = answer["next"]
    return items


@contextmanager
def server(items: int) -> Iterator[str]:
    """An API in a thread; its pages are made beforehand, so that what is measured is not the making of them."""
    with duckdb.connect() as connection:
        found = connection.execute(EVENTS.format(rows=items))
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    pages: dict[int, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            start = int(parse_qs(urlparse(self.path).query).get("start", ["0"])[0])
            time.sleep(THINKING_SECONDS)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(pages[start])))
            self.end_headers()
            self.wfile.write(pages[start])

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{running.server_port}"
    for start in range(0, items, PAGE):
        following = f"{url}/events?start={start + PAGE}" if start + PAGE < items else None
        pages[start] = json.dumps({"items": rows[start : start + PAGE], "next": following}, default=str).encode()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield url
    running.shutdown()
    running.server_close()


def table(folder: Path, rows: int, times: int) -> None:
    import pgserver
    import sqlalchemy as sa

    with pgserver.get_server(folder / "postgres") as running:
        url = running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "create table events as select 'e' || i as event_id, 'u' || i % 100000 as visitor_id, "
                    "timestamp '2025-01-01' + make_interval(secs => i) as occurred_at, '/p/' || i % 5000 as page, "
                    "(i % 10000) / 100.0::double precision as amount, i % 600 as seconds "
                    f"from generate_series(1, {rows}) as i"
                )
            )
        for name, stream in (
            ("SQL, cursor", "{table: events, cursor: occurred_at}"),
            ("SQL, whole", "{table: events}"),
        ):
            found = best(times, folder, f"connector: database\n    url: {url}", stream)
            plain = min(timed(lambda: fetch_rows(engine)) for _ in range(times))
            print_ratio(name, rows, found, plain)
        engine.dispose()


def fetch_rows(engine: Any) -> int:
    import sqlalchemy as sa

    rows = 0
    with engine.connect().execution_options(stream_results=True, yield_per=50_000) as connection:
        for part in connection.execute(sa.text("select * from events")).partitions():
            rows += len(part)
    return rows


def print_ratio(name: str, rows: int, found: dict[str, float], plain: float) -> None:
    assert found["rows"] == rows
    print(
        f"{name:<12} {rows:,} rows: {rows / found['seconds']:>9,.0f} rows/s, {found['seconds'] / plain:.2f} times as"
        f" long as a plain loop, {found['processor']:.1f} s of processor,"
        f" {found['peak']:,.0f} MB at most; nothing new: {found['again']:.3f} s"
    )


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def best(times: int, folder: Path, system: str, stream: str) -> dict[str, float]:
    """The best of several landings, each into a new folder and in a process of its own."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as home:
            task = json.dumps({"home": home, "system": system, "stream": stream})
            done = subprocess.run(
                [sys.executable, __file__, "--child", task], capture_output=True, text=True, env=os.environ, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            found.append(json.loads(done.stdout))
    return {name: min(result[name] for result in found) for name in found[0]}


def measured(task: dict[str, str]) -> dict[str, float]:
    home = Path(task["home"])
    (home / "one").mkdir()
    (home / "one" / "a.csv").write_text("id\n1\n")
    catalog = home / "catalog.yaml"
    catalog.write_text(
        "catalog: benchmark\nsystems:\n  warm_up:\n    connector: files\n    location: one\n"
        f"    streams: {{rows: {{path: a.csv, format: csv}}}}\n  measured:\n    {task['system']}\n"
        f"    streams:\n      events: {task['stream']}\n"
    )
    seconds, processor, rows = [], [], []
    for system, stream in [*load_catalog(catalog, {}).streams(), *list(load_catalog(catalog, {}).streams())[1:]]:
        started, worked = time.monotonic(), time.process_time()
        landed = land_stream(system, stream, landing_url=str(home / "landing"), working_dir=home / "working")
        seconds.append(time.monotonic() - started)
        processor.append(time.process_time() - worked)
        rows.append(landed.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows[1], "seconds": seconds[1], "processor": processor[1], "again": seconds[2], "peak": peak}


if __name__ == "__main__":
    main()
