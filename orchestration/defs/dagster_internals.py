"""Everything that context360 uses of Dagster and dagster-dbt and that they do not promise to keep.

Other modules use their public interface only. The versions are pinned in `pyproject.toml`; an upgrade is checked with
`tests/graph/test_dagster_internals.py`, which pins the behaviour that this module relies on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from logging import INFO, LogRecord
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator

# One database per run and one index; the web server also opens the databases of older runs.
_OPEN_DATABASES = 8


class KeptOpenEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log on SQLite with connections that stay open. Named in `dagster.yaml`.

    Dagster opens an engine and a connection for every event and closes both, which also writes the write-ahead log
    back: 10 to 30 ms per event, and a run has hundreds. An open connection takes a tenth of that. What is stored, and
    where, does not change. Like its parent, it serves one thread at a time.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._known: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptOpenEventLogStorage:
        """Called by Dagster with the configuration in `dagster.yaml`."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            if len(self._engines) >= _OPEN_DATABASES:
                self._engines.pop(next(iter(self._engines))).dispose()
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(self._engines[shard], "connect", _skip_disk_sync)
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked of the database until it does: Dagster asks with every event."""
        if table_name not in self._known and super().has_table(table_name):
            self._known.add(table_name)
        return table_name in self._known

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        column = f"{AssetKeyTable.name}.{column_name}"
        if column not in self._known and super()._has_asset_key_col_on_connection(conn, column_name):
            self._known.add(column)
        return column in self._known

    def delete_events(self, run_id: str) -> None:
        """Deletes the log of a run, and of the index what is no longer the newest about an asset or a check: Dagster
        shows an asset that no later run has made as made by this one."""
        with self.index_transaction() as connection:
            for statement in _FORGET_RUN:
                connection.execute(text(statement), {"run_id": run_id})
            connection.execute(text("delete from asset_event_tags where event_id not in (select id from event_logs)"))
        with self._db_lock:
            if run_id in self._engines:
                self._engines.pop(run_id).dispose()
            self._initialized_dbs.discard(run_id)
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)

    def dispose(self) -> None:
        """Closes all connections."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


_FORGET_RUN = (
    """
    delete from event_logs where run_id = :run_id and id not in (
        select max(id) from event_logs where asset_key is not null group by asset_key, partition, dagster_event_type
    )
    """,
    """
    delete from asset_check_executions where run_id = :run_id and id not in (
        select max(id) from asset_check_executions group by asset_key, check_name, partition
    )
    """,
)


def prune_history(instance: dg.DagsterInstance, *, kept_runs: int) -> int:
    """Deletes the records and logs of all but the newest runs that have ended; returns how many it has deleted."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    runs = instance.get_run_records(dg.RunsFilter(statuses=ended))[kept_runs:]
    for record in runs:
        run_id = record.dagster_run.run_id
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return len(runs)


def _skip_disk_sync(connection: Any, _: Any) -> None:
    # In WAL mode the database stays consistent; a power cut may lose the last events.
    connection.execute("PRAGMA synchronous = NORMAL")


def report_materializations(instance: dg.DagsterInstance, materializations: Sequence[dg.AssetMaterialization]) -> None:
    """Reports materializations of one asset outside of a run.

    The public `report_runless_asset_event` takes 5 ms per event, and a first run reports thousands of days. On SQLite,
    all events are stored in one transaction; other storages use the public method.
    """
    if not materializations:
        return
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        for materialization in materializations:
            instance.report_runless_asset_event(materialization)
        return
    events = [_runless_event(materialization) for materialization in materializations]
    with storage.index_transaction() as connection:
        for entry in events:
            key = connection.execute(storage.prepare_insert_event(entry)).inserted_primary_key
        storage._store_asset_event(connection, events[-1], key[0] if key else 0)  # noqa: SLF001


def _runless_event(materialization: dg.AssetMaterialization) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        user_message="",
        level=INFO,
        run_id=RUNLESS_RUN_ID,
        timestamp=time.time(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=DagsterEvent(
            event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
            event_specific_data=StepMaterializationData(materialization),
            job_name=RUNLESS_JOB_NAME,
        ),
    )


class _WithoutChecksLeftOut(logging.Filter):
    """Drops Dagster's warning about checks without a result: a check of an unchanged table keeps its last one, and one
    that failed is judged by every run."""

    def filter(self, record: LogRecord) -> bool:
        return "emitted no result in step" not in record.getMessage()


logging.getLogger("dagster._core.execution.plan.active").addFilter(_WithoutChecksLeftOut())


def unchanged_output(key: dg.AssetKey) -> dg.Output:
    """The output of an asset that a step left as it is: the steps below run, and no materialization is recorded.

    Dagster skips the steps below an output that is not yielded, and records a materialization for one that is, unless
    it bears the mark of an asset that reports its own events.
    """
    return dg.Output(
        None, output_name=key.to_python_identifier(), metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
    )


def fail_run(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    """Marks a run as failed whose process no longer exists."""
    instance.report_run_failed(run, message)


def materialized_in(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has materialized an asset."""
    found = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=1)
    return bool(found.records)


def executable_assets(job: dg.JobDefinition) -> set[dg.AssetKey]:
    """The keys of the assets that the job can materialize."""
    return set(job.asset_layer.executable_asset_keys)


def event_in(record: LogRecord) -> dg.DagsterEvent | None:
    """The Dagster event of a log record, or None for a plain message."""
    return getattr(record, "dagster_event", None)


def error_in(happened: dg.DagsterEvent) -> Any:
    """The serialized error (cls_name, message, cause) of a failed step or resource; None for other events."""
    data: Any = happened.event_specific_data
    return getattr(data, "error", None)


def materialization_in(happened: dg.DagsterEvent) -> dg.AssetMaterialization | None:
    """What a materialization event reports; None for other events."""
    return getattr(happened.event_specific_data, "materialization", None)


def check_in(happened: dg.DagsterEvent) -> Any:
    """The evaluation (asset_key, check_name, passed, description) of a check event."""
    return happened.event_specific_data


def dbt_specs(
    translator: DagsterDbtTranslator, manifest: Mapping[str, Any], *, select: str, exclude: str = ""
) -> tuple[dict[str, dg.AssetSpec], dict[str, dg.AssetCheckSpec]]:
    """Asset specs of the selected models and seeds, and check specs of their tests, by dbt's unique_id.

    select, exclude: in dbt's selection syntax. The public `@dbt_assets` builds these specs, too, but it lets no step
    add specs and checks of its own.
    """
    # Dagster loads this module with every instance, also where dbt is not needed.
    from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY, build_dbt_specs

    specs, checks = build_dbt_specs(
        translator=translator,
        manifest=manifest,
        select=select,
        exclude=exclude,
        selector="",
        io_manager_key=None,
        project=None,
    )
    return (
        {str(spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]): spec for spec in specs},
        {str((check.metadata or {})[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]): check for check in checks},
    )
