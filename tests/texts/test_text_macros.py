"""Every macro that reads text, on the cases of text_cases.yml: on DuckDB, and the same on Spark."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from texts.text_macros import PACKAGE, cases_table, compiled, macros

from orchestration.warehouse.contact_details import e164

REPOSITORY = PACKAGE.parent
CALLS = [(call["call"], call["cases"]) for macro in macros() for call in macro["calls"]]
SPARK = REPOSITORY / ".venv-spark" / "bin" / "python"


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.create_function("e164", e164, null_handling="special")
    return connection


@pytest.mark.parametrize(("call", "cases"), CALLS, ids=[call for call, _ in CALLS])
def test_text_is_read_as_the_case_table_says(call: str, cases: list, engine: duckdb.DuckDBPyConnection) -> None:
    texts = [text for text, _ in cases]
    found = engine.execute(f"select {compiled(call)} from {cases_table(texts)} order by number").fetchall()
    assert {text: plain(value) for text, (value,) in zip(texts, found, strict=True)} == dict(cases)


def test_null_stays_null(engine: duckdb.DuckDBPyConnection) -> None:
    calls = [compiled(call) for call, _ in CALLS]
    (found,) = engine.execute(f"select {', '.join(calls)} from {cases_table([None])}").fetchall()
    assert set(found) == {None}


def test_every_macro_that_reads_text_is_in_the_case_table() -> None:
    files = (PACKAGE / "macros" / "portable").glob("*.sql")
    defined = [
        line.split()[2].split("(")[0]
        for file in files
        if file.stem in ("text", "moments", "numbers", "contact_details", "json")
        for line in file.read_text().splitlines()
        if line.startswith("{% macro ") and not line.split()[2].startswith(("_", "duckdb__", "spark__"))
    ]
    helpers = {"regex_replaced", "letters_and_digits", "is_no_email", "timestamp_from_seconds"}
    assert set(defined) - helpers == {macro["macro"] for macro in macros()}


def test_spark_reads_every_text_as_duckdb_does(tmp_path: Path) -> None:
    if not SPARK.exists():
        pytest.skip("there is no environment with Spark: `make .venv-spark/installed` makes it (Java 17)")
    tables = [cases_table([text for text, _ in cases], "spark") for _, cases in CALLS]
    queries = [
        f"select {compiled(call, 'spark')} as found from {table} order by number"
        for (call, _), table in zip(CALLS, tables, strict=True)
    ]
    (tmp_path / "queries.json").write_text(json.dumps(queries))
    done = subprocess.run(
        [SPARK, REPOSITORY / "tests" / "spark_texts.py", tmp_path / "queries.json", tmp_path / "found.json"],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for (call, cases), found in zip(CALLS, json.loads((tmp_path / "found.json").read_text()), strict=True):
        assert {text: value for (text, _), value in zip(cases, found, strict=True)} == dict(cases), call


def plain(value: Any) -> Any:
    """A value as the case table writes it."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, bool | None) else str(value)


assert plain(datetime(2025, 7, 1)) == "2025-07-01 00:00:00" and plain(date(2025, 7, 1)) == "2025-07-01"
