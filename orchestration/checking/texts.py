"""What the files of a system say by themselves: TODO, columns that nothing reads, and where a column is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.checking.findings import Finding

_TODO = re.compile(r"\bTODO\b[: ]*(.*)")
_UNDECIDED = re.compile(r"context360\.undecided\('(\w+)', '([^']*)'\)")


@dataclass(frozen=True)
class StagingTexts:
    """The files of one staging folder. root: the firm's folder."""

    root: Path
    folder: Path

    def files(self) -> list[Path]:
        """Models and YAML of the folder."""
        return sorted(file for ending in ("*.sql", "*.yml") for file in self.folder.rglob(ending))

    def base(self, stream: str) -> Path:
        """The base model of a stream."""
        return self.folder / f"base_{self.folder.name}__{stream}.sql"

    def place(self, file: Path, pattern: str = "") -> str:
        """`models/staging/…sql:12`: the first line that matches, or the file."""
        relative = str(file.relative_to(self.root)) if file.is_relative_to(self.root) else file.name
        if pattern and file.is_file():
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
                if re.search(pattern, line):
                    return f"{relative}:{number}"
        return relative

    def undecided(self, file: Path) -> set[str]:
        """The columns of a model that are still undecided."""
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        return set(re.findall(r"context360\.undecided\(.*?\) }} as (\w+)", text))

    def landed_column(self, stream: str, column: str) -> str:
        """The landed column that a column of the base model is read from; '' where the text does not show it."""
        file = self.base(stream)
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        found = re.search(rf"\(['\"]([^)]*)['\"][^)]*\) }}}} as raw_{column}\b", text)
        return found[1] if found and re.fullmatch(r"\w+", found[1]) else ""


def open_points(texts: StagingTexts, catalog: Path, system: str) -> Iterator[Finding]:
    """Every TODO of a system, and what is undecided."""
    for file in texts.files():
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            place = f"{texts.place(file)}:{number}"
            undecided = _UNDECIDED.search(line)
            if undecided:
                yield Finding(
                    "error", place, f"{undecided[1]} can be read in several ways", f"write {undecided[2]}", 1.0
                )
            elif (todo := _TODO.search(line)) and "'TODO'" not in line:
                yield Finding("note", place, f"TODO {todo[1].strip() or line.strip()}", "decide, and delete the TODO")
    inside = False
    for number, line in enumerate(catalog.read_text(encoding="utf-8").splitlines(), start=1):
        if re.match(r"  \w+:", line):
            inside = line.strip() == f"{system}:"
        if inside and (todo := _TODO.search(line)):
            yield Finding("note", f"{catalog.name}:{number}", f"TODO {todo[1].strip()}", "decide, and delete the TODO")


def unread_columns(texts: StagingTexts, stream: str, columns: list[str]) -> Iterator[Finding]:
    """Declared columns that the base model does not read."""
    file = texts.base(stream)
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    for column in columns:
        if not re.search(rf"\b{re.escape(column)}\b", text):
            place = texts.place(texts.folder / f"_{texts.folder.name}__sources.yml", rf"name: {re.escape(column)}\b")
            yield Finding("note", place, f"{stream}: nothing reads {column}", "read it in the base model, or leave it")
