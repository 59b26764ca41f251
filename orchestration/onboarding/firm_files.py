"""Writing into a firm's folder: new files and a catalog entry. What is there is never overwritten; a diff shows it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from orchestration.onboarding.found import OnboardingError

_SAMPLE = "sample_shop"  # the invented system of a new folder


@dataclass(frozen=True)
class Written:
    """What a call wrote, and for what is there already, the unified diff to what it would write now."""

    files: tuple[str, ...]
    lines: int
    difference: str = ""
    remarks: tuple[str, ...] = ()


def write_system(
    folder: Path, catalog_file: Path, name: str, entry: str, texts: Mapping[str, str], first_day: date | None
) -> Written:
    """Writes the files of a new system, or compares with those of a system that the catalog has.

    folder: the firm's. entry: the system's lines below `systems:`. texts: path below folder -> text. first_day: the
    earliest day of its facts. Raises OnboardingError where a file cannot be written.
    """
    catalog = catalog_file.read_text(encoding="utf-8")
    if _place_of(catalog, name) is not None:
        return Written((), 0, _difference(folder, catalog_file, catalog, name, entry, texts))
    there = [path for path in texts if (folder / path).exists()]
    if there:
        raise OnboardingError(
            f"{there[0]} is there, and the catalog has no system {name}: delete the folder, list the system in the "
            "catalog, or choose another name."
        )
    remarks = []
    changed = catalog
    sample = _place_of(catalog, _SAMPLE)
    if sample is not None:
        changed = _without_sample(catalog, sample)
        remarks.append("Took the sample shop out of the catalog: its rows are invented. Its files may be deleted.")
    changed = _with_entry(changed, entry)
    if first_day is not None and first_day < _first_day_of(catalog):
        changed = _with_first_day(changed, first_day)
        remarks.append(f"Set first_day in the catalog: the earliest row is of {first_day}.")
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        catalog_file.write_text(changed, encoding="utf-8")
    except OSError as error:
        raise OnboardingError(f"{folder} cannot be written ({error.strerror}): correct its rights.") from error
    lines = sum(text.count("\n") for text in texts.values()) + entry.count("\n")
    return Written((catalog_file.name, *texts), lines, remarks=tuple(remarks))


def _difference(folder: Path, catalog_file: Path, catalog: str, name: str, entry: str, texts: Mapping[str, str]) -> str:
    place = _place_of(catalog, name)
    assert place is not None
    lines = catalog.splitlines(keepends=True)
    proposed = "".join([*lines[: place[0]], entry, *lines[place[1] :]])
    pairs = [(catalog_file.name, catalog, proposed)]
    for path, text in texts.items():
        file = folder / path
        pairs.append((path, file.read_text(encoding="utf-8") if file.exists() else "", text))
    return "".join(
        line
        for path, before, after in pairs
        for line in difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
    )


def _place_of(catalog: str, name: str) -> tuple[int, int] | None:
    """First line of a system's entry, and the line after it; None if the catalog has no such system."""
    systems = _node(catalog, "systems")
    if not isinstance(systems, yaml.MappingNode):
        return None
    for key, value in systems.value:
        if key.value == name:
            return key.start_mark.line, _end_of(
                catalog, key.start_mark.line, value.end_mark.line, key.start_mark.column
            )
    return None


def _end_of(catalog: str, first: int, end: int, column: int) -> int:
    """The line after an entry, without blank lines and comments that belong to the next one."""
    lines = catalog.splitlines()
    end = min(end + (0 if end < len(lines) and _indent(lines[end]) <= column else 1), len(lines))
    while end > first + 1 and (not lines[end - 1].strip() or (_indent(lines[end - 1]) <= column)):
        end -= 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 0


def _node(catalog: str, name: str) -> yaml.Node | None:
    root = yaml.compose(catalog, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None
    return next((value for key, value in root.value if key.value == name), None)


def _with_entry(catalog: str, entry: str) -> str:
    """The catalog with an entry at the end of `systems`."""
    systems = _node(catalog, "systems")
    lines = catalog.splitlines(keepends=True)
    if not isinstance(systems, yaml.MappingNode) or not systems.value:
        kept = re.sub(r"(?m)^systems:.*\n?", "", catalog).rstrip("\n")
        return f"{kept}\nsystems:\n{entry}"
    key, value = systems.value[-1]
    end = _end_of(catalog, key.start_mark.line, value.end_mark.line, key.start_mark.column)
    before = "".join(lines[:end])
    return before + ("" if before.endswith("\n") else "\n") + entry + "".join(lines[end:])


def _without_sample(catalog: str, place: tuple[int, int]) -> str:
    lines = catalog.splitlines(keepends=True)
    first = place[0]
    while first and lines[first - 1].lstrip().startswith("#") and lines[first - 1].startswith(" "):
        first -= 1
    return "".join([*lines[:first], *lines[place[1] :]])


def _first_day_of(catalog: str) -> date:
    from orchestration.channels.catalog import Catalog

    node = _node(catalog, "first_day")
    return (
        date.fromisoformat(node.value)
        if isinstance(node, yaml.ScalarNode)
        else Catalog.model_fields["first_day"].default
    )


def _with_first_day(catalog: str, day: date) -> str:
    day = day.replace(month=1, day=1)
    if _node(catalog, "first_day") is not None:
        return re.sub(r"(?m)^first_day:.*$", f"first_day: {day}", catalog)
    return re.sub(r"(?m)^systems:", f"first_day: {day}\nsystems:", catalog, count=1)
