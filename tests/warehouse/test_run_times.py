"""What a run says about its rest: the times of the last run of the same kind."""

from __future__ import annotations

from pathlib import Path

from orchestration.console.run_times import RunTimes


def test_rest_is_what_the_other_steps_took_the_last_time(tmp_path: Path) -> None:
    first = RunTimes(tmp_path, "")
    assert (first.expected_seconds, first.left()) == (None, None)
    first.finished("seeds", 5.0)
    first.finished("core", 20.0)
    first.save()
    second = RunTimes(tmp_path, "")
    assert second.expected_seconds == 25.0
    second.finished("seeds", 9.0)
    assert second.left() == 20.0
    # A run that ends earlier has times of its own.
    assert RunTimes(tmp_path, "staging").expected_seconds is None


def test_file_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "run_times.json").write_text("[1")
    times = RunTimes(tmp_path, "")
    assert times.left() is None
    times.finished("seeds", 1.0)
    times.save()
    assert RunTimes(tmp_path, "").expected_seconds == 1.0
