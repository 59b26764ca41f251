"""The log of events that the live service keeps until a run lands them: one folder per stream, append-only JSON lines.

A line is an event that was answered, or is about to be. Only a line that ends is whole: what a crash tore off was never
answered. Segments are named by the moment at which they were begun (UTC), so names sort by time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

SEGMENT = re.compile(r"(\d{4}-\d{2}-\d{2})T\d{6}\.\d{6}-\d+\.jsonl")


def stream_log(log: Path, system: str, stream: str) -> Path:
    """The folder of a stream's segments."""
    return log / system / stream


def segments(folder: Path) -> list[Path]:
    """The segments of a stream, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if SEGMENT.fullmatch(file.name))


def day_of(segment: Path) -> date:
    """The day (UTC) on which a segment was begun; a segment ends with its day."""
    match = SEGMENT.fullmatch(segment.name)
    assert match is not None
    return date.fromisoformat(match[1])


def whole_lines(segment: Path, offset: int) -> Iterator[bytes]:
    """The lines from a byte on, each with its end, up to the last whole one."""
    with segment.open("rb") as file:
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n"):
                yield line
