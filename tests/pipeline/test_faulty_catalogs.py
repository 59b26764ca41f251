"""What a user writes wrong: the command does not start, says what to correct and where, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pipeline.installation import Installation, assert_clear
from pipeline.little_company import HOTEL_ONLY


@pytest.fixture(scope="module")
def company(company_copy) -> Installation:
    """One copy for all: nothing here may change it."""
    return company_copy()


@pytest.fixture(autouse=True)
def nothing_changes(company: Installation):
    """Whatever the catalog says wrong, readers see what they saw."""
    before = company.published.stat()
    yield
    after = company.published.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param(
            "format: csv", "format: csv\n        colour: red", ["stream stays", "unknown field colour"],
            id="unknown field",
        ),
        pytest.param("        path: stays.csv\n", "", ["stream stays", "field path", "required"], id="missing field"),
        pytest.param("format: csv", "format: xlsx", ["field format", "'xlsx'", "csv, jsonl, parquet"], id="bad format"),
        pytest.param("connector: files", "connector: ftp", ["system hotel", "'ftp'", "files"], id="bad connector"),
        pytest.param(
            "${LITTLE_COMPANY}", "${NOBODY_SET_THIS}", ["system hotel", "NOBODY_SET_THIS", "set it"],
            id="variable that is not set",
        ),
        pytest.param("hotel", "contoso_motel", ["contoso_motel", "hotel"], id="unknown adapter"),
        pytest.param("      stays:", "      visits:", ["hotel", "visits"], id="stream that staging does not know"),
        pytest.param("2019-05-25", "yesterday", ["as_of", "2026-01-31"], id="as_of that is no date"),
        pytest.param("  hotel:", "  Hotel-1:", ["Hotel-1", "snake_case"], id="bad name"),
        pytest.param("[stay_id]", "[Stay Id]", ["stream stays", "Stay Id", "snake_case"], id="key that is no name"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_in_one_sentence_with_its_place(
    company: Installation, old: str, new: str, words: list[str]
) -> None:
    assert old in HOTEL_ONLY
    (company.folder / "wrong.yaml").write_text(HOTEL_ONLY.replace(old, new))
    said = company.command("run", "--catalog", company.folder / "wrong.yaml", "--home", company.home)
    assert_clear(said, 2, "wrong.yaml", *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("catalog: [open\n  systems: {", ["line 2", "is not YAML"], id="not YAML"),
        pytest.param("- a\n- b\n", ["catalog", "systems"], id="a list"),
        pytest.param("", ["catalog", "systems"], id="empty"),
        pytest.param("catalog: little\nsystems: {}\n", ["systems"], id="no systems"),
    ],
)
def test_a_file_that_is_no_catalog_is_told_in_one_sentence(company: Installation, text: str, words: list[str]) -> None:
    (company.folder / "wrong.yaml").write_text(text)
    said = company.command("run", "--catalog", company.folder / "wrong.yaml", "--home", company.home)
    assert_clear(said, 2, "wrong.yaml", *words)


def test_two_faults_are_told_at_once(company: Installation) -> None:
    wrong = HOTEL_ONLY.replace("format: csv", "format: xlsx").replace("key: [stay_id]", "kye: [stay_id]")
    (company.folder / "wrong.yaml").write_text(wrong)
    said = company.command("run", "--catalog", company.folder / "wrong.yaml", "--home", company.home)
    assert said.code == 2
    assert said.has_no_traceback()
    assert any("'xlsx'" in fault for fault in said.faults)
    assert any("unknown field kye; did you mean key?" in fault for fault in said.faults)
    assert len(said.faults) == 2


def test_two_systems_cannot_share_a_staging_folder(company: Installation) -> None:
    hotel = HOTEL_ONLY.split("systems:\n")[1]
    (company.folder / "wrong.yaml").write_text(HOTEL_ONLY + hotel.replace("  hotel:", "  hotel_b:"))
    said = company.command("run", "--catalog", company.folder / "wrong.yaml", "--home", company.home)
    assert_clear(said, 2, "hotel", "hotel_b")


@pytest.mark.parametrize("catalog", ["no_such_file.yaml", "no_such_name"])
def test_a_catalog_that_does_not_exist_is_told(company: Installation, catalog: str) -> None:
    said = company.command("run", "--catalog", catalog, "--home", company.home)
    assert_clear(said, 2, catalog)


@pytest.mark.parametrize("moment", ["31.01.2019", "2019-02-30", "tomorrow", "99999-01-01"])
def test_a_wrong_as_of_is_told_with_how_to_write_one(company: Installation, moment: str) -> None:
    assert_clear(company.run("--as-of", moment), 2, f"'{moment}'", "2026-01-31")


def test_status_speaks_of_a_wrong_catalog_too(company: Installation) -> None:
    (company.folder / "wrong.yaml").write_text(HOTEL_ONLY.replace("format: csv", "format: xlsx"))
    said = company.command("status", "--catalog", company.folder / "wrong.yaml", "--home", company.home)
    assert_clear(said, 2, "'xlsx'")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        pytest.param("7", ["engagement points of version 7", "`set`"], id="version that was never learned"),
        pytest.param("latest", ["CONTEXT360_ENGAGEMENT_POINTS", "'latest'", "`set`"], id="no version at all"),
    ],
)
def test_engagement_points_that_do_not_exist_are_told_and_no_run_starts(
    company: Installation, chosen: str, words: list[str]
) -> None:
    with_points = replace(company, variables=company.variables | {"CONTEXT360_ENGAGEMENT_POINTS": chosen})
    assert_clear(with_points.run(), 2, *words)
