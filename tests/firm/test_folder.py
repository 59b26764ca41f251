"""A firm's folder: what `context360 init` writes and how a catalog finds its dbt project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.checks import ChecksError
from orchestration.channels.catalog_file import load_catalog
from orchestration.definitions import build_definitions
from orchestration.firm import examples, scaffold
from orchestration.firm.folder import FirmError, FirmFolder, firm_folder
from orchestration.firm.scaffold import write_firm_folder
from orchestration.settings import EXAMPLES, SettingsError, settings_from
from orchestration.warehouse.staging_sources import check_staging_folders


def test_new_folder_holds_a_catalog_whose_streams_its_staging_reads(tmp_path: Path) -> None:
    folder = write_firm_folder(tmp_path / "My Firm")
    catalog = load_catalog(folder / "catalog.yaml", {})
    firm = firm_folder(folder / "catalog.yaml", catalog.project)
    assert (catalog.catalog, firm.dbt_name) == ("my_firm", "my_firm")
    check_staging_folders(firm, catalog, "catalog.yaml")
    assert [thing for thing, _ in firm.contributions("sample_shop")] == ["identifier", "order_line", "source_record"]
    left = [file.name for file in folder.rglob("*") if file.is_file() and "__firm__" in file.read_text()]
    assert left == []


def test_folder_with_content_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("mine")
    with pytest.raises(FirmError, match="holds something already"):
        write_firm_folder(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize("name", ["42", "context360", "My-Firm"])
def test_name_that_dbt_cannot_use_is_refused_with_the_remedy(tmp_path: Path, name: str) -> None:
    with pytest.raises(FirmError, match="--name"):
        write_firm_folder(tmp_path / "new", name)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold, "TEMPLATE", tmp_path / "absent")
    with pytest.raises(FirmError, match="cannot be written"):
        write_firm_folder(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_catalog_without_a_dbt_project_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FirmError, match="context360 init FOLDER"):
        firm_folder(tmp_path / "catalog.yaml", None)
    with pytest.raises(FirmError, match="there is no dbt project '../elsewhere'"):
        firm_folder(tmp_path / "catalog.yaml", "../elsewhere")


def test_catalog_may_name_a_folder_or_an_example(tmp_path: Path) -> None:
    write_firm_folder(tmp_path / "firm")
    assert firm_folder(tmp_path / "test.yaml", "firm") == FirmFolder(tmp_path / "firm")
    assert firm_folder(tmp_path / "test.yaml", "contoso") == FirmFolder(EXAMPLES / "contoso")


@pytest.mark.parametrize(
    ("written", "words"), [("name: [", "YAML"), ("version: 1", "`name` is required"), ("name: context360", "package's")]
)
def test_dbt_project_without_a_usable_name_is_reported(tmp_path: Path, written: str, words: str) -> None:
    (tmp_path / "dbt_project.yml").write_text(written)
    with pytest.raises(FirmError, match=re.escape(words)):
        assert FirmFolder(tmp_path).dbt_name


def test_catalog_of_the_current_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_firm_folder(tmp_path / "firm")
    monkeypatch.chdir(folder)
    assert settings_from({}).catalog_path == folder / "catalog.yaml"
    assert settings_from({}).home == folder / ".context360"
    monkeypatch.chdir(tmp_path)
    assert settings_from({}, catalog="firm").catalog_path == folder / "catalog.yaml"
    with pytest.raises(SettingsError, match="There is no catalog 'farm': .*contoso, veloheld"):
        settings_from({}, catalog="farm")


def test_installation_without_examples_says_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "demo_example", lambda: None)
    with pytest.raises(SettingsError, match="in the folder `examples` of a checkout"):
        examples.demo_generator()


def test_mistake_in_checks_is_reported_before_dbt_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(_: object) -> None:
        raise AssertionError("dbt has parsed the project before checks.yml was judged")

    monkeypatch.setattr("orchestration.definitions.open_project", parsed)
    folder = write_firm_folder(tmp_path / "firm")
    (folder / "checks.yml").write_text("marts.customer_360: [not_null]\n", encoding="utf-8")
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path / "home")}, catalog=str(folder / "catalog.yaml"))
    with pytest.raises(ChecksError, match=r"checks\.yml, marts\.customer_360, rule 1: is not a rule"):
        build_definitions(settings)
