"""Reading the chosen files of a stream: what lands, what is left out as a fault, and what is remembered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import (
    INCOMING,
    Batch,
    Delivery,
    FileFault,
    Request,
    changed_type,
    csv_files,
    json_files,
    parquet_files,
)
from orchestration.channels.connectors._batches import without_files
from orchestration.channels.connectors._casts import cast_batch
from orchestration.channels.connectors._file_copies import refuse_changed_file, verified_copy
from orchestration.channels.connectors._listing import File
from orchestration.channels.connectors._other_formats import other_format, unreadable_file
from orchestration.channels.connectors._sources import Source, connect
from orchestration.channels.errors import ChannelError
from orchestration.channels.periods import period_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from fsspec import AbstractFileSystem

_FORMATS = {"csv": csv_files, "jsonl": json_files, "parquet": parquet_files}
_READERS: dict[str, Callable[[Source], Iterator[Batch]]] = {name: module.read for name, module in _FORMATS.items()}
# A bundle of small files is read at once: its uncompressed content must fit into memory.
_BUNDLE_BYTES = 32 << 20
_BUNDLE_FILES = 1_000


class Verified(NamedTuple):
    """A listed file, its verified copy, and the SHA-256 of its content."""

    file: File
    source: Source
    digest: str


class FileReader:
    """Reads the files of one stream. Notes in `delivery` which files landed, were repeats, or were faulty."""

    def __init__(
        self,
        file_system: AbstractFileSystem,
        system: FilesSystem,
        stream: FileStream,
        request: Request,
        delivery: Delivery,
    ) -> None:
        self.file_system = file_system
        self.system = system
        self.stream = stream
        self.request = request
        self.delivery = delivery
        self.format = _FORMATS[stream.format]
        # Column -> its type in this load.
        self.kinds: dict[str, pa.DataType] = {}
        self.hashes = {known["hash"]: path for path, known in delivery.seen.items() if known["size"]}

    def batches(self, files: list[File], chosen: list[File]) -> Iterator[Batch]:
        """The rows of the chosen files whose content has changed; of a snapshot, the rows of all its files."""
        with contextlib.closing(connect(self.request.scratch)) as connection:
            if self.stream.delivery == "snapshot":
                yield from self._snapshots(files, chosen, connection)
            else:
                yield from self._single_files(chosen, connection)

    def _single_files(self, chosen: list[File], connection: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
        bundle: list[Verified] = []
        unpacked = 0
        for file in chosen:
            try:
                verified = self._verified(file, connection)
            except ChannelError as fault:
                self.delivery.faults.append(fault)
                continue
            source, digest = verified.source, verified.digest
            if any(digest == other.digest and self._is_repeat(file, other.file.path) for other in bundle):
                # Whether the other file lands must be known first.
                yield from self._small(bundle, is_whole=False)
                bundle, unpacked = [], 0
            if self._is_unchanged(file, digest):
                self._remember(file, source, digest, landed=False)
            elif source.content is None:
                yield from self._large([verified])
            else:
                bundle.append(verified)
                unpacked += len(source.content)
                if unpacked > _BUNDLE_BYTES or len(bundle) >= _BUNDLE_FILES:
                    yield from self._small(bundle, is_whole=False)
                    bundle, unpacked = [], 0
        yield from self._small(bundle, is_whole=False)

    def _snapshots(
        self, files: list[File], chosen: list[File], connection: duckdb.DuckDBPyConnection
    ) -> Iterator[Batch]:
        """All files of one period are one full table: all of them land if one is new, none if one is faulty."""
        changed = {file.path for file in chosen}
        for _, group in groupby(sorted(files, key=lambda file: str(file.period)), key=lambda file: file.period):
            members = list(group)
            if not any(file.path in changed for file in members):
                continue
            try:
                verified = [self._verified(file, connection) for file in members]
            except ChannelError as fault:
                self.delivery.faults.append(fault)
                continue
            if all(self._is_unchanged(file, digest) for file, _, digest in verified):
                for file, source, digest in verified:
                    self._remember(file, source, digest, landed=False)
                continue
            contents = [source.content for _, source, _ in verified]
            if None in contents or sum(len(content or b"") for content in contents) > _BUNDLE_BYTES:
                yield from self._large(verified)
            else:
                yield from self._small(verified, is_whole=True)

    def _is_unchanged(self, file: File, digest: str) -> bool:
        """Whether the content of `file` has landed, also under another name, unless the names are of other days."""
        if self.request.days:
            return False
        known = self.delivery.seen.get(file.path)
        if known is not None and known["hash"] == digest:
            return True
        other = self.hashes.get(digest)
        if other is None or not self._is_repeat(file, other):
            return False
        self.delivery.repeats.append(file.path)
        return True

    def _is_repeat(self, file: File, other: str) -> bool:
        """Whether a file with the content of the file `other` is the same delivery under a second name."""
        if self.request.days or self.stream.delivery != "append" or not file.size or other == file.path:
            return False
        periods = (file.period, period_of(other))
        return None in periods or periods[0] == periods[1]

    def _remember(self, file: File, source: Source, digest: str, landed: bool = True) -> None:
        self.delivery.seen[file.path] = {"size": file.size, "stamp": file.stamp, "hash": digest}
        if file.size:
            self.hashes.setdefault(digest, file.path)
        if landed:
            self.delivery.files.append(file.path)
        self._remove_copy(file, source)

    def _remove_copy(self, file: File, source: Source) -> None:
        if source.path != Path(file.full_path):
            source.path.unlink(missing_ok=True)

    def _verified(self, file: File, connection: duckdb.DuckDBPyConnection) -> Verified:
        where = f"{self.stream.label}: {file.path}"
        if file.path in self.request.skip:
            raise self.request.skip[file.path]
        if file.size == 0 and not self.stream.allow_empty:
            raise ChannelError(
                f"{where} is empty (0 bytes); deliver it again, or set `allow_empty: true` in "
                f"{self.system.catalog_file.name}"
            )
        local, digest, content = verified_copy(self.file_system, file, where, self.request.scratch)
        source = Source(
            file.path,
            local,
            where,
            self.system,
            self.stream,
            self.request.scratch,
            self.request.declared,
            connection,
            file.period[0] if file.period else None,
            content,
        )
        if file.size and (other := other_format(source)):
            raise ChannelError(f"{where}: {other}")
        return Verified(file, source, digest)

    def _large(self, files: list[Verified]) -> Iterator[Batch]:
        """The rows of files that do not fit into memory, one after the other; several files are a whole."""
        has_yielded = False
        try:
            for file, source, _ in files:
                rows = 0
                for batch in self._readable(source):
                    rows += batch.rows.num_rows
                    for cast in cast_batch(batch, self.stream.types):
                        aligned = self._aligned(cast, source.where)
                        has_yielded = True
                        yield aligned
                self._refuse_empty(source, rows)
                refuse_changed_file(self.file_system, file, source.where)
        except ChannelError as fault:
            if has_yielded:
                raise FileFault([file.path for file, _, _ in files], fault) from fault
            self.delivery.faults.append(fault)
            return
        for file, source, digest in files:
            self._remember(file, source, digest)

    def _small(self, files: list[Verified], is_whole: bool) -> Iterator[Batch]:
        """The rows of files that fit into memory. is_whole: a fault of one file keeps all of them out."""
        faults: dict[str, ChannelError] = {}
        batches: list[Batch] = []
        sources = [source for _, source, _ in files]
        for shape, same in groupby(sources, key=self.format.shape):
            run = list(same)
            for part in [run] if shape is not None else [[source] for source in run]:
                batches += self._tables(part, faults)
        for file, source, _ in files:
            if source.name not in faults:
                try:
                    refuse_changed_file(self.file_system, file, source.where)
                except ChannelError as fault:
                    faults[source.name] = fault
        self.delivery.faults += faults.values()
        if not (is_whole and faults):
            for batch in batches:
                yield from without_files(batch, faults)
        for file, source, digest in files:
            if source.name not in faults and not (is_whole and faults):
                self._remember(file, source, digest)
            else:
                self._remove_copy(file, source)

    def _tables(self, sources: list[Source], faults: dict[str, ChannelError]) -> list[Batch]:
        """The rows of small files of one shape. Halving finds a file that cannot be read with the others."""
        if len(sources) > 1:
            together = self.format.read_together(sources)
            if together is None:
                middle = len(sources) // 2
                return self._tables(sources[:middle], faults) + self._tables(sources[middle:], faults)
            batches, counts = [Batch(together.rows)], together.counts
        else:
            try:
                batches = list(self._readable(sources[0]))
            except ChannelError as fault:
                faults[sources[0].name] = fault
                return []
            counts = {sources[0].name: sum(batch.rows.num_rows for batch in batches)}
        aligned: list[Batch] = []
        for source in sources:
            try:
                self._refuse_empty(source, counts[source.name])
                aligned = aligned or [
                    self._aligned(part, source.where)
                    for batch in batches
                    for part in cast_batch(batch, self.stream.types)
                ]
            except ChannelError as fault:
                faults[source.name] = fault
        return aligned

    def _read(self, source: Source) -> Iterator[Batch]:
        if source.content == b"":
            return iter(())
        return _READERS[self.stream.format](source)

    def _readable(self, source: Source) -> Iterator[Batch]:
        """The rows of a file and its rejects. Raises ChannelError at the end if there are only rejects."""
        rows, bad, reason = 0, 0, ""
        for batch in self._read(source):
            if batch.table == INCOMING:
                rows += batch.rows.num_rows
            elif batch.rows.num_rows:
                bad += batch.rows.num_rows
                reason = reason or str(batch.rows["reason"][0].as_py())
            yield batch
        if bad and not rows:
            raise unreadable_file(source, bad, reason)

    def _refuse_empty(self, source: Source, rows: int) -> None:
        if rows == 0 and not self.stream.allow_empty:
            raise ChannelError(
                f"{source.where} holds no rows; deliver it again, or set `allow_empty: true` in "
                f"{self.system.catalog_file.name}"
            )

    def _aligned(self, batch: Batch, where: str) -> Batch:
        """The rows with the types of their columns in this load. Raises ChannelError if the values do not fit."""
        import pyarrow as pa

        if batch.table != INCOMING:
            return batch
        rows = batch.rows
        for position, column in enumerate(rows.schema):
            kind = self.kinds.get(column.name) or _widest(column.type)
            if kind == column.type:
                continue
            try:
                rows = rows.set_column(position, column.name, rows.column(position).cast(kind))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise changed_type(where, column.name, self.system.catalog_file.name) from error
        changed = self.request.changed_type(rows.schema)
        if changed is not None:
            raise changed_type(where, changed, self.system.catalog_file.name)
        self.kinds |= {column.name: column.type for column in rows.schema if not pa.types.is_null(column.type)}
        return Batch(rows)


def _widest(kind: pa.DataType) -> pa.DataType:
    """The widest type of the kind: numbers may be narrower in one file than in the next, and a load has one type."""
    import pyarrow as pa

    if pa.types.is_signed_integer(kind) or kind in (pa.uint8(), pa.uint16(), pa.uint32()):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(kind) else kind
