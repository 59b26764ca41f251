"""Errors in the spelling of names: typing errors and lost accents."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator.draws import pick_at

Array = np.ndarray[Any, Any]
_WIDTH = 40
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> Array:
    table = np.arange(0x250, dtype=np.uint32)
    for row in _ROWS:
        for letter, neighbour in zip(row, row[1:] + row[-2], strict=True):
            table[ord(letter)] = ord(neighbour)
            table[ord(letter.upper())] = ord(neighbour.upper())
    return table


def misspelled(texts: pa.Array, where: Array, chance: Array, kind_shares: list[float]) -> pa.Array:
    """The texts with one typing error in the rows of `where`; `chance` is a uniform number per row.

    The first letter stays. Texts of fewer than four letters stay as they are.
    """
    rows = np.flatnonzero(where)
    if len(rows) == 0:
        return texts
    part = np.array(texts.take(pa.array(rows)).to_pylist(), dtype=f"U{_WIDTH}")
    letters = part.view(np.uint32).reshape(len(rows), _WIDTH).copy()
    length = (letters != 0).sum(axis=1)
    kind = pick_at(chance[rows], np.array(kind_shares))
    place = 1 + (chance[rows] * 1_000 % 1.0 * np.maximum(length - 2, 1)).astype(np.int64)
    at = np.arange(_WIDTH)[None, :]
    source = np.broadcast_to(at, letters.shape).copy()
    swap, drop, double, key = (kind == code for code in range(4))
    source[swap] = np.where(at == place[swap, None], at + 1, np.where(at == place[swap, None] + 1, at - 1, at))
    source[drop] = np.minimum(at + (at >= place[drop, None]), _WIDTH - 1)
    source[double] = at - (at > place[double, None])
    changed = np.take_along_axis(letters, source, axis=1)
    typed = np.take_along_axis(letters, place[:, None], axis=1)[:, 0]
    table = _neighbours()
    changed[np.flatnonzero(key), place[key]] = table[np.minimum(typed[key], len(table) - 1)]
    short = length < 4
    changed[short] = letters[short]
    return put(texts, rows, pa.array(changed.view(f"U{_WIDTH}").reshape(-1).tolist(), pa.string()))


def put(texts: pa.Array, rows: Array, new: pa.Array) -> pa.Array:
    """`texts` with the values of `new` in these rows."""
    order = np.arange(len(texts), dtype=np.int64)
    order[rows] = len(texts) + np.arange(len(rows))
    return pa.concat_arrays([texts, new]).take(pa.array(order))


def without_accents(text: str) -> str:
    """The text without accents, as old systems and hurried staff write it."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ı", "i"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def address_form(text: str) -> str:
    """A name in the form of an e-mail address."""
    german = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("Ö", "Oe")
    return "".join(letter for letter in without_accents(german).lower() if letter.isalnum())
