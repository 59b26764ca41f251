"""Files that are of another format than the catalog says, recognised by their first bytes."""

from __future__ import annotations

import codecs
import gzip
from typing import TYPE_CHECKING

from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from orchestration.channels.connectors._sources import Source

HEAD_BYTES = 4096
# First bytes -> what the file is, and what to do. `{format}` is the format in the catalog.
_SIGNATURES = {
    b"PK\x03\x04": ("an Excel file or a zip archive", "export it as CSV, or unpack it"),
    b"\xd0\xcf\x11\xe0": ("an Excel file", "export it as CSV"),
    b"\x1f\x8b": ("compressed with gzip", "give it a name that ends in .gz"),
    b"BZh": ("compressed with bzip2", "deliver it plain or as .gz"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "deliver it plain or as .gz"),
    b"PAR1": ("a Parquet file", "write `format: parquet` in {catalog}"),
    b"%PDF": ("a PDF", "export it as CSV"),
    b"SQLite format 3\x00": ("a SQLite database", "couple it with `connector: database` in {catalog}"),
}
_EXCEL_ENDINGS = (".xlsx", ".xlsm", ".xls", ".xlsb")
_WIDE_MARKS = {
    codecs.BOM_UTF8: "",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def head_of(source: Source) -> bytes:
    """The first bytes of the file, uncompressed."""
    if source.content is not None:
        return source.content[:HEAD_BYTES]
    with (gzip.open if source.is_packed else open)(source.path, "rb") as file:
        return bytes(file.read(HEAD_BYTES))


def other_format(source: Source) -> str:
    """What the file is instead of the stream's format, and what to do; empty if nothing speaks against it."""
    head = head_of(source)
    for signature, (what, remedy) in _SIGNATURES.items():
        if head.startswith(signature) and not (signature == b"PAR1" and source.stream.format == "parquet"):
            if source.name.lower().endswith(_EXCEL_ENDINGS):
                what, remedy = "an Excel file", "export it as CSV, or narrow `path` in {catalog} so that it is left out"
            elif source.is_packed:
                remedy = "deliver it compressed once" if signature == b"\x1f\x8b" else remedy
            return f"this is {what}; {remedy.format(catalog=source.system.catalog_file.name)}"
    if source.stream.format == "parquet":
        return _text_for_parquet(head)
    return ""


def _text_for_parquet(head: bytes) -> str:
    if head.startswith(b"PAR1") or not head:
        return ""
    try:
        text = head.decode("utf-8").lstrip()
    except UnicodeDecodeError:
        return ""
    if text.startswith("<"):
        return "this is an HTML or XML page, such as an error message of the server; deliver the file again"
    return "this is text; write its `format` in the catalog, or deliver it as Parquet"


def encoding_of(head: bytes) -> str:
    """The wide encoding that the first bytes show, as Python names it; empty if they show none."""
    for mark, encoding in _WIDE_MARKS.items():
        if head.startswith(mark):
            return encoding
    # Without a mark: every second byte of Western text is zero.
    even, odd = head[0:200:2], head[1:200:2]
    for zeros, letters, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(zeros) > 3 and not any(zeros) and all(letters):
            return encoding
    return ""


def unreadable_file(source: Source, rows: int, reason: str) -> ChannelError:
    """The fault of a file of which no row can be read. reason: why the first one cannot."""
    head, catalog = head_of(source), source.system.catalog_file.name
    encoding = encoding_of(head)
    if is_markup(head):
        remedy = "this is an HTML or XML page, such as an error message of the server; deliver the file again"
    elif encoding and source.stream.format == "csv":
        remedy = f"its first bytes are those of {encoding}; write `encoding: {encoding}` in {catalog}"
    elif encoding:
        remedy = f"its first bytes are those of {encoding}; deliver it in UTF-8"
    elif reason.startswith("bytes"):
        remedy = "deliver it in UTF-8"
        if source.stream.format == "csv":
            remedy = f"write its encoding, such as cp1252, as `encoding` in {catalog}"
    elif source.stream.format == "csv":
        remedy = f"correct `delimiter` or `encoding` in {catalog}, or deliver it again"
    else:
        remedy = f"deliver one JSON object per line, or correct `format` in {catalog}"
    what = f"none of its {rows:,} rows" if rows > 1 else "its only row cannot"
    can = " can be read" if rows > 1 else " be read"
    return ChannelError(f"{source.where}: {what}{can} ({reason}); {remedy}")


def is_markup(head: bytes) -> bool:
    """Whether the text is a page of HTML or XML."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")
