"""Drawn texts: what a macro reads is what Python's own types make of it, and nothing else is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts.text_macros import compiled

ZONES = ("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31))
BLANKS = st.text(" \t\r\n\u00a0\u200b\ufeff\u2003", max_size=3)
# Texts that come close to dates and numbers.
NEARLY = st.text("0123456789.,:-+TZ_eE/ ", max_size=22) | st.text(max_size=12)
PLAIN = re.compile(r"[+-]?(\d*\.\d+|\d+)", re.ASCII)
COMMA = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})+|\d+)?(,\d+)?", re.ASCII)


class Reader:
    """Prepares each macro once: to plan its query takes far longer than to read a text."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("create table given (value varchar)")
        self._prepared = 0

    def __call__(self, call: str) -> Callable[[str], Any]:
        self._prepared += 1
        name = f"read_{self._prepared}"
        self.connection.execute(f"prepare {name} as select {compiled(call)} from given")

        def read(text: str) -> Any:
            self.connection.execute("truncate given")
            self.connection.execute("insert into given values (?)", [text])
            return self.connection.execute(f"execute {name}").fetchone()[0]

        return read


READ = Reader()
UTC_TEXT = READ("timestamp_from_utc_text('value')")
MONEY, COMMA_MONEY = READ("money_from_text('value')"), READ("money_from_comma_text('value')")
CLEAN, EMAIL = READ("clean_text('value')"), READ("comparable_email('value')")
LOCAL = {zone: READ(f"utc_from_local_text('value', '{zone}')") for zone in ZONES}
drawn = settings(max_examples=150, deadline=None, derandomize=True)


@drawn
@given(MOMENTS, st.integers(-14 * 60 + 1, 14 * 60 - 1), BLANKS)
def test_moment_with_an_offset_is_that_moment_in_utc(moment: datetime, minutes: int, blank: str) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert UTC_TEXT(blank + zoned.isoformat() + blank) == zoned.astimezone(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("zone", ZONES)
def test_local_time_is_the_first_moment_at_which_the_clocks_show_it(zone: str) -> None:
    read = LOCAL[zone]

    @drawn
    @given(MOMENTS)
    def of_any_moment(moment: datetime) -> None:
        wall = moment.replace(microsecond=0)
        candidates = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
        exists = [at for at in candidates if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall]
        assert read(f"{wall:%d.%m.%Y %H:%M:%S}") == (min(exists).replace(tzinfo=None) if exists else None)

    of_any_moment()


def test_every_minute_around_both_changes_of_the_clocks_is_the_first_or_none() -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    for first in (datetime(2025, 3, 30, 1), datetime(2025, 10, 26, 1)):
        for minute in range(180):
            wall = first + timedelta(minutes=minute)
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            exists = at.astimezone(zone).replace(tzinfo=None) == wall
            found = LOCAL["Europe/Amsterdam"](f"{wall:%d.%m.%Y %H:%M}")
            assert found == (at.replace(tzinfo=None) if exists else None)


@drawn
@given(st.decimals(-(10**11), 10**11, places=6), BLANKS)
def test_amount_in_either_style_is_that_amount(amount: Decimal, blank: str) -> None:
    grouped = f"{amount:,f}".translate(str.maketrans(",.", ".,"))
    assert MONEY(f"{blank}{amount:f}{blank}") == COMMA_MONEY(blank + grouped + blank) == amount


@drawn
@given(NEARLY)
def test_any_text_is_an_amount_as_written_or_is_not_read(text: str) -> None:
    written = CLEAN(text) or ""
    for found, pattern, number in (
        (MONEY(text), PLAIN, written),
        (COMMA_MONEY(text), COMMA, written.replace(".", "").replace(",", ".")),
    ):
        if found is not None:
            assert pattern.fullmatch(written) and abs(found - Decimal(number)) <= Decimal("5e-7")


@drawn
@given(NEARLY)
def test_any_text_is_a_moment_as_python_reads_it_or_is_not_read(text: str) -> None:
    found = UTC_TEXT(text)
    if found is not None:
        written = re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)\D?.*", CLEAN(text) or "", re.ASCII)
        assert written and abs(found.date() - date(*map(int, written.groups()))) <= timedelta(days=1)


@drawn
@given(st.text(max_size=12), BLANKS, BLANKS)
def test_clean_text_is_the_same_with_invisible_characters_around_it(text: str, before: str, after: str) -> None:
    assert CLEAN(before + text + after) == CLEAN(text)
    assert CLEAN(CLEAN(text) or "") == CLEAN(text)


@drawn
@given(st.from_regex(r"[a-z][a-z0-9_+]{0,8}@[a-z]{1,8}\.[a-z]{2,4}", fullmatch=True), st.integers(0, 5))
def test_address_is_the_same_in_every_wrapping(address: str, wrapping: int) -> None:
    wrapped = ["{}", "mailto:{}", "<{}>", "Anna Bos <{}>", "{};", '"Bos, Anna" <{}>, '][wrapping].format(address)
    assert EMAIL(wrapped) == EMAIL(wrapped.upper()) == address
