"""The landing folder of one stream, in a local file system or an object store: its files, loads and moves."""

from __future__ import annotations

import json
import os
import posixpath
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.connectors import INCOMING, REJECTS

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ROWS, HELD = "rows", "held"
REMOVED = "removed"  # how many rows were taken out of the files, see removal.py
# Spark ignores files whose names begin with an underscore or a dot.
DECLARED_FILE = "declared.parquet"
_MOVES = "_moves"
_MARKERS, _STATES = "_dlt_loads", "_dlt_pipeline_state"


class StreamFolder:
    """The files of one stream below `landing_url` (a local folder or an fsspec URL)."""

    def __init__(self, landing_url: str, system: str, stream: str) -> None:
        from fsspec.core import url_to_fs

        self.is_local = "://" not in landing_url or landing_url.startswith("file://")
        self.fs: AbstractFileSystem
        self.fs, root = url_to_fs(landing_url)
        self.system_url = (
            posixpath.join(root, system) if self.is_local else posixpath.join(landing_url.rstrip("/"), system)
        )
        self.root = posixpath.join(root, system, stream)
        self.scheme = "" if self.is_local else landing_url.split("://", 1)[0] + "://"

    def path(self, *parts: str) -> str:
        """A path inside the folder, as fsspec knows it."""
        return posixpath.join(self.root, *parts)

    def url(self, *parts: str) -> str:
        """A path inside the folder, as DuckDB and fsspec both understand it."""
        return self.scheme + self.path(*parts)

    def names(self, folder: str) -> list[str]:
        """Sorted names of the files in `folder`; empty if it does not exist."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(entry["name"]) for entry in found if entry["type"] == "file")

    def sizes(self, folder: str) -> list[tuple[str, int]]:
        """Sorted names (with the folder's) and sizes in bytes of the files in `folder`; empty if it does not exist."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path(folder), detail=True)
        except FileNotFoundError:
            return []
        files = [entry for entry in found if entry["type"] == "file"]
        return sorted((f"{folder}/{posixpath.basename(entry['name'])}", int(entry["size"])) for entry in files)

    def load_files(self, folder: str) -> dict[str, list[str]]:
        """Load id -> names of its data files in `folder`."""
        found: dict[str, list[str]] = {}
        for name in self.names(folder):
            if name.endswith(".parquet") and name != DECLARED_FILE:
                # A load id contains a dot itself: seconds.fraction.file_id.parquet
                found.setdefault(name.rsplit(".", 2)[0], []).append(name)
        return found

    def complete_loads(self) -> list[str]:
        """Ids of all loads that have a marker, oldest first."""
        loads = (name.removesuffix(".jsonl").rsplit("__", 1)[-1] for name in self.names(_MARKERS) if "__" in name)
        return sorted(loads, key=float)

    def initialise(self) -> None:
        """Mark the folder as dlt's, in one step.

        dlt itself takes two steps, cannot resume after the first one, and fails on a folder that holds other files.
        """
        from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, INIT_FILE_NAME

        if not self.fs.exists(self.path(INIT_FILE_NAME)):
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            self.write(json.dumps(versions).encode(), INIT_FILE_NAME)

    def remove_incomplete_loads(self) -> None:
        """Remove what loads without a marker left: half-copied files, and the state that would hide their loss."""
        complete = set(self.complete_loads())
        for folder in (INCOMING, REJECTS):
            for load_id, names in self.load_files(folder).items():
                if load_id not in complete:
                    self._remove(folder, names)
        self._remove(_STATES, [n for n in self.names(_STATES) if "__" in n and n.rsplit("__", 2)[1] not in complete])

    def _remove(self, folder: str, names: list[str]) -> None:
        for name in names:
            self.fs.rm_file(self.path(folder, name))

    def write(self, content: bytes, *parts: str) -> None:
        """Write a small file atomically: readers see all of it or nothing."""
        target = self.path(*parts)
        if not self.is_local:
            self.fs.pipe_file(target, content)
            return
        self.fs.makedirs(posixpath.dirname(target), exist_ok=True)
        draft = Path(posixpath.dirname(target), f".{posixpath.basename(target)}.{uuid.uuid4().hex}")
        try:
            with draft.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def move_load(self, load_id: str, sources: tuple[str, ...], target: str) -> None:
        """Move all files of a load from the folders `sources` to the folder `target`.

        The decision is written first, so that an interruption cannot leave a load half accepted for good.
        """
        if not any(load_id in self.load_files(folder) for folder in sources):
            return
        self.write(json.dumps({"from": sources, "to": target}).encode(), _MOVES, f"{load_id}.json")
        self._carry_out(load_id, sources, target)

    def finish_moves(self) -> None:
        """Carry out moves that were decided and then interrupted."""
        for name in self.names(_MOVES):
            if name.endswith(".json") and not name.startswith("."):
                move = json.loads(self.fs.cat_file(self.path(_MOVES, name)))
                self._carry_out(name.removesuffix(".json"), move["from"], move["to"])

    def _carry_out(self, load_id: str, sources: Collection[str], target: str) -> None:
        if self.is_local:
            self.fs.makedirs(self.path(target), exist_ok=True)
        for folder in sources:
            for name in self.load_files(folder).get(load_id, []):
                if self.is_local:
                    Path(self.path(folder, name)).replace(self.path(target, name))
                else:  # a copy, then a removal: the copy is repeated if the removal did not happen
                    self.fs.mv(self.path(folder, name), self.path(target, name))
        self.fs.rm_file(self.path(_MOVES, f"{load_id}.json"))

    def contents(self, folder: str, names: list[str]) -> tuple[int, frozenset[str]]:
        """The number of rows in some data files, and the source files they came from."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        rows = 0
        sources: set[str] = set()
        for name in names:
            with self.fs.open(self.path(folder, name), "rb") as opened, pq.ParquetFile(opened) as file:
                rows += file.metadata.num_rows
                if "_source_file" in file.schema_arrow.names:
                    for batch in file.iter_batches(columns=["_source_file"]):
                        sources.update(value for value in pc.unique(batch.column(0)).to_pylist() if value is not None)
        return rows, frozenset(sources)
