"""The complete loads of a stream: list them, accept them, hold them. Whether a load is good is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from orchestration.channels.connectors import INCOMING, REJECTS
from orchestration.channels.errors import ChannelError
from orchestration.channels.landing.folder import HELD, ROWS, StreamFolder


@dataclass(frozen=True)
class PendingLoad:
    """A load that is not in rows/: `incoming` waits for its judgement, `held` was stopped by it.

    files: paths that DuckDB and fsspec understand. superseded: the load is held, and a newer load with every one of its
    source files was accepted, so that it needs no attention.
    """

    load_id: str
    state: Literal["incoming", "held"]
    files: tuple[str, ...]
    rows: int
    source_files: frozenset[str]
    superseded: bool = False

    @property
    def query(self) -> str:
        """A query that yields the rows of the load."""
        files = ", ".join("'" + file.replace("'", "''") + "'" for file in self.files)
        return f"select * from read_parquet([{files}], union_by_name = true)"


def pending_loads(landing_url: str, system: str, stream: str) -> list[PendingLoad]:
    """Complete loads of a stream that are not accepted, oldest first: those in incoming/ and those in held/."""
    folder = StreamFolder(landing_url, system, stream)
    folder.finish_moves()
    complete = set(folder.complete_loads())
    pending: list[PendingLoad] = []
    states: tuple[tuple[Literal["incoming", "held"], str], ...] = (("incoming", INCOMING), ("held", HELD))
    for state, name in states:
        for load_id, files in folder.load_files(name).items():
            if load_id in complete:
                rows, sources = folder.contents(name, files)
                urls = tuple(folder.url(name, file) for file in files)
                pending.append(PendingLoad(load_id, state, urls, rows, sources))
    pending.sort(key=lambda load: float(load.load_id))
    return [_marked(load, folder) if load.state == "held" and load.source_files else load for load in pending]


def _marked(load: PendingLoad, folder: StreamFolder) -> PendingLoad:
    """The held load, with `superseded` set."""
    accepted: set[str] = set()
    for load_id, names in folder.load_files(ROWS).items():
        if float(load_id) > float(load.load_id) and not load.source_files <= accepted:
            accepted |= folder.contents(ROWS, names)[1]
    return replace(load, superseded=load.source_files <= accepted)


def accepted_loads(landing_url: str, system: str, stream: str) -> list[tuple[str, int]]:
    """Accepted loads of a stream as (load id, rows), oldest first."""
    folder = StreamFolder(landing_url, system, stream)
    loads = [(load_id, folder.contents(ROWS, names)[0]) for load_id, names in folder.load_files(ROWS).items()]
    return sorted(loads, key=lambda load: float(load[0]))


def accepted_rows(landing_url: str, system: str, stream: str) -> str:
    """What staging reads of a stream, as a relation for DuckDB."""
    folder = f"{landing_url}/{system}/{stream}/{ROWS}".replace("'", "''")
    return f"read_parquet('{folder}/*.parquet', union_by_name = true)"


def rejected_rows(landing_url: str, system: str, stream: str) -> str:
    """The rows of a stream that could not be read, of all loads, as a relation for DuckDB."""
    folder = f"{landing_url}/{system}/{stream}/{REJECTS}".replace("'", "''")
    return f"read_parquet('{folder}/*.parquet', union_by_name = true)"


def landed_files(landing_url: str, system: str, stream: str) -> list[tuple[str, int]]:
    """Names and sizes in bytes of the files that staging reads of a stream; a file never changes once it is there."""
    folder = StreamFolder(landing_url, system, stream)
    return [file for part in (ROWS, REJECTS) for file in folder.sizes(part)]


def landed_at(load_id: str) -> datetime:
    """When a load landed (naive UTC): dlt's load ids are the seconds of its start."""
    return datetime.fromtimestamp(float(load_id), UTC).replace(tzinfo=None)


def accept(landing_url: str, system: str, stream: str, load_id: str) -> None:
    """Move a load to rows/: from incoming/, or from held/ to release it. A second call changes nothing.

    Raises ChannelError if the stream has no complete load of that id.
    """
    _complete_load(landing_url, system, stream, load_id).move_load(load_id, (INCOMING, HELD), ROWS)


def hold(landing_url: str, system: str, stream: str, load_id: str) -> None:
    """Move a load to held/: from incoming/, or from rows/ if it proves wrong later. A second call changes nothing.

    Raises ChannelError if the stream has no complete load of that id.
    """
    _complete_load(landing_url, system, stream, load_id).move_load(load_id, (INCOMING, ROWS), HELD)


def _complete_load(landing_url: str, system: str, stream: str, load_id: str) -> StreamFolder:
    """The folder of the stream, in which the load is complete and no move is unfinished."""
    folder = StreamFolder(landing_url, system, stream)
    folder.finish_moves()
    if load_id not in folder.complete_loads():
        raise ChannelError(
            f"{system}/{stream}: landing has no complete load {load_id}; choose one that pending_loads lists"
        )
    return folder
