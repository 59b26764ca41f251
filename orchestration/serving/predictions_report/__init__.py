"""The report on predictions: forecasts, what happened, and which models can be trusted.

One HTML file with its plots inside, for readers who do not know the warehouse: no script, no external address, and no
figure about a single person. All figures come from the published marts; nothing is fitted here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.serving.predictions_report.page import page_of
from orchestration.serving.predictions_report.reading import PredictionsFigures, figures_of
from orchestration.serving.predictions_report.summary import prediction_sentences
from orchestration.serving.report_page import put_in_place

if TYPE_CHECKING:
    import duckdb

REPORT_NAME = "predictions.html"

__all__ = [
    "REPORT_NAME",
    "PredictionsFigures",
    "figures_of",
    "page_of",
    "prediction_sentences",
    "write_predictions_report",
]


def write_predictions_report(
    connection: duckdb.DuckDBPyConnection, target: Path, *, drifted_from: float
) -> PredictionsFigures:
    """Writes the report on the published warehouse into the file `target`, atomically, and returns its figures.

    drifted_from: the population stability index above which the marts call scores drifted (a variable of dbt).

    Raises WarehouseError where the warehouse was published without predictions, the disk is full or the folder cannot
    be written; an older report then stays.
    """
    data = figures_of(connection, drifted_from=drifted_from)
    put_in_place(page_of(data), target)
    return data.figures
