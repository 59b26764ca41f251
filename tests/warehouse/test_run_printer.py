"""The lines that `context360 run` prints about landing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestration.console.run import RunPrinter
from orchestration.defs.progress import Progress


@pytest.mark.parametrize(
    ("rows", "unreadable", "words"),
    [(28, 2, "28 new rows, 2 unreadable"), (28, 0, "28 new rows"), (None, 0, "no new rows")],
)
def test_landing_line_shows_unreadable_rows(rows: int | None, unreadable: int, words: str) -> None:
    out = io.StringIO()
    printer = RunPrinter(Console(file=out, width=120), lambda _: None)
    for progress in (
        Progress("step_started", "landing__shop__orders"),
        Progress("made", "landing__shop__orders", asset="landing/shop/orders", rows=rows, unreadable=unreadable),
        Progress("step_finished", "landing__shop__orders"),
    ):
        printer.on_event(progress)
    assert words in out.getvalue()
    assert ("unreadable" in out.getvalue()) == bool(unreadable)
