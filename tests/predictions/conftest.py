"""The dbt models of predictions, compiled once for all tests of this folder."""

from __future__ import annotations

import pytest
from predictions.prediction_models import PredictionModels

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> PredictionModels:
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path_factory.mktemp("home"))}, catalog="contoso")
    return PredictionModels(DbtProject(load_catalog(settings.catalog_path, {}), settings))
