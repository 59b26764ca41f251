"""Tables and views of a database that SQLAlchemy reaches, read by dlt's table loader as Arrow tables.

With a cursor, rows at or above its last value are read, and rows that have landed are left out. A lag also reads the
rows of that time before it, so that rows that were committed late are found. Without a cursor the table is read whole,
and lands only if its content has changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import DatabaseSystem, TableStream
from orchestration.channels.connectors import (
    Batch,
    Delivery,
    Request,
    days_of,
    landed_names,
    require_columns,
    with_source,
)
from orchestration.channels.connectors._casts import cast_batch
from orchestration.channels.connectors._changes import Spool, Window, is_moment
from orchestration.channels.connectors._database_reader import BATCH_ROWS, TableReader
from orchestration.channels.errors import ChannelError, causes

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Engine, Table

_CONNECT_SECONDS = 10


def extract(system: DatabaseSystem, stream: TableStream, request: Request) -> Delivery:
    """Rows of the table that have not landed.

    request.seen: {content} without a cursor; {cursor, boundary, without_cursor} with one. Raises ChannelError.
    """
    import sqlalchemy as sa

    where = f"{stream.label}: table {_table_name(stream)}"
    with _failures(system, stream, where):
        engine = sa.create_engine(system.url.get_secret_value(), **_engine_options(system))
    with _failures(system, stream, where):
        table = _reflected(engine, stream, where, system)
        names = dict(
            zip(
                (column.name for column in table.columns),
                landed_names(table.columns.keys(), where, stream.columns),
                strict=True,
            )
        )
        wanted = {
            "key": stream.key,
            "cursor": (stream.cursor,) if stream.cursor else (),
            "day": (stream.day,) if stream.day else (),
            "declared": tuple(column for column in request.declared if not column.startswith("_")),
        }
        require_columns(list(names.values()), wanted, where, system.catalog_file.name)
        reader = TableReader(engine, table, names)
        if stream.cursor is None:
            delivery = _whole(reader, stream, request)
        elif request.days:
            delivery = _of_days(reader, stream, request, request.days)
        else:
            delivery = _since(reader, stream, request, where, system)
    if delivery.batches is None:
        engine.dispose()
        if not request.seen and not stream.allow_empty and not request.days:
            raise ChannelError(
                f"{where} holds no rows; fill it, or set `allow_empty: true` in {system.catalog_file.name}"
            )
        return delivery
    delivery.batches = _guarded(delivery.batches, engine, system, stream, where)
    return delivery


def _table_name(stream: TableStream) -> str:
    return f"{stream.schema_name}.{stream.table}" if stream.schema_name else stream.table


def _engine_options(system: DatabaseSystem) -> dict[str, Any]:
    # A server that does not answer must not block the run. Only these drivers are known to accept the argument.
    accepts_it = system.url.get_secret_value().startswith(("postgresql:", "postgresql+psycopg", "mysql+pymysql:"))
    return {"connect_args": {"connect_timeout": _CONNECT_SECONDS}} if accepts_it else {}


@contextlib.contextmanager
def _failures(system: DatabaseSystem, stream: TableStream, where: str) -> Iterator[None]:
    """Turn errors of SQLAlchemy and drivers into a ChannelError, without their messages: those contain rows."""
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
            f"{stream.label}: the driver that the database URL names is not installed; install it, or correct {renew}"
        ) from error
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        words = " ".join(str(cause).lower() for cause in causes(error))
        if any(word in words for word in ("password", "authentication", "access denied", "role ")):
            raise ChannelError(f"{stream.label}: the database rejects the login; renew {renew}") from error
        if "does not exist" in words or "unknown database" in words or "unable to open database" in words:
            raise ChannelError(f"{stream.label}: the database does not exist; correct {renew}") from error
        raise ChannelError(
            f"{stream.label}: the database does not answer or closed the connection; run again later, or correct "
            f"{renew}",
            transient=True,
        ) from error
    except sa.exc.ProgrammingError as error:
        raise ChannelError(f"{where}: no permission to read it; grant SELECT, or correct {renew}") from error
    except (sa.exc.SQLAlchemyError, PyToArrowConversionException, ArrowException, ValueError, TypeError) as error:
        raise ChannelError(
            f"{where} contains a value that does not fit the type of its column ({type(error).__name__}); repair the "
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
            yield from cast_batch(batch, stream.types)
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


def _numbered(batches: Iterator[pa.Table], source: str, cursor: str | None) -> Iterator[Batch]:
    first_row = 1
    for rows in batches:
        if rows.num_rows:
            yield Batch(with_source(rows, source, first_row, days_of(rows[cursor]) if cursor else None))
            first_row += rows.num_rows


def _whole(reader: TableReader, stream: TableStream, request: Request) -> Delivery:
    spool = Spool(request.scratch / "table.parquet").fill(reader.batches())
    is_known = str(spool.fingerprint) == request.seen.get("content") and not request.days
    if is_known or (spool.rows == 0 and not stream.allow_empty):
        return Delivery(remark=f"{stream.label}: the table holds no rows" if request.days else "")
    source = _table_name(stream)
    return Delivery(_numbered(spool.batches(BATCH_ROWS), source, None), {"content": str(spool.fingerprint)}, [source])


def _of_days(reader: TableReader, stream: TableStream, request: Request, days: tuple[date, date]) -> Delivery:
    """The rows whose cursor value lies in the days. The cursor of the next request stays as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = str(stream.cursor)
    conditions, remark = reader.within(reader.column(name), days), ""
    if conditions is None:
        conditions, remark = (), f"{stream.label}: {name} holds no days, so all rows were loaded again"

    def tables() -> Iterator[pa.Table]:
        for batch in reader.batches(*conditions):
            if not conditions:
                yield batch
                continue
            found = days_of(batch[name])
            first, last = (pa.scalar(day, pa.date32()) for day in days)
            rows = batch.filter(pc.and_(pc.greater_equal(found, first), pc.less_equal(found, last)))
            if rows.num_rows:
                yield rows

    batches = tables()
    start = next(batches, None)
    if start is None:
        return Delivery(remark=f"{stream.label}: no row has a {name} of {days[0]} to {days[1]}; choose other days")
    source = f"{_table_name(stream)}?{name}={days[0]}..{days[1]}"
    return Delivery(_numbered(chain([start], batches), source, name), dict(request.seen), [source], remark=remark)


def _since(reader: TableReader, stream: TableStream, request: Request, where: str, system: DatabaseSystem) -> Delivery:
    name, seen = str(stream.cursor), request.seen
    cursor = reader.column(name)
    last = _decoded(seen.get("cursor"))

    def refuse_lag_without_moments(value: Any) -> None:
        if stream.lag and value is not None and not is_moment(value):
            raise ChannelError(
                f"{where}: {name} holds no moments, so a lag cannot be applied; remove `lag` or correct `cursor` in "
                f"{system.catalog_file.name}"
            )

    refuse_lag_without_moments(last)
    # Rows without a cursor value have no order: they land whenever their set has changed.
    without = Spool(request.scratch / "without_cursor.parquet").fill(reader.batches(cursor.is_(None)))
    without_is_new = without.rows > 0 and str(without.fingerprint) != seen.get("without_cursor")

    window = Window(name, stream.lag, last)
    spool = Spool(request.scratch / "window.parquet")
    condition = cursor.isnot(None) if last is None else reader.at_or_above(cursor, window.start)
    newer = _above(reader.batches(condition), name, last, window, spool)
    first = next(newer, None)
    refuse_lag_without_moments(first[name][0].as_py() if first is not None else None)
    # Without newer rows the table has been read to its end, and the window is complete.
    if first is None and not window.changed(_boundary_parts(seen)) and not without_is_new:
        return Delivery()

    source = _table_name(stream) + ("" if last is None else f"?{name}>={_encoded(window.start)['value']}")
    delivery = Delivery(seen=dict(seen), files=[source])

    def tables() -> Iterator[pa.Table]:
        later = Window(name, stream.lag)
        batch = first
        while batch is not None:
            later.add(batch)
            yield batch
            batch = next(newer, None)
        if changed := window.changed(_boundary_parts(seen)):
            for batch in spool.batches(BATCH_ROWS):
                yield window.pick(batch, changed)
        if without_is_new:
            yield from without.batches(BATCH_ROWS)
        now = window.merged(later)
        delivery.seen["without_cursor"] = str(without.fingerprint)
        if now.newest is not None:
            delivery.seen["cursor"] = _encoded(now.newest)
            delivery.seen["boundary"] = now.fingerprints()

    delivery.batches = _numbered(tables(), source, name)
    return delivery


def _boundary_parts(seen: Mapping[str, Any]) -> Mapping[str, str]:
    """Part of the window -> fingerprint. An older version kept the one part of a stream without lag as text."""
    boundary = seen.get("boundary", {})
    return {"": boundary} if isinstance(boundary, str) else boundary


def _above(batches: Iterator[pa.Table], cursor: str, last: Any, window: Window, spool: Spool) -> Iterator[pa.Table]:
    """The rows above the cursor value `last`; the rows of the window before it go into `window` and `spool`.

    Python compares, not the database, whose clock may be finer than the microseconds that arrive.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        if last is None:
            yield batch
            continue
        values = batch[cursor]
        edge, start = pa.scalar(last, values.type), pa.scalar(window.start, values.type)
        before = batch.filter(pc.and_(pc.less_equal(values, edge), pc.greater_equal(values, start)))
        window.add(before)
        spool.add(before)
        above = batch.filter(pc.greater(values, edge))
        if above.num_rows:
            yield above


# The state is JSON; it must keep the exact type of a cursor, above all a timestamp without time zone.
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
