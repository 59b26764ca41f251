"""The files that hold all chunks: text files, databases, lists and the truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from examples.veloheld.generator.assortment import LINES, assortment
from examples.veloheld.generator.clock import day_of, days_since_unix, month_index
from examples.veloheld.generator.names import STORES
from examples.veloheld.generator.parameters import load_parameters
from examples.veloheld.generator.writers import parquet, sqlite
from examples.veloheld.generator.writers.spool import Spool, write_lines, write_snapshot

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


def write_files(out: Path, begin: int, end: int, progress: Callable[[str, float], None] | None) -> None:
    """Writes the files that hold all chunks: text files, databases, the truth."""
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
    """Writes state tables as `<table>.parquet`, and tables that grow as `<table>.from_YYYYMMDD.parquet`."""
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
