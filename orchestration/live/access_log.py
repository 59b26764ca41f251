"""The log of looks at customers: by which user, at which customer, when and through what.

Append-only; each line seals the lines before it. It names customers by number and identifiers by kind: it holds no
personal value.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from orchestration.live.state_files import LiveError, private_folder
from orchestration.live.tokens import Caller, now_text

FILE = "access.jsonl"
_START = "0" * 64


class AccessLog:
    """The open log of one service."""

    def __init__(self, live: Path) -> None:
        """Raises LiveError where the folder cannot be written."""
        self._path = private_folder(live) / FILE
        self._seal = _last_seal(self._path)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, caller: Caller, route: str, customer: int | None, outcome: str = "shown", **more: Any) -> None:
        """Writes one look before its answer goes out. Raises OSError where the disk is full: then nothing is shown."""
        entry = {
            "at": now_text(), "who": caller.name, "role": caller.role, "route": route,
            "customer": None if customer is None else f"C-{customer}", "outcome": outcome, **more,
        }  # fmt: skip
        seal = sealed(self._seal, entry)
        line = orjson.dumps(entry | {"seal": seal}) + b"\n"
        if os.write(self._descriptor, line) != len(line):
            raise OSError(28, "the access log is incomplete")
        self._seal = seal

    def sync(self) -> None:
        """Forces what is written to disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Syncs and closes the file."""
        self.sync()
        os.close(self._descriptor)


def sealed(seal: str, entry: dict[str, Any]) -> str:
    """The seal of an entry that follows one with `seal`."""
    return hashlib.sha256(seal.encode() + orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)).hexdigest()


def looks(
    live: Path, *, customer: str | None = None, who: str | None = None, most: int = 1_000
) -> list[dict[str, Any]]:
    """The newest looks first, at most `most`, of a customer (`C-154`) or a caller."""
    found = [
        entry
        for entry in _entries(live / FILE)
        if (customer is None or entry["customer"] == customer) and (who is None or entry["who"] == who)
    ]
    return found[: -most - 1 : -1]


def check_seals(live: Path) -> int:
    """The number of looks. Raises LiveError with the first line that was changed, or follows a removed one."""
    seal, count = _START, 0
    for count, entry in enumerate(_entries(live / FILE), start=1):
        found = entry.pop("seal", "")
        seal = sealed(seal, entry)
        if found != seal:
            raise LiveError(f"{live / FILE}, line {count}: was changed, or lines before it were removed.")
    return count


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield orjson.loads(line)


def _last_seal(path: Path) -> str:
    """The seal of the last whole line. A line that a crash tore off is ended, so that the next one stands alone."""
    if not path.exists() or not path.stat().st_size:
        return _START
    with path.open("rb+") as file:
        file.seek(max(0, path.stat().st_size - 65_536))
        tail = file.read()
        whole, _, torn = tail.rpartition(b"\n")
        if torn:
            file.truncate(path.stat().st_size - len(torn))
    if not whole:
        return _START
    return orjson.loads(whole.rpartition(b"\n")[2])["seal"]
