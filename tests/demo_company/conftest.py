"""One demo company for all tests that only read, and SQL access to its files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from examples.veloheld.generator.company import CompanySummary, create

CUSTOMERS, DAYS, SEED = 4_000, 548, 11


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> CompanySummary:
    """4,000 customers over 548 days: read only."""
    return create(tmp_path_factory.mktemp("demo") / "veloheld", customers=CUSTOMERS, days=DAYS, seed=SEED)


@pytest.fixture(scope="session")
def ask(company: CompanySummary) -> Callable[..., list[tuple]]:
    """Runs SQL. `{web}` and similar names stand for streams, `{truth:persons}` for a table of the truth."""
    connection = duckdb.connect()
    read: set[str] = set()

    def answered(question: str) -> list[tuple]:
        for name in re.findall(r"{(\w+)}", question):
            files = spelled_out("{" + name + "}", company.folder)
            if files.startswith("read_parquet"):
                continue
            if name not in read:  # hundreds of files of text, which many questions are about
                connection.execute(f"create table stream_{name} as from {files}")
                read.add(name)
            question = question.replace("{" + name + "}", f"stream_{name}")
        return connection.execute(spelled_out(question, company.folder)).fetchall()

    return answered


def spelled_out(question: str, folder: Path) -> str:
    """The query with files in place of their placeholders."""
    sources = folder / "sources"

    def csv(pattern: str, more: str = "") -> str:
        return f"read_csv('{sources}/{pattern}', header=true, all_varchar=true{more})"

    streams = {
        "web": f"read_parquet('{sources}/web/events_*.parquet')",
        "email": f"read_parquet('{sources}/email/events_*.parquet')",
        "app": f"read_parquet('{sources}/app/events_*.parquet')",
        "pings": f"read_parquet('{sources}/location/pings_*.parquet')",
        "beacon": f"read_parquet('{sources}/beacon/sightings_*.parquet')",
        "sensor": f"read_parquet('{sources}/sensor/readings_*.parquet')",
        "chat": f"read_parquet('{sources}/chat/messages_*.parquet')",
        "orders": csv("shop/orders/*.csv"), "order_lines": csv("shop/order_lines/*.csv"),
        "orders_by_file": csv("shop/orders/*.csv", ", filename=true"),
        "customers_by_file": csv("shop/customers/*.csv", ", filename=true"),
        "customers": csv("shop/customers/*.csv"), "carts": csv("shop/carts/*.csv"),
        "returns": csv("shop/returns/*.csv"),
        "products": csv("shop/products.csv"), "receipts": csv("pos/receipts_*.csv", ", delim=';'"),
        "members": csv("loyalty/members.csv"), "answers": csv("survey/answers_*.csv"),
        "consents": csv("consent/changes_*.csv"), "recipients": csv("campaigns/recipients.csv"),
        "campaigns": csv("campaigns/campaigns.csv"), "offers": csv("campaigns/offers.csv"),
        "coupons": csv("campaigns/coupons.csv"), "redemptions": csv("campaigns/redemptions_*.csv"),
        "bikes": csv("sensor/bikes.csv"),
        "calls": f"read_json('{sources}/contact_centre/calls_*.jsonl.gz', format='newline_delimited')",
        "posts": f"read_json('{sources}/social/posts_*.jsonl', format='newline_delimited')",
    }  # fmt: skip
    for name, text in streams.items():
        question = question.replace("{" + name + "}", text)
    while "{truth:" in question:
        start = question.index("{truth:")
        end = question.index("}", start)
        table = question[start + 7 : end]
        question = question[:start] + f"read_parquet('{folder}/truth/{table}.*parquet')" + question[end + 1 :]
    return question
