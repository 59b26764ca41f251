"""The newest deliveries of a stream, landed in a folder of the check: landing of runs stays as it is."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import INCOMING, Request
from orchestration.channels.connectors._listing import file_system_of, matching_files
from orchestration.channels.errors import ChannelError
from orchestration.channels.landing.declared_columns import ensure_declared_columns

# Files are read, the newest first, until so many bytes; tables and APIs until so many rows.
_MOST_BYTES = 200_000_000
_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class Delivered:
    """What was landed for a check. what: in words, for the heading; columns: landed name -> DuckDB type."""

    rows: int
    rejects: int
    reason: str
    what: str
    columns: Mapping[str, str]


def land_newest(system: Any, stream: Any, declared: Mapping[str, str], landing_url: str, event_log: Path) -> Delivered:
    """Lands the newest deliveries of a stream, unless they are there already. Raises ChannelError.

    event_log: where the live service of the home keeps its events.
    """
    folder = Path(landing_url) / system.name / stream.name
    chosen, what, stamp = _newest(system, stream)
    known = folder / "known.json"
    if stamp and known.is_file() and (found := json.loads(known.read_text()))["stamp"] == stamp:
        ensure_declared_columns(landing_url, system.name, stream.name, declared)
        return Delivered(**found["delivered"])
    for part in ("rows", "rejects"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for old in (folder / part).glob("*.parquet"):
            old.unlink()
    delivered = _land(system, chosen, folder, what, event_log)
    ensure_declared_columns(landing_url, system.name, stream.name, declared)
    known.write_text(json.dumps({"stamp": stamp, "delivered": delivered.__dict__}))
    return delivered


def _newest(system: Any, stream: Any) -> tuple[list[Any], str, str]:
    """(streams that together read the newest deliveries, in words, what changes with them)."""
    if not isinstance(system, FilesSystem) or not isinstance(stream, FileStream):
        return [stream], "the table as it is", ""
    found = matching_files(file_system_of(system, stream), system, stream)
    found.sort(key=lambda file: (str(file.period), file.path), reverse=True)
    chosen, size = [found[0]], found[0].size
    for file in found[1:]:
        size += file.size
        if size > _MOST_BYTES:
            break
        chosen.append(file)
    entry = json.dumps(stream.model_dump(mode="json"), sort_keys=True)
    stamp = "|".join([entry, *(f"{file.path}:{file.size}:{file.stamp}" for file in chosen)])
    digest = hashlib.sha256(stamp.encode()).hexdigest()
    if len(chosen) == len(found):
        return [stream], f"all {len(found):,} files" if len(found) > 1 else "its file", digest
    streams = [stream.model_copy(update={"path": file.path}) for file in chosen]
    return streams, f"the newest {len(chosen):,} of {len(found):,} files", digest


def _land(system: Any, streams: list[Any], folder: Path, what: str, event_log: Path) -> Delivered:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from orchestration.channels.extraction import extract

    load_id = f"{time.time():.6f}"  # as dlt writes it: models read the time of a load from it
    counts, reason, number = {"rows": 0, "rejects": 0}, "", 0
    columns: dict[str, str] = {}
    faults: list[ChannelError] = []
    for stream in streams:
        with tempfile.TemporaryDirectory(prefix="context360-") as scratch:
            delivery = extract(system, stream, Request(seen={}, scratch=Path(scratch), events=event_log))
            for batch in delivery.batches or ():
                part = "rows" if batch.table == INCOMING else "rejects"
                rows = batch.rows.append_column(
                    pa.field("_dlt_load_id", pa.string()), pa.array([load_id] * batch.rows.num_rows, pa.string())
                )
                counts[part] += rows.num_rows
                if part == "rejects" and rows.num_rows:
                    reason = reason or str(rows["reason"][0].as_py())
                else:
                    columns |= {name: "" for name in rows.column_names if not name.startswith(("_source_", "_dlt_"))}
                number += 1
                pq.write_table(rows, folder / part / f"{number}.parquet")
                if counts["rows"] >= _MOST_ROWS and system.connector != "files":
                    what = f"the first {counts['rows']:,} rows"
                    break
            faults += delivery.faults
    if faults and not counts["rows"]:
        raise faults[0]
    return Delivered(counts["rows"], counts["rejects"], reason, what, columns)
