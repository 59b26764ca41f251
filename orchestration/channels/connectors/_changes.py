"""Change detection for sources that only return their current content: has this content landed before?"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_MODULUS = 2**64
# The lag is divided into this many parts, each with its own fingerprint: a late row lands its part again, not all.
_PARTS_OF_LAG = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fingerprint:
    """A digest of a set of rows. It ignores their order, because databases guarantee none.

    It rests on DuckDB's `hash`, which may change with DuckDB's version; the rows then land once more, and staging
    treats them as repeats.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0
        self._xor = 0

    def add(self, rows: pa.Table) -> None:
        """Add rows."""
        for found in _fingerprints(rows, "''").values():
            self.merge(found)

    def merge(self, other: Fingerprint) -> None:
        """Add the rows of another fingerprint."""
        self._rows += other._rows
        self._sum = (self._sum + other._sum) % _MODULUS
        self._xor ^= other._xor

    def __str__(self) -> str:
        return f"{self._rows}-{self._sum:016x}-{self._xor:016x}"


def _fingerprints(rows: pa.Table, label: str) -> dict[str, Fingerprint]:
    """The fingerprint of the rows with each value of `label`, a SQL expression."""
    import duckdb

    found: dict[str, Fingerprint] = {}
    if rows.num_rows:
        with contextlib.closing(duckdb.connect()) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("batch", rows)
            for name, count, total, xor in connection.execute(
                f"SELECT {label}, count(*), sum(hash(row)::HUGEINT), bit_xor(hash(row)) FROM batch AS row GROUP BY 1"
            ).fetchall():
                found[str(name)] = fingerprint = Fingerprint()
                fingerprint._rows, fingerprint._sum, fingerprint._xor = count, int(total) % _MODULUS, int(xor)
    return found


class Spool:
    """Rows kept on disk until it is known whether they are new. Memory holds one batch at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self.fingerprint = Fingerprint()
        self.rows = 0

    def add(self, batch: pa.Table) -> None:
        """Keep the rows of `batch`. All batches have the same columns."""
        import pyarrow.parquet as pq

        if batch.num_rows:
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._path, batch.schema)
            self._writer.write_table(batch)
            self.fingerprint.add(batch)
            self.rows += batch.num_rows

    def fill(self, batches: Iterable[pa.Table]) -> Spool:
        """Keep the rows of all `batches`, and return self."""
        for batch in batches:
            self.add(batch)
        return self

    def batches(self, batch_rows: int) -> Iterator[pa.Table]:
        """The rows, at most `batch_rows` at a time. No rows can be added afterwards."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is not None:
            self._writer.close()
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=batch_rows):
                    yield pa.Table.from_batches([batch])


class Window:
    """The rows at the end of a stream: those with the newest cursor value and, with a lag, those of the time before it.

    They are divided into parts, each with a fingerprint; a changed part lands again. Without a lag there is one part:
    the rows with the newest value.
    """

    def __init__(self, cursor: str, lag: timedelta, newest: Any = None) -> None:
        self._cursor = cursor
        self._lag = lag
        self._parts: dict[str, Fingerprint] = {}
        self.newest = newest

    @property
    def start(self) -> Any:
        """The smallest cursor value of the window."""
        return None if self.newest is None else start_of(self.newest, self._lag)

    def add(self, batch: pa.Table) -> None:
        """Add the rows of `batch` that belong to the window. A newer cursor value moves the window forward."""
        import pyarrow as pa
        import pyarrow.compute as pc

        top = pc.max(batch[self._cursor]).as_py()
        if top is None:
            return
        if self.newest is None or top > self.newest:
            self.newest = top
            self._forget()
        values = batch[self._cursor]
        rows = batch.filter(pc.greater_equal(values, pa.scalar(self.start, values.type)))
        for label, fingerprint in _fingerprints(rows, self._label).items():
            self._parts.setdefault(label, Fingerprint()).merge(fingerprint)

    def merged(self, later: Window) -> Window:
        """The window over the rows of both; `later` has the newer ones."""
        both = Window(self._cursor, self._lag, self.newest if later.newest is None else later.newest)
        if not self._lag and both.newest != self.newest:
            both._parts = dict(later._parts)
            return both
        for part in (self._parts, later._parts):
            for label, fingerprint in part.items():
                both._parts.setdefault(label, Fingerprint()).merge(fingerprint)
        if self._lag:
            both._forget()
        return both

    def fingerprints(self) -> dict[str, str]:
        """Part -> its fingerprint, for the next request."""
        return {label: str(fingerprint) for label, fingerprint in self._parts.items()}

    def changed(self, known: Mapping[str, str]) -> list[str]:
        """The parts that have changed since they landed. known: their fingerprints at that time."""
        return [label for label, fingerprint in self.fingerprints().items() if known.get(label) != fingerprint]

    def pick(self, rows: pa.Table, parts: Iterable[str]) -> pa.Table:
        """The rows that belong to one of the `parts`."""
        import duckdb

        with contextlib.closing(duckdb.connect()) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("batch", rows)
            found: pa.Table = connection.execute(
                f"SELECT * FROM batch WHERE {self._label} IN (SELECT unnest(?::VARCHAR[]))", [list(parts)]
            ).to_arrow_table()
        return found.cast(rows.schema)

    @property
    def _label(self) -> str:
        if not self._lag:
            return "''"
        width = _width(self._lag) // timedelta(microseconds=1)
        column = '"' + self._cursor.replace('"', '""') + '"'
        return f"coalesce((epoch_us(try_cast({column} AS TIMESTAMP)) // {width})::VARCHAR, '')"

    def _forget(self) -> None:
        if not self._lag:
            self._parts.clear()
            return
        first = _microseconds(self.start) // (_width(self._lag) // timedelta(microseconds=1))
        self._parts = {label: part for label, part in self._parts.items() if label and int(label) >= first}


def _width(lag: timedelta) -> timedelta:
    return max(lag / _PARTS_OF_LAG, timedelta(seconds=1))


def _microseconds(moment: Any) -> int:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_moment(value: Any) -> bool:
    """Whether a lag can be subtracted from a cursor value: it is a date, a timestamp, or ISO text of one."""
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, date)


def start_of(newest: Any, lag: timedelta) -> Any:
    """The value `lag` before `newest`, at the start of a part of the window, in the type and notation of `newest`."""
    if not lag:
        return newest
    if isinstance(newest, str):
        start = start_of(datetime.fromisoformat(newest), lag)
        # Without fraction and time zone, the text sorts before every moment of that second.
        return (
            start.date().isoformat()
            if len(newest) <= len("2025-01-31")
            else f"{start:%Y-%m-%d}{newest[10]}{start:%H:%M:%S}"
        )
    if not isinstance(newest, datetime):
        return newest - timedelta(days=math.ceil(lag / timedelta(days=1)))
    width = _width(lag)
    past = (newest.replace(tzinfo=UTC) if newest.tzinfo is None else newest) - lag - _EPOCH
    start = _EPOCH + past // width * width
    return start.replace(tzinfo=None) if newest.tzinfo is None else start.astimezone(newest.tzinfo)
