"""Events that reached the live service: the part of its log that has not landed.

Everything lands as text, nested values as JSON text. The service answers a sender only when the event is in the log; a
sender that asks twice is recognised by its message, and what still comes twice is a repeat by the key of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from orchestration.channels.catalog import DECISION, WEBHOOK, EventsSystem, EventStream
from orchestration.channels.connectors import Batch, Delivery, Request, days_of, landed_names, require_columns
from orchestration.channels.connectors._casts import cast_batch
from orchestration.channels.connectors._rest_spool import ItemSpool
from orchestration.channels.errors import ChannelError
from orchestration.channels.event_log import day_of, segments, stream_log, whole_lines

if TYPE_CHECKING:
    import pyarrow as pa

_FILE, _ROW = "_source_file", "_source_row"
# Every message of the tracking interface lands with these columns, sent or not.
_ALWAYS = (
    "message_id", "received_at", "timestamp", "original_timestamp", "sent_at", "user_id", "anonymous_id", "context",
)  # fmt: skip
COLUMNS = {
    "identify": (*_ALWAYS, "traits"),
    "track": (*_ALWAYS, "event", "properties"),
    "page": (*_ALWAYS, "name", "category", "properties"),
    "screen": (*_ALWAYS, "name", "category", "properties"),
    "group": (*_ALWAYS, "group_id", "traits"),
    "alias": (*_ALWAYS, "previous_id"),
}


def extract(system: EventsSystem, stream: EventStream, request: Request) -> Delivery:
    """Events of a stream that have not landed.

    request.seen: segment -> [bytes, lines] that have landed. request.events: the log of the home; None where it is not
    known, and nothing can be read.
    """
    if request.events is None:
        raise ChannelError(f"{stream.label}: events are read by a run of the home that has received them")
    seen: dict[str, list[int]] = dict(request.seen)
    spool = ItemSpool(request.scratch)
    spool.fields.update(dict.fromkeys((_FILE, _ROW, *COLUMNS.get(stream.message, ()))))
    files = []
    for segment in segments(stream_log(request.events, system.name, stream.name)):
        if request.days and not request.days[0] <= day_of(segment) <= request.days[1]:
            continue
        begin = [0, 0] if request.days else seen.get(segment.name, [0, 0])
        end = _spool(segment, begin, spool, stream)
        if end != begin:
            seen[segment.name] = max(end, seen.get(segment.name, [0, 0]))
            files.append(segment.name)
    if not files:
        asked = request.days
        return Delivery(remark=f"{stream.label}: no events came from {asked[0]} to {asked[1]}" if asked else "")
    names = [field for field in spool.fields if field not in (_FILE, _ROW)]
    columns = landed_names(names, stream.label, stream.columns)
    require_columns(columns, {"key": stream.key}, stream.label, system.catalog_file.name)
    return Delivery(_batches(spool, names, columns, stream), seen, files)


def _spool(segment: Path, begin: list[int], spool: ItemSpool, stream: EventStream) -> list[int]:
    """Spools the new events of a segment; returns where they end: [bytes, lines]."""
    offset, number = begin
    for line in whole_lines(segment, offset):
        offset, number = offset + len(line), number + 1
        try:
            event: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ChannelError(
                f"{stream.label}: {segment.name}, line {number}: is damaged; put the file back from a backup, or "
                "remove the line"
            ) from error
        if stream.message == WEBHOOK:
            event = {"webhook_id": event["message_id"], "webhook_received_at": event["received_at"], **event["payload"]}
        if stream.message == DECISION:
            event = {"decision_id": event["message_id"], "decided_at": event["received_at"], **event["payload"]}
        spool.add(event | {_FILE: segment.name, _ROW: number})
    return [offset, number]


def _batches(spool: ItemSpool, names: list[str], columns: list[str], stream: EventStream) -> Iterator[Batch]:
    import pyarrow as pa

    day = stream.day or {WEBHOOK: "webhook_received_at", DECISION: "decided_at"}.get(stream.message, "timestamp")
    for table in spool.tables():
        rows: pa.Table = table.select(names).rename_columns(columns)
        days = days_of(rows[day]) if day in columns else pa.nulls(rows.num_rows, pa.date32())
        landed = (
            rows.append_column(pa.field(_FILE, pa.string()), table[_FILE])
            .append_column(pa.field(_ROW, pa.int64()), table[_ROW].cast(pa.int64()))
            .append_column(pa.field("_source_day", pa.date32()), days)
        )
        yield from cast_batch(Batch(landed), stream.types)
