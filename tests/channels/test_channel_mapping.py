"""The catalog maps columns that were renamed or retyped at the source, and no value is lost."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.channels.catalog import Catalog
    from tests.channels.conftest import Bench

REJECTS = "shop/contacts/rejects"


def contacts(bench: Bench, fields: str, kind: str = "csv") -> Catalog:
    return bench.files(f"contacts: {{path: '*.{kind}', format: {kind}, key: [customer_no], {fields}}}")


def parquet(path: Path, query: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


def test_renamed_column_lands_under_its_old_name(bench: Bench) -> None:
    (bench.data / "a.csv").write_text("CustomerNo,Name\n1,a\n")
    (bench.data / "b.csv").write_text("CustomerNr,Name\n2,b\n")
    landed = bench.land(contacts(bench, "allow_empty: false"))
    assert (landed.rows, landed.faults) == (
        1,
        (
            "shop/contacts: b.csv: has no column customer_no (key); deliver it with that column, map a renamed one "
            "with `columns`, or correct `key` in test.yaml",
        ),
    )
    assert bench.land(contacts(bench, "columns: {customer_nr: customer_no}")).rows == 1
    assert bench.rows("customer_no, name, _source_file") == [("1", "a", "a.csv"), ("2", "b", "b.csv")]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_renamed_column_lands_under_its_old_name_in_every_format(bench: Bench, kind: str) -> None:
    if kind == "parquet":
        parquet(bench.data / "a.parquet", 'SELECT 7 AS "CustomerNr"')
    else:
        (bench.data / "a.jsonl").write_text('{"CustomerNr": 7}\n')
    bench.land(contacts(bench, "columns: {customer_nr: customer_no}", kind))
    assert bench.rows("customer_no::INT") == [(7,)]


def test_two_columns_cannot_be_mapped_to_one_name_in_the_same_file(bench: Bench) -> None:
    (bench.data / "a.csv").write_text("CustomerNo,CustomerNr\n1,2\n")
    with pytest.raises(ChannelError, match="the columns 'CustomerNo' and 'CustomerNr' would both land as customer_no"):
        bench.land(contacts(bench, "columns: {customer_nr: customer_no}"))


def test_value_that_does_not_fit_its_type_is_rejected_whole_and_the_others_are_cast(bench: Bench) -> None:
    (bench.data / "a_2025-01-31.csv").write_text(
        "CustomerNo,Spent,Since\n1,1.25,2024-01-02\nx,2,2024-01-02\n3,2.555,2024-02-30\n4,,\n1.5,0,2024-01-02\n"
    )
    catalog = contacts(bench, "types: {customer_no: bigint, spent: 'decimal(9,2)', since: date, gone: date}")
    landed = bench.land(catalog)
    assert (landed.rows, landed.rejected_rows) == (2, 3)
    assert (landed.columns["customer_no"], landed.columns["spent"]) == ("BIGINT", "DECIMAL(9,2)")
    assert bench.rows("customer_no, spent, since::VARCHAR, _source_row") == [
        (1, Decimal("1.25"), "2024-01-02", 1),
        (4, None, None, 4),
    ]
    assert bench.rows("_source_row, raw, reason, _source_day::VARCHAR", REJECTS) == [
        (2, '{"customer_no":"x","spent":"2","since":"2024-01-02"}', "customer_no is not a valid bigint", "2025-01-31"),
        (
            3,
            '{"customer_no":"3","spent":"2.555","since":"2024-02-30"}',
            "spent is not a valid decimal(9,2), since is not a valid date",
            "2025-01-31",
        ),
        (
            5,
            '{"customer_no":"1.5","spent":"0","since":"2024-01-02"}',
            "customer_no is not a valid bigint",
            "2025-01-31",
        ),
    ]


def test_integer_that_became_text_is_cast_back(bench: Bench) -> None:
    parquet(bench.data / "a.parquet", "SELECT 1 AS customer_no")
    bench.land(contacts(bench, "allow_empty: false", "parquet"))
    parquet(bench.data / "b.parquet", "SELECT '2' AS customer_no UNION ALL SELECT 'none'")
    message = (
        r"b\.parquet: the type of column customer_no has changed at the source; .* map it with `types` in test\.yaml"
    )
    with pytest.raises(ChannelError, match=message):
        bench.land(contacts(bench, "allow_empty: false", "parquet"))
    landed = bench.land(contacts(bench, "types: {customer_no: bigint}", "parquet"))
    assert (landed.rows, landed.rejected_rows) == (1, 1)
    assert bench.rows("customer_no") == [(1,), (2,)]


def test_type_of_the_catalog_may_be_wider_than_what_landed_before(bench: Bench) -> None:
    parquet(bench.data / "a.parquet", "SELECT 1 AS customer_no, 5 AS spent")
    bench.land(contacts(bench, "allow_empty: false", "parquet"))
    parquet(bench.data / "b.parquet", "SELECT 2 AS customer_no, 5.5::DOUBLE AS spent")
    wide = contacts(bench, "types: {spent: double}", "parquet")
    assert bench.land(wide).rows == 1
    parquet(bench.data / "c.parquet", "SELECT 3 AS customer_no, 7 AS spent")
    assert bench.land(wide).rows == 1
    assert bench.rows("customer_no, spent") == [(1, 5.0), (2, 5.5), (3, 7.0)]
    assert bench.land(wide).load_id is None


def test_columns_of_a_table_are_mapped_and_cast(bench: Bench, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "desk.db") as connection:
        connection.execute("CREATE TABLE tickets (nr VARCHAR(9), updated_at TIMESTAMP)")
        connection.execute(
            "INSERT INTO tickets VALUES ('1', '2024-01-01 00:00:00'), ('x', '2024-01-02 00:00:00'), (NULL, NULL)"
        )
    catalog = bench.catalog(
        f"shop:\n  connector: database\n  url: sqlite:///{tmp_path}/desk.db\n  streams:\n"
        "    contacts: {table: tickets, cursor: changed_at, columns: {nr: id, updated_at: changed_at}, "
        "types: {id: bigint}}\n"
    )
    landed = bench.land(catalog)
    assert (landed.rows, landed.rejected_rows) == (2, 1)
    assert bench.rows("id, changed_at, _source_day::VARCHAR") == [
        (1, datetime(2024, 1, 1), "2024-01-01"),
        (None, None, None),
    ]
    ((raw, reason, day),) = bench.rows("raw, reason, _source_day::VARCHAR", REJECTS)
    assert (raw, reason, day) == (
        '{"id":"x","changed_at":"2024-01-02 00:00:00"}',
        "id is not a valid bigint",
        "2024-01-02",
    )
    assert bench.land(catalog).load_id is None
