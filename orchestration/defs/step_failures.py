"""Keeps the failure of a step in the warehouse, where `context360 status` reads it."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import duckdb

from orchestration.defs.project import Installation
from orchestration.warehouse.failed_steps import keep_failure


@contextmanager
def step_failures(installation: Installation, context: dg.AssetExecutionContext) -> Iterator[None]:
    """Keeps why the step failed.

    Only our own failures keep their sentence: the text of other errors may hold personal data.
    """
    try:
        yield
    except Exception as error:
        # A warehouse that is full or damaged is the failure itself; there is nowhere to write it.
        try:
            with installation.warehouse() as connection:
                keep_failure(connection, context.op_def.name, _sentence(error), run_id=context.run_id)
        except (dg.Failure, duckdb.Error):
            context.log.warning("The failure could not be written to quality.failed_step.")
        raise


def _sentence(error: Exception) -> str:
    if isinstance(error, dg.Failure) and error.description:
        return error.description
    return f"stopped by an unexpected {type(error).__name__}; `context360 ui` shows where, under Runs"
