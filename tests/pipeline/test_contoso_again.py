"""Contoso again: as of the past while a reader reads, rebuilt, twice at once, and from landing. Whole runs: all `long`.

In every test run, tests/warehouse/test_publishing.py guards readers, dbt's unit tests and the suites of the marts guard
moments and values, tests/demo_staging/test_situation.py what is later, and tests/pipeline/test_machine_faults.py
customer numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline.installation import Content, Installation, Said, WarmCommand, environment
from pipeline.personal_data import places_with
from pipeline.test_contoso import personal_values, rows_of

pytestmark = pytest.mark.long


@contextmanager
def reader_in_a_loop(published: Path) -> Iterator[Callable[[], dict]]:
    """A BI tool that opens the published file again and again; what it met can be asked for at the end."""
    code = """
import duckdb, json, sys, threading
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
met = {"reads": 0, "errors": [], "rows": [], "as_of": []}
while not stop.is_set():
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as connection:
            rows, as_of = connection.execute(
                "select count(*), max(as_of)::varchar from marts.customer_360 "
                "inner join core.dim_customer using (customer_key)"
            ).fetchone()
        met["reads"] += 1
        for name, value in (("rows", rows), ("as_of", as_of)):
            if value not in met[name]:
                met[name].append(value)
    except Exception as error:
        met["errors"].append(repr(error))
    stop.wait(0.2)
print(json.dumps(met))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(published)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def end() -> dict:
            return json.loads(process.communicate()[0])

        yield end


@dataclass
class Past:
    """A copy of the installation after a run as of the past, while a reader read."""

    installation: Installation
    said: Said
    tables: dict[str, list[tuple]]
    reader: dict


@pytest.fixture(scope="module")
def past(contoso: Installation, warm: WarmCommand, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Run as of the past while a reader reads."""
    copy = contoso.copy_to(tmp_path_factory.mktemp("past") / "contoso")
    copy.warm = warm
    with reader_in_a_loop(copy.published) as end:
        said = copy.run("--as-of", "2019-02-06", "--no-train")
        reader = end()
    tables = {
        table: copy.ask(f"select * from marts.{table}")
        for table in ("relationship_context", "personal_context", "situational_context")
    }
    tables["value"] = copy.ask("select sum(current_value_amount) from marts.relationship_context")
    tables["as_of"] = copy.ask("select distinct as_of from marts.situational_context")
    return Past(copy, said, tables, reader)


@dataclass
class History:
    """A copy of the installation through further runs."""

    installation: Installation
    first: Content
    said: dict[str, Said]
    content: dict[str, Content]


@pytest.fixture(scope="module")
def history(past: Past, contoso: Installation) -> History:
    """After the run as of the past: rebuilt in full; run twice at once; and rebuilt from landing."""
    copy = past.installation
    story = History(copy, contoso.content(), {}, {})
    story.said["full refresh"] = copy.run("--full-refresh", "--no-train")
    story.content["full refresh"] = copy.content()

    command = copy.cold_command(*copy.run_arguments("--no-train"))
    both = [
        subprocess.Popen(
            command, cwd=copy.folder, env=environment(copy.variables), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]  # fmt: skip
    texts = [process.communicate()[0] for process in both]
    ended = sorted((Said(p.returncode, text) for p, text in zip(both, texts, strict=True)), key=lambda said: said.code)
    story.said["again"], story.said["beside"] = ended
    story.content["again"] = copy.content()

    (copy.home / "warehouse.duckdb").unlink()
    story.said["rebuilt"] = copy.run("--until", "core")
    story.content["rebuilt"] = copy.core()
    return story


def test_a_second_run_changes_nothing_and_says_so(history: History) -> None:
    said = history.said["again"]
    assert said.code == 0, said.text
    assert "Nothing has changed" in said.text
    assert history.content["again"] == history.first


def test_of_two_runs_at_once_one_does_the_work_and_the_other_says_why_it_does_not(history: History) -> None:
    said = history.said["beside"]
    assert said.code == 2
    assert len(said.faults) == 1, said.text
    assert "Another run is using this warehouse" in said.faults[0]


def test_a_full_refresh_gives_what_the_first_run_gave(history: History) -> None:
    assert history.said["full refresh"].code == 0, history.said["full refresh"].text
    assert history.content["full refresh"] == history.first


def test_customers_keep_their_numbers_when_the_warehouse_is_deleted(history: History) -> None:
    assert history.said["rebuilt"].code == 0, history.said["rebuilt"].text
    assert history.content["rebuilt"] == {table: found for table, found in history.first.items() if "core." in table}


def test_a_reader_never_fails_while_a_run_publishes(past: Past) -> None:
    assert past.reader["errors"] == []
    assert past.reader["reads"] > 100
    assert past.reader["rows"] == [15_002]
    assert past.reader["as_of"] == ["2019-05-25 00:00:00", "2019-02-06 00:00:00"]


def test_contexts_as_of_the_past_know_nothing_later(past: Past) -> None:
    assert past.said.code == 0, past.said.text
    assert "as of 2019-02-06 00:00 UTC" in past.said.text
    assert past.tables["as_of"] == [(datetime(2019, 2, 6),)]
    moments = [
        value
        for table in ("relationship_context", "personal_context", "situational_context")
        for row in past.tables[table]
        for value in row
        if isinstance(value, datetime)
    ]
    # The hotel's last stay is over by then, so no moment is a plan for later.
    assert max(moments) <= datetime(2019, 2, 6)


def test_value_as_of_the_past_is_what_had_been_paid_by_then(past: Past, contoso_files: Path) -> None:
    then = date(2019, 2, 6)

    def us(text: str) -> date:
        month, day, year = text.split(" ")[0].split("/")
        return date(int(year), int(month), int(day))

    paid = sum(
        int(row["TotalPrice"])
        for row in rows_of(contoso_files, "OnlinePurchases.txt")
        if us(row["PurchasedOn"]) < then and row["PurchaseId"] != "OPID_1004"
    )
    paid += sum(
        int(row["TotalPrice"])
        for row in rows_of(contoso_files, "POSPurchases.txt")
        if date.fromisoformat(row["PurchasedOn"]) < then
    )
    paid += sum(
        int(row["DollarsSpent"])
        for row in rows_of(contoso_files, "ContosoHotel_HotelActivity.txt")
        if us(row["CheckInDate"]) < then
    )
    assert past.tables["value"] == [(Decimal(paid),)]


def test_no_personal_data_in_text_logs_or_results_of_a_second_run(contoso_files: Path, past: Past) -> None:
    assert places_with(personal_values(contoso_files), past.installation, {"past": past.said.text}) == {}
