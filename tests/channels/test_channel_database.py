"""Tables land by cursor or as a whole: no row is lost at the boundary, and no known row lands again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from orchestration.channels.catalog import Catalog
    from tests.channels.conftest import Bench

Run = Callable[..., Any]
INCOMING = "helpdesk/tickets/incoming"


def tickets(bench: Bench, url: str, fields: str) -> Catalog:
    bench.environment["HELPDESK_URL"] = url
    return bench.catalog(
        "helpdesk:\n  connector: database\n  url: ${HELPDESK_URL}\n  streams:\n    tickets: {" + fields + "}\n"
    )


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import pgserver

    folder = tmp_path_factory.mktemp("postgres")
    with pgserver.get_server(folder) as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/helpdesk.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def run(url: str) -> Iterator[Run]:
    engine = sa.create_engine(url)

    def execute(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(statement))

    execute("DROP TABLE IF EXISTS tickets")
    execute('CREATE TABLE tickets (id INTEGER, "openedBy" VARCHAR(20), updated_at TIMESTAMP)')
    yield execute
    engine.dispose()


def add(run: Run, number: int, at: str | None, by: str = "x") -> None:
    run(f"INSERT INTO tickets VALUES ({number}, '{by}', {'NULL' if at is None else repr(at)})")


CURSOR = "table: tickets, key: [id], cursor: updated_at"
T1, T2, T3 = "2024-03-31 02:30:00", "2024-03-31 02:30:00.000001", "2024-04-01 00:00:00"


def test_later_rows_at_the_last_cursor_value_land_and_known_ones_do_not_repeat(
    bench: Bench, url: str, run: Run
) -> None:
    catalog = tickets(bench, url, CURSOR)
    for number, at in ((1, T1), (2, T2)):
        add(run, number, at)
    assert bench.land(catalog).rows == 2
    assert bench.land(catalog).load_id is None
    add(run, 3, T3)
    assert bench.land(catalog).rows == 1
    assert bench.rows("id", INCOMING) == [(1,), (2,), (3,)]
    add(run, 4, T3)  # committed later with the same time
    bench.land(catalog)
    assert {number for (number,) in bench.rows("id", INCOMING)} == {1, 2, 3, 4}
    assert bench.land(catalog).load_id is None


def test_update_without_a_new_cursor_value_lands_at_the_boundary(bench: Bench, url: str, run: Run) -> None:
    catalog = tickets(bench, url, CURSOR)
    add(run, 1, T1)
    bench.land(catalog)
    run("""UPDATE tickets SET "openedBy" = 'y'""")
    assert bench.land(catalog).rows == 1
    assert bench.rows("opened_by", INCOMING) == [("x",), ("y",)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("INTEGER", ["9", "10"]),
        ("DATE", ["'2024-01-09'", "'2024-01-10'"]),
        ("VARCHAR(40)", ["'2024-01-09T00:00'", "'2024-01-10T00:00'"]),
    ],
)
def test_cursor_may_be_a_number_a_date_or_a_text(
    bench: Bench, url: str, run: Run, kind: str, values: list[str]
) -> None:
    catalog = tickets(bench, url, "table: tickets, cursor: version")
    run(f"ALTER TABLE tickets ADD COLUMN version {kind}")
    for number, value in enumerate(values):
        run(f"INSERT INTO tickets (id, version) VALUES ({number}, {value})")
        assert bench.land(catalog).rows == 1
    assert bench.land(catalog).load_id is None
    run(f"INSERT INTO tickets (id, version) VALUES (99, {values[-1]})")
    assert bench.land(catalog).rows >= 1
    assert {number for (number,) in bench.rows("id", INCOMING)} == {0, 1, 99}


def test_rows_without_a_cursor_value_land_once(bench: Bench, url: str, run: Run) -> None:
    catalog = tickets(bench, url, CURSOR)
    add(run, 1, T1)
    add(run, 2, None)
    assert bench.land(catalog).rows == 2
    assert bench.land(catalog).load_id is None
    add(run, 3, None)
    bench.land(catalog)
    assert {number for (number,) in bench.rows("id", INCOMING)} == {1, 2, 3}


def test_timestamps_without_time_zone_keep_none(bench: Bench, url: str, run: Run) -> None:
    add(run, 1, T1)
    landed = bench.land(tickets(bench, url, CURSOR))
    assert landed.columns["updated_at"] == "TIMESTAMP"
    assert bench.rows("updated_at::VARCHAR, typeof(updated_at), opened_by", INCOMING) == [(T1, "TIMESTAMP", "x")]


def test_table_without_cursor_lands_only_when_its_content_has_changed(bench: Bench, url: str, run: Run) -> None:
    catalog = tickets(bench, url, "table: tickets, key: [id], delivery: snapshot")
    for number in range(3):
        add(run, number, T1)
    assert bench.land(catalog).rows == 3
    assert bench.land(catalog).load_id is None
    run("DELETE FROM tickets WHERE id = 0")  # the same rows in another order are the same content
    add(run, 0, T1)
    assert bench.land(catalog).load_id is None
    run("DELETE FROM tickets WHERE id = 0")
    assert bench.land(catalog).rows == 2


def test_many_rows_with_one_cursor_value_do_not_land_again(bench: Bench, url: str, run: Run) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
    run(
        f"INSERT INTO tickets {numbers} SELECT i, 'x', '{T1}' FROM n"
        if "sqlite" in url
        else f"INSERT INTO tickets SELECT i, 'x', '{T1}' FROM generate_series(1, 60000) AS i"
    )
    catalog = tickets(bench, url, CURSOR)
    assert bench.land(catalog).rows == 60_000
    assert bench.land(catalog).load_id is None
    assert bench.rows("count(DISTINCT id), count(DISTINCT _source_row)", INCOMING) == [(60_000, 60_000)]


def test_missing_table_and_columns_are_reported(bench: Bench, url: str, run: Run) -> None:
    add(run, 1, T1)
    with pytest.raises(ChannelError, match=r"^helpdesk/tickets: table gone does not exist; create it, or correct"):
        bench.land(tickets(bench, url, "table: gone"))
    with pytest.raises(ChannelError, match=r"^helpdesk/tickets: table tickets: has no column changed_at \(cursor\)"):
        bench.land(tickets(bench, url, "table: tickets, cursor: changed_at"))
    with pytest.raises(ChannelError, match=r"has no column ticket_id \(key\); deliver it .* or correct `key`"):
        bench.land(tickets(bench, url, "table: tickets, key: [ticket_id]"))


def test_empty_table_is_reported_unless_the_catalog_allows_it(bench: Bench, url: str, run: Run) -> None:
    with pytest.raises(ChannelError, match=r"table tickets holds no rows; fill it, or set `allow_empty: true`"):
        bench.land(tickets(bench, url, CURSOR))
    for fields in (CURSOR, "table: tickets"):
        assert bench.land(tickets(bench, url, fields + ", allow_empty: true")).load_id is None


def test_changed_column_type_stops_the_stream(bench: Bench, url: str, run: Run) -> None:
    catalog = tickets(bench, url, "table: tickets")
    add(run, 1, T1)
    bench.land(catalog)
    run("DROP TABLE tickets")
    run('CREATE TABLE tickets (id VARCHAR(9), "openedBy" VARCHAR(20), updated_at TIMESTAMP)')
    add(run, 2, T1)
    with pytest.raises(ChannelError, match="^helpdesk/tickets: the type of column id has changed at the source"):
        bench.land(catalog)


def test_unreachable_server_is_transient_and_the_password_stays_secret(bench: Bench) -> None:
    catalog = tickets(bench, "postgresql+psycopg://u:hunter2@127.0.0.1:1/d", "table: tickets")
    with pytest.raises(ChannelError, match="the environment variable HELPDESK_URL") as caught:
        bench.land(catalog)
    assert caught.value.transient
    assert "hunter2" not in str(caught.value)


def test_wrong_database_is_not_transient(bench: Bench, postgres_url: str) -> None:
    catalog = tickets(bench, postgres_url.replace("/postgres?", "/nowhere?"), "table: tickets")
    with pytest.raises(ChannelError, match="the database does not exist; correct the environment variable") as caught:
        bench.land(catalog)
    assert not caught.value.transient


def test_value_that_does_not_fit_its_column_is_reported_without_the_value(bench: Bench, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "loose.db") as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER, updated_at TIMESTAMP)")
        connection.execute("INSERT INTO tickets VALUES (1, 'Ann Secret')")
    with pytest.raises(ChannelError, match="contains a value that does not fit the type of its column") as caught:
        bench.land(tickets(bench, f"sqlite:///{tmp_path}/loose.db", "table: tickets"))
    assert "Secret" not in str(caught.value)


def test_schema_of_the_catalog_is_used(bench: Bench, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in (
            "DROP SCHEMA IF EXISTS desk CASCADE",
            "CREATE SCHEMA desk",
            "CREATE TABLE desk.tickets (id BIGINT, price NUMERIC(9,2), at_utc TIMESTAMPTZ, extra JSONB, tags TEXT[])",
            "INSERT INTO desk.tickets VALUES (1, 1.50, '2024-03-31 02:30:00+00', '{\"a\": [1]}', '{x,y}')",
        ):
            connection.execute(sa.text(statement))
    engine.dispose()
    landed = bench.land(tickets(bench, postgres_url, "table: tickets, schema: desk"))
    assert landed.files == ("desk.tickets",)
    assert (landed.columns["price"], landed.columns["at_utc"]) == ("DECIMAL(9,2)", "TIMESTAMP WITH TIME ZONE")
    assert bench.land(tickets(bench, postgres_url, "table: tickets, schema: desk")).load_id is None
