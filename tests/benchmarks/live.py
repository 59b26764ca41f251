"""Measures the live service on this machine: the keyed store (LMDB beside SQLite), and profiles under load.

    python tests/benchmarks/live.py WAREHOUSE [--customers 100000] [--rate 1000] [--seconds 60]

WAREHOUSE: a published warehouse, whose customers are repeated until there are enough. Sends requests to 127.0.0.1 only,
at a fixed rate: a request that has to wait counts from the moment at which it was due.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

import duckdb
import numpy as np
import orjson

from orchestration.firm.state import bring_up_to_date
from orchestration.live.tokens import add_token
from orchestration.serving.profile_store import SECTIONS, ProfileStore, section_key, write_profiles

PORT = 8399
_CONNECTIONS = 50
_TABLES = (
    "core.dim_customer", "core.bridge_customer_number", "core.bridge_source_record", "core.bridge_customer_identifier",
    "core.bridge_customer_name", "marts.relationship_context", "marts.personal_context", "marts.situational_context",
    "marts.customer_need", "marts.next_best_action", "marts.customer_consent", "marts.customer_360",
)  # fmt: skip


def repeated_warehouse(source: Path, target: Path, customers: int) -> int:
    """A warehouse with the customers of `source` as often as needed, each time with other numbers and identifiers."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        ((found, highest),) = connection.execute(
            "select count(*), max(customer_key) from source.core.dim_customer where customer_key > 0"
        ).fetchall()
        times = -(-customers // found)
        for table in _TABLES:
            schema = table.split(".")[0]
            connection.execute(f"create schema if not exists {schema}")
            columns = [row[0] for row in connection.execute(f"describe source.{table}").fetchall()]
            changed = {
                "customer_key": f"customer_key + {highest + 1} * copy as customer_key",
                "customer_number": f"customer_number + {highest + 1} * copy as customer_number",
                "identifier_value": "case when copy = 0 then identifier_value else copy || '-' || identifier_value end"
                " as identifier_value",
                "source_record_id": "copy || '-' || source_record_id as source_record_id",
            }
            chosen = ", ".join(changed.get(column, column) for column in columns)
            connection.execute(
                f"create table {table} as select {chosen} from source.{table}, range({times}) as copies(copy)"
                " where customer_key > 0"
            )
        connection.execute("create schema quality")
        connection.execute("create table quality.publication as from source.quality.publication")
    return found * times


def compare_stores(store: Path, folder: Path) -> None:
    """Prints how long a profile of five sections takes, from LMDB and from SQLite with the same keys and values."""
    import lmdb

    names = [name for name in SECTIONS if name not in ("identifiers", "needs", "actions")]
    other = sqlite3.connect(folder / "profiles.sqlite")
    other.execute("create table entry (key blob primary key, value blob) without rowid")
    started = time.perf_counter()
    with lmdb.open(str(store), subdir=False, readonly=True, lock=False) as environment, environment.begin() as rows:
        other.executemany("insert into entry values (?, ?)", rows.cursor())
    other.commit()
    copied = time.perf_counter() - started
    keys = random.Random(360).choices(range(1, 1_800), k=20_000)
    opened = ProfileStore(store)
    seconds = {"lmdb": [], "sqlite": []}
    for key in keys:
        started = time.perf_counter()
        opened.sections(key, names)
        seconds["lmdb"].append(time.perf_counter() - started)
        started = time.perf_counter()
        for name in names:
            row = other.execute("select value from entry where key = ?", [section_key(key, name)]).fetchone()
            orjson.loads(row[0]) if row else None
        seconds["sqlite"].append(time.perf_counter() - started)
    for kind, taken in seconds.items():
        print(f"{kind}: median {np.median(taken) * 1e6:.0f} µs, p99 {np.percentile(taken, 99) * 1e6:.0f} µs a profile")
    size = (folder / "profiles.sqlite").stat().st_size
    print(f"size: lmdb {store.stat().st_size / 1e6:.0f} MB, sqlite {size / 1e6:.0f} MB (copied in {copied:.0f} s)")
    opened.close()


class _Connection(asyncio.Protocol):
    """One connection that asks for one profile after the other; lighter than streams, so that it is not what waits."""

    def __init__(self, load: Load) -> None:
        self._load, self._due, self._seen = load, 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._load.free.append(self)

    def ask(self, due: float) -> None:
        """Sends a request that was due at this moment."""
        self._due = due
        self._transport.write(self._load.next_request())

    def connection_lost(self, _: Exception | None) -> None:
        """The service closes a connection that was idle: it takes no further request."""
        if self in self._load.free:
            self._load.free.remove(self)

    def data_received(self, data: bytes) -> None:
        seen = self._seen + data
        end = seen.find(b"\r\n\r\n")
        start = seen.find(b"content-length: ") + 16
        if end < 0 or len(seen) < end + 4 + int(seen[start : seen.find(b"\r", start)]):
            self._seen = seen
            return
        self._seen = b""
        self._load.answered(self, int(seen[9:12]), self._due)


class Load:
    """Requests at a fixed rate: milliseconds of each, from when it was due, and how often each status was answered."""

    def __init__(self, token: str, customers: list[int]) -> None:
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        self._draw, self._customers, self._head = random.Random(360), customers, head
        self.free: list[_Connection] = []
        self._waiting: deque[float] = deque()
        self.taken: list[float] = []
        self.statuses: Counter[int] = Counter()

    def next_request(self) -> bytes:
        """A request for a customer drawn by chance."""
        return f"GET /v1/profiles/customer:C-{self._draw.choice(self._customers)} HTTP/1.1\r\n{self._head}".encode()

    def answered(self, connection: _Connection, status: int, due: float) -> None:
        """Notes an answer and gives the connection the next request that waits."""
        self.taken.append((time.perf_counter() - due) * 1000)
        self.statuses[status] += 1
        if self._waiting:
            connection.ask(self._waiting.popleft())
        else:
            self.free.append(connection)

    async def run(self, rate: int, seconds: int) -> None:
        """Sends rate times seconds requests, and waits for their answers."""
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECTIONS):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", PORT)
        started, sent = time.perf_counter(), 0
        while len(self.taken) < rate * seconds:
            now = time.perf_counter()
            while sent < rate * seconds and started + sent / rate <= now:
                due, sent = started + sent / rate, sent + 1
                if self.free:
                    self.free.pop().ask(due)
                else:
                    self._waiting.append(due)
            await asyncio.sleep(0.0005)


def measure(warehouse: Path, customers: int, rate: int, seconds: int, folder: Path) -> None:
    """Prints all figures."""
    home = folder / "home"
    bring_up_to_date(home)
    (home / "serving").mkdir(parents=True)
    published = home / "serving" / "context360.duckdb"
    count = repeated_warehouse(warehouse, published, customers)
    store = home / "serving" / "profiles.lmdb"
    started = time.perf_counter()
    with duckdb.connect(str(published), read_only=True) as connection:
        write_profiles(connection, store)
        keys = [key for (key,) in connection.execute("select customer_key from core.dim_customer").fetchall()]
    print(f"{count:,} customers: store written in {time.perf_counter() - started:.1f} s")
    compare_stores(store, folder)
    token = add_token(home / "live", "load", "service")
    (home / "catalog.yaml").write_text(
        "catalog: load\nsystems:\n  none: {connector: files, location: ., streams: {s: {path: s.csv, format: csv}}}\n"
    )
    command = [sys.executable, "-m", "orchestration.cli", "serve", "--home", str(home), "--port", str(PORT)]
    service = subprocess.Popen([*command, "--catalog", str(home / "catalog.yaml")], stdout=subprocess.DEVNULL)
    try:
        _wait(service)
        publisher = subprocess.Popen(  # a publication in the middle
            [sys.executable, "-c", "import sys, time, shutil, os; time.sleep(float(sys.argv[2]));"
             "shutil.copyfile(sys.argv[1], sys.argv[1] + '.new'); os.replace(sys.argv[1] + '.new', sys.argv[1])",
             str(store), str(seconds / 2)]
        )  # fmt: skip
        sent = Load(token, keys)
        asyncio.run(sent.run(rate, seconds))
        taken, statuses = sent.taken, dict(sent.statuses)
        publisher.wait()
        status = Path(f"/proc/{service.pid}/status").read_text()
    finally:
        service.terminate()
        service.wait(timeout=20)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    print(f"{len(taken):,} profiles at {rate:,} a second: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    print(f"statuses {statuses}; processor of the service and the publication {used.ru_utime + used.ru_stime:.0f} s")
    for line in status.splitlines():
        if line.startswith(("VmHWM", "RssAnon")):
            print(line)


def _wait(service: subprocess.Popen[bytes]) -> None:
    import urllib.request

    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1)
            return
        except OSError:
            assert service.poll() is None, "the service has ended"
            time.sleep(0.2)
    raise TimeoutError("the service does not answer")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="context360-live-"))
    try:
        measure(chosen.warehouse, chosen.customers, chosen.rate, chosen.seconds, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
