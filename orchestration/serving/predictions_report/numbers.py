"""The numbers of the report, from `report.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration.serving.numbers import numbers_from

FILE = Path(__file__).with_name("report.yaml")


@dataclass(frozen=True)
class ReportNumbers:
    """The numbers of `report.yaml` by name."""

    least_people: int
    least_outcomes: int
    least_effective_decisions: int
    panels_shown: int
    campaigns_shown: int
    months_shown: int
    forecasts_shown: int


@lru_cache
def report_numbers() -> ReportNumbers:
    """The numbers of the report. Raises ValueError where the file lacks one, or its reason."""
    return numbers_from(FILE, ReportNumbers)
