"""Latencies come from observed deliveries; a first load with years of history is not years late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.channels.catalog import FileStream
from orchestration.channels.intake.latency import Latencies, latencies_of
from orchestration.channels.intake.load_register import mark_published
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.take_in import take_in

if TYPE_CHECKING:
    from tests.channels.conftest import Bench

HOUR = 3_600
NOTHING = Latencies(None, {})


def before(end: datetime, *hours: int) -> list[str]:
    return [str(end - timedelta(hours=hour)) for hour in hours]


def found(
    moments: Mapping[str, Sequence[str]], *, as_of: datetime, delivered_at: datetime | None = None, **fields: Any
) -> Latencies:
    """The latencies of a load whose rows came in some files; an earlier load held row 1 of 2020-01-01."""
    rows = [(file, moment) for file, found in moments.items() for moment in found]
    stream = FileStream(
        name="orders", system_name="shop", path="*.csv", format="csv", **({"day": "ordered_at"} | fields)
    )
    values = ", ".join(f"({number}, '{moment}', '{file}')" for number, (file, moment) in enumerate(rows, 1))
    with duckdb.connect() as connection:
        return latencies_of(
            connection,
            stream,
            f"select * from (values {values}) as t (id, ordered_at, _source_file)",
            list(moments),
            delivered_at=delivered_at,
            earlier="from (values (1, '2020-01-01 00:00:00')) as t (id, ordered_at)",
            as_of=as_of,
        )


def test_history_in_a_first_load_has_no_latency() -> None:
    moments = {"orders.csv": ["2020-01-01 12:00:00", "2024-12-31 12:00:00"]}
    assert found(moments, as_of=datetime(2025, 2, 1)) == NOTHING


def test_a_file_named_after_a_day_was_delivered_at_its_end_at_the_earliest() -> None:
    moments = {"orders_2025-01-30.csv": before(datetime(2025, 1, 31), 1, 4, 4)}
    assert found(moments, as_of=datetime(2025, 2, 1)) == Latencies("file names", {HOUR: 1, 4 * HOUR: 2})


def test_a_file_of_the_current_month_counts_until_the_as_of() -> None:
    moments = {"orders_2025-01.csv": ["2025-01-15 10:00:00"]}
    assert found(moments, as_of=datetime(2025, 1, 15, 12)) == Latencies("file names", {2 * HOUR: 1})


def test_old_rows_in_the_first_file_do_not_count_and_late_rows_in_a_later_one_do() -> None:
    moments = {
        "orders_2025-01-30.csv": ["2021-01-01 00:00:00", "2025-01-30 20:00:00"],
        "orders_2025-01-31.csv": ["2025-01-30 23:00:00"],
    }
    assert found(moments, as_of=datetime(2025, 2, 1)) == Latencies("file names", {4 * HOUR: 1, 25 * HOUR: 1})


def test_a_row_with_only_a_day_counts_from_its_end() -> None:
    moments = {"orders_2025-01.csv": ["2025-01-30"]}
    assert found(moments, as_of=datetime(2025, 2, 5)) == Latencies("file names", {24 * HOUR: 1})


def test_rows_that_a_run_finds_new_count_until_its_as_of_and_future_rows_are_ignored() -> None:
    run = datetime(2025, 2, 2)
    moments = {"2025-01-30.csv": before(run, 1, 2), "orders.csv": [*before(run, 3), "2025-02-03 00:00:00"]}
    expected = Latencies("runs", {HOUR: 1, 2 * HOUR: 1, 3 * HOUR: 1})
    assert found(moments, as_of=run, delivered_at=run) == expected


def test_rows_of_an_earlier_load_are_not_late() -> None:
    run = datetime(2025, 2, 2)
    moments = {"orders.csv": ["2020-01-01 00:00:00", *before(run, 4)]}
    assert found(moments, as_of=run, delivered_at=run, key=("id",)) == Latencies("runs", {4 * HOUR: 1})


def test_a_change_counts_from_its_cursor_and_not_from_its_day() -> None:
    run = datetime(2025, 2, 2)
    moments = {"orders.csv": before(run, 4)}
    assert found(moments, as_of=run, delivered_at=run, cursor="ordered_at", day="id") == Latencies(
        "runs", {4 * HOUR: 1}
    )


def test_seconds_are_kept_to_three_digits() -> None:
    run = datetime(2025, 2, 2)
    moments = {"orders.csv": [str(run - timedelta(seconds=n)) for n in (0, 7, 999, 1_004, 1_006, 123_456)]}
    expected = {0: 1, 7: 1, 999: 1, 1_000: 1, 1_010: 1, 123_000: 1}
    assert found(moments, as_of=run, delivered_at=run).rows_by_seconds == expected


def test_a_snapshot_has_no_latency() -> None:
    moments = {"orders_2025-01-30.csv": ["2025-01-30 20:00:00"]}
    as_of = datetime(2025, 2, 1)
    assert found(moments, as_of=as_of, delivery="snapshot") == NOTHING
    assert found(moments, as_of=as_of, delivered_at=as_of, delivery="snapshot") == NOTHING


def test_without_a_column_of_moments_there_is_no_latency() -> None:
    assert found({"2025-01-30.csv": ["soon", "6/13/2025"]}, as_of=datetime(2025, 2, 1)) == NOTHING
    assert found({"2025-01-30.csv": ["2025-01-30 20:00:00"]}, as_of=datetime(2025, 2, 1), day=None) == NOTHING


def deliver(bench: Bench, name: str, first_id: int, moments: Sequence[str]) -> None:
    rows = [f"{number},{moment}" for number, moment in enumerate(moments, first_id)]
    (bench.data / name).write_text("Id,Ordered At\n" + "\n".join(rows) + "\n")


def run(
    bench: Bench, as_of: datetime, *, wait: timedelta | None = None, days: tuple[date, date] | None = None
) -> dict[str, Any]:
    """Take the stream in, and publish it `wait` after it landed. Returns its status."""
    ((system, stream),) = bench.catalog(
        "shop:\n  title: Shop\n  connector: files\n  location: data\n  streams:\n"
        "    orders: {path: '*.csv', format: csv, key: [id], day: ordered_at}\n"
    ).streams()
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        columns = {"id": "VARCHAR", "ordered_at": "VARCHAR"}
        source = StreamSource(system, stream, bench.landing_url, bench.working_dir, columns)
        take_in(connection, source, IntakeRun("a run", as_of), days)
        cursor = connection.execute("select * from quality.stream_status")
        status = dict(zip([name for name, *_ in cursor.description], cursor.fetchone(), strict=True))
        if wait:
            (landed,) = connection.execute("select max(landed_at) from quality.load").fetchone()
            mark_published(connection, "a run", landed + wait)
    return status


def landing(status: dict[str, Any]) -> tuple[Any, ...]:
    columns = ("latency_basis", "latency_row_count", "landing_p50_seconds", "landing_p95_seconds")
    return tuple(status[column] for column in columns)


def test_observed_latencies_replace_those_from_file_names(bench: Bench) -> None:
    """Twenty rows, 1 to 20 hours before midnight: the tenth is the median, the nineteenth 95 %. Then one of 5 hours,
    published two hours after it landed: 7 hours, known from the next run on. Days loaded again are not late."""
    deliver(bench, "orders_2025-01-30.csv", 1, before(datetime(2025, 1, 31), *range(1, 21)))
    assert landing(run(bench, datetime(2025, 2, 1), wait=timedelta(minutes=5))) == (
        "file names", 20, 10 * HOUR, 19 * HOUR,
    )  # fmt: skip
    deliver(bench, "orders_2025-01-31.csv", 30, ["2025-01-31 22:00:00"])
    second = run(bench, datetime(2025, 2, 1, 3), wait=timedelta(hours=2))
    assert landing(second) == ("runs", 1, 5 * HOUR, 5 * HOUR)
    assert (second["mart_row_count"], second["mart_p50_seconds"], second["system_title"]) == (0, None, "Shop")
    third = run(bench, datetime(2025, 6, 1), days=(date(2025, 1, 30), date(2025, 1, 31)))
    assert third["new_rows"] == 21
    assert landing(third) == ("runs", 1, 5 * HOUR, 5 * HOUR)
    assert (third["mart_row_count"], third["mart_p50_seconds"], third["mart_p95_seconds"]) == (1, 7 * HOUR, 7 * HOUR)


def test_a_row_that_comes_with_days_loaded_again_has_no_latency(bench: Bench) -> None:
    """The file of 30 January has gained a row by June: no run has seen it arrive."""
    deliver(bench, "orders_2025-01-30.csv", 1, ["2025-01-30 20:00:00"])
    run(bench, datetime(2025, 1, 31))
    deliver(bench, "orders_2025-01-31.csv", 30, ["2025-01-31 22:00:00"])
    run(bench, datetime(2025, 2, 1, 3))
    deliver(bench, "orders_2025-01-30.csv", 1, ["2025-01-30 20:00:00", "2025-01-30 21:00:00"])
    again = run(bench, datetime(2025, 6, 1), days=(date(2025, 1, 30), date(2025, 1, 30)))
    assert again["new_rows"] == 2
    assert landing(again) == ("runs", 1, 5 * HOUR, 5 * HOUR)


def test_a_rebuilt_warehouse_takes_latencies_from_file_names(bench: Bench) -> None:
    deliver(bench, "orders_2025-01-30.csv", 1, ["2025-01-30 20:00:00"])
    run(bench, datetime(2025, 1, 31))
    deliver(bench, "orders_2025-01-31.csv", 2, ["2025-01-31 20:00:00"])
    run(bench, datetime(2025, 2, 1))
    (bench.folder / "warehouse.duckdb").unlink()
    assert landing(run(bench, datetime(2025, 2, 2))) == ("file names", 2, 4 * HOUR, 4 * HOUR)
