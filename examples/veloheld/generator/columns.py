"""Arrow columns from arrays of numbers, without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.veloheld.generator.clock import DAY

Array = np.ndarray[Any, Any]
_DIGITS = np.frombuffer(b"0123456789", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def fixed_width(characters: Array, missing: Array | None = None) -> pa.Array:
    """Strings from a matrix of bytes, one row each; null where `missing`."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    data = pa.py_buffer(np.ascontiguousarray(characters))
    mask = None
    if missing is not None and missing.any():
        mask = pa.array(~missing).buffers()[1]
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), data, mask)


def _write_digits(out: Array, column: int, numbers: Array, width: int) -> None:
    rest = np.asarray(numbers, dtype=np.int64)
    for place in range(width - 1, -1, -1):
        quotient = rest // 10
        out[:, column + place] = _DIGITS[rest - quotient * 10]
        rest = quotient


def numbered(prefix: str, numbers: Array, width: int, missing: Array | None = None, suffix: str = "") -> pa.Array:
    """`prefix`, the number with leading zeros, `suffix`."""
    head, tail = prefix.encode(), suffix.encode()
    out = np.empty((len(numbers), len(head) + width + len(tail)), dtype=np.uint8)
    out[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    _write_digits(out, len(head), numbers, width)
    if tail:
        out[:, len(head) + width :] = np.frombuffer(tail, dtype=np.uint8)
    return fixed_width(out, missing)


def hexadecimal(prefix: str, bits: Array, missing: Array | None = None) -> pa.Array:
    """`prefix` and the sixteen hexadecimal digits of 64 bits."""
    head = prefix.encode()
    out = np.empty((len(bits), len(head) + 16), dtype=np.uint8)
    out[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    for place in range(16):
        out[:, len(head) + place] = _HEX[((bits >> np.uint64(60 - 4 * place)) & np.uint64(15)).astype(np.int64)]
    return fixed_width(out, missing)


@lru_cache(maxsize=4)
def _day_texts(first: int, last: int) -> Array:
    texts = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]"))
    return np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(len(texts), 10)


def _days(numbers: Array) -> Array:
    first, last = -25_600, 25_600  # 1899 to 2040, for birth dates and times
    return _day_texts(first, last)[numbers - first]


def times(seconds: Array, *, separator: str = "T", zone: str = "Z", missing: Array | None = None) -> pa.Array:
    """`YYYY-MM-DDTHH:MM:SSZ`, or with another separator and zone."""
    seconds = np.asarray(seconds, dtype=np.int64)
    day = seconds // DAY
    rest = seconds - day * DAY
    out = np.empty((len(seconds), 19 + len(zone)), dtype=np.uint8)
    out[:, :10] = _days(day)
    out[:, 10] = ord(separator)
    for column, value in ((11, rest // 3600), (14, rest // 60 % 60), (17, rest % 60)):
        _write_digits(out, column, value, 2)
    out[:, 13] = out[:, 16] = ord(":")
    for place, letter in enumerate(zone):
        out[:, 19 + place] = ord(letter)
    return fixed_width(out, missing)


def dates(day_numbers: Array, missing: Array | None = None) -> pa.Array:
    """`YYYY-MM-DD`."""
    return fixed_width(_days(np.asarray(day_numbers, dtype=np.int64)), missing)


def dates_reversed(day_numbers: Array, separator: str, missing: Array | None = None) -> pa.Array:
    """Day, month, year with a separator."""
    iso = _days(np.asarray(day_numbers, dtype=np.int64))
    out = np.empty((len(iso), 10), dtype=np.uint8)
    out[:, 0:2], out[:, 3:5], out[:, 6:10] = iso[:, 8:10], iso[:, 5:7], iso[:, 0:4]
    out[:, 2] = out[:, 5] = ord(separator)
    return fixed_width(out, missing)


def times_of_till(seconds: Array) -> pa.Array:
    """`DD.MM.YYYY HH:MM`."""
    seconds = np.asarray(seconds, dtype=np.int64)
    rest = seconds % DAY
    day = dates_reversed(seconds // DAY, ".")
    out = np.empty((len(seconds), 16), dtype=np.uint8)
    out[:, :10] = np.frombuffer(day.buffers()[2], dtype=np.uint8)[: len(seconds) * 10].reshape(-1, 10)
    out[:, 10] = ord(" ")
    _write_digits(out, 11, rest // 3600, 2)
    out[:, 13] = ord(":")
    _write_digits(out, 14, rest // 60 % 60, 2)
    return fixed_width(out)


_CENTS = pa.array([f"{cent:02d}" for cent in range(100)])


def money(cents: Array, separator: str = ".") -> pa.Array:
    """An amount with two decimals."""
    cents = np.asarray(cents, dtype=np.int64)
    size = np.abs(cents)
    whole = pc.cast(pa.array(size // 100), pa.string())
    if (cents < 0).any():
        whole = pc.if_else(pa.array(cents < 0), pc.binary_join_element_wise("-", whole, ""), whole)
    return pc.binary_join_element_wise(whole, _CENTS.take(pa.array(size % 100)), separator)


def integers(numbers: Array) -> pa.Array:
    """Whole numbers as text."""
    return pc.cast(pa.array(np.asarray(numbers, dtype=np.int64)), pa.string())


def decimals(values: Array, places: int) -> Array:
    """Numbers rounded so that the last bit of a machine's arithmetic does not show."""
    return np.round(np.asarray(values, dtype=np.float64), places)


def coded(codes: Array, names: Sequence[str | None], missing: Array | None = None) -> pa.DictionaryArray:
    """Names by code, stored as a dictionary; null where the name is None or `missing`."""
    empty = np.array([name is None for name in names])
    gone = empty[codes] if empty.any() else None
    if missing is not None:
        gone = missing if gone is None else gone | missing
    texts = pa.array(["" if name is None else name for name in names], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes, dtype=np.int32), mask=gone), texts)


def taken(texts: pa.Array, rows: Array, missing: Array | None = None) -> pa.Array:
    """The texts of these rows; null where `missing`."""
    return texts.take(pa.array(np.asarray(rows, dtype=np.int32), mask=missing))


def chosen(texts: Sequence[str | None], codes: Array) -> pa.Array:
    """Plain strings by code."""
    return pa.array(texts, pa.string()).take(pa.array(np.asarray(codes, dtype=np.int32)))


def joined(*parts: Any, separator: str = "") -> pa.Array:
    """The parts of each row behind each other; null where one is null."""
    return pc.binary_join_element_wise(*parts, separator)


def where(condition: Array, yes: Any, no: Any) -> pa.Array:
    """`yes` where the condition holds, else `no`."""
    return pc.if_else(pa.array(condition), yes, no)


def emptied(texts: pa.Array, gone: Array) -> pa.Array:
    """The texts, null where `gone`."""
    return pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), texts)


def instants(seconds: Array) -> pa.Array:
    """UTC timestamps in microseconds."""
    return pa.array(np.asarray(seconds, dtype=np.int64) * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
