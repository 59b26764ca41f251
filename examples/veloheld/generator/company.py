"""Creates the demo company, and lets days pass: the two functions that others call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from examples.veloheld.generator.writers.spool import Spool

VERSION = 1
MARK = "company.yaml"
LONGEST_DAYS = 1_600
MOST_CUSTOMERS = 10_000_000
_BYTES_PER_CUSTOMER_DAY = 18.0  # 14 measured, intermediate files included, and a quarter more
_BYTES_AT_LEAST = 30_000_000
Progress = Callable[[str, float], None]

ACCOUNTS = (
    "account_id TEXT PRIMARY KEY, salutation TEXT, first_name TEXT, last_name TEXT, birth_date TEXT, gender TEXT, "
    "email TEXT, phone TEXT, mobile TEXT, street TEXT, house_no TEXT, postcode TEXT, city TEXT, country TEXT, "
    "language TEXT, occupation TEXT, income_band TEXT, loyalty_no TEXT, created_at TEXT, updated_at TEXT, "
    "deleted INTEGER"
)
DATABASES = {
    "crm/crm.db": {
        "crm.accounts": ACCOUNTS,
        "crm.appointments": "appointment_id TEXT PRIMARY KEY, account_id TEXT, kind TEXT, store_id TEXT, "
        "starts_at TEXT, status TEXT, created_at TEXT, updated_at TEXT",
        "crm.social_handles": "handle_id TEXT PRIMARY KEY, account_id TEXT, network TEXT, handle TEXT, "
        "opt_in INTEGER, updated_at TEXT",
    },
    "helpdesk/helpdesk.db": {
        "helpdesk.complaints": "complaint_id TEXT PRIMARY KEY, requester_email TEXT, requester_phone TEXT, "
        "account_id TEXT, product_sku TEXT, subject TEXT, opened_at TEXT, status TEXT, updated_at TEXT",
        "helpdesk.complaint_history": "history_id TEXT PRIMARY KEY, complaint_id TEXT, status TEXT, changed_at TEXT, "
        "note TEXT",
    },
}
DAILY = {
    "shop.customers": "shop/customers/%Y-%m-%d.csv",
    "shop.orders": "shop/orders/%Y-%m-%d.csv",
    "shop.order_lines": "shop/order_lines/%Y-%m-%d.csv",
    "shop.returns": "shop/returns/%Y-%m-%d.csv",
    "shop.carts": "shop/carts/%Y-%m-%d.csv",
    "pos.receipts": "pos/receipts_%Y%m%d.csv",
    "contact_centre.calls": "contact_centre/calls_%Y-%m-%d.jsonl.gz",
    "social.posts": "social/posts_%Y-%m-%d.jsonl",
}
MONTHLY = {
    "loyalty.transactions": "loyalty/transactions_%Y%m_to%d.csv",
    "survey.answers": "survey/answers_%Y-%m_to%d.csv",
    "consent.changes": "consent/changes_%Y-%m_to%d.csv",
    "campaigns.redemptions": "campaigns/redemptions_%Y-%m_to%d.csv",
}
SNAPSHOTS = {
    "loyalty.members": "loyalty/members.csv",
    "sensor.bikes": "sensor/bikes.csv",
    "campaigns.campaigns": "campaigns/campaigns.csv",
    "campaigns.offers": "campaigns/offers.csv",
    "campaigns.recipients": "campaigns/recipients.csv",
    "campaigns.coupons": "campaigns/coupons.csv",
    "campaigns.content": "campaigns/content.csv",
}


class DemoError(Exception):
    """The demo company cannot be written as asked; nothing has been changed. The message says why in one sentence."""


@dataclass(frozen=True)
class CompanySummary:
    """What a demo company holds. `rows` counts what was delivered by this call, per stream."""

    folder: Path
    customers: int
    days: int
    seed: int
    first_day: date
    last_day: date
    rows: dict[str, int]

    @property
    def as_of(self) -> datetime:
        """The end of the last day (UTC): the moment for which `truth/` holds."""
        following = self.last_day + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=UTC)

    @property
    def interactions(self) -> int:
        """Rows delivered by this call."""
        return sum(self.rows.values())


def create(out: Path, *, customers: int, days: int, seed: int, progress: Progress | None = None) -> CompanySummary:
    """Writes a new demo company into `out`; one that stands there already is replaced.

    The same customers, days and seed give the same bytes on any machine. Raises DemoError, and changes nothing, where
    that cannot be done.
    """
    out = Path(out).expanduser().absolute()
    _check_sizes(customers, days, seed)
    _check_folder(out)
    _check_space(out, customers, days)
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        rows = _write_days(partial, customers, seed, 0, days, progress)
        summary = _summary(out, customers, days, seed, rows)
        _write_mark(partial, summary)
        if out.exists():
            old = out.with_name(out.name + ".old")
            shutil.rmtree(old, ignore_errors=True)
            out.rename(old)
            partial.rename(out)
            shutil.rmtree(old)
        else:
            partial.rename(out)
    except OSError as error:
        raise DemoError(
            f"{out} cannot be written ({error.strerror or error}); nothing there has been changed."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def advance(out: Path, *, days: int, progress: Progress | None = None) -> CompanySummary:
    """Adds the days that follow, as new deliveries; snapshots and `truth/` move on to the new last day.

    Interrupted, it leaves a company that still says it ends on the old day; called again it writes the same files.
    """
    out = Path(out).expanduser().absolute()
    company = company_at(out)
    _check_sizes(company.customers, days, company.seed)
    _check_sizes(company.customers, company.days + days, company.seed)
    _check_space(out, company.customers, days)
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        rows = _write_days(partial, company.customers, company.seed, company.days, company.days + days, progress)
        for path in sorted(partial.rglob("*")):
            if path.is_file():
                target = out / path.relative_to(partial)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        summary = _summary(out, company.customers, company.days + days, company.seed, rows)
        _write_mark(partial, summary)
        (partial / MARK).replace(out / MARK)
    except OSError as error:
        raise DemoError(
            f"{out} cannot be written ({error.strerror or error}); call advance again once it can."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def company_at(out: Path) -> CompanySummary:
    """The demo company that stands in a folder; its `rows` are those of the call that wrote last."""
    path = Path(out) / MARK
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        if held["version"] != VERSION:
            raise DemoError(f"{out} was written by another version ({held['version']}): create it anew.")
        return CompanySummary(
            Path(out), held["customers"], held["days"], held["seed"], held["first_day"], held["last_day"], held["rows"]
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DemoError(f"{out} holds no demo company: create one there first.") from error


def _check_sizes(customers: int, days: int, seed: int) -> None:
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise DemoError(f"The number of customers must lie between 1 and {MOST_CUSTOMERS:,}, not at {customers:,}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise DemoError(f"The number of days must lie between 1 and {LONGEST_DAYS:,} altogether, not at {days:,}.")
    if not 0 <= seed < 2**63:
        raise DemoError(f"The seed must be a whole number from 0 on, not {seed}.")


def _check_folder(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise DemoError(f"{out} is a file: name a folder that does not exist yet, is empty, or holds a demo company.")
    if any(out.iterdir()) and not (out / MARK).is_file():
        raise DemoError(f"{out} holds something else than a demo company: name another folder, or empty it.")


def _check_space(out: Path, customers: int, days: int) -> None:
    needed = int(_BYTES_AT_LEAST + customers * days * _BYTES_PER_CUSTOMER_DAY)
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DemoError(
            f"{out} needs about {needed / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free: choose fewer customers or "
            "days, or another disk."
        )
    if not os.access(place, os.W_OK):
        raise DemoError(f"{place} cannot be written: correct its rights, or name another folder.")


def _summary(out: Path, customers: int, days: int, seed: int, rows: dict[str, int]) -> CompanySummary:
    from examples.veloheld.generator.parameters import load_parameters

    first = load_parameters().company.starts_on
    return CompanySummary(out, customers, days, seed, first, first + timedelta(days=days - 1), rows)


def _write_mark(folder: Path, summary: CompanySummary) -> None:
    held = asdict(summary)
    del held["folder"]
    held["rows"] = dict(sorted(held["rows"].items()))
    text = "# A demo company. This file marks the folder as one that `demo create` may replace.\n"
    (folder / MARK).write_text(text + yaml.safe_dump({"version": VERSION, **held}, sort_keys=False), encoding="utf-8")


def _write_days(
    out: Path, customers: int, seed: int, begin: int, end: int, progress: Progress | None
) -> dict[str, int]:
    """Writes the deliveries of the days from `begin` until before `end`, and the truth at their end."""
    from examples.veloheld.generator.parameters import load_parameters

    size = load_parameters().company.chunk_customers
    sizes = [min(size, customers - first) for first in range(0, customers, size)]
    counts: dict[str, int] = {}
    jobs = [(str(out), seed, number, count, begin, end) for number, count in enumerate(sizes)]
    for done, found in enumerate(_results(jobs), start=1):
        for stream, count in found.items():
            counts[stream] = counts.get(stream, 0) + count
        if progress:
            progress(f"people {min(done * size, customers):,} of {customers:,}", 0.85 * done / len(sizes))
    _write_files(out, begin, end, progress)
    shutil.rmtree(out / ".spool")
    if progress:
        progress("done", 1.0)
    return counts


def _results(jobs: list[tuple[str, int, int, int, int, int]]) -> Iterator[dict[str, int]]:
    workers = min(len(jobs), os.cpu_count() or 1, 4)
    if workers < 2:
        for job in jobs:
            yield write_chunk(*job)
        return
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: list[Future[dict[str, int]]] = [pool.submit(write_chunk, *job) for job in jobs]
        for future in waiting:
            yield future.result()


def write_chunk(out: str, seed: int, number: int, customers: int, begin: int, end: int) -> dict[str, int]:
    """Writes the bulky files of one chunk of customers, and keeps the rest for files that hold all chunks."""
    from examples.veloheld.generator.behaviour import Calendar, live
    from examples.veloheld.generator.chunk import LOOK_AHEAD_DAYS, Chunk
    from examples.veloheld.generator.parameters import load_parameters
    from examples.veloheld.generator.population import people_of
    from examples.veloheld.generator.systems import campaigns, contact, devices, trade, voice, web
    from examples.veloheld.generator.truth import FUTURE_DAYS, write_truth
    from examples.veloheld.generator.writers.spool import Spool

    parameters = load_parameters()
    people = people_of(seed, number, customers, parameters)
    last = end + max(FUTURE_DAYS, LOOK_AHEAD_DAYS)
    history = live(people, parameters, last // parameters.company.block_days)
    chunk = Chunk(
        people,
        history,
        parameters,
        Calendar(parameters),
        begin,
        end,
        Path(out) / "sources",
        Spool(Path(out) / ".spool"),
    )
    bought = trade.trade_of(chunk)
    sends = campaigns.sends_of(chunk)
    trade.write_shop(chunk, bought, web.order_cookies(chunk, bought))
    trade.write_pos(chunk, bought)
    trade.write_loyalty(chunk, bought)
    campaigns.write_email(chunk, sends)
    campaigns.write_campaigns(chunk, bought)
    if number == 0:
        campaigns.write_calendar(chunk)
    web.write_web(chunk, bought, sends)
    devices.write_app(chunk, bought)
    devices.write_sensor(chunk)
    contact.write_crm(chunk)
    contact.write_calls(chunk, bought)
    contact.write_chat(chunk, bought)
    contact.write_helpdesk(chunk)
    contact.write_consent(chunk)
    voice.write_survey(chunk, bought)
    voice.write_social(chunk)
    write_truth(chunk)
    return {name: count for name, count in chunk.counts.items() if not name.startswith("truth_")}


def _write_files(out: Path, begin: int, end: int, progress: Progress | None) -> None:
    """Writes the files that hold all chunks: text files, databases, the truth."""
    from examples.veloheld.generator.clock import day_of, days_since_unix, month_index
    from examples.veloheld.generator.parameters import load_parameters
    from examples.veloheld.generator.writers import sqlite
    from examples.veloheld.generator.writers.spool import Spool, write_lines, write_snapshot

    spool, sources = Spool(out / ".spool"), out / "sources"
    start = days_since_unix(load_parameters().company.starts_on)
    last_day = day_of(start + end - 1)

    def header(name: str) -> bytes:
        for part in spool.parts(f"lines/{name}"):
            return bytes(part.schema.metadata[b"header"])
        return b""

    for name, form in DAILY.items():
        write_lines(
            spool,
            f"lines/{name}",
            header(name),
            lambda day, form=form: sources / day.strftime(form),
            lambda days: days,
            start=start,
        )
    if progress:
        progress("daily files", 0.9)

    def month_path(day: date, form: str) -> Path:
        following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return sources / min(following - timedelta(days=1), last_day).strftime(form)

    for name, form in MONTHLY.items():
        write_lines(
            spool, f"lines/{name}", header(name), lambda day, form=form: month_path(day, form), month_index, start=start
        )
    for name, form in SNAPSHOTS.items():
        write_snapshot(spool, f"lines/{name}", header(name), sources / form)
    _write_lists(sources)
    for path, tables in DATABASES.items():
        sqlite.write(
            sources / path,
            {name.split(".")[1]: (definition, spool.parts(f"tables/{name}")) for name, definition in tables.items()},
        )
    if progress:
        progress("databases", 0.96)
    _write_truth_files(out / "truth", spool, day_of(start + begin))


def _write_lists(sources: Path) -> None:
    from examples.veloheld.generator.assortment import LINES, assortment
    from examples.veloheld.generator.names import STORES

    goods = assortment()
    lines = ["sku,title,product_line,category,price,cost"]
    for sku, title, line, category, price, cost in zip(
        goods.skus, goods.titles, goods.line, goods.categories, goods.price_cents, goods.cost_cents, strict=True
    ):
        lines.append(f'{sku},"{title}",{LINES[line]},{category},{price / 100:.2f},{cost / 100:.2f}')
    (sources / "shop").mkdir(parents=True, exist_ok=True)
    (sources / "shop" / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = ["store_id,name,city,country,lat,lon"]
    lines += [
        f"S{number},{name},{town},{country},{latitude},{longitude}"
        for number, (name, town, country, latitude, longitude) in enumerate(STORES, start=1)
    ]
    (sources / "pos").mkdir(parents=True, exist_ok=True)
    (sources / "pos" / "stores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_truth_files(folder: Path, spool: Spool, first_day: date) -> None:
    """State tables as `<table>.parquet`; what grows by the day as `<table>.from_YYYYMMDD.parquet`."""
    from examples.veloheld.generator.writers import parquet

    groups: dict[str, list[str]] = {}
    for name in spool.names("truth"):
        groups.setdefault(name.split("/")[1], []).append(name)
    for table, names in groups.items():
        parts = (part for name in names for part in spool.parts(name))
        parquet.write(parts, folder / f"{table}.from_{first_day:%Y%m%d}.parquet")
    for name in spool.names("tables"):
        table = name.split("/")[1]
        if table.startswith("truth_"):
            parquet.write(spool.parts(name), folder / f"{table.removeprefix('truth_')}.parquet")
