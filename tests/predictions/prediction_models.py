"""The dbt models that predictions read, built on worlds that tests make by hand."""

from __future__ import annotations

from datetime import datetime

import duckdb

from orchestration.warehouse.dbt import DbtProject

CAMPAIGNS = (
    "campaign_offer", "campaign_period", "campaign_product", "campaign_person", "campaign_group", "campaign_reach",
)  # fmt: skip
DECISIONS = ("action_night", "action_decision")
POINTS = (
    "points_setting", "points_moment", "points_touchpoint", "points_customer", "points_example", "points_exchange",
)  # fmt: skip

_COMPILED_AT = datetime(1999, 12, 31, 23, 59, 58)


class PredictionModels:
    """Compiles each model once, and builds it as of any moment."""

    def __init__(self, project: DbtProject) -> None:
        self._project = project
        self._compiled: dict[str, str] = {}

    def build(self, connection: duckdb.DuckDBPyConnection, models: tuple[str, ...], as_of: datetime) -> None:
        """Replaces the tables of these models in the database `warehouse` of the connection."""
        connection.execute("create schema if not exists warehouse.predictions")
        for model in models:
            query = self._query(model).replace(str(_COMPILED_AT), str(as_of))
            connection.execute(f"create or replace table warehouse.predictions.{model} as {query}")

    def _query(self, model: str) -> str:
        if model not in self._compiled:
            self._compiled[model] = self._project.query(model, as_of=_COMPILED_AT)
        return self._compiled[model]
