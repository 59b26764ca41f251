"""Dagster's events as a stream of plain progress, for the command line."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.defs.dagster_internals import check_in, error_in, event_in, materialization_in

LOGGER_NAME = "progress"

# Their messages are written for users and hold no personal data.
_OUR_FAILURES = {"Failure", "WarehouseError", "ChannelError", "CatalogError", "DbtError"}


@dataclass(frozen=True)
class Progress:
    """One event of a run. kind: step_started, step_finished, step_failed, check_failed or made.

    rows: what landed, or the rows of a table. unreadable: rows that landed only as text.
    """

    kind: str
    step: str
    asset: str | None = None
    rows: int | None = None
    unreadable: int = 0
    text: str | None = None
    alerts: tuple[str, ...] = ()  # what a step asks a person to read


_listeners: list[Callable[[Progress], None]] = []


class _ProgressHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        event = event_in(record)
        progress = progress_of(event) if event is not None else None
        if progress is not None:
            for listener in _listeners:
                listener(progress)


@dg.logger(None, description="Passes the run's events to listeners in the same process.")
def progress_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """A logger without output of its own."""
    logger = logging.Logger("context360.progress", level=logging.DEBUG)
    logger.addHandler(_ProgressHandler())
    return logger


class listening:
    """Context manager: `listener` is called with the progress of every run in this process."""

    def __init__(self, listener: Callable[[Progress], None]) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        _listeners.append(self._listener)

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self._listener)


def progress_of(event: dg.DagsterEvent) -> Progress | None:
    """The progress that an event stands for; None for events that the command line does not show."""
    step = event.step_key or ""
    kind = event.event_type_value
    if kind == "STEP_START":
        return Progress("step_started", step)
    if kind == "STEP_SUCCESS":
        return Progress("step_finished", step)
    if kind in ("STEP_FAILURE", "RESOURCE_INIT_FAILURE"):
        error = error_in(event)
        if error is not None and error.cls_name == "DagsterAssetCheckFailedError":
            return None  # the event of the check comes first
        return Progress("step_failed", step, text=failure_sentence(error))
    if kind == "ASSET_MATERIALIZATION" and (materialization := materialization_in(event)):
        metadata = materialization.metadata
        rows = metadata.get("new_rows") or metadata.get("dagster/row_count")
        name = "/".join(materialization.asset_key.path)
        unreadable = metadata.get("unreadable_rows")
        alerts = metadata.get("alerts")
        return Progress(
            "made",
            step,
            asset=name,
            rows=int(str(rows.value)) if rows is not None else None,
            unreadable=int(str(unreadable.value)) if unreadable is not None else 0,
            alerts=tuple(map(str, alerts.value)) if alerts is not None and isinstance(alerts.value, list) else (),
        )
    if kind == "ASSET_CHECK_EVALUATION":
        check = check_in(event)
        if not check.passed:
            name = "/".join(check.asset_key.path)
            return Progress("check_failed", step, asset=name, text=check.description or check.check_name)
    return None


def failure_sentence(error: Any) -> str:
    """The message of a step's error for users.

    Our own failures keep their message. Of other errors only the class is shown, as their text may hold personal data.
    """
    while error is not None and error.cause is not None and error.cls_name not in _OUR_FAILURES:
        error = error.cause
    if error is None:
        return "failed without a reason"
    if error.cls_name in _OUR_FAILURES:
        return error.message.split(f"{error.cls_name}: ", 1)[-1].strip()
    if "Interrupt" in error.cls_name:
        return "The run was interrupted: run again to go on; readers still see the last good warehouse."
    return f"stopped by an unexpected {error.cls_name}; `context360 ui` shows where, under Runs"
