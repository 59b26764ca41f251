"""Freshness follows from rows and file names, not from the clock."""

from datetime import date, datetime, timedelta

import duckdb
import pytest

from orchestration.channels.catalog import FileStream
from orchestration.channels.intake.freshness import expected_by, moment_of, reach_of

AS_OF = datetime(2025, 6, 15, 12)


def stream(**fields: object) -> FileStream:
    return FileStream(name="s", system_name="shop", path="*.csv", format="csv", **fields)  # type: ignore[arg-type]


def reach(query: str, files: list[str], **fields: object):
    with duckdb.connect() as connection:
        return reach_of(connection, stream(**fields), query, files, AS_OF)


@pytest.mark.parametrize(
    "moments",
    [
        "'2025-06-13T08:00:00Z', '2025-06-14T09:30:00Z'",
        "'2025-06-13 08:00:00', '2025-06-14 09:30:00'",
        "timestamp '2025-06-13 08:00:00', timestamp '2025-06-14 09:30:00'",
        "timestamptz '2025-06-13 10:00:00+02', timestamptz '2025-06-14 11:30:00+02'",
        "'13.06.2025 08:00', '14.06.2025 09:30'",
    ],
)
def test_the_day_column_of_the_catalog_gives_the_newest_moment(moments: str) -> None:
    found = reach(f"select unnest([{moments}]) as sold_at", ["shop/2025-06-01.csv"], day="sold_at")
    assert found.newest_at == datetime(2025, 6, 14, 9, 30)
    assert found.days == (date(2025, 6, 13), date(2025, 6, 14))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1.7.2024 9:51", datetime(2024, 7, 1, 9, 51)),
        (" 01.07.2024 09:51:07 ", datetime(2024, 7, 1, 9, 51, 7)),
        ("01.07.2024", datetime(2024, 7, 1)),
        ("20240701", datetime(2024, 7, 1)),
        ("2024-07-01 09:51", datetime(2024, 7, 1, 9, 51)),
        ("31.02.2024", None),  # no day
        ("01.07.24", None),  # which century?
        ("01.07.2024 25:00", None),
        ("01.07.2024 09:51 Uhr", None),
        ("202407", None),
    ],
)
def test_unambiguous_notations_of_a_moment_are_read_and_others_are_not(text: str, moment: datetime | None) -> None:
    with duckdb.connect() as connection:
        row = connection.execute(f"select {moment_of('t', 'VARCHAR')} from (select ? as t)", [text]).fetchone()
    assert row == (moment,)


def test_a_row_from_the_future_is_ignored() -> None:
    found = reach("select unnest(['2025-06-14 09:30:00', '2099-01-01 00:00:00']) as sold_at", [], day="sold_at")
    assert found.newest_at == datetime(2025, 6, 14, 9, 30)
    assert found.days == (date(2025, 6, 14),)


def test_row_at_the_as_of_counts() -> None:
    found = reach("select unnest(['2025-06-14 09:30:00', '2025-06-15 12:00:00']) as sold_at", [], day="sold_at")
    assert found.newest_at == AS_OF
    assert found.days == (date(2025, 6, 14), date(2025, 6, 15))


def test_without_a_day_column_the_file_names_give_it() -> None:
    found = reach("select 1 as x", ["receipts_20250612.csv", "receipts_20250613.csv"])
    assert found.newest_at == datetime(2025, 6, 14)  # the 13th is over
    assert found.days == (date(2025, 6, 12), date(2025, 6, 13))


def test_a_file_of_a_month_covers_its_days_so_far() -> None:
    found = reach("select 1 as x", ["changes_2025-06.csv"])
    assert found.newest_at == AS_OF
    assert found.days == tuple(date(2025, 6, day) for day in range(1, 16))


def test_file_names_replace_unreadable_moments() -> None:
    found = reach("select '6/13/2025' as sold_at", ["2025-06-10.csv"], day="sold_at")
    assert found.days == (date(2025, 6, 10),)


def test_without_column_and_file_date_freshness_is_unknown() -> None:
    found = reach("select 1 as x", ["contacts.csv"])
    assert (found.newest_at, found.days) == (None, ())


def test_the_next_delivery_is_expected_after_the_cadence_and_a_quarter() -> None:
    daily = stream(cadence="1d")
    assert expected_by(daily, datetime(2025, 6, 14)) == datetime(2025, 6, 15, 6)
    assert expected_by(stream(), datetime(2025, 6, 14)) is None
    assert expected_by(daily, None) is None
    assert daily.cadence == timedelta(days=1)
