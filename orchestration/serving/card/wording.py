"""How counts, times and names are written on the card."""

from __future__ import annotations

from datetime import date, timedelta


def words(name: str | None) -> str:
    """A name of the warehouse as words: `e_bikes` as `e bikes`; empty for None."""
    return (name or "").replace("_", " ")


def joined(*parts: str | None, by: str = ", ") -> str:
    """The parts that are not empty."""
    return by.join(part for part in parts if part)


def counted(number: int, thing: str) -> str:
    """A count with its noun: `1 page`, `3 pages`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `90th`."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def day(moment: date) -> str:
    """A day: `4 March 2025`."""
    return f"{moment.day} {moment:%B %Y}"


def duration(time: timedelta) -> str:
    """A duration in the largest unit of which it has two: `40 minutes`, `3 hours`, `12 days`."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 2 * 24 * 60 else counted(minutes // (24 * 60), "day")


def ago(time: timedelta) -> str:
    """`3 hours ago`, or `just now` within a minute."""
    return f"{duration(time)} ago" if time >= timedelta(minutes=1) else "just now"
