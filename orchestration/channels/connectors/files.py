"""Files of a folder or an object store: CSV, JSON lines and Parquet, each also packed with gzip.

DuckDB reads them, as Arrow tables of bounded size; small ones many at once. A file that cannot be read as a whole is
left out, told as a fault, and tried again next time; all others land.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import posixpath
import zlib
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import (
    BATCH_ROWS,
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
from orchestration.channels.connectors._casts import cast_batch
from orchestration.channels.connectors._listing import File, described, file_system_of, is_local, matching_files
from orchestration.channels.connectors._sources import CHUNK_BYTES, Source, connect
from orchestration.channels.errors import ChannelError
from orchestration.channels.periods import overlaps, period_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from fsspec import AbstractFileSystem

_FORMATS = {"csv": csv_files, "jsonl": json_files, "parquet": parquet_files}
_READERS: dict[str, Callable[[Source], Iterator[Batch]]] = {name: module.read for name, module in _FORMATS.items()}
# Small files are read many at once: an own look at each costs more than its rows.
_SMALL_BYTES = 2 << 20
_BUNDLE_BYTES = 32 << 20
_BUNDLE_FILES = 1_000


def extract(system: FilesSystem, stream: FileStream, request: Request) -> Delivery:
    """What lies in the folder and has not been landed.

    `request.seen`: relative path -> {size, stamp, hash} of landed files.
    """
    file_system = file_system_of(system, stream)
    files = matching_files(file_system, system, stream)
    if request.days:
        chosen, remark = _of_days(files, request.days, stream)
    else:
        chosen, remark = [file for file in files if not file.is_known(request.seen)], ""
    if not chosen:
        return Delivery(remark=remark)
    delivery = Delivery(seen=dict(request.seen), remark=remark)
    intake = _Intake(file_system, system, stream, request, delivery)
    delivery.batches = _ahead(_merged(intake.batches(files, chosen)))
    return delivery


def _of_days(files: list[File], days: Any, stream: FileStream) -> tuple[list[File], str]:
    """The files that belong to `days`, and what somebody who asked for the days should know."""
    if all(file.period is None for file in files):
        return files, f"{stream.label}: no file has a date in its name, so all of them were fetched again"
    chosen = [file for file in files if file.period is not None and overlaps(file.period, days)]
    if chosen:
        return chosen, ""
    return [], (
        f"{stream.label}: no file belongs to {days[0]} to {days[1]}; ask for other days, or deliver files whose names "
        "hold them"
    )


# --- The way of a file -----------------------------------------------------------------------------------------------


class _Intake:
    """Reads the files of one stream; what becomes of them is told in `delivery`."""

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
        """The rows of the files that are chosen and have changed; of a snapshot, those of all its files."""
        with contextlib.closing(connect(self.request.scratch)) as connection:
            if self.stream.delivery == "snapshot":
                yield from self._snapshots(files, chosen, connection)
            else:
                yield from self._single_files(chosen, connection)

    def _single_files(self, chosen: list[File], connection: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
        bundle: list[tuple[File, Source, str]] = []
        unpacked = 0
        for file in chosen:
            try:
                source, digest = self._verified(file, connection)
            except ChannelError as fault:
                self.delivery.faults.append(fault)
                continue
            if any(digest == waiting and self._is_repeat(file, other.path) for other, _, waiting in bundle):
                # Whether the other one lands must be known first.
                yield from self._small(bundle, is_whole=False)
                bundle, unpacked = [], 0
            if self._is_unchanged(file, digest):
                self._remember(file, source, digest, landed=False)
            elif source.content is None:
                yield from self._large([(file, source, digest)])
            else:
                bundle.append((file, source, digest))
                unpacked += len(source.content)
                if unpacked > _BUNDLE_BYTES or len(bundle) >= _BUNDLE_FILES:
                    yield from self._small(bundle, is_whole=False)
                    bundle, unpacked = [], 0
        yield from self._small(bundle, is_whole=False)

    def _snapshots(
        self, files: list[File], chosen: list[File], connection: duckdb.DuckDBPyConnection
    ) -> Iterator[Batch]:
        """All files of one period are one full table: if one of them is new, all of them land, or none."""
        changed = {file.path for file in chosen}
        for _, group in groupby(sorted(files, key=lambda file: str(file.period)), key=lambda file: file.period):
            members = list(group)
            if not any(file.path in changed for file in members):
                continue
            try:
                verified = [(file, *self._verified(file, connection)) for file in members]
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
        """Whether the content of `file` has landed; under another name, too, unless the names are of other days."""
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
        """Whether a file with the content of another one is the same delivery under a second name."""
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
        self._forget_copy(file, source)

    def _forget_copy(self, file: File, source: Source) -> None:
        if source.path != Path(file.full_path):
            source.path.unlink(missing_ok=True)

    def _where(self, file: File) -> str:
        return f"{self.stream.label}: {file.path}"

    def _verified(self, file: File, connection: duckdb.DuckDBPyConnection) -> tuple[Source, str]:
        where = self._where(file)
        if file.path in self.request.skip:
            raise self.request.skip[file.path]
        if file.size == 0 and not self.stream.allow_empty:
            raise ChannelError(
                f"{where} is empty (0 bytes); deliver it again, or set `allow_empty: true` in "
                f"{self.system.catalog_file.name}"
            )
        local, digest, content = _verified_copy(self.file_system, file, where, self.request.scratch)
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
        return source, digest

    def _large(self, files: list[tuple[File, Source, str]]) -> Iterator[Batch]:
        """The rows of files that do not fit into memory, one after the other: a whole, if they are several."""
        has_left = False
        try:
            for file, source, _ in files:
                rows = 0
                for batch in self._read(source):
                    rows += batch.rows.num_rows
                    for cast in cast_batch(batch, self.stream.types):
                        aligned = self._aligned(cast, source.where)
                        has_left = True
                        yield aligned
                self._refuse_empty(source, rows)
                _refuse_moving_file(self.file_system, file, source.where)
        except ChannelError as fault:
            if has_left:
                raise FileFault([file.path for file, _, _ in files], fault) from fault
            self.delivery.faults.append(fault)
            return
        for file, source, digest in files:
            self._remember(file, source, digest)

    def _small(self, files: list[tuple[File, Source, str]], is_whole: bool) -> Iterator[Batch]:
        """The rows of files that fit into memory. is_whole: a fault of one of them keeps all of them out."""
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
                    _refuse_moving_file(self.file_system, file, source.where)
                except ChannelError as fault:
                    faults[source.name] = fault
        self.delivery.faults += faults.values()
        if not (is_whole and faults):
            for batch in batches:
                yield from _without(batch, faults)
        for file, source, digest in files:
            if source.name not in faults and not (is_whole and faults):
                self._remember(file, source, digest)
            else:
                self._forget_copy(file, source)

    def _tables(self, sources: list[Source], faults: dict[str, ChannelError]) -> list[Batch]:
        """The rows of small files of one shape. A file that cannot be read with the others is found by halving."""
        if len(sources) > 1:
            together = self.format.read_together(sources)
            if together is None:
                middle = len(sources) // 2
                return self._tables(sources[:middle], faults) + self._tables(sources[middle:], faults)
            batches, counts = [Batch(together.rows)], together.counts
        else:
            try:
                batches = list(self._read(sources[0]))
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

    def _refuse_empty(self, source: Source, rows: int) -> None:
        if rows == 0 and not self.stream.allow_empty:
            raise ChannelError(
                f"{source.where} holds no rows; deliver it again, or set `allow_empty: true` in "
                f"{self.system.catalog_file.name}"
            )

    def _aligned(self, batch: Batch, where: str) -> Batch:
        """The rows with the types that their columns have in this load; ChannelError if the values do not fit them."""
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
    """Numbers of one file may be narrower than those of the next, and dlt takes but one type in each load."""
    import pyarrow as pa

    if pa.types.is_signed_integer(kind) or kind in (pa.uint8(), pa.uint16(), pa.uint32()):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(kind) else kind


def _verified_copy(
    file_system: AbstractFileSystem, file: File, where: str, scratch: Path
) -> tuple[Path, str, bytes | None]:
    """A local path with the content of `file`, its SHA-256, and the unpacked content if that is small.

    A file of an object store is fetched once, so that what was hashed is what lands. A compressed one is read to its
    end before a row leaves it.
    """
    is_here = is_local(file_system)
    local = Path(file.full_path) if is_here else scratch / f"copy-{hashlib.sha256(file.path.encode()).hexdigest()[:16]}"
    if not is_here and file.path.endswith(".gz"):
        local = local.with_suffix(".gz")
    content: bytes | None = None
    try:
        if is_here and file.size <= _SMALL_BYTES:
            content = local.read_bytes()
            digest = hashlib.sha256(content)
        else:
            digest = hashlib.sha256()
            with contextlib.ExitStack() as stack:
                original = stack.enter_context(file_system.open(file.full_path, "rb"))
                copy = None if is_here else stack.enter_context(local.open("wb"))
                while chunk := original.read(CHUNK_BYTES):
                    digest.update(chunk)
                    if copy is not None:
                        copy.write(chunk)
            if file.size <= _SMALL_BYTES:
                content = local.read_bytes()
    except FileNotFoundError as error:
        raise ChannelError(f"{where} was removed while it was read; run again", transient=True) from error
    except PermissionError as error:
        raise ChannelError(f"{where} may not be read with the present rights; grant them and run again") from error
    if file.path.endswith(".gz") and file.size:
        try:
            with gzip.open(local if content is None else io.BytesIO(content)) as unpacked:
                content = unpacked.read(_SMALL_BYTES + 1)
                while unpacked.read(CHUNK_BYTES):
                    pass
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ChannelError(f"{where} is cut off or damaged (gzip); deliver it again") from error
        content = content if len(content) <= _SMALL_BYTES else None
    return local, digest.hexdigest(), content


def _refuse_moving_file(file_system: AbstractFileSystem, file: File, where: str) -> None:
    try:
        if is_local(file_system):
            found = Path(file.full_path).stat()
            now = (found.st_size, str(found.st_mtime))
        else:
            file_system.invalidate_cache()
            found_now = described(posixpath.dirname(file.full_path), file_system.info(file.full_path))
            now = (found_now.size, found_now.stamp)
    except FileNotFoundError as error:
        raise ChannelError(f"{where} was removed while it was read; run again", transient=True) from error
    if now != (file.size, file.stamp):
        raise ChannelError(f"{where} was changed while it was read; run again once it is complete", transient=True)


def _without(batch: Batch, names: Collection[str]) -> Iterator[Batch]:
    """The rows of `batch` that do not come from the files `names`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.rows
    if names and rows.num_rows:
        rows = rows.filter(pc.invert(pc.is_in(rows["_source_file"], pa.array(list(names), pa.string()))))
    if rows.num_rows:
        yield Batch(rows, batch.table)


# --- Batches ---------------------------------------------------------------------------------------------------------


def _merged(batches: Iterator[Batch]) -> Generator[Batch]:
    """The same rows in fewer batches: each costs dlt some milliseconds."""
    import pyarrow as pa

    waiting: dict[str, list[pa.Table]] = {}
    for batch in batches:
        held = waiting.setdefault(batch.table, [])
        rows = sum(table.num_rows for table in held) + batch.rows.num_rows
        if held and (held[0].schema != batch.rows.schema or rows > BATCH_ROWS):
            yield Batch(pa.concat_tables(held), batch.table)
            held.clear()
        held.append(batch.rows)
    for table, held in waiting.items():
        if held:
            yield Batch(pa.concat_tables(held), table)


def _ahead(batches: Generator[Batch]) -> Generator[Batch]:
    """The same batches; while one is written, the next is read."""
    with contextlib.closing(batches), ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = pool.submit(next, batches, None)
            yield batch
