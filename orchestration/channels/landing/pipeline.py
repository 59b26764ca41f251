"""dlt's part in landing: the pipeline of one stream, the state that it remembers, and the types that it landed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from orchestration.channels.catalog import Stream
from orchestration.channels.connectors import INCOMING, REJECTS, Delivery, Request
from orchestration.channels.landing.folder import StreamFolder

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt import Pipeline

_SCHEMA = "landing"
_RESOURCE = "delivery"
# Set for this process only. dlt reads these from its configuration; they are no arguments.
_DLT_CONFIGURATION = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # failures are raised; the log would go to the terminal
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",  # or the working folder would hold everything a second time
    "RESTORE_FROM_DESTINATION": "true",
}


def configure_dlt() -> None:
    """Configure dlt for this process: no telemetry, no log, load ids in the rows."""
    os.environ.update(_DLT_CONFIGURATION)


def pipeline_name(stream: Stream) -> str:
    """The name of the stream's dlt pipeline and of its working folder."""
    return f"{stream.system_name}__{stream.name}"


def finished_state(folder: StreamFolder, stream: Stream, working_dir: Path) -> Mapping[str, Any] | None:
    """What the last landing remembered, read without starting dlt; None if it left something unfinished."""
    working_folder = working_dir / pipeline_name(stream)
    for unfinished in ("normalize/new", "normalize/extracted", "load/new", "load/normalized"):
        if (working_folder / unfinished).is_dir() and any((working_folder / unfinished).iterdir()):
            return None
    try:
        state = _state_of(json.loads((working_folder / "state.json").read_bytes()))
    except (FileNotFoundError, ValueError):
        return None
    complete = folder.complete_loads()
    return state if complete and state.get("load_id") == complete[-1] else None


def ready_pipeline(folder: StreamFolder, stream: Stream, working_dir: Path) -> tuple[Pipeline, tuple[str, ...]]:
    """The stream's pipeline, with nothing unfinished and in step with landing; and the loads that it has finished."""
    folder.initialise()
    pipeline = _pipeline(folder, stream, working_dir)
    before = set(folder.complete_loads())
    if pipeline.has_pending_data:
        pipeline.run()
    complete = folder.complete_loads()
    recovered = tuple(load_id for load_id in complete if load_id not in before)
    # The newest load of the state must be the newest one of landing. If it is not, the process was killed between the
    # two, or one of them was lost, restored or landed elsewhere: landing is right, and the state comes from there.
    if remembered(pipeline).get("load_id") != (complete[-1] if complete else None) or _has_leftovers(pipeline):
        folder.remove_incomplete_loads()
        shutil.rmtree(pipeline.working_dir)
        pipeline = _pipeline(folder, stream, working_dir)
        if complete:
            pipeline.sync_destination()
    return pipeline, recovered


def remembered(pipeline: Pipeline) -> Mapping[str, Any]:
    """What the last landing remembered: `seen` for the connector, and `load_id`."""
    return _state_of(pipeline.state)


def run_pipeline(
    pipeline: Pipeline, delivery: Delivery, request: Request
) -> tuple[str | None, dict[str, int], list[pa.Schema]]:
    """Land a delivery as one load: (its id, rows per table, the schemas of its rows). The id is None without rows.

    The state is replaced if rows landed or if there is something new to remember.
    """
    import dlt

    counts = {INCOMING: 0, REJECTS: 0}
    schemas: list[pa.Schema] = []
    batches = delivery.batches or iter(())

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
    return load_id, counts, schemas


def _pipeline(folder: StreamFolder, stream: Stream, working_dir: Path) -> Pipeline:
    import dlt

    return dlt.pipeline(
        pipeline_name(stream),
        pipelines_dir=str(working_dir),
        destination=dlt.destinations.filesystem(
            bucket_url=folder.system_url,
            layout="{table_name}/{load_id}.{file_id}.{ext}",
            enable_dataset_name_normalization=False,
            kwargs={"auto_mkdir": True} if folder.is_local else None,
        ),
        dataset_name=stream.name,
    )


def _state_of(pipeline_state: Mapping[str, Any]) -> Mapping[str, Any]:
    sources: Mapping[str, Any] = pipeline_state.get("sources", {})
    state: Mapping[str, Any] = sources.get(_SCHEMA, {}).get("resources", {}).get(_RESOURCE, {})
    return state


def _has_leftovers(pipeline: Pipeline) -> bool:
    # A killed extraction leaves a package that dlt never reads again; it would fill the disk.
    new = Path(pipeline.working_dir) / "normalize" / "new"
    return new.is_dir() and any(new.iterdir())


def _with_hints(table: str, rows: pa.Table) -> Any:
    import dlt
    import pyarrow as pa

    # Without the hint dlt takes a timestamp without time zone for UTC, which the source does not say.
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


class LandedTypes:
    """The types that the columns of a stream landed with. A column that the catalog casts may change its type."""

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
        """Read the types from the pipeline's schema; remove from it those that the catalog has changed."""
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
        """The first column of `schema` whose type differs from the landed one.

        Returns None if there is none; the columns of `schema` then count as landed.
        """
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
