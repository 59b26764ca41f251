"""Dagster's own event log on SQLite, with its connections kept open.

Dagster makes a new engine and a new connection for every event and closes it again, which also writes the whole
write-ahead log back: 10 to 30 ms per event, of which a run has hundreds. Kept open, an event costs a tenth of that.
Named in `dagster.yaml`; what is stored, and where, does not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

# A run's database and the index are open at once; the webserver looks at older runs, too.
_MOST_OPEN = 8


class KeptOpenEventLogStorage(SqliteEventLogStorage):
    """As its parent, which lets one thread at a time connect."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptOpenEventLogStorage:
        """Called by Dagster with what `dagster.yaml` says."""
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
            if len(self._engines) >= _MOST_OPEN:
                self._engines.pop(next(iter(self._engines))).dispose()
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(self._engines[shard], "connect", _without_waiting_for_the_disk)
        return self._engines[shard]

    def dispose(self) -> None:
        """Closes what is open."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _without_waiting_for_the_disk(connection: Any, _: Any) -> None:
    # In WAL mode this keeps the database whole; a power cut may cost the last events.
    connection.execute("PRAGMA synchronous = NORMAL")
