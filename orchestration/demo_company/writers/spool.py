"""Rows of all chunks, kept on disk until the files that hold several chunks can be written in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.demo_company.clock import day_of

Array = np.ndarray[Any, Any]


class Spool:
    """A folder with one Arrow file per name and chunk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, chunk: int, table: pa.Table) -> None:
        """Keep the rows of a chunk."""
        path = self.folder / name / f"{chunk:05d}.arrow"
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.combine_chunks())

    def parts(self, name: str) -> Iterator[pa.Table]:
        """The rows of each chunk, in order."""
        for path in sorted((self.folder / name).glob("*.arrow")):
            with pa.memory_map(str(path)) as file:
                yield pa.ipc.open_file(file).read_all()

    def names(self, prefix: str) -> list[str]:
        """Names of what is kept below a prefix."""
        return sorted(
            str(path.parent.relative_to(self.folder)) for path in (self.folder / prefix).glob("**/00000.arrow")
        )


def write_lines(spool: Spool, name: str, header: bytes, path_of: Any, period: Any, *, start: int) -> None:
    """Writes the kept lines of a stream, one file per period of delivery, each in the order of time.

    `period` maps day numbers to the number of a file, `path_of` the first day of a file to its path. A path that ends
    in .gz is compressed by Arrow, whose library is the same on every machine.
    """
    parts = list(spool.parts(name))
    keys = [part.column("key").to_numpy() for part in parts]
    files = [period((key >> 34) + start) for key in keys]
    for number in np.unique(np.concatenate(files)) if files else []:
        found, found_keys = [], []
        for part, key, file in zip(parts, keys, files, strict=True):
            low, high = np.searchsorted(file, number), np.searchsorted(file, number, side="right")
            if high > low:
                found.append(part.column("line").slice(low, high - low))
                found_keys.append(key[low:high])
        all_keys = np.concatenate(found_keys)
        lines = pa.chunked_array([piece for column in found for piece in column.chunks])
        if len(found) > 1:
            lines = lines.take(pa.array(np.argsort(all_keys, kind="stable")))
        days = np.sort(all_keys >> 34) + start
        _write_file(path_of(day_of(int(days[0]))), header, lines)


def write_snapshot(spool: Spool, name: str, header: bytes, path: Path) -> None:
    """Writes the kept lines of a stream into one file, chunk after chunk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header)
        for part in spool.parts(name):
            for piece in _bytes_of(part.column("line")):
                file.write(piece)


def _write_file(path: Path, header: bytes, lines: pa.ChunkedArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join([header, *_bytes_of(lines)])
    if path.suffix == ".gz":
        data = pa.compress(data, codec="gzip", asbytes=True)
    path.write_bytes(data)


def _bytes_of(lines: pa.ChunkedArray) -> Iterator[bytes]:
    """What the lines hold, as it lies in memory."""
    for piece in lines.chunks:
        whole = pc.cast(piece, pa.large_string())
        offsets = np.frombuffer(whole.buffers()[1], dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if len(whole):
            yield whole.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pybytes()
