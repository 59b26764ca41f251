"""What an intake needs to know: the stream and where it lands, and the run that takes it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.landing import TEXT_TYPES

if TYPE_CHECKING:
    from expectations.data_docs import DataDocs
    from orchestration.channels.catalog import SourceSystem, Stream


@dataclass(frozen=True)
class StreamSource:
    """One stream of the catalog, where it lands, and which of its columns staging reads.

    landing_url: local folder or fsspec URL. working_dir: local folder of dlt, kept between runs. declared_columns:
    landed column -> DuckDB type, as staging reads them. personal_columns: those of them that hold personal data.
    event_log: where the live service of the home keeps its events.
    privacy_path: what is known of erased people, who do not land again; None to let all people in.
    """

    system: SourceSystem
    stream: Stream
    landing_url: str
    working_dir: Path
    declared_columns: Mapping[str, str]
    personal_columns: frozenset[str] = frozenset()
    event_log: Path | None = None
    privacy_path: Path | None = None

    @property
    def text_columns(self) -> list[str]:
        """The declared columns that land as text."""
        return [column for column, data_type in self.declared_columns.items() if data_type.lower() in TEXT_TYPES]


@dataclass(frozen=True)
class IntakeRun:
    """The run that takes a stream in. as_of: its moment (naive UTC). docs: where outcomes are shown, if anywhere.

    is_past: its moment lies before that at which it runs, so it does not say when anything was delivered.
    """

    run_id: str
    as_of: datetime
    docs: DataDocs | None = None
    is_past: bool = False
