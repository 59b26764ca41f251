"""Calendar and clock of the demo company: UTC seconds inside, local time of Amsterdam, Berlin and Brussels outside.

The three countries share one time zone. Its rule (summer time from the last Sunday of March to the last Sunday of
October, both at 01:00 UTC) is computed here, because the time-zone tables of two machines may differ in age.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

DAY = 86_400
HOUR = 3_600
_FIRST_YEAR, _LAST_YEAR = 2000, 2060
UNIX = date(1970, 1, 1)

Ints = np.ndarray[Any, np.dtype[np.int64]]


def days_since_unix(day: date) -> int:
    """The number of the day, counted from 1970-01-01."""
    return (day - UNIX).days


def day_of(number: int) -> date:
    """The day with this number, counted from 1970-01-01."""
    return UNIX + timedelta(days=int(number))


@lru_cache(maxsize=1)
def _switches() -> Ints:
    """UTC seconds at which the clock changes: to summer, to winter, to summer …"""
    found = []
    for year in range(_FIRST_YEAR, _LAST_YEAR):
        for month in (3, 10):
            last = date(year, month, 31)
            sunday = last - timedelta(days=(last.weekday() + 1) % 7)
            found.append(days_since_unix(sunday) * DAY + HOUR)
    return np.array(found, dtype=np.int64)


def utc_offset(utc: Ints) -> Ints:
    """Seconds that the local clock is ahead of UTC at these UTC seconds: 3600 or 7200."""
    passed = np.searchsorted(_switches(), utc, side="right")
    return np.where(passed % 2 == 1, 2 * HOUR, HOUR).astype(np.int64)


def to_local(utc: Ints) -> Ints:
    """Local time as naive seconds."""
    return utc + utc_offset(utc)


def to_utc(local: Ints, *, second_time: Ints | bool = False) -> Ints:
    """UTC seconds of a naive local time.

    A time in the hour that spring leaves out is moved to the hour after it. A time in the hour that autumn has twice
    is the first one, or the second where `second_time` says so.
    """
    local = np.asarray(local, dtype=np.int64)
    summer, winter = local - 2 * HOUR, local - HOUR
    summer_holds = utc_offset(summer) == 2 * HOUR
    winter_holds = utc_offset(winter) == HOUR
    first = np.where(summer_holds, summer, winter)
    chosen = np.where(summer_holds & winter_holds & np.asarray(second_time), winter, first)
    # Neither holds in the hour left out in spring: `winter` is then one hour later on the wall, which is what we want.
    return chosen.astype(np.int64)


def month_index(day_numbers: Ints) -> Ints:
    """Months since January 1970 of these day numbers."""
    return np.asarray(day_numbers, dtype="datetime64[D]").astype("datetime64[M]").astype(np.int64)


def weekday(day_numbers: Ints) -> Ints:
    """0 is Monday, 6 is Sunday."""
    return (np.asarray(day_numbers, dtype=np.int64) + 3) % 7
