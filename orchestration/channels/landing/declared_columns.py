"""Files without rows that make `rows/`, `rejects/` and `removed/` readable, before anything has landed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache

from orchestration.channels.connectors import REJECTS
from orchestration.channels.errors import ChannelError
from orchestration.channels.landing.folder import DECLARED_FILE, REMOVED, ROWS, StreamFolder
from orchestration.channels.landing.removal import REMOVED_COLUMNS

_ORIGIN = {"_dlt_load_id": "VARCHAR", "_source_file": "VARCHAR", "_source_row": "BIGINT", "_source_day": "DATE"}
_REJECT_COLUMNS = {**_ORIGIN, "raw": "VARCHAR", "reason": "VARCHAR"}


def ensure_declared_columns(landing_url: str, system: str, stream: str, declared_columns: Mapping[str, str]) -> None:
    """Write the files without rows of a stream, where they are missing or would change.

    declared_columns: landed column -> DuckDB type. Raises ChannelError for a type that DuckDB does not know.
    """
    import duckdb

    stream_folder = StreamFolder(landing_url, system, stream)
    parts = ((ROWS, {**declared_columns, **_ORIGIN}), (REJECTS, _REJECT_COLUMNS), (REMOVED, REMOVED_COLUMNS))
    for folder, columns in parts:
        try:
            content = _empty_parquet(tuple(columns.items()))
        except duckdb.Error as error:
            raise ChannelError(
                f"{system}/{stream}: a declared column has a type that DuckDB does not know; correct its data_type in "
                "the sources file of its staging folder"
            ) from error
        path = stream_folder.path(folder, DECLARED_FILE)
        if not stream_folder.fs.exists(path) or stream_folder.fs.cat_file(path) != content:
            stream_folder.write(content, folder, DECLARED_FILE)


@lru_cache(maxsize=1_000)
def _empty_parquet(columns: tuple[tuple[str, str], ...]) -> bytes:
    import duckdb
    import pyarrow.parquet as pq

    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{name.replace(chr(34), chr(34) * 2)}"' for name, kind in columns)
    with duckdb.connect() as connection:
        table = connection.execute(f"SELECT {nulls} LIMIT 0").to_arrow_table()
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
