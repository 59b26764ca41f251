"""The day or month in a path is found in every notation, and no other number is mistaken for one."""

from __future__ import annotations

from datetime import date

import pytest

from orchestration.channels.periods import overlaps, period_of

JANUARY = (date(2025, 1, 1), date(2025, 1, 31))
LAST_OF_JANUARY = (date(2025, 1, 31), date(2025, 1, 31))


@pytest.mark.parametrize(
    ("path", "period"),
    [
        ("orders_2025-01-31.csv", LAST_OF_JANUARY),
        ("orders_20250131.csv.gz", LAST_OF_JANUARY),
        ("orders_2025_01_31.csv", LAST_OF_JANUARY),
        ("2025/01/31/orders.csv", LAST_OF_JANUARY),
        ("export-20250131093000.csv", LAST_OF_JANUARY),
        ("export_2025-01-31T09:30.csv", LAST_OF_JANUARY),
        ("orders_2025-01.csv", JANUARY),
        ("orders_202501.csv", JANUARY),
        ("2025/01/orders.csv", JANUARY),
        ("2025-01/part-0001.csv", JANUARY),
        ("events_2025-12_to30_0000.parquet", (date(2025, 12, 1), date(2025, 12, 31))),
        ("2024-02.csv", (date(2024, 2, 1), date(2024, 2, 29))),
        # A day wins over a month, and the last of several wins.
        ("2025-02/orders_2025-01-31.csv", LAST_OF_JANUARY),
        ("2025-01-31/orders_2025-02.csv", LAST_OF_JANUARY),
        ("2025-01-30_to_2025-01-31.csv", LAST_OF_JANUARY),
        ("2024-12_to_2025-01.csv", JANUARY),
        # Dates that do not exist, and numbers that are not dates.
        ("orders_2025-02-31.csv", None),
        ("orders_2025-13.csv", None),
        ("orders_20251301.csv", None),
        ("orders_0025-01-31.csv", None),
        ("order_12025013112.csv", None),
        ("products.csv", None),
        ("v2025.csv", None),
    ],
)
def test_period_is_read_from_the_path(path: str, period: tuple[date, date] | None) -> None:
    assert period_of(path) == period


def test_periods_overlap_if_they_share_a_day() -> None:
    assert overlaps(JANUARY, LAST_OF_JANUARY)
    assert overlaps(LAST_OF_JANUARY, (date(2025, 1, 31), date(2025, 2, 3)))
    assert not overlaps(JANUARY, (date(2025, 2, 1), date(2025, 2, 1)))
