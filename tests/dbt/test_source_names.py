"""A firm's system may bear the name of one of the package's own sources: neither is read as the other."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from orchestration.defs.warehouse import Translator
from orchestration.project import open_project
from orchestration.settings import settings_from


def test_system_named_as_a_source_of_the_package_is_not_mistaken_for_it(tmp_path: Path) -> None:
    catalog, project = open_project(settings_from({}, catalog="veloheld", home=tmp_path))
    assert "campaigns" in catalog.systems
    sources = {node["unique_id"]: node for node in project.manifest["sources"].values()}
    translator = Translator(project.variables["adapters"])
    streams = sources["source.veloheld.campaigns.recipients"]
    effects = sources["source.context360.campaigns.campaign_effect"]
    assert translator.get_asset_key(streams).path == ["landing", "campaigns", "recipients"]
    assert translator.get_asset_key(effects).path == [effects["schema"], "campaign_effect"]
    query = project.query("campaign_effect", as_of=datetime(2026, 1, 1))
    assert f'"{effects["schema"]}"."campaign_effect"' in query
