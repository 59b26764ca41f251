"""The lines that `context360 run` prints about its steps."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.console.run import RunPrinter
from orchestration.console.run_times import RunTimes
from orchestration.defs.progress import Progress


@pytest.mark.parametrize(
    ("rows", "unreadable", "words"),
    [(28, 2, "28 new rows, 2 unreadable"), (28, 0, "28 new rows"), (None, 0, "no new rows")],
)
def test_landing_line_shows_unreadable_rows(rows: int | None, unreadable: int, words: str, tmp_path: Path) -> None:
    out = io.StringIO()
    printer = RunPrinter(Console(file=out, width=120), lambda _: None, RunTimes(tmp_path, ""))
    for progress in (
        Progress("step_started", "landing__shop__orders"),
        Progress("made", "landing__shop__orders", asset="landing/shop/orders", rows=rows, unreadable=unreadable),
        Progress("step_finished", "landing__shop__orders"),
    ):
        printer.on_event(progress)
    assert words in out.getvalue()
    assert ("unreadable" in out.getvalue()) == bool(unreadable)


@pytest.mark.parametrize(
    ("rows", "words"), [((28, 4), "2 tables, 32 rows"), ((0, 0), "2 tables, 0 rows"), ((28, None), "2 tables ")]
)
def test_tables_that_were_not_counted_are_not_said_to_be_empty(
    rows: tuple[int | None, ...], words: str, tmp_path: Path
) -> None:
    out = io.StringIO()
    printer = RunPrinter(Console(file=out, width=120), lambda _: None, RunTimes(tmp_path, ""))
    printer.on_event(Progress("step_started", "campaign_effects"))
    for table, count in zip(("campaign_effect", "campaign_effect_pooled"), rows, strict=True):
        printer.on_event(Progress("made", "campaign_effects", asset=f"predictions/{table}", rows=count))
    printer.on_event(Progress("step_finished", "campaign_effects"))
    assert words in out.getvalue()
    assert ("rows" in out.getvalue()) == (None not in rows)
