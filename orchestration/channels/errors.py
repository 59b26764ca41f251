"""The two errors of channels, and how to recognise the failures of libraries behind them.

A message names the stream, the file or table, what is wrong and the remedy. It never contains a value of a row, a token
or the password of a URL.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator, Sequence


class CatalogError(Exception):
    """The catalog cannot be used. The message has one line per fault."""


class ChannelError(Exception):
    """A stream could not be landed.

    transient: the same run may succeed later without any change, for example because a server does not answer or a file
    is still being written.
    """

    def __init__(self, message: str, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


def several(faults: Sequence[object]) -> str:
    """One sentence about several faults: the first one and the number of others; empty without faults."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0]}{more}" if faults else ""


# ENOSPC in the words of DuckDB, Arrow and SQLite, whose errors have no errno.
_DISK_FULL_WORDS = ("no space left on device", "disk is full", "disk full", "not enough space on", "errno 28")


def causes(error: BaseException) -> Iterator[BaseException]:
    """All exceptions behind `error`, itself first: dlt wraps a failure two or three times."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = getattr(current, "exception", None)
        waiting += [inner if isinstance(inner, BaseException) else None, current.__cause__, current.__context__]


_CLIENT_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("gcsfs.retry", "HttpError"),
)


def store_client_errors() -> tuple[type[Exception], ...]:
    """What the clients of object stores raise beside OSError. Only of those in use: none has to be installed."""
    return tuple(getattr(sys.modules[module], name) for module, name in _CLIENT_ERRORS if module in sys.modules)


def is_disk_full(error: BaseException) -> bool:
    """Whether a full disk caused `error`, however many libraries have wrapped it."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(word in str(cause).lower() for word in _DISK_FULL_WORDS):
            return True
    return False


def disk_full(label: str, place: str) -> ChannelError:
    """The error for a full disk at `place` while the stream `label` was landing."""
    return ChannelError(
        f"{label}: the disk that holds {place} is full; free space and run again: nothing was lost", transient=True
    )
