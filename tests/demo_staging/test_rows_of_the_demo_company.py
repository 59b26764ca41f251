"""Every row of every system is staged, counted as a repeat, or quarantined for the right reason."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import EXAMPLES

Ask = Callable[[str], list[tuple]]

# stream -> where its rows are, their key, and the rule that a planted wrong row breaks (see the generator's systems).
STREAMS = {
    "app/events": ("{app}", "event_id", "device_id_is_missing"),
    "beacon/sightings": ("{beacon}", "sighting_id", "signal_strength_is_impossible"),
    "consent/changes": ("{consents}", "change_id", "email_is_no_address"),
    "contact_centre/calls": ("{calls}", "call_id", "duration_is_negative"),
    "email/events": ("{email}", "event_id", "email_is_missing"),
    "location/pings": ("{pings}", "ping_id", "position_is_impossible"),
    "loyalty/transactions": (
        "read_csv('{folder}/loyalty/transactions_*.csv', all_varchar = true)", "transaction_id",
        "earned_points_are_negative",
    ),
    "pos/receipts": ("{receipts}", "receipt_no || '-' || line_no", "sold_at_is_unreadable"),
    "sensor/readings": ("{sensor}", "reading_id", "battery_is_impossible"),
    "shop/carts": ("{carts}", "cart_id", "quantity_is_not_positive"),
    "shop/customers": ("{customers}", "customer_no", "email_is_no_address"),
    "shop/order_lines": ("{order_lines}", "order_no || '-' || line_no", "quantity_is_not_positive"),
    "shop/orders": ("{orders}", "order_no", "ordered_at_is_unreadable"),
    "shop/returns": ("{returns}", "return_no", "quantity_is_implausible"),
    "social/posts": ("{posts}", "post_id", "handle_is_missing"),
    "survey/answers": ("{answers}", "answer_id", "score_is_off_the_scale"),
    "web/events": ("{web}", "event_id", "cookie_id_is_missing"),
}  # fmt: skip
# Streams whose rows the source itself writes again when something has changed.
WITH_VERSIONS = ("shop/carts", "shop/customers")
# Streams in which nothing wrong is planted, with the number of different rows that were delivered.
WITHOUT_ERRORS = {
    "campaigns/campaigns": "select count(*) from {campaigns}",
    "campaigns/offers": "select count(*) from {offers}",
    "campaigns/content": "select count(*) from read_csv('{folder}/campaigns/content.csv')",
    "campaigns/recipients": "select count(distinct r) from {recipients} as r",
    "campaigns/coupons": "select count(*) from {coupons}",
    "campaigns/redemptions": "select count(*) from {redemptions}",
    "chat/messages": "select count(distinct message_id) from {chat}",
    "loyalty/members": "select count(*) from {members}",
    "pos/stores": "select count(*) from read_csv('{folder}/pos/stores.csv')",
    "sensor/bikes": "select count(*) from {bikes}",
    "shop/products": "select count(*) from {products}",
}


@pytest.fixture(scope="module")
def catalog(company) -> Catalog:
    return load_catalog(company.folder / "catalog.yaml", {})


@pytest.fixture(scope="module")
def asked(ask: Ask, company) -> Ask:
    """`ask`, with {folder} for the folder of the sources."""
    return lambda question: ask(question.replace("{folder}", str(company.folder / "sources")))


def test_catalog_lists_every_delivered_file_and_table(company, catalog: Catalog) -> None:
    sources = company.folder / "sources"
    patterns = {
        str((Path(system.location) / stream.path).relative_to(sources))
        for system, stream in catalog.streams()
        if system.connector == "files"
    }
    tables = {
        (system.name, stream.table) for system, stream in catalog.streams() if system.connector == "database"
    }  # fmt: skip
    files = [path.relative_to(sources) for path in sources.rglob("*") if path.is_file()]
    # The chat provider serves its files through an API only.
    unread = [
        str(file) for file in files
        if file.parts[0] != "chat" and file.suffix != ".db"
        and not any(fnmatch(str(file), pattern) for pattern in patterns)
    ]  # fmt: skip
    delivered = {
        (file.parts[0], table)
        for file in files
        if file.suffix == ".db"
        for (table,) in sqlite3.connect(sources / file).execute("select name from sqlite_master where type = 'table'")
    }
    assert unread == []
    assert delivered == tables
    assert len(catalog.systems) == 17


def test_every_stream_is_compared_with_its_source_here(catalog: Catalog) -> None:
    databases = {stream.label for system, stream in catalog.streams() if system.connector == "database"}
    assert {stream.label for _, stream in catalog.streams()} == {*STREAMS, *WITHOUT_ERRORS, *databases}


@pytest.mark.parametrize("stream", STREAMS)
def test_staged_rows_are_all_delivered_rows_except_wrong_ones(stream: str, asked: Ask) -> None:
    rows, key, _ = STREAMS[stream]
    table = f"staging.stg_{stream.replace('/', '__')}"
    ((staged,),) = asked(f"select count(*) from {table}")
    ((expected,),) = asked(f"""
        with delivered as (select {key} as id, count(*) as times from {rows} group by 1),
        wrong as (
            select record_id as id, count(*) as times
            from {{truth:planted_rows}} where stream = '{stream.replace("/", ".")}' and kind = 'wrong' group by 1
        )
        select count(*) from delivered left join wrong using (id)
        where delivered.times > coalesce(wrong.times, 0)
    """)
    assert staged == expected > 0


@pytest.mark.parametrize("stream", STREAMS)
def test_planted_wrong_rows_are_in_quarantine_with_the_rule_they_break(stream: str, asked: Ask) -> None:
    _, key, rule = STREAMS[stream]
    system, name = stream.split("/")
    raw_key = " || '-' || ".join(f"(raw_row ->> '$.{column}')" for column in key.split(" || '-' || "))
    found = asked(f"""
        select {raw_key}, quarantine_rule
        from quality.quarantine where source_system = '{system}' and stream = '{name}'
    """)
    planted = asked(
        f"select record_id from {{truth:planted_rows}} where stream = '{system}.{name}' and kind = 'wrong'"
    )  # fmt: skip
    assert {which for _, which in found} <= {rule}
    if stream in WITH_VERSIONS:
        # What was wrong and has been delivered again in order is a repeat by now.
        assert {id_ for id_, _ in found} <= {id_ for (id_,) in planted}
    else:
        assert sorted(id_ for id_, _ in found) == sorted(id_ for (id_,) in planted)


@pytest.mark.parametrize("stream", [stream for stream in STREAMS if stream not in WITH_VERSIONS])
def test_rows_that_were_delivered_twice_are_counted_as_repeats(stream: str, asked: Ask) -> None:
    system, name = stream.split("/")
    ((repeats,),) = asked(
        f"select repeat_rows from quality.row_ledger where source_system = '{system}' and stream = '{name}'"
    )
    ((planted,),) = asked(
        f"select count(*) from {{truth:planted_rows}} where stream = '{system}.{name}' and kind = 'repeated'"
    )
    assert repeats == planted


@pytest.mark.parametrize("stream", WITHOUT_ERRORS)
def test_systems_without_errors_are_staged_completely(stream: str, asked: Ask) -> None:
    ((staged,),) = asked(f"select count(*) from staging.stg_{stream.replace('/', '__')}")
    ((delivered,),) = asked(WITHOUT_ERRORS[stream])
    assert staged == delivered > 0


@pytest.mark.parametrize("stream", ["crm/appointments", "crm/social_handles", "helpdesk/complaints",
                                    "helpdesk/complaint_history"])  # fmt: skip
def test_database_tables_are_staged_completely(stream: str, company, ask: Ask) -> None:
    system, table = stream.split("/")
    database = company.folder / "sources" / system / f"{system}.db"
    ((delivered,),) = sqlite3.connect(database).execute(f"select count(*) from {table}")
    assert ask(f"select count(*) from staging.stg_{system}__{table}") == [(delivered,)]


def test_deleted_crm_accounts_are_marked_and_in_no_canonical_stream(company, ask: Ask) -> None:
    counted = sqlite3.connect(company.folder / "sources/crm/crm.db").execute(
        "select deleted, count(*) from accounts group by 1 order by 1"
    )
    kept, deleted = (number for _, number in counted)
    assert ask("select row_fate, count(*) from staging.base_crm__accounts group by 1 order by 1") == [
        ("deleted", deleted), ("staged", kept),
    ]  # fmt: skip
    assert ask("select count(*) from intermediate.int_source_record where source_system = 'crm'") == [(kept,)]


def test_newest_state_of_a_cart_and_a_message_is_staged(asked: Ask) -> None:
    assert asked("""
        select count(*) from staging.stg_shop__carts as staged
        where state = 'open' and exists (
            select 1 from {carts} as c where c.cart_id = staged.cart_id and c.state <> 'open' and c.quantity = '1'
        )
    """) == [(0,)]
    ((corrected, kept),) = asked("""
        select count(*), count(*) filter (staged.updated_at = newest.updated_at)
        from staging.stg_chat__messages as staged
        inner join (
            select message_id, max(updated_at) at time zone 'UTC' as updated_at
            from {chat} group by 1 having count(*) > 1
        ) as newest using (message_id)
    """)
    assert kept == corrected > 0


def test_first_run_holds_no_load_and_stops_no_stream(company, ask: Ask) -> None:
    assert "held" not in company.said, company.said
    stopped = [line for line in company.said.splitlines() if line.startswith("✗")]
    assert stopped == [], company.said
    assert ask("select sum(abs(difference)) from quality.row_ledger") == [(0,)]


def test_every_column_of_a_staged_table_is_described(company, ask: Ask) -> None:
    (manifest,) = (company.installation.home / "dbt").rglob("manifest.json")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    described = {node["name"]: set(node["columns"]) for node in nodes if node["name"].startswith("stg_")}
    # What begins with an underscore says where in landing the row came from: the same in all tables.
    columns = ask("""
        select table_name, column_name from information_schema.columns
        where table_schema = 'staging' and table_name ^@ 'stg_' and not column_name ^@ '_'
    """)
    assert [f"{table}.{column}" for table, column in columns if column not in described[table]] == []
    there = {(table, column) for table, column in columns}
    assert [(table, c) for table in described for c in described[table] if (table, c) not in there] == []
    for node in nodes:
        if node["name"].startswith("stg_"):
            assert all(column["description"] for column in node["columns"].values()), node["name"]


def test_rules_of_every_stream_are_evaluated_and_have_a_reason(company) -> None:
    (manifest,) = (company.installation.home / "dbt").rglob("manifest.json")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    for node in nodes:
        if not node["name"].startswith("stg_"):
            continue
        rules = [
            rule for column in node["columns"].values() for rule in column["config"]["meta"].get("expectations", [])
        ]
        assert rules, node["name"]
        assert all(len(rule["reason"]) > 15 for rule in rules), node["name"]


def test_catalog_of_the_example_lists_all_systems() -> None:
    assert len(load_catalog(EXAMPLES / "veloheld" / "catalog.yaml", {}).systems) == 17
