"""Rows of all chunks on disk, until the files that hold all chunks can be written in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.veloheld.generator.clock import day_of

Array = np.ndarray[Any, Any]
_LINES_AT_ONCE = 200_000
_SAMPLED = 50  # every 50th key is a candidate for a cut


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
        for path in self._paths(name):
            with pa.memory_map(str(path)) as file:
                yield pa.ipc.open_file(file).read_all()

    @contextmanager
    def mapped(self, name: str) -> Iterator[list[pa.Table]]:
        """The rows of all chunks at once, as they lie on disk."""
        with ExitStack() as stack:
            yield [
                pa.ipc.open_file(stack.enter_context(pa.memory_map(str(path)))).read_all() for path in self._paths(name)
            ]

    def _paths(self, name: str) -> list[Path]:
        return sorted((self.folder / name).glob("*.arrow"))

    def names(self, prefix: str) -> list[str]:
        """Names of what is kept below a prefix."""
        return sorted(
            str(path.parent.relative_to(self.folder)) for path in (self.folder / prefix).glob("**/00000.arrow")
        )


def write_lines(spool: Spool, name: str, header: bytes, path_of: Any, period: Any, *, start: int) -> None:
    """Writes the kept lines of a stream, one file per period of delivery, each in the order of time.

    `period` maps day numbers to the number of a file, `path_of` the first day of a file to its path. A path that ends
    in .gz is compressed by Arrow, whose library is the same on every machine. All chunks are sorted by their keys, so
    some lines of each are merged at a time: memory does not grow with the stream.
    """
    samples = [part.column("key").to_numpy()[::_SAMPLED] for part in spool.parts(name)]
    if not samples:
        return
    ends = np.unique(np.sort(np.concatenate(samples))[:: _LINES_AT_ONCE // _SAMPLED])[1:]
    begin = [0] * len(samples)
    with _Files(header) as files:
        for end in [*ends.tolist(), None]:
            # Mapped memory counts as used until it is released.
            with spool.mapped(name) as parts:
                part_keys = [part.column("key").to_numpy() for part in parts]
                until = [len(keys) if end is None else int(np.searchsorted(keys, end)) for keys in part_keys]
                spans = list(zip(begin, until, strict=True))
                begin = until
                keys = np.concatenate([keys[low:high] for keys, (low, high) in zip(part_keys, spans, strict=True)])
                order = np.argsort(keys, kind="stable")
                pieces = [
                    part.column("line").slice(low, high - low) for part, (low, high) in zip(parts, spans, strict=True)
                ]
                lines = pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], pa.string())
                lines = lines.take(pa.array(order))
                days = (keys[order] >> 34) + start
                firsts = np.unique(period(days), return_index=True)[1].tolist()
                for low, high in pairwise([*firsts, len(days)]):
                    files.add(
                        int(period(days[low : low + 1])[0]),
                        path_of(day_of(int(days[low]))),
                        lines.slice(low, high - low),
                    )


class _Files:
    """Files that are written one after another."""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._number: int | None = None
        self._path = Path()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *failure: object) -> None:
        self._close()

    def add(self, number: int, path: Path, lines: pa.ChunkedArray) -> None:
        """Lines for the file with this number; `path` counts when it begins."""
        if number != self._number:
            self._close()
            self._number, self._path = number, path
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = BytesIO() if self._path.suffix == ".gz" else self._path.open("wb")
            self._file.write(self._header)
        assert self._file is not None
        for piece in _bytes_of(lines):
            self._file.write(piece)

    def _close(self) -> None:
        if isinstance(self._file, BytesIO):
            self._path.write_bytes(pa.compress(self._file.getvalue(), codec="gzip", asbytes=True))
        if self._file is not None:
            self._file.close()
            self._file = None


def write_snapshot(spool: Spool, name: str, header: bytes, path: Path) -> None:
    """Writes the kept lines of a stream into one file, chunk after chunk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header)
        for part in spool.parts(name):
            for piece in _bytes_of(part.column("line")):
                file.write(piece)


def _bytes_of(lines: pa.ChunkedArray) -> Iterator[bytes]:
    """The bytes of the lines, without a copy per line."""
    for piece in lines.chunks:
        whole = pc.cast(piece, pa.large_string())
        offsets = np.frombuffer(whole.buffers()[1], dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if len(whole):
            yield whole.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pybytes()
