"""The types of the catalog's fields. Each validates the text of a field; its message says what to write instead."""

from __future__ import annotations

import codecs
import re
import zoneinfo
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_COLUMN = re.compile(r"_?[a-z][a-z0-9_]*")
_TYPE = re.compile(r"(varchar|bigint|double|boolean|date|timestamp)|decimal\(([1-9][0-9]?), ?([0-9][0-9]?)\)")
_MOST_DIGITS = 38
_DURATION = re.compile(r"([1-9][0-9]*) ?(m|h|d|w)")
_MONTHS = re.compile(r"([1-9][0-9]*) ?(months?|years?)")
_DURATION_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _duration(value: object) -> object:
    if value is None or isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise PydanticCustomError("duration", "is not a duration; write a number and m, h, d or w, as in 15m, 1h or 7d")
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


def _months(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    match = _MONTHS.fullmatch(str(value).strip())
    if match is None:
        raise PydanticCustomError("months", "is not a period; write months or years, as in 24 months or 7 years")
    return int(match[1]) * (12 if match[2].startswith("year") else 1)


def _column(value: object) -> object:
    if not isinstance(value, str) or _COLUMN.fullmatch(value) is None:
        raise PydanticCustomError("column", "is not a landed column name; write it in snake_case, as in contact_id")
    return value


def _type(value: object) -> object:
    match = _TYPE.fullmatch(str(value).strip().lower())
    fits = match is not None and (match[1] is not None or int(match[3]) <= int(match[2]) <= _MOST_DIGITS)
    if match is None or not fits:
        raise PydanticCustomError(
            "column_type",
            "is not a type; write varchar, bigint, double, boolean, date, timestamp or a decimal, as in decimal(12,2)",
        )
    return match[0].upper().replace(" ", "")


def _moment(value: object) -> object:
    if value is None or isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise PydanticCustomError(
            "moment", "is not a moment; write a date, or a date and time in UTC, as in 2026-01-31 or 2026-01-31T12:00"
        ) from None


def _time_zone(value: object) -> object:
    if value is None:
        return value
    try:
        return zoneinfo.ZoneInfo(str(value)).key
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise PydanticCustomError(
            "time_zone", "is not a time zone of the IANA database; write, for example, Europe/Amsterdam or UTC"
        ) from None


def _encoding(value: object) -> object:
    try:
        codecs.lookup(str(value))
    except LookupError:
        raise PydanticCustomError(
            "encoding", "is not an encoding that Python knows; write, for example, utf-8, latin-1 or cp1252"
        ) from None
    return value


Column = Annotated[str, BeforeValidator(_column)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Months = Annotated[int, BeforeValidator(_months)]
# The name of a DuckDB type, in capitals.
ColumnType = Annotated[str, BeforeValidator(_type)]
Encoding = Annotated[str, BeforeValidator(_encoding)]
Delivery = Literal["append", "snapshot", "replace"]
Moment = Annotated[datetime | date | None, BeforeValidator(_moment)]
TimeZone = Annotated[str | None, BeforeValidator(_time_zone)]
