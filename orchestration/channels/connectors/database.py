"""Tables and views of a database that SQLAlchemy reaches, read by dlt's table loader as Arrow tables.

With a cursor, rows at or above its last value are read, and those that were landed before are left out. Without one the
table is read whole and landed only if its content has changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import DatabaseSystem, TableStream
from orchestration.channels.connectors import Batch, Delivery, landed_names, require_columns, with_source
from orchestration.channels.connectors._changes import Fingerprint, Spool
from orchestration.channels.errors import ChannelError, causes

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Engine, Table

# Rows pass through Python objects here; this keeps a wide table within some 200 MB.
_BATCH_ROWS = 50_000
_CONNECT_SECONDS = 10
_JULIANDAY_IMPRECISION = 1e-7  # days, some 9 ms: it is a float


def extract(
    system: DatabaseSystem, stream: TableStream, seen: Mapping[str, Any], scratch: Path, declared: Collection[str] = ()
) -> Delivery | None:
    """Rows of the table that have not been landed, or None.

    `seen`: {content} of a table without cursor; {cursor, boundary, without_cursor} of one with. `scratch`: an empty
    folder for temporary copies. `declared`: landed columns that the table must have.
    """
    import sqlalchemy as sa

    where = f"{stream.label}: table {_table_name(stream)}"
    with _failures(system, stream, where):
        engine = sa.create_engine(system.url.get_secret_value(), **_engine_options(system))
    with _failures(system, stream, where):
        table = _reflected(engine, stream, where, system)
        names = dict(
            zip((column.name for column in table.columns), landed_names(table.columns.keys(), where), strict=True)
        )
        wanted = {
            "key": stream.key,
            "cursor": (stream.cursor,) if stream.cursor else (),
            "declared": tuple(column for column in declared if not column.startswith("_")),
        }
        require_columns(list(names.values()), wanted, where, system.catalog_file.name)
        reader = _Reader(engine, table, names)
        if stream.cursor is None:
            delivery = _whole(reader, stream, seen, scratch)
        else:
            delivery = _since(reader, stream, seen, scratch)
    if delivery is None:
        engine.dispose()
        if not seen and not stream.allow_empty:
            raise ChannelError(
                f"{where} holds no rows; fill it, or set `allow_empty: true` in {system.catalog_file.name}"
            )
        return None
    delivery.batches = _guarded(delivery.batches, engine, system, stream, where)
    return delivery


def _table_name(stream: TableStream) -> str:
    return f"{stream.schema_name}.{stream.table}" if stream.schema_name else stream.table


def _engine_options(system: DatabaseSystem) -> dict[str, Any]:
    # A server that does not answer must not hold up the night. Only these drivers are known to take the argument.
    takes_it = system.url.get_secret_value().startswith(("postgresql:", "postgresql+psycopg", "mysql+pymysql:"))
    return {"connect_args": {"connect_timeout": _CONNECT_SECONDS}} if takes_it else {}


@contextlib.contextmanager
def _failures(system: DatabaseSystem, stream: TableStream, where: str) -> Iterator[None]:
    """Turn what SQLAlchemy and drivers raise into a ChannelError, without their messages: those hold rows."""
    import sqlalchemy as sa
    from dlt.common.libs.pyarrow import PyToArrowConversionException
    from pyarrow import ArrowException

    renew = system.field_to_renew("url")
    try:
        yield
    except ChannelError:
        raise
    except sa.exc.ArgumentError as error:
        raise ChannelError(f"{stream.label}: the database URL is not valid; correct {renew}") from error
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise ChannelError(
            f"{stream.label}: the driver that the database URL asks for is not installed; install it or correct {renew}"
        ) from error
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        words = " ".join(str(cause).lower() for cause in causes(error))
        if any(word in words for word in ("password", "authentication", "access denied", "role ")):
            raise ChannelError(f"{stream.label}: the database refuses the user; renew {renew}") from error
        if "does not exist" in words or "unknown database" in words or "unable to open database" in words:
            raise ChannelError(f"{stream.label}: the database does not exist; correct {renew}") from error
        raise ChannelError(
            f"{stream.label}: the database does not answer or closed the connection; run again later, and see {renew}",
            transient=True,
        ) from error
    except sa.exc.ProgrammingError as error:
        raise ChannelError(f"{where} may not be read by this user; grant SELECT on it, or correct {renew}") from error
    except (sa.exc.SQLAlchemyError, PyToArrowConversionException, ArrowException, ValueError, TypeError) as error:
        raise ChannelError(
            f"{where} holds a value that does not fit the type of its column ({type(error).__name__}); repair the "
            "source, or read a view that casts the column to text"
        ) from error


def _guarded(
    batches: Iterator[Batch], engine: Engine, system: DatabaseSystem, stream: TableStream, where: str
) -> Iterator[Batch]:
    try:
        while True:
            with _failures(system, stream, where):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch
    finally:
        engine.dispose()


def _reflected(engine: Engine, stream: TableStream, where: str, system: DatabaseSystem) -> Table:
    import sqlalchemy as sa

    try:
        return sa.Table(stream.table, sa.MetaData(schema=stream.schema_name), autoload_with=engine, resolve_fks=False)
    except sa.exc.NoSuchTableError as error:
        raise ChannelError(
            f"{where} does not exist; create it, or correct `table` and `schema` in {system.catalog_file.name}"
        ) from error


class _Reader:
    """One reflected table and how to read some of its rows as Arrow tables with landed names."""

    def __init__(self, engine: Engine, table: Table, names: Mapping[str, str]) -> None:
        self.engine = engine
        self.table = table
        self.names = names

    def column(self, landed: str) -> Any:
        return next(self.table.columns[name] for name, column in self.names.items() if column == landed)

    def at_or_above(self, cursor: Any, last: Any) -> Any:
        """The condition for rows that may be new; `_above` looks at them more closely."""
        import sqlalchemy as sa

        if self.engine.dialect.name == "sqlite" and isinstance(last, datetime):
            # SQLite compares texts, and writes the same time with and without a fraction.
            return sa.func.julianday(cursor) >= sa.func.julianday(last.isoformat(" ")) - _JULIANDAY_IMPRECISION
        return cursor >= last

    def batches(self, *conditions: Any) -> Iterator[pa.Table]:
        import sqlalchemy as sa
        from dlt.sources.sql_database import TableLoader
        from dlt.sources.sql_database.schema_types import table_to_columns

        hints = table_to_columns(self.table, "full_with_precision")
        for column in self.table.columns:
            # Without this dlt reads a wall clock as UTC, which nobody has said that it is.
            if isinstance(column.type, sa.DateTime) and not column.type.timezone:
                hints[column.name]["timezone"] = False
        loader = TableLoader(
            self.engine,
            "pyarrow",
            self.table,
            hints,
            chunk_size=_BATCH_ROWS,
            query_adapter_callback=lambda query, _: query.where(*conditions) if conditions else query,
        )
        for rows in loader.load_rows():
            yield rows.rename_columns([self.names[name] for name in rows.column_names])


def _numbered(batches: Iterator[pa.Table], source: str, first_row: int = 1) -> Iterator[Batch]:
    for rows in batches:
        if rows.num_rows:
            yield Batch(with_source(rows, source, first_row))
            first_row += rows.num_rows


def _whole(reader: _Reader, stream: TableStream, seen: Mapping[str, Any], scratch: Path) -> Delivery | None:
    spool = Spool(scratch / "table.parquet").fill(reader.batches())
    if str(spool.fingerprint) == seen.get("content") or (spool.rows == 0 and not stream.allow_empty):
        return None
    source = _table_name(stream)
    return Delivery(_numbered(spool.batches(_BATCH_ROWS), source), {"content": str(spool.fingerprint)}, [source])


def _since(reader: _Reader, stream: TableStream, seen: Mapping[str, Any], scratch: Path) -> Delivery | None:
    cursor = reader.column(str(stream.cursor))
    last = _decoded(seen.get("cursor"))
    # Rows without a cursor value have no place in the order: they land whenever their set has changed.
    without = Spool(scratch / "without_cursor.parquet").fill(reader.batches(cursor.is_(None)))
    without_is_new = without.rows > 0 and str(without.fingerprint) != seen.get("without_cursor")

    boundary = Spool(scratch / "boundary.parquet")
    condition = cursor.isnot(None) if last is None else reader.at_or_above(cursor, last)
    newer = _above(reader.batches(condition), str(stream.cursor), last, boundary)
    first = next(newer, None)
    # Without newer rows the table has been read to its end, and the boundary is complete.
    boundary_is_new = boundary.rows > 0 and str(boundary.fingerprint) != seen.get("boundary")
    if first is None and not boundary_is_new and not without_is_new:
        return None

    source = _table_name(stream) + ("" if last is None else f"?{stream.cursor}>={_encoded(last)['value']}")
    delivery = Delivery(iter(()), dict(seen), [source])

    def tables() -> Iterator[pa.Table]:
        newest, fingerprint = last, boundary.fingerprint
        batch = first
        while batch is not None:
            newest, fingerprint = _advanced(batch, str(stream.cursor), newest, fingerprint)
            yield batch
            batch = next(newer, None)
        if str(boundary.fingerprint) != seen.get("boundary"):
            yield from boundary.batches(_BATCH_ROWS)
        if without_is_new:
            yield from without.batches(_BATCH_ROWS)
        delivery.seen["without_cursor"] = str(without.fingerprint)
        if newest is not None:
            delivery.seen["cursor"] = _encoded(newest)
            delivery.seen["boundary"] = str(fingerprint)

    delivery.batches = _numbered(tables(), source)
    return delivery


def _above(batches: Iterator[pa.Table], cursor: str, last: Any, boundary: Spool) -> Iterator[pa.Table]:
    """The rows above the cursor value `last`; those that have it go into `boundary`.

    Compared here and not by the database, whose clock may be finer than the microseconds that arrive.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        if last is None:
            yield batch
            continue
        values = batch[cursor]
        edge = pa.scalar(last, values.type)
        boundary.add(batch.filter(pc.equal(values, edge)))
        above = batch.filter(pc.greater(values, edge))
        if above.num_rows:
            yield above


def _advanced(batch: pa.Table, cursor: str, newest: Any, fingerprint: Fingerprint) -> tuple[Any, Fingerprint]:
    """The newest cursor value after `batch`, and the fingerprint of all rows that have it."""
    import pyarrow.compute as pc

    top = pc.max(batch[cursor])
    if newest is None or top.as_py() > newest:
        newest, fingerprint = top.as_py(), Fingerprint()
    if top.as_py() == newest:
        fingerprint.add(batch.filter(pc.equal(batch[cursor], top)))
    return newest, fingerprint


# The state is JSON; the type of a cursor must survive it exactly, a wall clock without time zone above all.
_CODECS: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
}


def _encoded(value: Any) -> dict[str, str]:
    kind = type(value).__name__
    if kind not in _CODECS:
        raise TypeError(kind)
    return {"type": kind, "value": value.isoformat() if hasattr(value, "isoformat") else str(value)}


def _decoded(stored: Mapping[str, str] | None) -> Any:
    return None if stored is None else _CODECS[stored["type"]](stored["value"])
