"""Parquet files. Their types land unchanged, except that integers land as BIGINT and floats as DOUBLE, so that a file
with narrower numbers does not stop the next one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestration.channels.connectors import Batch, with_source
from orchestration.channels.connectors._sources import (
    PATH_COLUMN,
    Source,
    Together,
    arrow_tables,
    literal,
    literals,
    with_origins,
)
from orchestration.channels.errors import ChannelError, is_disk_full

if TYPE_CHECKING:
    from collections.abc import Hashable

_ROW_COLUMN = "file_row_number"


def shape(source: Source) -> Hashable:
    """What small files must share to be read together; None if this file must be read alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if source.content is None:
        return None
    try:
        schema = pq.read_schema(pa.BufferReader(source.content))
    except pa.ArrowException:
        return None
    if {PATH_COLUMN, _ROW_COLUMN} & set(schema.names):
        return None
    return schema.remove_metadata().to_string(show_field_metadata=False)


def read(source: Source) -> Iterator[Batch]:
    """The rows of one file."""
    import duckdb
    import pyarrow as pa

    scan = f"read_parquet({literal(str(source.path))}, hive_partitioning = false)"
    try:
        names = [row[0] for row in source.connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
        columns = source.columns(names)
        source.require(columns)
        rows = 0
        for table in arrow_tables(source.connection, f"SELECT * FROM {scan}"):
            yield Batch(with_source(table.rename_columns(columns), source.name, rows + 1, source.day))
            rows += table.num_rows
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # The content of a damaged page decides which error reading it raises.
        if isinstance(error, duckdb.OutOfMemoryException) or is_disk_full(error):
            raise
        raise ChannelError(f"{source.where} is cut off or damaged (Parquet); deliver it again") from error


def read_together(sources: list[Source]) -> Together | None:
    """The rows of small files of one shape; None if one of them must be read alone."""
    import duckdb
    import pyarrow as pa

    scan = (
        f"read_parquet({literals(sources)}, hive_partitioning = false, file_row_number = true, "
        f"filename = {literal(PATH_COLUMN)})"
    )
    query = f"SELECT * REPLACE ({_ROW_COLUMN} + 1 AS {_ROW_COLUMN}) FROM {scan}"
    try:
        rows = sources[0].connection.execute(query).to_arrow_table()
    except (duckdb.Error, pa.ArrowException, OSError):
        return None  # reading the files one by one reports the error
    added = (PATH_COLUMN, _ROW_COLUMN)
    names = [name for name in rows.column_names if name not in added]
    try:
        columns = sources[0].columns(names)
        sources[0].require(columns)
    except ChannelError:
        return None
    rows = rows.select([*names, *added]).rename_columns([*columns, *added])
    return with_origins(rows, sources, _ROW_COLUMN)
