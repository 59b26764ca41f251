"""The property files beside the models: dbt reads them without a warning, and `meta` stands where dbt expects it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from dbt.jsonschemas import jsonschemas

from orchestration.channels.catalog_file import load_catalog
from orchestration.firm.folder import FirmError, FirmFolder
from orchestration.settings import EXAMPLES, settings_from
from orchestration.warehouse import dbt, dbt_messages
from orchestration.warehouse.dbt import DbtProject
from orchestration.warehouse.staging_sources import personal_source_columns


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt warns while it parses: a parse from the cache would say nothing."""
    monkeypatch.setattr(dbt.ParseCache, "of_user", lambda: None)


def _parsed(catalog: str, home: Path) -> DbtProject:
    file = EXAMPLES / catalog / "catalog.yaml"
    project = DbtProject(load_catalog(file, {}), settings_from({"CONTEXT360_HOME": str(home)}, catalog=str(file)))
    assert project.manifest["nodes"]
    return project


def test_dbt_parses_the_project_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # dbt validates property files against its schema for some adapters only: DuckDB is not among them.
    monkeypatch.setattr(jsonschemas, "_JSONSCHEMA_SUPPORTED_ADAPTERS", {"duckdb"})
    with caplog.at_level(logging.WARNING):
        _parsed("veloheld", tmp_path)
    assert [record.getMessage() for record in caplog.records if record.name == dbt_messages.__name__] == []


def test_warning_of_the_parser_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(
        "catalog: firm\nsystems: {shop: {connector: files, location: ., streams: {a: {path: a, format: csv}}}}"
    )
    (tmp_path / "dbt_project.yml").write_text(
        "name: firm\nprofile: context360\nmodels: {firm: {marts: {+enabled: true}}}\n"
    )
    monkeypatch.setattr(dbt, "link_package", lambda _: None)
    monkeypatch.setattr(dbt, "check_staging_folders", lambda *_: None)
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog=str(file))
    with caplog.at_level(logging.WARNING):
        assert DbtProject(load_catalog(file, {}), settings).manifest
    (message,) = [record.getMessage() for record in caplog.records if record.name == dbt_messages.__name__]
    assert "models.firm.marts" in message


def test_meta_of_a_source_column_beside_config_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "staging" / "shop"
    folder.mkdir(parents=True)
    file = folder / "_shop__sources.yml"
    firm = FirmFolder(tmp_path)
    column = "sources: [{name: shop, tables: [{name: contacts, columns: [{name: email, %s}]}]}]"
    file.write_text(column % "config: {meta: {personal_data: true}}")
    assert personal_source_columns(firm, "shop") == {"contacts": frozenset({"email"})}
    file.write_text(column % "meta: {personal_data: true}")
    with pytest.raises(
        FirmError, match="_shop__sources.yml, table contacts, column email: `meta` stands beside `config`"
    ):
        personal_source_columns(firm, "shop")
