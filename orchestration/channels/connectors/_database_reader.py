"""Reading some rows of one database table as Arrow tables, through dlt's table loader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Engine, Table

# Rows pass through Python objects here; this keeps a wide table within some 200 MB.
BATCH_ROWS = 50_000
_JULIANDAY_IMPRECISION = 1e-7  # days, some 9 ms: it is a float
_IMPRECISION = timedelta(seconds=1)  # more than that; the connector compares rows exactly afterwards


class TableReader:
    """One reflected table and how to read some of its rows as Arrow tables with landed names."""

    def __init__(self, engine: Engine, table: Table, names: Mapping[str, str]) -> None:
        self.engine = engine
        self.table = table
        self.names = names

    def column(self, landed: str) -> Any:
        """The SQLAlchemy column that lands as `landed`."""
        return next(self.table.columns[name] for name, column in self.names.items() if column == landed)

    def at_or_above(self, cursor: Any, last: Any) -> Any:
        """The condition for rows that may be new; the connector compares them exactly."""
        import sqlalchemy as sa

        if self.engine.dialect.name == "sqlite" and isinstance(last, datetime):
            # SQLite compares text, and writes one time both with and without a fraction.
            return sa.func.julianday(cursor) >= sa.func.julianday(last.isoformat(" ")) - _JULIANDAY_IMPRECISION
        return cursor >= last

    def within(self, cursor: Any, days: tuple[date, date]) -> tuple[Any, ...] | None:
        """Conditions for the rows whose cursor lies in the days; None if it is neither a moment nor text."""
        import sqlalchemy as sa

        first, end = days[0], days[1] + timedelta(days=1)
        if isinstance(cursor.type, sa.DateTime):
            zone = UTC if cursor.type.timezone else None
            start, stop = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first, end))
            return self.at_or_above(cursor, start), sa.not_(self.at_or_above(cursor, stop + _IMPRECISION))
        if isinstance(cursor.type, sa.Date):
            return cursor >= first, cursor < end
        if isinstance(cursor.type, sa.String):
            return cursor >= first.isoformat(), cursor < end.isoformat()
        return None

    def batches(self, *conditions: Any) -> Iterator[pa.Table]:
        """The rows that meet all conditions, with landed names, at most BATCH_ROWS at a time."""
        import sqlalchemy as sa
        from dlt.sources.sql_database.schema_types import table_to_columns

        hints = table_to_columns(self.table, "full_with_precision")
        for column in self.table.columns:
            # Without this dlt takes a timestamp without time zone for UTC, which the source does not say.
            if isinstance(column.type, sa.DateTime) and not column.type.timezone:
                hints[column.name]["timezone"] = False
            # dlt infers the type from the values of each batch; a batch of nulls would have none.
            if isinstance(column.type, (sa.Float, sa.Double)) and not column.type.asdecimal:
                hints[column.name].setdefault("data_type", "double")
        loader = _table_loader()(
            self.engine,
            "pyarrow",
            self.table,
            hints,
            chunk_size=BATCH_ROWS,
            query_adapter_callback=lambda query, _: query.where(*conditions) if conditions else query,
        )
        for rows in loader.load_rows():
            yield rows.rename_columns([self.names[name] for name in rows.column_names])


@lru_cache(maxsize=1)
def _table_loader() -> Any:
    """dlt's loader, with a faster conversion of rows to Arrow; dlt's own converts the values that it cannot."""
    import pyarrow as pa
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.libs.pyarrow import get_py_arrow_datatype, row_tuples_to_arrow
    from dlt.sources.sql_database import TableLoader

    class Loader(TableLoader):
        def _convert_result(self, result: Any, backend_kwargs: dict[str, Any]) -> Iterator[pa.Table]:  # noqa: ARG002
            capabilities = DestinationCapabilitiesContext.generic_capabilities()
            hints = {name: self.columns.get(name, {"name": name}) for name in list(result.keys())}
            is_plain = all(hint.get("data_type", "json") != "json" for hint in hints.values())
            kinds = [get_py_arrow_datatype(hint, capabilities, "UTC") for hint in hints.values()] if is_plain else []
            for partition in result.partitions(size=self.chunk_size):
                rows = [row._data for row in partition]  # noqa: SLF001 (as dlt does)
                if is_plain:
                    try:
                        columns = zip(kinds, zip(*rows, strict=True), strict=True)
                        yield pa.table([pa.array(values, kind) for kind, values in columns], names=list(hints))
                        continue
                    except (pa.ArrowInvalid, pa.ArrowTypeError):
                        is_plain = False
                yield row_tuples_to_arrow(rows, capabilities, hints, "UTC")

    return Loader
