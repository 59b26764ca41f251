"""Landings that are killed with SIGKILL at one point between reading the source and writing the marker of the load.

Each runs in a process of its own, forked from a server that has imported everything once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.extract.extract import Extract
from dlt.pipeline.pipeline import Pipeline
from fsspec.implementations.local import LocalFileSystem

from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.connectors import _file_reading
from orchestration.channels.landing.land import land_stream

if TYPE_CHECKING:
    from tests.channels.conftest import Bench


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> Callable[[], None]:
    return lambda: setattr(owner, name, _die)


def _after(owner: Any, name: str, calls: int = 1) -> Callable[[], None]:
    def arm() -> None:
        original, done = getattr(owner, name), []

        def wrapped(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            done.append(name)
            return result if len(done) < calls else _die()

        setattr(owner, name, wrapped)

    return arm


def _half_copy() -> None:
    def half(_: LocalFileSystem, source: str, target: str, *__: Any, **___: Any) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:-40])
        _die()

    LocalFileSystem.put_file = half


# Each arms its point in the process that calls it.
KILLS: dict[str, Callable[[], None]] = {
    "while the source is read": _after(_file_reading, "refuse_changed_file", calls=2),
    "before the extracted package is committed": _before(Extract, "commit_packages"),
    "after the extracted package is committed": _after(Extract, "commit_packages"),
    "before the package is normalised": _before(Pipeline, "normalize"),
    "before the package is loaded": _before(Pipeline, "load"),
    "half-way through the copy of a data file": _half_copy,
    "after the copy of a data file": _after(LocalFileSystem, "put_file"),
    "before the state is stored": _before(FilesystemClient, "_store_current_state"),
    "before the marker is stored": _before(FilesystemClient, "_store_load"),
    "after the marker is stored": _after(FilesystemClient, "_store_load"),
}
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def land_and_die(bench: Bench, point: str, day: str = "") -> None:
    """Lands the first stream of the bench's catalog, or loads a day of it again, and is killed at the point."""
    place = str(bench.folder / "test.yaml"), bench.landing_url, str(bench.working_dir)
    process = _PROCESSES.Process(target=_land, args=(*place, point, day))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _land(catalog_file: str, landing_url: str, working_dir: str, point: str, day: str) -> None:
    (system, stream), *_ = load_catalog(Path(catalog_file), {}).streams()
    KILLS[point]()
    days = (date.fromisoformat(day), date.fromisoformat(day)) if day else None
    land_stream(system, stream, landing_url=landing_url, working_dir=Path(working_dir), days=days)
