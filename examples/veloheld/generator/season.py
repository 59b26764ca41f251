"""The calendar of a simulation: days, blocks of days, and the time of an average season."""

from __future__ import annotations

from typing import Any

import numpy as np

from examples.veloheld.generator.clock import DAY, HOUR, days_since_unix, month_index, to_utc, weekday
from examples.veloheld.generator.draws import pick_at
from examples.veloheld.generator.parameters import Parameters

Array = np.ndarray[Any, Any]
_CALENDAR_DAYS = 6_000


class Calendar:
    """Days counted from the first delivered day, and the season time that has passed at the start of each.

    Season time runs fast on days on which people buy much, and slowly on others; its mean pace is one day per day.
    """

    def __init__(self, parameters: Parameters) -> None:
        company, purchases = parameters.company, parameters.purchases
        self.start = days_since_unix(company.starts_on)
        self.block_days = company.block_days
        self.first_block = -(company.history_days // company.block_days) - 1
        self.first_day = self.first_block * company.block_days
        numbers = self.start + np.arange(self.first_day, _CALENDAR_DAYS)
        months = np.array(purchases.month_factors)
        days = np.array(purchases.weekday_factors)
        weight = months[month_index(numbers) % 12] * days[weekday(numbers)]
        weight = weight / (months.mean() * days.mean())
        self.cumulated = np.round(np.concatenate([[0.0], np.cumsum(weight)]), 9)

    def season_time(self, day: Array | int) -> Array:
        """Season time (days) that has passed when `day` begins."""
        return self.cumulated[np.clip(np.asarray(day) - self.first_day, 0, len(self.cumulated) - 1)]

    def day_at(self, season_time: Array) -> Array:
        """The day on which this much season time has passed."""
        return np.searchsorted(self.cumulated, season_time, side="right") - 1 + self.first_day

    def block_of(self, day: int) -> int:
        """The block that holds a day."""
        return int(np.floor_divide(day, self.block_days))

    def seconds(self, day: Array, local_second: Array, second_time: Array | bool = False) -> Array:
        """UTC seconds of a local time of day on a day."""
        return to_utc((self.start + day) * DAY + local_second, second_time=second_time)

    def day_of(self, seconds: Array) -> Array:
        """The UTC day of a moment, counted from the first delivered day."""
        return np.asarray(seconds) // DAY - self.start


def seconds_of_day(chance: Array, hour_weights: list[float]) -> Array:
    """Local seconds since midnight with this profile over the hours, from uniform numbers."""
    weights = np.array(hour_weights)
    hour = pick_at(chance, weights)
    within = chance * 7_919.0
    return hour * HOUR + ((within - np.floor(within)) * HOUR).astype(np.int64)
