"""The Splink settings: one set for every engine, and named levels."""

from __future__ import annotations

import pytest

from orchestration.identity.comparisons import comparison_names, level_labels, linkage_settings
from orchestration.identity.records import COLUMNS


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_every_engine_gets_the_same_settings(engine: str) -> None:
    made = linkage_settings(COLUMNS).get_settings(engine)
    assert [comparison.output_column_name for comparison in made.comparisons] == comparison_names(COLUMNS)


def test_spark_settings_use_spark_s_function_names() -> None:
    written = str(linkage_settings(COLUMNS).create_settings_dict("spark"))
    assert "jaro_winkler_similarity" not in written and "jaro_winkler(" in written


@pytest.mark.parametrize("columns", [COLUMNS, ("given_name", "city"), ("email",), ("postal_code", "house_number")])
def test_labels_match_the_levels(columns: tuple[str, ...]) -> None:
    labels = level_labels(columns)
    for comparison in linkage_settings(columns).get_settings("duckdb").comparisons:
        values = {
            level.comparison_vector_value: level.label_for_charts
            for level in comparison.comparison_levels
            if not level.is_null_level
        }
        found = dict(labels[comparison.output_column_name])
        assert found.pop(-1) == "missing"
        assert found == values
