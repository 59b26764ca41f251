"""Chosen numbers, from a YAML file beside the code, where each has its reason."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

Numbers = TypeVar("Numbers")


def numbers_from(file: Path, kind: type[Numbers]) -> Numbers:
    """The numbers of the file as the dataclass `kind`.

    Raises ValueError where the file lacks a number or its reason, or has one that `kind` does not know.
    """
    found = content_of(file)["numbers"]
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    for name in sorted(names | set(found)):
        if name not in names:
            raise ValueError(f"{file.name}: nothing reads the number `{name}`: remove it.")
        entry = found.get(name, {})
        if "value" not in entry or not entry.get("reason"):
            raise ValueError(f"{file.name}: the number `{name}` needs a value and a reason.")
    return kind(**{name: found[name]["value"] for name in names})


@lru_cache
def content_of(file: Path) -> dict[str, Any]:
    """The YAML file as it is."""
    import yaml

    return yaml.safe_load(file.read_text(encoding="utf-8"))
