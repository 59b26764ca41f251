"""Bad input: no crash, no explosion of pairs, and a note about ignored values."""

from __future__ import annotations

import random

import duckdb
import pytest
from identity.conftest import COLUMNS, groups

from orchestration.identity.linking import link_records


def filled(connection: duckdb.DuckDBPyConnection, count: int, **columns: str) -> None:
    """A table of `count` records, each column an SQL expression over `n`."""
    connection.execute(f"create or replace table records ({COLUMNS})")
    connection.execute(
        f"insert into records (source_system, source_record_id, {', '.join(columns)}) "
        f"select 'crm', n::varchar, {', '.join(columns.values())} from range({count}) as numbers(n)"
    )


def test_email_of_a_hundred_thousand_records_links_none(connection) -> None:
    filled(connection, 100_000, email="'info@example.com'")
    result = link_records(connection, "records")
    assert (result.customers, result.ignored_values) == (100_000, 1)
    assert any("100,000 records" in note for note in result.notes)
    assert not any("info@" in note for note in result.notes)


@pytest.mark.parametrize(("records", "ignored"), [(20, 0), (21, 1)])
def test_address_of_more_people_than_the_limit_is_ignored_and_at_the_limit_it_is_not(
    connection, records: int, ignored: int
) -> None:
    """The limit of the neutral rules: 20 records."""
    filled(connection, records, email="'desk@example.com'", given_name="'Name' || n", family_name="n || 'Family'")
    link_records(connection, "records")
    found = connection.execute("select count(*) from identity.shared_value where identifier_kind = 'email'").fetchone()
    assert found == (ignored,)


def test_absent_columns_count_as_empty(connection) -> None:
    connection.execute("""
        create table records as
        select 'a' as source_system, n as source_record_id, 'Ann Lee' as given_name from range(2) as numbers(n)
    """)
    assert link_records(connection, "records").customers == 1


def test_table_without_keys_is_rejected(connection) -> None:
    connection.execute("create table records as select 1 as source_record_id")
    with pytest.raises(ValueError, match="no column source_system"):
        link_records(connection, "records")


@pytest.mark.parametrize("count", [0, 1, 3_000])
def test_empty_records_stay_unlinked(connection, count: int) -> None:
    filled(connection, count, given_name="null")
    result = link_records(connection, "records")
    assert result.customers == count


def test_one_letter_names_and_a_placeholder_date_link_none(connection) -> None:
    filled(connection, 600, given_name="chr((65 + n % 26)::int)", family_name="chr((65 + n // 26)::int)",
           birth_date="date '1900-01-01'")  # fmt: skip
    assert link_records(connection, "records").customers == 600


def test_placeholder_date_among_real_ones_is_ignored_and_noted(connection) -> None:
    filled(
        connection, 800, birth_date="if(n % 4 = 0, date '1900-01-01', date '1950-01-01' + (n * 17 % 18000)::int)",
        given_name="'name' || n % 97", family_name="'family' || n % 53",
    )  # fmt: skip
    assert any("birth date" in note for note in link_records(connection, "records").notes)


def test_unicode_is_compared_and_kept_apart(connection, given) -> None:
    given(
        {"key": "a/1", "given_name": "Žofia", "family_name": "Ňaďová", "city": "Košice"},
        {"key": "b/1", "given_name": "Zofia", "family_name": "Nadova", "city": "Kosice"},
        {"key": "a/2", "given_name": "李", "family_name": "雷", "city": "上海"},
        {"key": "b/2", "given_name": "韩", "family_name": "梅", "city": "上海"},
        {"key": "a/3", "given_name": "O'Neil", "family_name": '"; drop table records', "city": "👩"},
    )
    assert groups(connection) == {frozenset({"a/1", "b/1"}), frozenset({"a/2"}), frozenset({"b/2"}), frozenset({"a/3"})}


def test_no_scratch_database_is_left_behind(connection, given) -> None:
    given({"key": "a/1", "given_name": "Ann"})
    assert [name for (name,) in connection.execute("select database_name from duckdb_databases() where not internal")
            .fetchall()] == ["memory"]  # fmt: skip


def odd_table(connection: duckdb.DuckDBPyConnection, seed: int) -> int:
    """A small table whose columns are drawn: empty, one value, few, all different, per person, or a copy of another."""
    draw = random.Random(seed)
    count = draw.choice([1, 2, 5, 20, 49, 50, 55, 60, 60, 120])
    columns = [column.split(" ")[0] for column in COLUMNS.split(", ")][2:]
    made: dict[str, list[str | None]] = {}
    for column in columns:
        kind = draw.choice(["empty", "empty", "one", "few", "distinct", "half", "person", "person", "square", "copy"])
        number = {
            "one": lambda n: 3,
            "few": lambda n: draw.randrange(3),
            "distinct": lambda n: n,
            "half": lambda n: n if draw.random() < 0.3 else None,
            "person": lambda n: n // 3,
            "square": lambda n: n * n % 7,
            "copy": lambda n: n // 2,
        }.get(kind, lambda n: None)
        values = {
            "birth_date": lambda n: f"{1930 + n % 75}-{1 + n % 12:02d}-{1 + n * 7 % 28:02d}",
            "gender": lambda n: "mfx"[n % 3],
            "email": lambda n: f"user{n}@example.org",
            "phone": lambda n: f"06{n * 7919 % 10**8:08d}",
        }.get(column, lambda n: ["anna", "piet", "x", "o'neil", "van der berg"][n % 5] + "sauk"[n % 4] * (n // 5 % 4))
        numbers = [number(n) for n in range(count)]
        made[column] = [None if n is None else values(n) for n in numbers]
        texts = [other for other in made if other not in ("birth_date", column)]
        if kind == "copy" and column != "birth_date" and texts:
            made[column] = made[draw.choice(texts)]
    connection.execute(f"create or replace table records ({COLUMNS})")
    rows = [[f"s{n % 3}", str(n), *(made[column][n] for column in columns)] for n in range(count)]
    connection.executemany(f"insert into records values ({', '.join('?' * (len(columns) + 2))})", rows)
    return count


@pytest.mark.parametrize(
    "seed", [1, 3, 9, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 12, 24, 27, 40, 56))]
)
def test_odd_tables_are_linked_without_errors(connection, seed: int) -> None:
    """Empty, unique and duplicated columns teach nothing or nonsense; linking still completes."""
    count = odd_table(connection, seed)
    assert link_records(connection, "records").records == count
