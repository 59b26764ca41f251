"""Dagster's events as a stream of plain progress, for the command line."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg

LOGGER_NAME = "progress"


@dataclass(frozen=True)
class Progress:
    """One thing that happened. kind: step_started, step_finished, step_failed, check_failed, made."""

    kind: str
    step: str
    asset: str | None = None
    rows: int | None = None
    text: str | None = None


# Their texts are written for people, and without personal data.
_OUR_FAILURES = {"Failure", "WarehouseError", "ChannelError", "CatalogError", "DbtError"}

_listeners: list[Callable[[Progress], None]] = []


class _ProgressHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        progress = _progress_of(event) if event is not None else None
        if progress is not None:
            for listener in _listeners:
                listener(progress)


@dg.logger(None, description="Hands the run's events to whoever listens in this process.")
def progress_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """A logger that prints nothing itself."""
    logger = logging.Logger("context360.progress", level=logging.DEBUG)
    logger.addHandler(_ProgressHandler())
    return logger


class listening:
    """While in force, `listener` hears the progress of the runs in this process."""

    def __init__(self, listener: Callable[[Progress], None]) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        _listeners.append(self._listener)

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self._listener)


def _progress_of(event: Any) -> Progress | None:
    step = event.step_key or ""
    kind = event.event_type_value
    if kind == "STEP_START":
        return Progress("step_started", step)
    if kind == "STEP_SUCCESS":
        return Progress("step_finished", step)
    if kind == "STEP_FAILURE":
        if event.event_specific_data.error.cls_name == "DagsterAssetCheckFailedError":
            return None  # the failed check has been told
        return Progress("step_failed", step, text=failure_sentence(event.event_specific_data.error))
    if kind == "RESOURCE_INIT_FAILURE":
        return Progress("step_failed", step, text=failure_sentence(event.engine_event_data.error))
    if kind == "ASSET_MATERIALIZATION":
        metadata = event.materialization.metadata
        rows = metadata.get("new_rows") or metadata.get("dagster/row_count")
        name = "/".join(event.asset_key.path)
        return Progress("made", step, asset=name, rows=rows.value if rows is not None else None)
    if kind == "ASSET_CHECK_EVALUATION":
        check = event.event_specific_data
        if not check.passed:
            name = "/".join(check.asset_key.path)
            return Progress("check_failed", step, asset=name, text=check.description or check.check_name)
    return None


def failure_sentence(error: Any) -> str:
    """What a person should read of a step's error: the sentence of our own failures, and only the kind of others, whose
    text may hold personal data."""
    while error is not None and error.cause is not None and error.cls_name not in _OUR_FAILURES:
        error = error.cause
    if error is None:
        return "failed without a reason"
    if error.cls_name in _OUR_FAILURES:
        return error.message.split(f"{error.cls_name}: ", 1)[-1].strip()
    if "Interrupt" in error.cls_name:
        return "The run was interrupted: run again to go on; readers still see the last good warehouse."
    return f"stopped by an unexpected {error.cls_name}; `context360 ui` shows where, under Runs"
