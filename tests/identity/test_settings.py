"""The Splink settings: one set for every engine, and levels that say what they are called."""

from __future__ import annotations

import pytest

from orchestration.identity.comparisons import comparison_names, level_labels, linkage_settings
from orchestration.identity.records import COLUMNS


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_the_same_settings_are_made_for_each_engine(engine: str) -> None:
    made = linkage_settings(COLUMNS).get_settings(engine)
    assert [comparison.output_column_name for comparison in made.comparisons] == comparison_names(COLUMNS)


def test_spark_gets_its_own_names_of_functions() -> None:
    written = str(linkage_settings(COLUMNS).create_settings_dict("spark"))
    assert "jaro_winkler_similarity" not in written and "jaro_winkler(" in written


@pytest.mark.parametrize("columns", [COLUMNS, ("given_name", "city"), ("email",), ("postal_code", "house_number")])
def test_labels_are_those_of_the_levels(columns: tuple[str, ...]) -> None:
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
