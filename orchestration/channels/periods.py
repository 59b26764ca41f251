"""The period in a path: the day or the month in the name of a file or of its folders."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date

_YEAR = r"(?<!\d)((?:19|20)\d\d)"
# 2025-01-31, 2025_01_31, 2025/01/31 and 20250131, also before the time of day as in 20250131093000.
_DAY = re.compile(_YEAR + r"([-_/.]?)(\d\d)\2(\d\d)(?=\D|$|[01]\d[0-5]\d[0-5]\d(?!\d)|2[0-3][0-5]\d[0-5]\d(?!\d))")
# 2025-01 and 202501, unless a day follows.
_MONTH = re.compile(_YEAR + r"([-_/.]?)(\d\d)(?!\d)(?!\2\d\d(?!\d))")


def period_of(path: str) -> tuple[date, date] | None:
    """First and last day of the period in `path`: the last day that it names, else the last month, else None.

    Dates that do not exist are ignored.
    """
    for found in (_days(path), _months(path)):
        *_, last = (None, *found)
        if last is not None:
            return last
    return None


def overlaps(period: tuple[date, date], days: tuple[date, date]) -> bool:
    """Whether two periods, each a first and a last day, have a day in common."""
    return period[0] <= days[1] and days[0] <= period[1]


def _days(path: str) -> Iterator[tuple[date, date]]:
    for match in _DAY.finditer(path):
        year, month, day = int(match[1]), int(match[3]), int(match[4])
        if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
            yield date(year, month, day), date(year, month, day)


def _months(path: str) -> Iterator[tuple[date, date]]:
    for match in _MONTH.finditer(path):
        year, month = int(match[1]), int(match[3])
        if 1 <= month <= 12:
            yield date(year, month, 1), date(year, month, monthrange(year, month)[1])
