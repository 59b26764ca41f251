"""A cheap look at file systems, to detect arrivals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from orchestration.channels.catalog import FilesSystem
from orchestration.channels.connectors._listing import list_files


def files_fingerprint(systems: Iterable[FilesSystem]) -> str:
    """A hash that changes when a file of these systems is added, changed or removed. Raises ChannelError.

    It rests on names, sizes and the store's own stamps; no file is opened.
    """
    digest = hashlib.sha256()
    for system in systems:
        for stream in system.streams.values():
            for path, size, stamp in list_files(system, stream):
                digest.update(f"{stream.label}|{path}|{size}|{stamp}\n".encode())
    return digest.hexdigest()
