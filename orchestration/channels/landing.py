"""Landing: what the source systems delivered, as Parquet, append-only, and the only copy that the warehouse needs.

    {landing_url}/{system}/{stream}/
        incoming/   loads that nobody has judged yet, {load_id}.{file_id}.parquet
        rows/       accepted loads: what staging reads
        held/       loads that a check has stopped
        rejects/    rows that could not be read, with the reason
        _moves/     moves between those folders that have been decided; empty unless one was interrupted
        _dlt_*/     dlt's bookkeeping. A load exists once `_dlt_loads` holds its marker, and not before

A process may be killed anywhere in here: the next `land_stream` finishes what was extracted, removes files of loads
without a marker, and only then looks at the source again. Whether a load is good is decided elsewhere.
"""

from __future__ import annotations

import gc
import json
import os
import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from orchestration.channels.catalog import DatabaseSystem, FilesSystem, RestApiSystem, Stream
from orchestration.channels.connectors import (
    INCOMING,
    REJECTS,
    Delivery,
    FileFault,
    Request,
    changed_type,
    database,
    files,
    rest_api,
)
from orchestration.channels.errors import ChannelError, causes, disk_full, is_disk_full, several, store_client_errors

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt import Pipeline
    from fsspec import AbstractFileSystem

_ROWS, _HELD, _MOVES = "rows", "held", "_moves"
_MARKERS, _STATES = "_dlt_loads", "_dlt_pipeline_state"
_SCHEMA = "landing"
_RESOURCE = "delivery"
# Spark does not see files whose names begin with an underscore or a point.
_DECLARED = "declared.parquet"
_ORIGIN = {"_dlt_load_id": "VARCHAR", "_source_file": "VARCHAR", "_source_row": "BIGINT", "_source_day": "DATE"}
_REJECT_COLUMNS = {**_ORIGIN, "raw": "VARCHAR", "reason": "VARCHAR"}


@dataclass(frozen=True)
class Landing:
    """What one call of `land_stream` has landed. `load_id` None and `rows` 0: the source had nothing new.

    `faults`: what is wrong with files that were left out and are tried again next time, a sentence each. `repeats`:
    files that were left out because another file had delivered the same before. `remark`: what somebody who asked for
    days should know, such as that nothing belongs to them.
    """

    system: str
    stream: str
    load_id: str | None = None
    rows: int = 0
    rejected_rows: int = 0
    files: tuple[str, ...] = ()
    # Landed column -> DuckDB type.
    columns: Mapping[str, str] = field(default_factory=dict)
    # Loads of an interrupted run that this call has finished; they wait in incoming/ like any other.
    recovered: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class PendingLoad:
    """A load that is not in rows/: `incoming` waits for its judgement, `held` was stopped by it."""

    load_id: str
    state: Literal["incoming", "held"]
    # Paths that DuckDB and fsspec understand.
    files: tuple[str, ...]
    rows: int
    source_files: frozenset[str]
    # Held, and every source file of it was accepted in a newer load: nobody needs to look at it any more.
    superseded: bool = False


def land_stream(
    catalog_system: FilesSystem | DatabaseSystem | RestApiSystem,
    stream: Stream,
    *,
    landing_url: str,
    working_dir: Path,
    declared_columns: Mapping[str, str] | None = None,
    days: tuple[date, date] | None = None,
) -> Landing:
    """Land what the source of `stream` has and landing does not, as one load in `incoming/`.

    `landing_url`: local folder or fsspec URL. `working_dir`: local folder of dlt, kept between runs; if it is lost, its
    content is restored from landing. `declared_columns`: landed column -> DuckDB type; files and tables must have them.
    `days`: land again, as one load, what belongs to these days (first and last), whether it was landed before or not:
    files by the period in their name, rows by a cursor that holds moments, everything where there is neither.
    Raises ChannelError if nothing could be landed. Of a file that is faulty nothing is landed; the others are.
    """
    label = stream.label
    catalog_file = catalog_system.catalog_file.name
    store = _Store(landing_url, stream.system_name, stream.name)
    with _failures(label, landing_url, working_dir, catalog_file), _alone(label, working_dir), _no_search_for_cycles():
        _configure_dlt()
        if declared_columns is not None:
            ensure_declared_columns(landing_url, stream.system_name, stream.name, declared_columns)
        store.finish_moves()
        return _landed(catalog_system, stream, store, working_dir, tuple(declared_columns or ()), days)


def _landed(
    system: FilesSystem | DatabaseSystem | RestApiSystem,
    stream: Stream,
    store: _Store,
    working_dir: Path,
    declared: Collection[str],
    days: tuple[date, date] | None,
) -> Landing:
    skip: dict[str, ChannelError] = {}
    recovered: tuple[str, ...] = ()
    while True:
        pipeline = None
        state = _finished_state(store, stream, working_dir)
        if state is None:
            pipeline, finished = _ready_pipeline(store, stream, working_dir)
            recovered += finished
            state = _resource_state(pipeline)
        types = _LandedTypes()
        with tempfile.TemporaryDirectory(prefix=f"{_pipeline_name(stream)}-", dir=working_dir) as scratch:
            request = Request(state.get("seen", {}), Path(scratch), declared, days, skip, types.changed)
            delivery = _CONNECTORS[type(system)](system, stream, request)
            if delivery.batches is None:
                return Landing(stream.system_name, stream.name, recovered=recovered, remark=delivery.remark)
            if pipeline is None:
                pipeline, _ = _ready_pipeline(store, stream, working_dir)
            store.sweep()
            try:
                landing = _land(pipeline, stream, delivery, request, types)
            except Exception as error:
                fault = next((cause for cause in causes(error) if isinstance(cause, FileFault)), None)
                if fault is None:
                    raise
                # A part of these files has been extracted: it is thrown away, and all others are read once more.
                skip |= dict.fromkeys(fault.names, fault.fault)
                continue
        if delivery.faults and landing.load_id is None:
            raise ChannelError(several(delivery.faults), all(fault.transient for fault in delivery.faults))
        return replace(landing, recovered=recovered)


_CONNECTORS: dict[type, Callable[[Any, Any, Request], Delivery]] = {
    FilesSystem: files.extract,
    DatabaseSystem: database.extract,
    RestApiSystem: rest_api.extract,
}


# Set for this process only. dlt takes these from its configuration and not as arguments.
_DLT_CONFIGURATION = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # failures are raised; the log would go to the terminal
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",  # or the working folder would hold everything a second time
    "RESTORE_FROM_DESTINATION": "true",
}


def _configure_dlt() -> None:
    os.environ.update(_DLT_CONFIGURATION)


@contextmanager
def _alone(label: str, working_dir: Path) -> Iterator[None]:
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
def _no_search_for_cycles() -> Iterator[None]:
    """Rows on their way are millions of small objects without cycles; to search them costs more than to fetch them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _failures(label: str, landing_url: str, working_dir: Path, catalog_file: str) -> Iterator[None]:
    """Let out nothing but ChannelError, unless it is a fault of ours."""
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
                    f"{label}: the columns no longer fit what was landed before ({type(cause).__name__}); deliver them "
                    f"as before, or give the stream a new name in {catalog_file}"
                ) from error
        if any(isinstance(cause, PermissionError) for cause in chain):
            raise ChannelError(
                f"{label}: {landing_url} or {working_dir} may not be written; grant the rights"
            ) from error
        if not isinstance(chain[-1], (*expected, *store_client_errors())):
            raise  # a fault of ours, which nobody mends by running again
        names = " from ".join(dict.fromkeys(type(cause).__name__ for cause in chain))
        raise ChannelError(
            f"{label}: landing in {landing_url} failed ({names}); run again: nothing was lost", transient=True
        ) from error


# --- dlt -------------------------------------------------------------------------------------------------------------


def _ready_pipeline(store: _Store, stream: Stream, working_dir: Path) -> tuple[Pipeline, tuple[str, ...]]:
    """The stream's pipeline, nothing unfinished and in step with landing; and the loads that it has finished."""
    store.initialise()
    pipeline = _pipeline(store, stream, working_dir)
    before = set(store.marked_loads())
    if pipeline.has_pending_data:
        pipeline.run()
    marked = store.marked_loads()
    recovered = tuple(load_id for load_id in marked if load_id not in before)
    # The newest load of the state must be the newest one of landing. If it is not, the process was killed between the
    # two, or one of them was lost, restored or landed elsewhere: landing is right, and the state comes from there.
    if _resource_state(pipeline).get("load_id") != (marked[-1] if marked else None) or _has_leftovers(pipeline):
        store.sweep()
        shutil.rmtree(pipeline.working_dir)
        pipeline = _pipeline(store, stream, working_dir)
        if marked:
            pipeline.sync_destination()
    return pipeline, recovered


def _pipeline_name(stream: Stream) -> str:
    return f"{stream.system_name}__{stream.name}"


def _finished_state(store: _Store, stream: Stream, working_dir: Path) -> Mapping[str, Any] | None:
    """What the last landing told to remember, if it has left nothing unfinished: read without starting dlt."""
    folder = working_dir / _pipeline_name(stream)
    for unfinished in ("normalize/new", "normalize/extracted", "load/new", "load/normalized"):
        if (folder / unfinished).is_dir() and any((folder / unfinished).iterdir()):
            return None
    try:
        state = _state_of(json.loads((folder / "state.json").read_bytes()))
    except (FileNotFoundError, ValueError):
        return None
    marked = store.marked_loads()
    return state if marked and state.get("load_id") == marked[-1] else None


def _pipeline(store: _Store, stream: Stream, working_dir: Path) -> Pipeline:
    import dlt

    return dlt.pipeline(
        _pipeline_name(stream),
        pipelines_dir=str(working_dir),
        destination=dlt.destinations.filesystem(
            bucket_url=store.system_url,
            layout="{table_name}/{load_id}.{file_id}.{ext}",
            enable_dataset_name_normalization=False,
            kwargs={"auto_mkdir": True} if store.is_local else None,
        ),
        dataset_name=stream.name,
    )


def _resource_state(pipeline: Pipeline) -> Mapping[str, Any]:
    return _state_of(pipeline.state)


def _state_of(pipeline_state: Mapping[str, Any]) -> Mapping[str, Any]:
    sources: Mapping[str, Any] = pipeline_state.get("sources", {})
    state: Mapping[str, Any] = sources.get(_SCHEMA, {}).get("resources", {}).get(_RESOURCE, {})
    return state


def _has_leftovers(pipeline: Pipeline) -> bool:
    # An extraction that was killed leaves a package that dlt never looks at again; it would fill the disk.
    new = Path(pipeline.working_dir) / "normalize" / "new"
    return new.is_dir() and any(new.iterdir())


def _land(pipeline: Pipeline, stream: Stream, delivery: Delivery, request: Request, types: _LandedTypes) -> Landing:
    import dlt

    counts = {INCOMING: 0, REJECTS: 0}
    schemas: list[pa.Schema] = []
    batches = delivery.batches or iter(())
    types.read(pipeline, stream)

    @dlt.resource(name=_RESOURCE, table_name=INCOMING, write_disposition="append")
    def deliver() -> Iterator[Any]:
        for batch in batches:
            if batch.table == INCOMING and (not schemas or schemas[-1] != batch.rows.schema):
                schemas.append(batch.rows.schema)
            counts[batch.table] += batch.rows.num_rows
            yield _with_hints(batch.table, batch.rows)
        if any(counts.values()) or delivery.seen != request.seen:
            state = dlt.current.resource_state()
            state.clear()
            state.update(seen=delivery.seen, load_id=dlt.current.load_package_state()["load_id"])

    @dlt.source(name=_SCHEMA, schema_contract={"data_type": "freeze"}, max_table_nesting=0)
    def landing() -> Any:
        return deliver

    with closing(batches) if isinstance(batches, Generator) else nullcontext():
        info = pipeline.run(landing(), loader_file_format="parquet")
        info.raise_on_failed_jobs()
    load_id = info.loads_ids[-1] if info.loads_ids and any(counts.values()) else None
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


class _LandedTypes:
    """The types that the columns of a stream landed with. What the catalog casts may change its type."""

    # DuckDB type, without its parameters -> type of dlt.
    _DLT_TYPES: ClassVar = {
        "VARCHAR": "text",
        "BIGINT": "bigint",
        "DOUBLE": "double",
        "BOOLEAN": "bool",
        "DATE": "date",
        "TIMESTAMP": "timestamp",
        "DECIMAL": "decimal",
    }

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._passed: list[pa.Schema] = []

    def read(self, pipeline: Pipeline, stream: Stream) -> None:
        """Learn the types from the pipeline's schema, and make it forget those that the catalog has changed."""
        if _SCHEMA not in pipeline.schema_names:
            return
        schema = pipeline.schemas[_SCHEMA]
        columns: dict[str, Any] = schema.tables.get(INCOMING, {}).get("columns", {})
        outdated = [
            name
            for name, kind in stream.types.items()
            if name in columns and columns[name].get("data_type") != self._DLT_TYPES[kind.split("(")[0]]
        ]
        if outdated:
            for name in outdated:
                del columns[name]
            pipeline.schemas.save_schema(schema)
        self._known = {name: str(column["data_type"]) for name, column in columns.items() if "data_type" in column}

    def changed(self, schema: pa.Schema) -> str | None:
        """The first column of `schema` with another type than before; None adds its columns to those that are known."""
        from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns

        if schema in self._passed:
            return None
        columns = py_arrow_to_table_schema_columns(schema)
        delivered = {name: str(column["data_type"]) for name, column in columns.items() if "data_type" in column}
        for name, kind in delivered.items():
            if self._known.get(name, kind) != kind:
                return name
        self._known |= delivered
        self._passed.append(schema)
        return None


def _with_hints(table: str, rows: pa.Table) -> Any:
    import dlt
    import pyarrow as pa

    # dlt would turn a wall clock into UTC, which nobody has said that it is.
    columns = {
        column.name: {"name": column.name, "data_type": "timestamp", "timezone": False}
        for column in rows.schema
        if pa.types.is_timestamp(column.type) and column.type.tz is None
    }
    return dlt.mark.with_hints(
        rows,
        dlt.mark.make_hints(table_name=table, write_disposition="append", columns=columns or None),  # type: ignore[arg-type]
        create_table_variant=True,
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


# --- The folders of a stream -----------------------------------------------------------------------------------------


class _Store:
    """The folder of one stream, in a local file system or an object store."""

    def __init__(self, landing_url: str, system: str, stream: str) -> None:
        from fsspec.core import url_to_fs

        self.is_local = "://" not in landing_url or landing_url.startswith("file://")
        self.fs: AbstractFileSystem
        self.fs, root = url_to_fs(landing_url)
        self.system_url = (
            posixpath.join(root, system) if self.is_local else posixpath.join(landing_url.rstrip("/"), system)
        )
        self.root = posixpath.join(root, system, stream)
        self.scheme = "" if self.is_local else landing_url.split("://", 1)[0] + "://"

    def path(self, *parts: str) -> str:
        return posixpath.join(self.root, *parts)

    def names(self, folder: str) -> list[str]:
        """Names of the files in `folder`, none if it does not exist."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(entry["name"]) for entry in found if entry["type"] == "file")

    def load_files(self, folder: str) -> dict[str, list[str]]:
        """Load id -> names of its data files in `folder`."""
        found: dict[str, list[str]] = {}
        for name in self.names(folder):
            if name.endswith(".parquet") and name != _DECLARED:
                # A load id holds a point itself: seconds.fraction.file_id.parquet
                found.setdefault(name.rsplit(".", 2)[0], []).append(name)
        return found

    def marked_loads(self) -> list[str]:
        """Ids of all complete loads, oldest first."""
        loads = (name.removesuffix(".jsonl").rsplit("__", 1)[-1] for name in self.names(_MARKERS) if "__" in name)
        return sorted(loads, key=float)

    def initialise(self) -> None:
        """Mark the folder as dlt's. dlt does it in two steps, cannot go on after the first of them, and takes a folder
        in which something else was written first for a failure."""
        from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, INIT_FILE_NAME

        if not self.fs.exists(self.path(INIT_FILE_NAME)):
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            self.write(json.dumps(versions).encode(), INIT_FILE_NAME)

    def sweep(self) -> None:
        """Remove what loads without a marker have left: half copied files, and the state that would hide the loss."""
        marked = set(self.marked_loads())
        for folder in (INCOMING, REJECTS):
            for load_id, names in self.load_files(folder).items():
                if load_id not in marked:
                    self._remove(folder, names)
        self._remove(_STATES, [n for n in self.names(_STATES) if "__" in n and n.rsplit("__", 2)[1] not in marked])

    def _remove(self, folder: str, names: list[str]) -> None:
        for name in names:
            self.fs.rm_file(self.path(folder, name))

    def write(self, content: bytes, *parts: str) -> None:
        """Write a small file so that nobody ever sees half of it."""
        target = self.path(*parts)
        if not self.is_local:
            self.fs.pipe_file(target, content)
            return
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        draft = Path(posixpath.dirname(target), f".{posixpath.basename(target)}.{uuid.uuid4().hex}")
        try:
            with draft.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def move_load(self, load_id: str, sources: tuple[str, ...], target: str) -> None:
        """Move all files of a load to folder `target`. The decision is written down first, so that an interruption
        cannot leave a load that is half accepted for good."""
        if not any(load_id in self.load_files(folder) for folder in sources):
            return
        self.write(json.dumps({"from": sources, "to": target}).encode(), _MOVES, f"{load_id}.json")
        self._carry_out(load_id, sources, target)

    def finish_moves(self) -> None:
        """Carry out moves that were decided and interrupted."""
        for name in self.names(_MOVES):
            if name.endswith(".json") and not name.startswith("."):
                move = json.loads(self.fs.cat_file(self.path(_MOVES, name)))
                self._carry_out(name.removesuffix(".json"), move["from"], move["to"])

    def _carry_out(self, load_id: str, sources: Collection[str], target: str) -> None:
        if self.is_local:
            self.fs.makedirs(self.path(target), exist_ok=True)
        for folder in sources:
            for name in self.load_files(folder).get(load_id, []):
                if self.is_local:
                    Path(self.path(folder, name)).replace(self.path(target, name))
                else:  # a copy, then a removal: the copy is repeated if the removal did not happen
                    self.fs.mv(self.path(folder, name), self.path(target, name))
        self.fs.rm_file(self.path(_MOVES, f"{load_id}.json"))

    def contents(self, folder: str, names: list[str]) -> tuple[int, frozenset[str]]:
        """Number of rows and the source files of some data files."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        rows = 0
        sources: set[str] = set()
        for name in names:
            with self.fs.open(self.path(folder, name), "rb") as opened, pq.ParquetFile(opened) as file:
                rows += file.metadata.num_rows
                if "_source_file" in file.schema_arrow.names:
                    for batch in file.iter_batches(columns=["_source_file"]):
                        sources.update(value for value in pc.unique(batch.column(0)).to_pylist() if value is not None)
        return rows, frozenset(sources)


def pending_loads(landing_url: str, system: str, stream: str) -> list[PendingLoad]:
    """Complete loads of a stream that are not accepted, oldest first: what waits in incoming/, and what is held."""
    store = _Store(landing_url, system, stream)
    store.finish_moves()
    marked = set(store.marked_loads())
    pending: list[PendingLoad] = []
    for state, folder in (("incoming", INCOMING), ("held", _HELD)):
        for load_id, names in store.load_files(folder).items():
            if load_id in marked:
                rows, sources = store.contents(folder, names)
                paths = tuple(store.scheme + store.path(folder, name) for name in names)
                pending.append(PendingLoad(load_id, state, paths, rows, sources))  # type: ignore[arg-type]
    pending.sort(key=lambda load: float(load.load_id))
    return [_flagged(load, store) if load.state == "held" and load.source_files else load for load in pending]


def _flagged(load: PendingLoad, store: _Store) -> PendingLoad:
    accepted: set[str] = set()
    for load_id, names in store.load_files(_ROWS).items():
        if float(load_id) > float(load.load_id) and not load.source_files <= accepted:
            accepted |= store.contents(_ROWS, names)[1]
    return replace(load, superseded=load.source_files <= accepted)


def accepted_loads(landing_url: str, system: str, stream: str) -> list[tuple[str, int]]:
    """Accepted loads of a stream as (load id, rows), oldest first."""
    store = _Store(landing_url, system, stream)
    loads = [(load_id, store.contents(_ROWS, names)[0]) for load_id, names in store.load_files(_ROWS).items()]
    return sorted(loads, key=lambda load: float(load[0]))


def accept(landing_url: str, system: str, stream: str, load_id: str) -> None:
    """Move a load to rows/, from incoming/ or, if somebody releases it, from held/. Repeating it does nothing."""
    store = _Store(landing_url, system, stream)
    store.finish_moves()
    _require_load(store, system, stream, load_id)
    store.move_load(load_id, (INCOMING, _HELD), _ROWS)


def hold(landing_url: str, system: str, stream: str, load_id: str) -> None:
    """Move a load to held/, from incoming/ or, if it proves wrong later, from rows/. Repeating it does nothing."""
    store = _Store(landing_url, system, stream)
    store.finish_moves()
    _require_load(store, system, stream, load_id)
    store.move_load(load_id, (INCOMING, _ROWS), _HELD)


def _require_load(store: _Store, system: str, stream: str, load_id: str) -> None:
    if load_id not in store.marked_loads():
        raise ChannelError(
            f"{system}/{stream}: there is no complete load {load_id}; see pending_loads for those there are"
        )


def ensure_declared_columns(landing_url: str, system: str, stream: str, declared_columns: Mapping[str, str]) -> None:
    """Make `rows/*.parquet` and `rejects/*.parquet` readable with all their columns before anything has landed.

    `declared_columns`: landed column -> DuckDB type. Writes files without rows, and only if they would change.
    """
    import duckdb

    store = _Store(landing_url, system, stream)
    for folder, columns in ((_ROWS, {**declared_columns, **_ORIGIN}), (REJECTS, _REJECT_COLUMNS)):
        try:
            content = _empty_parquet(tuple(columns.items()))
        except duckdb.Error as error:
            raise ChannelError(
                f"{system}/{stream}: a declared column has a type that DuckDB does not know; correct its data_type"
            ) from error
        path = store.path(folder, _DECLARED)
        if not store.fs.exists(path) or store.fs.cat_file(path) != content:
            store.write(content, folder, _DECLARED)


@lru_cache(maxsize=1_000)
def _empty_parquet(columns: tuple[tuple[str, str], ...]) -> bytes:
    import io

    import duckdb
    import pyarrow.parquet as pq

    nothing = ", ".join(f'CAST(NULL AS {kind}) AS "{name.replace(chr(34), chr(34) * 2)}"' for name, kind in columns)
    with duckdb.connect() as connection:
        table = connection.execute(f"SELECT {nothing} LIMIT 0").to_arrow_table()
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
