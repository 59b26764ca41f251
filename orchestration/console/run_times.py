"""How long the steps of the last run took: what a run can say about its rest."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = "run_times.json"


class RunTimes:
    """The seconds of each step of the last run of the same kind, and of this one.

    home: the folder with all state. kind: the layer at which the run ends, or '' for a whole run. A file that cannot be
    read is as none: times are an estimate.
    """

    def __init__(self, home: Path, kind: str) -> None:
        self._file, self._kind = home / _FILE, kind or "published"
        try:
            self._known = json.loads(self._file.read_text(encoding="utf-8"))
            self.last = {str(step): float(seconds) for step, seconds in self._known[self._kind].items()}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            self._known, self.last = {}, {}
        self.now: dict[str, float] = {}

    @property
    def expected_seconds(self) -> float | None:
        """What the last run took, step after step; None without one."""
        return sum(self.last.values()) if self.last else None

    def finished(self, step: str, seconds: float) -> None:
        """Keeps the time of a step."""
        self.now[step] = seconds

    def left(self) -> float | None:
        """Seconds that the other steps took the last time; None without a last run."""
        return sum(seconds for step, seconds in self.last.items() if step not in self.now) if self.last else None

    def save(self) -> None:
        """Keeps the times of this run for the next one. A home that cannot be written keeps the old ones."""
        if not self.now:
            return
        try:
            known = self._known if isinstance(self._known, dict) else {}
            self._file.write_text(json.dumps({**known, self._kind: self.now}), encoding="utf-8")
        except OSError:
            return
