"""What a user reads about different rows of one key in one delivery: how many, where, and no value of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.intake.conflicting_rows import conflicting_rows, masked

if TYPE_CHECKING:
    from pathlib import Path

# 200 clients, 100 numbers given to two people each; the base model has kept them all.
CLIENTS = "select 'C' || lpad((i % 100)::varchar, 3, '0') as client_no, i + 1 as _source_row from range(200) as r(i)"


@pytest.fixture
def connection(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    origin = "'1.5' as _dlt_load_id, 'clients.csv' as _source_file, null::date as _source_day"
    connection.execute("create schema staging")
    connection.execute(
        "create table staging.base_clinic__clients as "
        f"select *, {origin}, 'client_no' as conflicting_key from ({CLIENTS})"
    )
    (tmp_path / "clinic" / "clients" / "rows").mkdir(parents=True)
    connection.execute(
        f"copy (select *, {origin}, if(_source_row > 100, 'Zoë van Dam', 'Jan Bos') as name, 'x' as town "
        f"from ({CLIENTS})) to '{tmp_path}/clinic/clients/rows/1.5.parquet'"
    )
    return connection


def test_sentence_names_key_count_and_two_rows_by_their_form(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert conflicting_rows(connection, str(tmp_path), "clinic", "clients", "clinic") == (
        "100 values of the key client_no stand for rows that differ, within one delivery (200 rows), such as row 1 of "
        "clients.csv (name “Aaa Aaa”) and row 101 of clients.csv (name “Aaa aaa Aaa”)"
    )


def test_stream_without_such_rows_has_no_sentence(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute("update staging.base_clinic__clients set conflicting_key = null")
    assert conflicting_rows(connection, str(tmp_path), "clinic", "clients", "clinic") == ""


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, "empty"),
        ("jan.bos+1@example.org", "“aaa.aaa+9@aaaaaaa.aaa”"),
        (12.5, "“99.9”"),
        ("Ωmega Straße 7", "“Aaaaa Aaaaaa 9”"),
        ("a" * 30, "“" + "a" * 24 + "…”"),
    ],
)
def test_form_of_a_value_shows_no_letter_and_no_digit_of_it(value: object, form: str) -> None:
    assert masked(value) == form
