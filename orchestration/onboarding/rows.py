"""The rows of a stream in DuckDB, exactly as its connector lands them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import STREAM_MODELS, SYSTEM_MODELS
from orchestration.channels.connectors import INCOMING, Request
from orchestration.channels.errors import ChannelError
from orchestration.onboarding.found import FoundStream, FoundSystem, OnboardingError

if TYPE_CHECKING:
    import duckdb

# A profile of so many rows takes seconds; of more, it is a sample, and says so.
MOST_ROWS = 2_000_000


def load_rows(
    connection: duckdb.DuckDBPyConnection, system: FoundSystem, stream: FoundStream, folder: Path, most: int = MOST_ROWS
) -> tuple[str, int, int, bool]:
    """Loads the rows of a stream: (relation, rows, rejected rows, whether there are more).

    folder: the firm's, to which paths are relative. Raises OnboardingError where the connector cannot read them.
    """
    from orchestration.channels.extraction import extract

    entry, read = _provisional(system, stream, folder)
    relation = f"delivered_{stream.name}"
    rows = rejects = 0
    with tempfile.TemporaryDirectory(prefix="context360-") as scratch:
        try:
            delivery = extract(entry, read, Request(seen={}, scratch=Path(scratch)))
            for batch in delivery.batches or ():
                if batch.table != INCOMING:
                    rejects += batch.rows.num_rows
                    continue
                connection.register("batch", batch.rows)
                verb = f"insert into {relation} by name" if rows else f"create or replace table {relation} as"
                connection.execute(f"{verb} select * from batch")
                connection.unregister("batch")
                rows += batch.rows.num_rows
                if rows >= most:
                    return relation, rows, rejects, True
        except ChannelError as fault:
            raise OnboardingError(str(fault)) from fault
        if delivery.faults and not rows:
            raise OnboardingError(str(delivery.faults[0]))
    if not rows:
        raise OnboardingError(f"{system.connector} {stream.name}: it holds no rows; name a source that holds some.")
    return relation, rows, rejects, False


def _provisional(system: FoundSystem, stream: FoundStream, folder: Path) -> tuple[Any, Any]:
    """The system and the stream as the catalog will hold them."""
    fields: dict[str, Any] = {**system.fields}
    if "location" in fields:
        fields["location"] = str((folder / fields["location"]).resolve())
    read: Mapping[str, Any] = {"name": stream.name, "system_name": "source", **stream.fields}
    model: Any = SYSTEM_MODELS[system.connector]
    entry = model.model_validate(
        {
            "name": "source",
            "catalog_file": folder / "catalog.yaml",
            "connector": system.connector,
            **fields,
            "streams": {stream.name: read},
        }
    )
    return entry, STREAM_MODELS[system.connector].model_validate(read)
