"""One stream from its source to landing: what the source has and landing does not, as one load in `incoming/`."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.catalog import SourceSystem, Stream
from orchestration.channels.connectors import (
    INCOMING,
    REJECTS,
    Batch,
    Delivery,
    FileFault,
    Request,
    changed_type,
)
from orchestration.channels.errors import ChannelError, causes, disk_full, is_disk_full, several, store_client_errors
from orchestration.channels.extraction import extract
from orchestration.channels.landing.declared_columns import ensure_declared_columns
from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.pipeline import (
    LandedTypes,
    configure_dlt,
    finished_state,
    pipeline_name,
    ready_pipeline,
    remembered,
    run_pipeline,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Landing:
    """What one call of `land_stream` landed. load_id None and rows 0: the source had nothing new.

    columns: landed column -> DuckDB type. recovered: loads of an interrupted run that this call finished; they wait in
    incoming/ like any other. faults: what is wrong with files that were left out and are tried again next time, a
    sentence each. repeats: files that were left out because another file had delivered the same content. remark: a note
    for a user who asked for days, such as that nothing belongs to them.
    """

    system: str
    stream: str
    load_id: str | None = None
    rows: int = 0
    rejected_rows: int = 0
    files: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    recovered: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    remark: str = ""


def land_stream(
    catalog_system: SourceSystem,
    stream: Stream,
    *,
    landing_url: str,
    working_dir: Path,
    declared_columns: Mapping[str, str] | None = None,
    days: tuple[date, date] | None = None,
    event_log: Path | None = None,
) -> Landing:
    """Land what the source of `stream` has and landing does not, as one load in `incoming/`.

    landing_url: local folder or fsspec URL. working_dir: local folder of dlt, kept between runs; if it is lost, its
    content is restored from landing. declared_columns: landed column -> DuckDB type; files and tables must have them.
    days: land again, as one load, what belongs to these days (first and last), landed before or not: files by the
    period in their name, rows by a cursor that holds moments, everything where there is neither. event_log: where the
    live service of the home keeps its events.
    Raises ChannelError if nothing could be landed. Nothing of a faulty file lands; the other files do.
    """
    label = stream.label
    folder = StreamFolder(landing_url, stream.system_name, stream.name)
    with (
        _channel_errors(label, landing_url, working_dir, catalog_system.catalog_file.name),
        _stream_lock(label, working_dir),
        _garbage_collection_off(),
    ):
        configure_dlt()
        if declared_columns is not None:
            ensure_declared_columns(landing_url, stream.system_name, stream.name, declared_columns)
        folder.finish_moves()
        return _landed(catalog_system, stream, folder, working_dir, tuple(declared_columns or ()), days, event_log)


def _landed(
    system: SourceSystem,
    stream: Stream,
    folder: StreamFolder,
    working_dir: Path,
    declared: Collection[str],
    days: tuple[date, date] | None,
    event_log: Path | None,
) -> Landing:
    skip: dict[str, ChannelError] = {}
    recovered: tuple[str, ...] = ()
    while True:
        pipeline = None
        state = finished_state(folder, stream, working_dir)
        if state is None:
            pipeline, finished = ready_pipeline(folder, stream, working_dir)
            recovered += finished
            state = remembered(pipeline)
        types = LandedTypes()
        with tempfile.TemporaryDirectory(prefix=f"{pipeline_name(stream)}-", dir=working_dir) as scratch:
            request = Request(state.get("seen", {}), Path(scratch), declared, days, skip, types.changed, event_log)
            delivery = extract(system, stream, request)
            if delivery.batches is None:
                return Landing(stream.system_name, stream.name, recovered=recovered, remark=delivery.remark)
            if pipeline is None:
                pipeline, _ = ready_pipeline(folder, stream, working_dir)
            folder.remove_incomplete_loads()
            delivery.batches = _refuse_only_rejects(delivery.batches, stream.label, system.catalog_file.name)
            try:
                types.read(pipeline, stream)
                load_id, counts, schemas = run_pipeline(pipeline, delivery, request)
            except Exception as error:
                fault = next((cause for cause in causes(error) if isinstance(cause, FileFault)), None)
                if fault is None:
                    raise
                # Part of these files has been extracted: discard it, and read all other files once more.
                skip |= dict.fromkeys(fault.names, fault.fault)
                continue
        if delivery.faults and load_id is None:
            raise ChannelError(several(delivery.faults), all(fault.transient for fault in delivery.faults))
        return replace(_landing(stream, delivery, load_id, counts, schemas), recovered=recovered)


def _refuse_only_rejects(batches: Iterator[Batch], label: str, catalog_file: str) -> Iterator[Batch]:
    """The same batches. Raises ChannelError at the end if no row of them can be read.

    A load without rows has nothing to judge: it would pass for one without news.
    """
    rows = rejects = 0
    try:
        for batch in batches:
            rows += batch.rows.num_rows if batch.table == INCOMING else 0
            rejects += batch.rows.num_rows if batch.table == REJECTS else 0
            yield batch
    finally:
        if isinstance(batches, Generator):
            batches.close()
    if rejects and not rows:
        what = f"none of the {rejects:,} new rows can" if rejects > 1 else "the only new row cannot"
        raise ChannelError(f"{label}: {what} be read; correct `types` in {catalog_file}, or repair the source")


def _landing(
    stream: Stream, delivery: Delivery, load_id: str | None, counts: Mapping[str, int], schemas: list[pa.Schema]
) -> Landing:
    return Landing(
        stream.system_name,
        stream.name,
        load_id,
        counts[INCOMING],
        counts[REJECTS],
        tuple(delivery.files),
        _duckdb_types(schemas),
        faults=tuple(str(fault) for fault in delivery.faults),
        repeats=tuple(delivery.repeats),
        remark=delivery.remark,
    )


def _duckdb_types(schemas: list[pa.Schema]) -> dict[str, str]:
    import duckdb
    import pyarrow as pa

    if not schemas:
        return {}
    empty = pa.unify_schemas(schemas, promote_options="permissive").empty_table()
    with duckdb.connect() as connection:
        connection.register("empty", empty)
        return {row[0]: row[1] for row in connection.execute("DESCRIBE empty").fetchall()}


@contextmanager
def _stream_lock(label: str, working_dir: Path) -> Iterator[None]:
    """One process at a time lands a stream."""
    from filelock import FileLock, Timeout

    working_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(working_dir / f"{label.replace('/', '__')}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ChannelError(
            f"{label}: another process is landing this stream; run again when it has ended", transient=True
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Rows in flight are millions of small objects without cycles: searching them costs more than fetching them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _channel_errors(label: str, landing_url: str, working_dir: Path, catalog_file: str) -> Iterator[None]:
    """Turn every expected failure into a ChannelError. A bug of ours passes unchanged."""
    import duckdb
    import pyarrow as pa
    from dlt.common.exceptions import DltException
    from dlt.common.schema.exceptions import CannotCoerceColumnException, DataValidationError, SchemaException

    expected = (ChannelError, DltException, OSError, MemoryError, duckdb.Error, pa.ArrowException)
    try:
        yield
    except (*expected, *store_client_errors()) as error:
        if is_disk_full(error):
            raise disk_full(label, f"{working_dir} or {landing_url}") from error
        chain = list(causes(error))
        for cause in chain:
            if isinstance(cause, ChannelError):
                if cause is error:
                    raise
                raise cause from error
            if isinstance(cause, DataValidationError):
                raise changed_type(label, str(cause.column_name), catalog_file) from error
            if isinstance(cause, (CannotCoerceColumnException, SchemaException)):
                raise ChannelError(
                    f"{label}: the columns no longer fit what landed before ({type(cause).__name__}); deliver them as "
                    f"before, or give the stream a new name in {catalog_file}"
                ) from error
        if any(isinstance(cause, PermissionError) for cause in chain):
            raise ChannelError(
                f"{label}: no permission to write to {landing_url} or {working_dir}; grant it and run again"
            ) from error
        if not isinstance(chain[-1], (*expected, *store_client_errors())):
            raise  # a bug of ours: running again does not help
        names = " from ".join(dict.fromkeys(type(cause).__name__ for cause in chain))
        raise ChannelError(
            f"{label}: landing in {landing_url} failed ({names}); run again: nothing was lost", transient=True
        ) from error
