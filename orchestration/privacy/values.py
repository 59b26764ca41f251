"""Values that identify a person, and finding them in texts, bytes and columns, many at a time."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ERASED = "[erased]"
# Shorter texts stand in too many places for other reasons: they are found by the rows that hold them.
_LEAST_LETTERS, _LEAST_DIGITS, _LEAST_CELL = 6, 9, 4
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_DECIMAL = re.compile(r"^-?\d+[.,]\d+$")
_PHONE = re.compile(r"^\+?[\d ()./-]+$")
_ADDRESS_BYTES = frozenset(b".+-")  # they go on to the left in an e-mail address
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_TEXT_ENCODINGS, _ALL_ENCODINGS = ("utf-8",), ("utf-8", "utf-16-le", "utf-16-be")


def is_distinctive(value: str) -> bool:
    """Whether a value says by itself whose it is, wherever it stands: an address, a telephone number, a number of a
    system, a full name is none of these."""
    text = value.strip()
    digits = sum(character.isdigit() for character in text)
    if _DATE.match(text) or _DECIMAL.match(text) or len(text) < _LEAST_LETTERS or len(text) > 120:
        return False
    if "@" in text and " " not in text:
        return True
    if _PHONE.match(text):
        return digits >= _LEAST_DIGITS
    return " " not in text and digits > 0 and any(character.isalpha() for character in text)


def is_comparable(value: str) -> bool:
    """Whether a value is long enough to be compared as a whole cell."""
    text = value.strip()
    return len(text) >= _LEAST_CELL and any(map(str.isalpha, text)) and not _DATE.match(text)


class Finder:
    """Finds values. words: anywhere in a text, as a word of its own, in any case. cells: as a whole cell."""

    def __init__(self, words: Iterable[str], cells: Iterable[str] = ()) -> None:
        from ahocorasick_rs import BytesAhoCorasick

        self.words = sorted({word.strip() for word in words if word.strip()})
        # Blanks are what DuckDB trims, by which values are compared with those of others.
        self.cells = {cell.strip(" ").lower() for cell in cells} | {word.lower() for word in self.words}
        self._of_text = BytesAhoCorasick(self._patterns(_TEXT_ENCODINGS)) if self.words else None
        self._of_bytes = BytesAhoCorasick(self._patterns(_ALL_ENCODINGS)) if self.words else None

    def _patterns(self, encodings: tuple[str, ...]) -> list[bytes]:
        # bytes.lower() knows ASCII only: other letters are looked for as written and in lower case.
        forms = {form for word in self.words for form in (word, word.lower(), word.upper())}
        return sorted({form.encode(encoding).lower() for form in forms for encoding in encodings})

    def spans(self, content: bytes, *, any_encoding: bool = False) -> Iterator[tuple[int, int]]:
        """Where values stand in bytes. any_encoding: also in UTF-16."""
        automaton = self._of_bytes if any_encoding else self._of_text
        if automaton is None:
            return
        lowered = content.lower()
        for _, start, end in automaton.find_matches_as_indexes(lowered):
            before, after = lowered[max(start - 1, 0) : start], lowered[end : end + 1]
            goes_on = before and before[0] in _WORD_BYTES and lowered[start] in _WORD_BYTES
            goes_on = goes_on or (before and before[0] in _ADDRESS_BYTES and b"@" in lowered[start:end])
            if not (goes_on or (after and after[0] in _WORD_BYTES and lowered[end - 1] in _WORD_BYTES)):
                yield start, end

    def is_in(self, content: bytes) -> bool:
        """Whether a value stands in bytes, in UTF-8 or UTF-16."""
        return next(self.spans(content, any_encoding=True), None) is not None

    def without(self, text: str) -> str:
        """The text with each value replaced."""
        content = text.encode()
        made, last = [], 0
        for start, end in self.spans(content):
            made += [content[last:start], ERASED.encode()]
            last = end
        return b"".join([*made, content[last:]]).decode() if made else text

    def rows(self, column: pa.ChunkedArray, *, whole_cells: bool = False) -> set[int]:
        """The positions of the texts of a column that hold a value. whole_cells: also those that are one."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found: set[int] = set()
        first = 0
        for chunk in column.chunks:
            texts = pa.concat_arrays([chunk.cast(pa.large_string())])  # without an offset
            _, offsets, data = texts.buffers()
            if data is not None and len(texts):
                ends = memoryview(offsets).cast("q")[texts.offset : texts.offset + len(texts) + 1]
                for start, end in self.spans(bytes(data)):
                    row = bisect.bisect_right(ends, start) - 1
                    if 0 <= row < len(texts) and end <= ends[row + 1]:
                        found.add(first + row)
            if whole_cells and self.cells:
                same = pc.is_in(
                    pc.utf8_lower(pc.utf8_trim(texts, " ")), pa.array(sorted(self.cells), pa.large_string())
                )
                found |= {first + row for row, is_same in enumerate(same.to_pylist()) if is_same}
            first += len(chunk)
        return found
