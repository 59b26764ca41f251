"""The parses that homes share: complete, few, and private to the user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.warehouse import parse_cache
from orchestration.warehouse.parse_cache import PARSED_FILES, ParseCache


@pytest.fixture
def cache(tmp_path: Path) -> ParseCache:
    (tmp_path / "cache").mkdir()
    return ParseCache(tmp_path / "cache")


@pytest.fixture
def parsed(tmp_path: Path) -> Path:
    folder = tmp_path / "parsed"
    folder.mkdir()
    for name in PARSED_FILES:
        (folder / name).write_text(f"content of {name}")
    return folder


def _fetched(cache: ParseCache, fingerprint: str, target: Path) -> dict[str, str]:
    target.mkdir()
    assert cache.fetch(fingerprint, target)
    return {file.name: file.read_text() for file in target.iterdir()}


def test_parse_is_fetched_as_it_was_kept(cache: ParseCache, parsed: Path, tmp_path: Path) -> None:
    assert not cache.fetch("a" * 64, parsed)
    cache.keep("a" * 64, parsed)
    cache.keep("a" * 64, parsed)  # another process was quicker
    assert _fetched(cache, "a" * 64, tmp_path / "home") == {name: f"content of {name}" for name in PARSED_FILES}
    assert not cache.fetch("b" * 64, parsed)
    assert [entry.name for entry in cache.folder.iterdir()] == ["a" * 64]


def test_half_a_parse_is_none(cache: ParseCache, parsed: Path) -> None:
    (parsed / PARSED_FILES[1]).unlink()
    cache.keep("a" * 64, parsed)
    assert list(cache.folder.iterdir()) == []


def test_parses_not_used_for_longest_are_removed(
    cache: ParseCache, parsed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_cache, "_KEPT", 2)
    for age, letter in ((30, "a"), (20, "b")):
        with cache.turn(letter * 64):
            cache.keep(letter * 64, parsed)
        os.utime(cache.folder / (letter * 64), (age, age))
    assert cache.fetch("a" * 64, parsed)  # used just now
    cache.keep("c" * 64, parsed)
    assert sorted(entry.name[0] for entry in cache.folder.iterdir() if entry.is_dir()) == ["a", "c"]
    assert not (cache.folder / f"{'b' * 64}.lock").exists()


def test_link_to_an_installation_that_is_gone_is_removed(cache: ParseCache, parsed: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    for package in (tmp_path / "gone", tmp_path / "here"):
        cache.packages_of(package).mkdir()
        (cache.packages_of(package) / "context360").symlink_to(package)
    cache.keep("a" * 64, parsed)
    assert list(cache.folder.glob("packages-*")) == [cache.packages_of(tmp_path / "here")]


def test_folder_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse_cache, "user_cache_path", lambda _: tmp_path)
    cache = ParseCache.of_user()
    assert cache is not None
    assert cache.folder.stat().st_mode & 0o077 == 0
    cache.folder.chmod(0o777)
    assert ParseCache.of_user() is None


def test_home_parses_for_itself_where_no_cache_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(parse_cache, "user_cache_path", lambda _: tmp_path / "file")
    assert ParseCache.of_user() is None
