"""Endpoints of a REST API, read by dlt's rest_api source: pagination, bearer token, retries, time-outs.

Everything lands as text, because a field that holds 1 today and 1.5 tomorrow must not change the type of its column.
Nested values land as JSON text. Without a cursor the endpoint is read whole, and lands only if its content has changed.

Pages may shift while they are read. An item that comes twice then lands once. The next run finds an item that was
missed: always without a cursor, and with one if its cursor value lies within the `lag`.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.channels.catalog import EndpointStream, RestApiSystem
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
from orchestration.channels.connectors._rest_client import PageCounter, items_of
from orchestration.channels.connectors._rest_items import ItemsOfDays, NewItems
from orchestration.channels.connectors._rest_spool import ItemSpool
from orchestration.channels.errors import ChannelError


def extract(system: RestApiSystem, stream: EndpointStream, request: Request) -> Delivery:
    """Items of the endpoint that have not landed.

    request.seen: {content} without a cursor; {cursor, boundary} with one. request.declared is not required: APIs leave
    out empty fields.
    """
    where = f"{stream.label}: {stream.path}"
    catalog_file = system.catalog_file.name
    choice: NewItems | ItemsOfDays = (
        ItemsOfDays(stream, request.seen, request.days, where)
        if request.days and stream.cursor
        else NewItems(stream, request)
    )
    spool = ItemSpool(request.scratch)
    pages = PageCounter(where, catalog_file)
    delivered = 0
    for item in items_of(system, stream, choice.since, where, pages):
        delivered += 1
        digest, is_repeat = choice.digest(item)
        if not is_repeat:
            pages.count_new_item()
        # Without a key a repeat and two equal events cannot be distinguished.
        if (not is_repeat or not stream.key) and choice.is_wanted(digest, item, where, catalog_file):
            spool.add(item)
    if delivered == 0 and not request.seen and not stream.allow_empty and not request.days:
        raise ChannelError(
            f"{where} delivered no items; correct `path` or `data_selector`, or set `allow_empty: true` in "
            f"{catalog_file}"
        )
    if not spool.fields or choice.is_unchanged():
        remark = f"{where} delivers no items of {request.days[0]} to {request.days[1]}" if request.days else ""
        return Delivery(remark=remark)
    columns = landed_names(spool.fields, where, stream.columns)
    require_columns(columns, {"key": stream.key}, where, catalog_file)
    source = stream.path + (f"?{stream.cursor_param or stream.cursor}={choice.since}" if choice.since else "")
    return Delivery(
        _batches(spool, columns, source, stream), {**request.seen, **choice.to_keep()}, [source], remark=choice.remark
    )


def _batches(spool: ItemSpool, columns: list[str], source: str, stream: EndpointStream) -> Iterator[Batch]:
    first_row = 1
    for table in spool.tables():
        rows = table.rename_columns(columns)
        days = days_of(rows[stream.cursor]) if stream.cursor in columns else None
        yield from cast_batch(Batch(with_source(rows, source, first_row, days)), stream.types)
        first_row += rows.num_rows
