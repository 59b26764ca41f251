"""Servers, databases and files that fail in the middle: one sentence reports it, and no row is lost or duplicated.

Other faults are elsewhere: a killed process and a full disk in test_channel_landing.py, encodings, damaged archives and
files that are being written in test_channel_files.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa

from orchestration.channels.connectors import _file_copies, _file_reading, _rest_client
from orchestration.channels.connectors._database_reader import TableReader
from orchestration.channels.errors import ChannelError
from tests.channels.test_channel_database import postgres_url  # noqa: F401 (a fixture)
from tests.channels.test_channel_rest_api import CURSOR, INCOMING, Chat, chat, message, messages  # noqa: F401

if TYPE_CHECKING:
    from pathlib import Path

    from tests.channels.conftest import Bench

ALL = [(str(number),) for number in range(1, 10)]


@pytest.fixture
def full_chat(chat: Chat) -> Chat:  # noqa: F811
    """Nine messages on three pages."""
    chat.messages = [message(number) for number in range(1, 10)]
    return chat


def ids(bench: Bench) -> list[Any]:
    return bench.rows("id", INCOMING)


# --- A server --------------------------------------------------------------------------------------------------------


def test_retry_after_between_pages_is_respected(bench: Bench, full_chat: Chat) -> None:
    def fail(number: int) -> None:
        if number == 2:
            full_chat.failures = [(429, {"Retry-After": "1"}), (500, {}), (503, {})]

    full_chat.before_answer = fail
    started = time.monotonic()
    assert bench.land(messages(bench, full_chat.url)).rows == 9
    assert time.monotonic() - started >= 1
    assert ids(bench) == ALL


def test_server_that_keeps_failing_between_pages_lands_nothing_until_it_recovers(
    bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rest_client, "_ATTEMPTS", 2)
    catalog = messages(bench, full_chat.url)
    full_chat.before_answer = lambda number: full_chat.failures.extend([(500, {})] if number > 1 else [])
    with pytest.raises(ChannelError, match="still answers HTTP 500 after 2 attempts; run again later") as caught:
        bench.land(catalog)
    assert caught.value.transient
    assert ids(bench) == []
    full_chat.before_answer = lambda number: full_chat.failures.clear()
    bench.land(catalog)
    assert ids(bench) == ALL


def test_slow_answer_is_requested_again(bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rest_client, "_REQUEST_SECONDS", (1.0, 0.3))
    full_chat.before_answer = lambda number: time.sleep(0.6 if number == 2 else 0)
    assert bench.land(messages(bench, full_chat.url)).rows == 9
    assert ids(bench) == ALL


def test_server_that_stays_slow_is_reported_and_lands_nothing_until_it_answers(
    bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rest_client, "_REQUEST_SECONDS", (1.0, 0.2))
    monkeypatch.setattr(_rest_client, "_ATTEMPTS", 2)
    catalog = messages(bench, full_chat.url)
    full_chat.before_answer = lambda number: time.sleep(0.4 if number > 1 else 0)
    with pytest.raises(ChannelError, match="the server does not answer; run again later") as caught:
        bench.land(catalog)
    assert caught.value.transient
    full_chat.before_answer = lambda number: None
    bench.land(catalog)
    assert ids(bench) == ALL


def test_answer_that_is_cut_in_the_middle_is_requested_again(bench: Bench, full_chat: Chat) -> None:
    full_chat.before_answer = lambda number: setattr(full_chat, "cuts", 1 if number == 2 else full_chat.cuts)
    assert bench.land(messages(bench, full_chat.url)).rows == 9
    assert len(full_chat.requests) == 4
    assert ids(bench) == ALL


def test_connection_that_is_always_cut_is_reported_and_lands_nothing(
    bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rest_client, "_ATTEMPTS", 2)
    catalog = messages(bench, full_chat.url)
    full_chat.before_answer = lambda number: setattr(full_chat, "cuts", 1 if number > 1 else 0)
    with pytest.raises(ChannelError, match="the server does not answer; run again later") as caught:
        bench.land(catalog)
    assert caught.value.transient
    assert ids(bench) == []
    full_chat.before_answer = lambda number: setattr(full_chat, "cuts", 0)
    bench.land(catalog)
    assert ids(bench) == ALL


def test_token_that_expires_between_pages_is_reported_and_once_renewed_all_lands(bench: Bench, full_chat: Chat) -> None:
    full_chat.before_answer = lambda number: setattr(full_chat, "token", "good" if number == 1 else "renewed")
    with pytest.raises(ChannelError, match=r"\(HTTP 401\); renew the environment variable CHAT_TOKEN$"):
        bench.land(messages(bench, full_chat.url))
    assert ids(bench) == []
    bench.land(messages(bench, full_chat.url, token="renewed"))
    assert ids(bench) == ALL


def test_row_that_moves_to_the_next_page_lands_once(bench: Bench, full_chat: Chat) -> None:
    def insert(number: int) -> None:
        if number == 2:
            full_chat.messages.insert(0, message(10, at="2024-01-01T00:00:00Z"))

    full_chat.before_answer = insert
    catalog = messages(bench, full_chat.url, fields="")
    bench.land(catalog)
    assert ids(bench) == ALL
    # The new row is on a page that had been read: the next reading finds it.
    bench.land(catalog)
    assert {number for (number,) in ids(bench)} == {str(number) for number in range(1, 11)}


@pytest.mark.parametrize(("lag", "found"), [("lag: 30d,", True), ("", False)])
def test_lag_finds_a_row_that_moves_to_the_previous_page(bench: Bench, full_chat: Chat, lag: str, found: bool) -> None:
    def remove(number: int) -> None:
        if number == 2:
            full_chat.messages.pop(0)

    full_chat.before_answer = remove
    catalog = messages(bench, full_chat.url, CURSOR + lag)
    bench.land(catalog)
    assert ("4",) not in ids(bench)
    bench.land(catalog)
    assert (("4",) in ids(bench)) is found
    assert bench.rows("count(*) - count(DISTINCT id)", INCOMING) == [(0,)]


def test_page_that_comes_twice_lands_once(bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    page = full_chat.page
    answered: list[int] = []

    def twice(found: list[Any], since: str, start: int) -> dict[str, Any]:
        answered.append(start)
        is_first = answered.count(start) == 1
        return page(found, since, start) | ({"next": f"{full_chat.url}/messages?start={start}"} if is_first else {})

    monkeypatch.setattr(full_chat, "page", twice)
    assert bench.land(messages(bench, full_chat.url)).rows == 9
    assert ids(bench) == ALL


def test_equal_items_of_a_stream_without_key_all_land(bench: Bench, chat: Chat) -> None:  # noqa: F811
    chat.messages = [{"text": "hello"}, {"text": "hello"}]
    catalog = messages(bench, chat.url, fields="")
    stream = catalog.systems["chat"].streams["messages"].model_copy(update={"key": ()})
    system = catalog.systems["chat"].model_copy(update={"streams": {"messages": stream}})
    assert bench.land(catalog.model_copy(update={"systems": {"chat": system}})).rows == 2


@pytest.mark.parametrize("items", [True, False])
def test_endless_paginator_is_reported_and_not_followed(
    bench: Bench, full_chat: Chat, monkeypatch: pytest.MonkeyPatch, items: bool
) -> None:
    page = full_chat.page
    with monkeypatch.context() as broken:
        broken.setattr(
            full_chat,
            "page",
            lambda found, since, start: (
                page(found if items else [], since, 0) | {"next": f"{full_chat.url}/messages?start=0"}
            ),
        )
        catalog = messages(bench, full_chat.url)
        with pytest.raises(
            ChannelError,
            match=r"^chat/messages: /messages repeats the same items and does not end; correct `paginator",
        ):
            bench.land(catalog)
    assert len(full_chat.requests) < 30
    bench.land(catalog)
    assert ids(bench) == ALL


# --- A database ------------------------------------------------------------------------------------------------------


def test_database_that_restarts_while_it_is_read_is_reported_and_read_again(
    bench: Bench,
    postgres_url: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE IF EXISTS calls",
            "CREATE TABLE calls AS SELECT i AS id, timestamptz '2024-01-01' + make_interval(secs => i) AS at, "
            "repeat('x', 200) AS note FROM generate_series(1, 120000) AS i",
        ):
            connection.execute(sa.text(statement))
    read = TableReader.batches

    def interrupted(reader: TableReader, *conditions: Any) -> Iterator[Any]:
        for batch in read(reader, *conditions):
            yield batch
            if batch.num_rows:
                with engine.begin() as connection:
                    connection.execute(
                        sa.text(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                        )
                    )

    bench.environment["CALLS_URL"] = postgres_url
    catalog = bench.catalog(
        "desk:\n  connector: database\n  url: ${CALLS_URL}\n  streams:\n"
        "    calls: {table: calls, key: [id], cursor: at}\n"
    )
    with monkeypatch.context() as broken, pytest.raises(ChannelError) as caught:
        broken.setattr(TableReader, "batches", interrupted)
        bench.land(catalog)
    assert str(caught.value) == (
        "desk/calls: the database does not answer or closed the connection; run again later, or correct the "
        "environment variable CALLS_URL"
    )
    assert caught.value.transient
    engine.dispose()
    assert bench.rows("*", "desk/calls/incoming") == []
    bench.land(catalog)
    assert bench.rows("count(*), count(DISTINCT id), min(id), max(id)", "desk/calls/incoming") == [
        (120_000, 120_000, 1, 120_000)
    ]
    assert bench.land(catalog).load_id is None


# --- Files -----------------------------------------------------------------------------------------------------------

CONTACTS = "contacts: {path: '*.csv', format: csv, key: [id]}"


def deliver(bench: Bench, name: str, first: int, count: int) -> None:
    (bench.data / name).write_text("Id,Name\n" + "".join(f"{number},x\n" for number in range(first, first + count)))


def test_faulty_file_among_many_is_named_and_tried_again_and_the_others_land(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    for number in range(20):
        deliver(bench, f"{number:02d}.csv", 10 * number, 10)
    (bench.data / "07.csv").write_bytes(b"")
    (bench.data / "13.csv").write_text("Number,Name\n130,x\n")
    landed = bench.land(catalog)
    assert (landed.rows, len(landed.files)) == (180, 18)
    assert [fault.split(";")[0] for fault in landed.faults] == [
        "shop/contacts: 07.csv is empty (0 bytes)",
        "shop/contacts: 13.csv: has no column id (key)",
    ]
    with pytest.raises(ChannelError, match=r"^shop/contacts: 07\.csv is empty .* \(and 1 more\)$") as caught:
        bench.land(catalog)
    assert not caught.value.transient
    deliver(bench, "07.csv", 70, 10)
    deliver(bench, "13.csv", 130, 10)
    assert bench.land(catalog).faults == ()
    assert bench.rows("id::INT") == [(number,) for number in range(200)]


def test_no_row_of_a_large_file_damaged_in_the_middle_lands_and_the_others_do(bench: Bench, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for name, first in (("a", 0), ("b", 1_000_000), ("c", 2_000_000)):
            connection.execute(
                f"COPY (SELECT {first} + i AS id, md5(i::VARCHAR) AS name FROM range(300000) AS r(i)) "
                f"TO '{bench.data}/{name}.parquet' (COMPRESSION zstd)"
            )
    whole = (bench.data / "b.parquet").read_bytes()
    assert len(whole) > _file_copies.SMALL_BYTES
    middle = len(whole) * 2 // 3
    (bench.data / "b.parquet").write_bytes(whole[:middle] + bytes(5_000) + whole[middle + 5_000 :])
    catalog = bench.files("contacts: {path: '*.parquet', format: parquet, key: [id]}")
    landed = bench.land(catalog)
    assert landed.faults == ("shop/contacts: b.parquet is cut off or damaged (Parquet); deliver it again",)
    assert bench.rows("count(*), count(DISTINCT id), max(id)") == [(600_000, 600_000, 2_299_999)]
    (bench.data / "b.parquet").write_bytes(whole)
    bench.land(catalog)
    assert bench.rows("count(*), count(DISTINCT id)") == [(900_000, 900_000)]


@pytest.mark.parametrize("count", [10, 300_000])
def test_file_that_is_written_while_it_is_read_waits_and_the_others_land(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    deliver(bench, "a.csv", 0, 10)
    deliver(bench, "b.csv", 1_000_000, count)
    added = 0
    check = _file_reading.refuse_changed_file

    def append_and_check(file_system: Any, file: Any, where: str) -> None:
        nonlocal added
        if file.path == "b.csv":
            added += 1
            with (bench.data / "b.csv").open("a") as more:
                more.write(f"{-added},x\n")
        check(file_system, file, where)

    with monkeypatch.context() as writing:
        writing.setattr(_file_reading, "refuse_changed_file", append_and_check)
        landed = bench.land(bench.files(CONTACTS))
    assert (landed.rows, landed.files) == (10, ("a.csv",))
    assert landed.faults == ("shop/contacts: b.csv was changed while it was read; run again once it is complete",)
    assert bench.land(bench.files(CONTACTS)).rows == count + added
    assert bench.rows("count(DISTINCT id), count(*)") == [(10 + count + added, 10 + count + added)]


def test_file_under_a_second_name_does_not_land_again_and_counts_as_repeat(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "2025-01-31.csv", 0, 10)
    bench.land(catalog)
    deliver(bench, "2025-01-31 (1).csv", 0, 10)
    deliver(bench, "copy.csv", 0, 10)
    deliver(bench, "2025-02-01.csv", 10, 10)
    deliver(bench, "2025-02-01b.csv", 10, 10)
    landed = bench.land(catalog)
    assert landed.files == ("2025-02-01.csv",)
    assert landed.repeats == ("2025-01-31 (1).csv", "2025-02-01b.csv", "copy.csv")
    assert bench.rows("id::INT") == [(number,) for number in range(20)]
    assert bench.land(catalog).load_id is None
    deliver(bench, "copy.csv", 20, 1)  # the name is remembered, and new content under it is new
    assert bench.land(catalog).rows == 1


def test_same_content_on_another_day_is_another_delivery(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    for day in ("2025-01-30", "2025-01-31"):
        deliver(bench, f"{day}.csv", 0, 1)
        assert bench.land(catalog).rows == 1


def test_decimal_commas_and_local_times_land_unchanged(bench: Bench) -> None:
    (bench.data / "a.csv").write_text(
        "Id;Amount;HappenedAt\n1;1.234,50;27.10.2024 02:30\n2;-0,5;2024-10-27T02:30:00+02:00\n"
        "3;;2024-10-27T02:30:00+01:00\n4;1,0;2024-10-27T00:30:00Z\n"
    )
    bench.land(bench.files("contacts: {path: '*.csv', format: csv, delimiter: ';'}"))
    assert bench.rows("amount, happened_at, typeof(happened_at)", order="id") == [
        ("1.234,50", "27.10.2024 02:30", "VARCHAR"),
        ("-0,5", "2024-10-27T02:30:00+02:00", "VARCHAR"),
        (None, "2024-10-27T02:30:00+01:00", "VARCHAR"),
        ("1,0", "2024-10-27T00:30:00Z", "VARCHAR"),
    ]


TWICE = "VALUES (1, TIMESTAMPTZ '2024-10-27 02:30:00+02:00'), (2, TIMESTAMPTZ '2024-10-27 02:30:00+01:00')"
UTC = [(1, "2024-10-27 00:30:00+00"), (2, "2024-10-27 01:30:00+00")]


def test_hour_that_occurs_twice_stays_two_moments_in_parquet(bench: Bench) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM ({TWICE}) AS t (id, happened_at)) TO '{bench.data}/a.parquet'")
    bench.land(bench.files("contacts: {path: '*.parquet', format: parquet}"))
    assert bench.rows("id, (happened_at AT TIME ZONE 'UTC')::VARCHAR || '+00'") == UTC


def test_hour_that_occurs_twice_stays_two_moments_in_a_database(bench: Bench, postgres_url: str) -> None:  # noqa: F811
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE IF EXISTS twice",
            f"CREATE TABLE twice AS SELECT * FROM ({TWICE}) AS t (id, happened_at)",
        ):
            connection.execute(sa.text(statement))
    engine.dispose()
    bench.environment["DESK_URL"] = postgres_url
    catalog = bench.catalog(
        "shop:\n  connector: database\n  url: ${DESK_URL}\n  streams: {contacts: {table: twice, cursor: happened_at}}\n"
    )
    bench.land(catalog)
    assert bench.rows("id, (happened_at AT TIME ZONE 'UTC')::VARCHAR || '+00'") == UTC
    assert bench.land(catalog).load_id is None
