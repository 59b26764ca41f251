"""Which questions a firm can answer with the streams that its systems contribute, and what would answer the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.channels.catalog import Catalog
from orchestration.firm.folder import FirmFolder

_FILE = Path(__file__).with_name("coverage.yml")


@dataclass(frozen=True)
class Coverage:
    """One question. systems: that answer it; missing: streams that would, each a choice; helpful: streams not there."""

    question: str
    tables: tuple[str, ...]
    systems: tuple[str, ...]
    missing: tuple[str, ...]
    helpful: tuple[str, ...]

    @property
    def is_answered(self) -> bool:
        """Whether every stream that it needs is there."""
        return not self.missing


def contributed_streams(catalog: Catalog, firm: FirmFolder) -> dict[str, list[str]]:
    """Canonical stream -> systems of the catalog that contribute to it. Raises FirmError."""
    found: dict[str, list[str]] = {}
    for system in catalog.systems.values():
        for stream, _ in firm.contributions(system.staging_folder):
            found.setdefault(stream, []).append(system.name)
    return found


def coverage_of(contributed: Mapping[str, list[str]]) -> list[Coverage]:
    """The questions in the order of the file. contributed: canonical stream -> systems that bring it."""
    import yaml

    found = []
    for entry in yaml.safe_load(_FILE.read_text(encoding="utf-8")):
        systems: list[str] = []
        missing: list[str] = []
        for need in entry["needs"]:
            choices = need if isinstance(need, list) else [need]
            brought = [system for stream in choices for system in contributed.get(stream, [])]
            systems += brought
            if not brought:
                missing.append(" or ".join(choices))
        helpful = tuple(stream for stream in entry.get("helps", []) if stream not in contributed)
        found.append(
            Coverage(entry["question"], tuple(entry["tables"]), tuple(dict.fromkeys(systems)), tuple(missing), helpful)
        )
    return found
