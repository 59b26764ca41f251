"""The product reads the files that the documents show. test_new_system runs most of them."""

from __future__ import annotations

import csv
from pathlib import Path

from documents.pages import DOCS, GUIDE, files_shown

from expectations.checks import suites_from_yaml
from orchestration.channels.catalog_file import load_catalog
from orchestration.identity.rules import read_rules
from orchestration.settings import DBT_PACKAGE


def _written(folder: Path, page: Path, name: str) -> Path:
    file = folder / name
    file.write_text(files_shown(page)[name])
    return file


def test_catalog_of_the_guide_is_read(tmp_path: Path) -> None:
    catalog = load_catalog(_written(tmp_path, GUIDE, "catalog.yaml"), {})
    assert [stream.label for _, stream in catalog.streams()] == ["rental/members", "rental/rentals"]


def test_checks_of_the_guide_are_read(tmp_path: Path) -> None:
    file = _written(tmp_path, DOCS / "guides" / "add_a_check.md", "checks.yml")
    ((table, (suite,)),) = suites_from_yaml(file).items()
    assert table == "marts.customer_rental"
    assert [rule.severity for rule in suite.rules] == ["error", "warn", "error"]


def test_linking_rules_of_the_explanation_are_laid_over_the_neutral_ones(tmp_path: Path) -> None:
    rules = read_rules(_written(tmp_path, DOCS / "explanation" / "identity.md", "identity_rules.yml"))
    assert rules.link_probability == 0.9
    assert rules.rules[0].identifier == "rental_member_no"
    assert {rule.identifier for rule in read_rules().rules} < {rule.identifier for rule in rules.rules}


def test_touchpoint_of_the_guide_has_every_column_of_the_neutral_seed() -> None:
    shown = files_shown(DOCS / "guides" / "add_a_touchpoint.md")["seeds/own_touchpoints.csv"]
    neutral = (DBT_PACKAGE / "seeds" / "neutral_touchpoints.csv").read_text()
    assert shown.splitlines()[0] == neutral.splitlines()[0]


def test_every_channel_has_touchpoints_in_both_directions() -> None:
    """A channel without an inbound touchpoint has no exchange: its customers never leave the first stage."""
    seeds = DBT_PACKAGE / "seeds"
    with (seeds / "neutral_channels.csv").open() as file:
        channels = {row["channel"] for row in csv.DictReader(file)}
    with (seeds / "neutral_touchpoints.csv").open() as file:
        # A touchpoint without a channel, such as a complaint, takes that of each interaction.
        found = {(row["channel"], row["direction"]) for row in csv.DictReader(file) if row["channel"]}
    assert found == {(channel, direction) for channel in channels for direction in ("inbound", "outbound")}
