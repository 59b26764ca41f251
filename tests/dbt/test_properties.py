"""The property files beside the models: dbt reads them without a warning, and `meta` stands where dbt expects it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from dbt.jsonschemas import jsonschemas

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import BUNDLED_CATALOGS, settings_from
from orchestration.warehouse import dbt
from orchestration.warehouse.dbt import DbtError, DbtProject, personal_source_columns


def _parsed(catalog: str, home: Path) -> DbtProject:
    file = BUNDLED_CATALOGS / f"{catalog}.yaml"
    project = DbtProject(load_catalog(file, {}), settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(file)))
    assert project.manifest["nodes"]
    return project


def test_dbt_parses_the_project_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # dbt validates property files against its schema for some adapters only: DuckDB is not among them.
    monkeypatch.setattr(jsonschemas, "_JSONSCHEMA_SUPPORTED_ADAPTERS", {"duckdb"})
    with caplog.at_level(logging.WARNING):
        _parsed("demo", tmp_path)
    assert [record.getMessage() for record in caplog.records if record.name == dbt.__name__] == []


def test_warning_of_the_parser_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = tmp_path / "project"
    (project / "models" / "staging" / "shop").mkdir(parents=True)
    (project / "dbt_project.yml").write_text(
        "name: firm\nprofile: context360\nmodels: {firm: {marts: {+enabled: true}}}\n"
    )
    (project / "profiles.yml").write_text("context360: {target: duckdb, outputs: {duckdb: {type: duckdb}}}\n")
    monkeypatch.setattr(dbt, "DBT_PROJECT", project)
    monkeypatch.setattr(dbt, "_check_staging_folders", lambda *_: None)
    file = BUNDLED_CATALOGS / "contoso.yaml"
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog=str(file))
    with caplog.at_level(logging.WARNING):
        assert DbtProject(load_catalog(file, {}), settings).manifest
    (message,) = [record.getMessage() for record in caplog.records if record.name == dbt.__name__]
    assert "models.firm.marts" in message


def test_meta_of_a_source_column_beside_config_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "staging" / "shop"
    folder.mkdir(parents=True)
    file = folder / "_shop__sources.yml"
    monkeypatch.setattr(dbt, "DBT_PROJECT", tmp_path)
    column = "sources: [{name: shop, tables: [{name: contacts, columns: [{name: email, %s}]}]}]"
    file.write_text(column % "config: {meta: {personal_data: true}}")
    assert personal_source_columns("shop") == {"contacts": frozenset({"email"})}
    file.write_text(column % "meta: {personal_data: true}")
    with pytest.raises(
        DbtError, match="_shop__sources.yml, table contacts, column email: `meta` stands beside `config`"
    ):
        personal_source_columns("shop")
