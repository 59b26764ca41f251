"""CSV files without a header, or with any number of blanks between columns: a copy that reads as other CSV files do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from orchestration.channels.catalog import WHITESPACE
from orchestration.channels.connectors import REJECTS, Batch
from orchestration.channels.connectors._sources import Source, open_text

_TAB = "\t"


def with_header(source: Source, read: Callable[[Source], Iterator[Batch]]) -> Iterator[Batch]:
    """The batches that `read` makes of the file, or of a copy with the header and the delimiter of the catalog.

    Line numbers of rejects are those of the file itself.
    """
    stream = source.stream
    is_aligned = stream.delimiter == WHITESPACE
    if not is_aligned and not stream.header:
        yield from read(source)
        return
    delimiter = _TAB if is_aligned else stream.delimiter
    copy = source.scratch / "with-header.csv"
    # Undecodable bytes pass unchanged: `read` rejects their records.
    with (
        open_text(source, "surrogateescape") as text,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        if stream.header:
            out.write(delimiter.join(stream.header) + "\n")
        for line in text:
            out.write(_TAB.join(line.split()) + "\n" if is_aligned else line)
    as_other_files = {"delimiter": delimiter, "encoding": "utf-8", "header": ()}
    for batch in read(replace(source, path=copy, content=None, stream=stream.model_copy(update=as_other_files))):
        yield _one_line_up(batch) if stream.header and batch.table == REJECTS else batch


def _one_line_up(batch: Batch) -> Batch:
    import pyarrow.compute as pc

    position = batch.rows.schema.get_field_index("_source_row")
    lines = pc.subtract(batch.rows.column(position), 1)
    return Batch(batch.rows.set_column(position, "_source_row", lines), REJECTS)
