"""Reads and writes learned engagement points as files: one per version, and one with the judgement of all points.

Imports quickly. Writing a new version changes no points by itself: the setting CONTEXT360_ENGAGEMENT_POINTS decides
which points count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

JUDGEMENT = "judgement.json"
# Fields that readers need; a file has more, for people.
VERSION_FIELDS = {"version", "learned_as_of", "learned_until", "points"}
POINTS_FIELDS = {"touchpoint", "set_points", "learned_points", "exchanges", "standard_error"}


class PointsError(Exception):
    """Learned points cannot be read. The message has the file and the remedy."""


def versions(folder: Path) -> list[int]:
    """The versions in this folder, oldest first."""
    return sorted(int(file.stem) for file in folder.glob("[0-9]*.json") if file.stem.isdigit())


def read_version(folder: Path, version: int) -> dict[str, Any]:
    """A version as it was written. Raises PointsError if it does not exist or its file cannot be read."""
    if version not in versions(folder):
        known = ", ".join(map(str, versions(folder))) or "none yet"
        raise PointsError(
            f"There are no learned engagement points of version {version} in {folder} (there are: {known}): "
            "set CONTEXT360_ENGAGEMENT_POINTS to `set`, or to one of them."
        )
    content = _read(_file(folder, version))
    points = content.get("points")
    if not isinstance(points, list) or not content.keys() >= VERSION_FIELDS:
        raise _unreadable(_file(folder, version))
    if not all(isinstance(entry, dict) and entry.keys() >= POINTS_FIELDS for entry in points):
        raise _unreadable(_file(folder, version))
    return content


def points_of(folder: Path, version: int) -> dict[str, int]:
    """Points per touchpoint of a version, for the warehouse. Raises PointsError as read_version does."""
    try:
        return {entry["touchpoint"]: int(entry["learned_points"]) for entry in read_version(folder, version)["points"]}
    except (TypeError, ValueError) as error:
        raise _unreadable(_file(folder, version)) from error


def write_version(folder: Path, version: int, content: Mapping[str, Any]) -> None:
    """Writes a version, all or nothing."""
    _write(_file(folder, version), content)


def read_judgement(folder: Path) -> list[dict[str, Any]]:
    """The newest judgement of all points; empty if there is none yet."""
    file = folder / JUDGEMENT
    return list(_read(file).get("judgement", [])) if file.exists() else []


def judged_as_of(folder: Path) -> str | None:
    """The moment of that judgement, as ISO 8601; None if there is none yet."""
    file = folder / JUDGEMENT
    return _read(file).get("as_of") if file.exists() else None


def write_judgement(folder: Path, content: Mapping[str, Any]) -> None:
    """Replaces the judgement, all or nothing."""
    _write(folder / JUDGEMENT, content)


def _file(folder: Path, version: int) -> Path:
    return folder / f"{version:06d}.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(file) from error
    if not isinstance(content, dict):
        raise _unreadable(file)
    return content


def _unreadable(file: Path) -> PointsError:
    return PointsError(
        f"{file} cannot be read: restore it from a copy; or delete it, set CONTEXT360_ENGAGEMENT_POINTS to `set`, "
        "and let points be learned again."
    )


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    with fresh.open("wb") as opened:
        opened.write(json.dumps(content, indent=2, sort_keys=True, allow_nan=False).encode())
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
