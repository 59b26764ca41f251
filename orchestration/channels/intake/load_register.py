"""The register of loads, `quality.load`: one row per load, with its state, its reach and its latencies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from orchestration.channels.intake.register_tables import prepare_register
from orchestration.channels.landing.loads import landed_at

if TYPE_CHECKING:
    import duckdb

    from orchestration.channels.intake.measures import Measures

DecimalStyle = Literal["point", "comma"]
LoadState = Literal["incoming", "accepted", "held"]
_OF_STREAM = "source_system = ? and stream = ?"
_OF_LOAD = f"{_OF_STREAM} and load_id = ?"


class LoadRegister:
    """The loads of one stream in quality.load. Creates the tables of the register where they are missing."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, system: str, stream: str) -> None:
        prepare_register(connection)
        self._connection = connection
        self._stream = [system, stream]

    def is_empty(self) -> bool:
        """Whether no load of the stream is registered."""
        return self._value(f"select 1 from quality.load where {_OF_STREAM} limit 1", *self._stream) is None

    def add(
        self,
        load_id: str,
        state: LoadState,
        rows: int,
        *,
        unreadable_rows: int = 0,
        delivered_at: datetime | None = None,
        published_by_run: str | None = None,
    ) -> None:
        """Register a load. delivered_at: as of of the run that found it new (naive UTC), None if no run did."""
        self._connection.execute(
            "insert into quality.load (source_system, stream, load_id, landed_at, row_count, unreadable_rows, state,"
            " delivered_at, published_by_run) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *self._stream,
                load_id,
                landed_at(load_id),
                rows,
                unreadable_rows,
                state,
                delivered_at,
                published_by_run,
            ],
        )

    def set_state(self, load_id: str, state: LoadState, rows: int = 0) -> None:
        """Set the state of a load. One that an interrupted run landed is registered now, with `rows` rows."""
        changed = self._value(f"update quality.load set state = ? where {_OF_LOAD}", state, *self._stream, load_id)
        if not changed:
            self.add(load_id, state, rows)

    def set_measures(self, load_id: str, measures: Measures) -> None:
        """Set up to when the rows of a load reach, and how long they took until they landed."""
        latencies = measures.latencies
        self._connection.execute(
            "update quality.load set newest_at = ?, latency_basis = ?, latencies = map(?::bigint[], ?::bigint[])"
            f" where {_OF_LOAD}",
            [
                measures.reach.newest_at,
                latencies.basis,
                list(latencies.rows_by_seconds),
                list(latencies.rows_by_seconds.values()),
                *self._stream,
                load_id,
            ],
        )

    def is_without_decimal_styles(self) -> bool:
        """Whether loads were accepted, and none of them was looked at for its decimal style."""
        measured: bool | None = self._value(
            f"select bool_or(decimal_styles is not null) from quality.load where {_OF_STREAM} and state = 'accepted'",
            *self._stream,
        )
        return measured is False

    def decimal_styles(self) -> dict[str, DecimalStyle]:
        """Column -> decimal style in the newest accepted load in which the column shows one."""
        loads = self._connection.execute(
            "select decimal_styles from quality.load"
            f" where {_OF_STREAM} and state = 'accepted' and decimal_styles is not null order by load_id",
            self._stream,
        ).fetchall()
        return {column: style for (styles,) in loads for column, style in styles.items()}

    def set_decimal_styles(self, styles: Mapping[str, DecimalStyle], load_id: str | None = None) -> None:
        """Set the decimal styles of a load; without an id, of the newest accepted one, for all accepted rows."""
        newest = f"(select max(load_id) from quality.load where {_OF_STREAM} and state = 'accepted')"
        of_load, parameters = (newest, self._stream) if load_id is None else ("?", [load_id])
        self._connection.execute(
            "update quality.load set decimal_styles = map(?::varchar[], ?::varchar[])"
            f" where {_OF_STREAM} and load_id = {of_load}",
            [list(styles), list(styles.values()), *self._stream, *parameters],
        )

    def delivered_at(self, load_id: str) -> datetime | None:
        """The as of of the run that found the load new, or None."""
        moment: datetime | None = self._value(
            f"select delivered_at from quality.load where {_OF_LOAD}", *self._stream, load_id
        )
        return moment

    def unreadable_rows(self, load_id: str) -> int:
        """How many rows of the load could not be read."""
        rows = self._value(f"select unreadable_rows from quality.load where {_OF_LOAD}", *self._stream, load_id)
        return int(rows or 0)

    def last_accepted_rows(self) -> int | None:
        """How many rows the newest accepted load has; None if there is none."""
        rows = self._value(
            f"select max_by(row_count, load_id) from quality.load where {_OF_STREAM} and state = 'accepted'",
            *self._stream,
        )
        return None if rows is None else int(rows)

    def newest_at(self, as_of: datetime) -> datetime | None:
        """Up to when the accepted rows reach, `as_of` at most; None if there are none.

        The moment of landing stands in where neither rows nor file names say it.
        """
        moment: datetime | None = self._value(
            "select least(coalesce(max(newest_at), max(landed_at)), ?) from quality.load"
            f" where {_OF_STREAM} and state = 'accepted' having count(*) > 0",
            as_of,
            *self._stream,
        )
        return moment

    def unpublished_loads(self) -> list[str]:
        """Ids of the loads that were accepted and not yet published, oldest first."""
        loads = self._connection.execute(
            f"select load_id from quality.load where {_OF_STREAM} and state = 'accepted' and published_by_run is null"
            " order by 1",
            self._stream,
        ).fetchall()
        return [load_id for (load_id,) in loads]

    def _value(self, query: str, *parameters: Any) -> Any:
        row = self._connection.execute(query, list(parameters)).fetchone()
        return row[0] if row else None


def mark_published(connection: duckdb.DuckDBPyConnection, run_id: str, published_at: datetime) -> None:
    """Record that the accepted loads are published: from now on they are the last good rows.

    published_at: the time of the clock (naive UTC), as the loads' landed_at.
    """
    prepare_register(connection)
    connection.execute(
        "update quality.load set published_by_run = ?, published_at = ?"
        " where state = 'accepted' and published_by_run is null",
        [run_id, published_at],
    )
