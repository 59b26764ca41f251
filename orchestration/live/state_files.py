"""Files that only the service's user may read: folders 0700, files 0600, replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson


class LiveError(Exception):
    """The service or its state cannot be used; the message says why and what to do."""


def private_folder(path: Path) -> Path:
    """The folder, made if needed, closed to others. Raises LiveError where it cannot be written."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise LiveError(
            f"{path} cannot be written ({error.strerror}): correct the rights of the folder, or choose another with "
            "--home."
        ) from error
    return path


def write_private(path: Path, content: Any) -> None:
    """Replaces a JSON file in one step."""
    private_folder(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_private(path: Path, default: Any) -> Any:
    """What a JSON file holds, or `default` where there is none. Raises LiveError where it is damaged."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except (OSError, orjson.JSONDecodeError) as error:
        raise LiveError(f"{path} cannot be read ({type(error).__name__}): put it back from a backup.") from error


class WatchedFile:
    """The content of a JSON file, read again when it has changed."""

    def __init__(self, path: Path, default: Any) -> None:
        self._path, self._default = path, default
        self._stamp: tuple[int, int] | None = None
        self._content = default

    def __call__(self) -> Any:
        """The content now."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return self._default
        if (stamp := (found.st_ino, found.st_mtime_ns)) != self._stamp:
            self._content, self._stamp = read_private(self._path, self._default), stamp
        return self._content
