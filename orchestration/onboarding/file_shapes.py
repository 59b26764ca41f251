"""The format, encoding, delimiter and header of files, from their bytes."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import WHITESPACE
from orchestration.channels.connectors._other_formats import HEAD_BYTES, encoding_of, is_markup

_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 20  # for the encoding and the delimiter
_SAMPLE_LINES = 200
_DELIMITERS = (",", ";", "\t", "|")
_OTHER = {
    b"PK\x03\x04": "an Excel file or a zip archive: export it as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an Excel file: export it as CSV",
    b"%PDF": "a PDF: export it as CSV",
    b"SQLite format 3\x00": "a SQLite database: name it as sqlite:///PATH",
}
_VALUE = re.compile(r"[-+]?[\d.,:/\- ]*\d[\d.,:/\- ]*|.*@.*|")


class UnreadableFile(Exception):
    """A file is of no format that the connector reads; the message says what it is and the remedy."""


@dataclass(frozen=True)
class FileShape:
    """fields: of the stream's catalog entry. evidence: field -> why."""

    fields: Mapping[str, Any]
    evidence: Mapping[str, str] = field(default_factory=dict)


def shape_of(files: Sequence[Path]) -> FileShape:
    """The shape of files of one stream, from the newest one that holds something. Raises UnreadableFile."""
    filled = [file for file in files if file.stat().st_size]
    if not filled:
        raise UnreadableFile("every file is empty")
    head = _read(filled[-1], HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return FileShape({"format": "parquet"})
    for signature, what in _OTHER.items():
        if head.startswith(signature):
            raise UnreadableFile(f"this is {what}")
    if is_markup(head):
        raise UnreadableFile("this is an HTML or XML page: deliver JSON or CSV")
    if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        return FileShape({"format": "jsonl"})
    encoding, evidence = _encoding_of(filled)
    fields: dict[str, Any] = {"format": "csv"}
    reasons: dict[str, str] = {}
    if encoding != "utf-8":
        fields["encoding"], reasons["encoding"] = encoding, evidence
    text = _read(filled[-1], _SAMPLE_BYTES).decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]
    delimiter = _delimiter_of(lines)
    if delimiter != ",":
        fields["delimiter"] = delimiter
        reasons["delimiter"] = f"the same number of columns in {len(lines):,} lines"
    first = lines[0].split() if delimiter == WHITESPACE else next(csv.reader(lines[:1], delimiter=delimiter))
    if any(_VALUE.fullmatch(name.strip()) for name in first) or len(set(first)) < len(first):
        fields["header"] = [f"column_{number}" for number in range(1, len(first) + 1)]
        reasons["header"] = "TODO the first line is a row: name the columns, and call `context360 system add` again"
    return FileShape(fields, reasons)


def first_line(file: Path) -> bytes:
    """The first line of a file of text: its header; nothing of Parquet and JSON."""
    head = _read(file, HEAD_BYTES)
    is_other = head.startswith(b"PAR1") or head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")
    line = b"" if is_other else head.split(b"\n", 1)[0].strip()
    return line if re.search(rb"[A-Za-z]{2}", line) and not re.search(rb"[0-9]{3}", line) else b""


def _read(file: Path, size: int) -> bytes:
    with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as content:
        return bytes(content.read(size))


def _encoding_of(files: Sequence[Path]) -> tuple[str, str]:
    """An encoding by its Python name, and why. UTF-8 only where every byte of every file is."""
    head = _read(files[-1], HEAD_BYTES)
    wide = encoding_of(head)
    if wide:
        return wide, "by the first bytes"
    for file in files:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as content:
            try:
                while chunk := content.read(_CHUNK_BYTES):
                    decoder.decode(chunk)
            except UnicodeDecodeError:
                return _guessed(file)
    return "utf-8", ""


def _guessed(file: Path) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    sample = _read(file, _SAMPLE_BYTES)
    western = ["cp1252", "cp1250", "iso8859_2", "cp850"]
    best = from_bytes(sample, cp_isolation=western).best()
    encoding = best.encoding if best and best.encoding in western else "cp1252"
    # Most tables agree on most letters: then it is the commonest one.
    if sample.decode(encoding, errors="replace") == sample.decode("cp1252", errors="replace"):
        encoding = "cp1252"
    return encoding, "its bytes are no UTF-8; TODO look at letters with accents after the first run"


def _delimiter_of(lines: Sequence[str]) -> str:
    """The character that cuts every line into the same number of columns, and into the most."""
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        widths = [len(fields) for fields in csv.reader(lines, delimiter=delimiter)]
        width = max(set(widths), key=widths.count)
        if width > most and widths.count(width) >= 0.95 * len(widths) and widths[0] == width:
            best, most = delimiter, width
    widths = [len(line.split()) for line in lines]
    is_aligned = most == 1 and len(set(widths)) == 1 and widths[0] > 1
    return WHITESPACE if is_aligned else best
