"""What landing and the days of a stream share: an intake's parameters, from the installation and the run."""

from typing import Any

import dagster as dg

from orchestration.channels.catalog import Stream
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.defs.project import Installation, RunResource
from orchestration.warehouse.staging_sources import declared_columns, personal_source_columns


def stream_source(installation: Installation, system: Any, stream: Stream) -> StreamSource:
    """The stream, where it lands, and the columns that staging reads of it."""
    return StreamSource(
        system,
        stream,
        installation.settings.landing_url,
        installation.settings.extraction_path,
        declared_columns(installation.dbt.firm, system.staging_folder).get(stream.name, {}),
        personal_source_columns(installation.dbt.firm, system.staging_folder).get(stream.name, frozenset()),
        installation.settings.event_log_path,
        installation.settings.privacy_path,
    )


def intake_run(context: dg.AssetExecutionContext, run: RunResource) -> IntakeRun:
    """The run that takes a stream in."""
    return IntakeRun(context.run_id, run.moment, run.docs, is_past=run.known_until is not None)
