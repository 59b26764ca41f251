"""What sources without a memory of their own need: has this content been landed before?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_MODULUS = 2**64


class Fingerprint:
    """A digest of a set of rows that does not depend on their order: databases promise none.

    It rests on DuckDB's `hash`, which may change with DuckDB's version; the rows then land once more, which staging
    takes for a repeat.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0
        self._xor = 0

    def add(self, rows: pa.Table) -> None:
        """Take `rows` into account."""
        import duckdb

        if rows.num_rows == 0:
            return
        with contextlib.closing(duckdb.connect()) as connection:
            connection.register("batch", rows)
            found = connection.execute(
                "SELECT sum(hash(row)::HUGEINT), bit_xor(hash(row)) FROM batch AS row"
            ).fetchone()
        assert found is not None  # noqa: S101 (an aggregate has one row)
        self._rows += rows.num_rows
        self._sum = (self._sum + int(found[0])) % _MODULUS
        self._xor ^= int(found[1])

    def __str__(self) -> str:
        return f"{self._rows}-{self._sum:016x}-{self._xor:016x}"


class Spool:
    """Rows kept on disk until it is known whether they are news. Memory holds one batch at a time."""

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
        """The rows again, `batch_rows` at most at a time. None can be added afterwards."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is not None:
            self._writer.close()
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=batch_rows):
                    yield pa.Table.from_batches([batch])
