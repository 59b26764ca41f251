"""The files of a folder or an object store that match a stream. No file is opened."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.errors import ChannelError, causes, store_client_errors
from orchestration.channels.periods import period_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


@dataclass(frozen=True)
class File:
    """A file as its store lists it."""

    path: str  # relative to the location of the system: the name of the file in messages
    full_path: str
    size: int
    stamp: str  # changes when the file is written: modification time, or the store's etag

    @cached_property
    def period(self) -> tuple[date, date] | None:
        """The first and last day of the period in its path, if there is one."""
        return period_of(self.path)

    def is_known(self, seen: Mapping[str, Any]) -> bool:
        """Whether the file has landed and has not changed since. seen: path -> {size, stamp}."""
        known = seen.get(self.path)
        return known is not None and known["size"] == self.size and known["stamp"] == self.stamp


def list_files(system: FilesSystem, stream: FileStream) -> list[tuple[str, int, str]]:
    """The files of a stream as (relative path, size in bytes, stamp); no file is opened. Raises ChannelError."""
    return [
        (file.path, file.size, file.stamp) for file in matching_files(file_system_of(system, stream), system, stream)
    ]


def file_system_of(system: FilesSystem, stream: FileStream) -> AbstractFileSystem:
    """The file system of a location. Raises ChannelError."""
    import fsspec

    protocol = system.location.split("://", 1)[0] if "://" in system.location else "file"
    try:
        return fsspec.filesystem(protocol, **system.storage_options)
    except (ImportError, ValueError) as error:
        raise ChannelError(
            f"{stream.label}: the fsspec package for {protocol}:// is not installed; install it, or correct "
            f"`location` in {system.catalog_file.name}"
        ) from error


def matching_files(file_system: AbstractFileSystem, system: FilesSystem, stream: FileStream) -> list[File]:
    """The files of a stream, sorted by their paths. Raises ChannelError if there are none."""
    root = file_system._strip_protocol(system.location)  # noqa: SLF001 (fsspec documents it for this use)
    no_file = (
        f"{stream.label}: no file matches {stream.path} in {system.location}; deliver the file or correct `path` in "
        f"{system.catalog_file.name}"
    )
    try:
        if is_local(file_system):
            files = list(_local_files(root, stream.path))
        else:
            # fsspec caches the listing of an object store; a new file must be found.
            file_system.invalidate_cache()
            found = file_system.glob(posixpath.join(root, stream.path), detail=True)
            files = [described(root, info) for info in found.values() if info["type"] == "file"]
        if not files and not file_system.exists(root):
            raise ChannelError(
                f"{stream.label}: the folder {system.location} does not exist; create it or correct `location` in "
                f"{system.catalog_file.name}"
            )
    except FileNotFoundError as error:
        raise ChannelError(no_file) from error
    except PermissionError as error:
        raise ChannelError(
            f"{stream.label}: no permission to read {system.location}; grant it, or renew the credentials in "
            f"{system.field_to_renew('storage_options')}"
        ) from error
    except OSError as error:
        raise ChannelError(f"{stream.label}: {system.location} does not answer; run again later", True) from error
    except store_client_errors() as error:
        silent = any("onnect" in type(cause).__name__ or "imeout" in type(cause).__name__ for cause in causes(error))
        raise ChannelError(
            f"{stream.label}: {system.location} "
            + ("does not answer; run again later" if silent else "denies access; renew the credentials"),
            transient=silent,
        ) from error
    if not files:
        raise ChannelError(no_file)
    return sorted(files, key=lambda file: file.path)


def is_local(file_system: AbstractFileSystem) -> bool:
    """Whether files can be opened by their paths."""
    return file_system.protocol == "file" or "file" in file_system.protocol


def described(root: str, info: Mapping[str, Any]) -> File:
    """A file, from what fsspec reports of it."""
    stamp = info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("LastModified") or info.get("created")
    full_path = info["name"]
    return File(posixpath.relpath(full_path, root), full_path, int(info["size"] or 0), str(stamp).strip('"'))


def _local_files(root: str, pattern: str) -> Iterator[File]:
    """The files below `root` that fsspec's glob would find, with one call per folder and per file."""
    from fsspec.utils import glob_translate

    if not Path(root).is_dir():
        return
    matches = re.compile(glob_translate(pattern)).match
    depth = None if "**" in pattern else pattern.count("/")

    def walk(folder: str, prefix: str, level: int) -> Iterator[File]:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir():
                    if depth is None or level < depth:
                        yield from walk(entry.path, name + "/", level + 1)
                elif matches(name):
                    with contextlib.suppress(FileNotFoundError):  # removed just now
                        found = entry.stat()
                        if stat.S_ISREG(found.st_mode):
                            yield File(name, entry.path, found.st_size, str(found.st_mtime))

    yield from walk(root, "", 0)
