"""Every canonical stream says from when a row is known, so that a run of a past moment can leave out what is later."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from golden import REPOSITORY

UNIONS = {
    model["config"]["meta"]["canonical"]["stream"]: model
    for model in yaml.safe_load((REPOSITORY / "dbt_project/models/intermediate/_models.yml").read_text())["models"]
    if "canonical" in model.get("config", {}).get("meta", {})
}
# Moments that are plans when the row is made, and dates of the person.
PLANNED = {
    ("appointment", "starts_at"), ("booking", "ended_at"), ("campaign", "ends_on"), ("offer", "valid_to"),
    ("source_record", "birth_date"),
}  # fmt: skip


def test_all_unions_are_canonical_streams() -> None:
    folder = REPOSITORY / "dbt_project/models/intermediate"
    unions = {file.stem for file in folder.glob("*.sql") if "union_of_contributions(" in file.read_text()}
    assert unions == {model["name"] for model in UNIONS.values()}


@pytest.mark.parametrize("stream", sorted(UNIONS))
def test_stream_names_its_moment_or_says_why_it_has_none(stream: str) -> None:
    about = UNIONS[stream]["config"]["meta"]["canonical"]
    assert ("moment" in about) != ("no_moment" in about)
    dated = _dated(UNIONS[stream])
    assert set(about.get("moment", [])) | set(about.get("later", [])) <= dated


@pytest.mark.parametrize("stream", sorted(UNIONS))
def test_no_moment_of_a_stream_is_forgotten(stream: str) -> None:
    """What is neither the row's moment nor hidden where it came later is a plan."""
    about = UNIONS[stream]["config"]["meta"]["canonical"]
    named = {*about.get("moment", []), *about.get("later", [])}
    assert {(stream, column) for column in _dated(UNIONS[stream]) - named} <= PLANNED


def _dated(model: dict[str, Any]) -> set[str]:
    return {column["name"] for column in model["columns"] if column["data_type"] in ("timestamp", "date")}
