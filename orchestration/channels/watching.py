"""A cheap look at what file systems hold, to see whether anything has arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from orchestration.channels.catalog import FilesSystem
from orchestration.channels.connectors._listing import list_files


def files_fingerprint(systems: Iterable[FilesSystem]) -> str:
    """A text that changes when a file of these systems arrives, changes or goes. Raises ChannelError.

    Nothing is opened: names, sizes and the store's own stamps say enough.
    """
    digest = hashlib.sha256()
    for system in systems:
        for stream in system.streams.values():
            for path, size, stamp in list_files(system, stream):
                digest.update(f"{stream.label}|{path}|{size}|{stamp}\n".encode())
    return digest.hexdigest()
