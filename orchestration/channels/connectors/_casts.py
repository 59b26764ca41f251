"""Columns that the catalog casts with `types`. Rows with a value that does not fit become rejects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orchestration.channels.connectors import INCOMING, REJECTS, Batch

if TYPE_CHECKING:
    import pyarrow as pa

_ORIGIN = ("_source_file", "_source_row", "_source_day")
# DuckDB rounds while it casts; a value that would lose digits does not fit.
_EXACT = "DECIMAL(38, 10)"


def cast_batch(batch: Batch, types: Mapping[str, str]) -> Iterator[Batch]:
    """The rows of `batch` with the columns in `types` cast; rows that cannot be cast become a batch of rejects.

    types: landed column -> DuckDB type. A reject keeps the whole row, as JSON text, and a reason.
    """
    import duckdb

    wanted = {column: kind for column, kind in types.items() if column in batch.rows.column_names}
    if not wanted or batch.table != INCOMING:
        yield batch
        return
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("batch", batch.rows)
        cast = ", ".join(f"try_cast({_quoted(name)} AS {kind}) AS {_quoted(name)}" for name, kind in wanted.items())
        misfits = {name: _misfit(name, kind) for name, kind in wanted.items()}
        bad = f"({' OR '.join(misfits.values())})"
        good: pa.Table = connection.execute(f"SELECT * REPLACE ({cast}) FROM batch WHERE NOT {bad}").to_arrow_table()
        if good.num_rows < batch.rows.num_rows:
            delivered = [_quoted(name) for name in batch.rows.column_names if name not in _ORIGIN]
            packed = ", ".join(f"{column} := {column}" for column in delivered)
            reasons = ", ".join(
                f"CASE WHEN {misfits[name]} THEN '{name} is not a valid {kind.lower()}' END"
                for name, kind in wanted.items()
            )
            rejects: pa.Table = connection.execute(
                f"SELECT {', '.join(_ORIGIN)}, to_json(struct_pack({packed}))::VARCHAR AS raw, "
                f"concat_ws(', ', {reasons}) AS reason FROM batch WHERE {bad}"
            ).to_arrow_table()
            yield Batch(rejects, REJECTS)
    if good.num_rows:
        yield Batch(good)


def _misfit(name: str, kind: str) -> str:
    """The condition for values that are not null and cannot be cast without loss."""
    column = _quoted(name)
    misfit = f"try_cast({column} AS {kind}) IS NULL"
    if kind == "BIGINT" or kind.startswith("DECIMAL"):
        exact = f"try_cast({column} AS {_EXACT})"
        misfit = f"({misfit} OR {exact} IS DISTINCT FROM try_cast(try_cast({column} AS {kind}) AS {_EXACT}))"
    return f"({column} IS NOT NULL AND {misfit})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
