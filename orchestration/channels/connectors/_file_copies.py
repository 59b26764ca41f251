"""A local copy of a delivered file whose content is complete and does not change while it is read."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import posixpath
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.connectors._listing import File, described, is_local
from orchestration.channels.connectors._sources import CHUNK_BYTES
from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Smaller files are kept in memory and read many at once: looking at each one alone costs more than reading its rows.
SMALL_BYTES = 2 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def verified_copy(
    file_system: AbstractFileSystem, file: File, where: str, scratch: Path
) -> tuple[Path, str, bytes | None]:
    """A local path with the content of `file`, its SHA-256, and the uncompressed content if that is small.

    A file of an object store is fetched once, so that what was hashed is what lands. A compressed file is read to its
    end before any of its rows is used. Raises ChannelError, which opens with `where`.
    """
    is_here = is_local(file_system)
    local = Path(file.full_path) if is_here else scratch / f"copy-{hashlib.sha256(file.path.encode()).hexdigest()[:16]}"
    if not is_here and file.path.endswith(".gz"):
        local = local.with_suffix(".gz")
    content: bytes | None = None
    try:
        if is_here and file.size <= SMALL_BYTES:
            content = local.read_bytes()
            digest = hashlib.sha256(content)
        else:
            digest = hashlib.sha256()
            with contextlib.ExitStack() as stack:
                original = stack.enter_context(file_system.open(file.full_path, "rb"))
                copy = None if is_here else stack.enter_context(local.open("wb"))
                while chunk := original.read(CHUNK_BYTES):
                    digest.update(chunk)
                    if copy is not None:
                        copy.write(chunk)
            if file.size <= SMALL_BYTES:
                content = local.read_bytes()
    except FileNotFoundError as error:
        raise _removed(where) from error
    except PermissionError as error:
        raise ChannelError(f"{where}: no permission to read the file; grant it and run again") from error
    if file.path.endswith(".gz") and file.size:
        content = _uncompressed(local, content, where)
    return local, digest.hexdigest(), content


def _uncompressed(local: Path, content: bytes | None, where: str) -> bytes | None:
    """The uncompressed content if it is small; the whole file is read in any case."""
    try:
        with gzip.open(local if content is None else io.BytesIO(content)) as unpacked:
            start = unpacked.read(SMALL_BYTES + 1)
            while unpacked.read(CHUNK_BYTES):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        if (content if content is not None else _first_bytes(local))[:2] != _GZIP_MAGIC:
            raise ChannelError(
                f"{where} is not compressed; give it a name without .gz, or compress it with gzip"
            ) from error
        raise ChannelError(f"{where} is cut off or damaged (gzip); deliver it again") from error
    return start if len(start) <= SMALL_BYTES else None


def _first_bytes(local: Path) -> bytes:
    with local.open("rb") as file:
        return file.read(2)


def refuse_changed_file(file_system: AbstractFileSystem, file: File, where: str) -> None:
    """Raise a transient ChannelError if the file has changed since it was listed."""
    try:
        if is_local(file_system):
            found = Path(file.full_path).stat()
            now = (found.st_size, str(found.st_mtime))
        else:
            file_system.invalidate_cache()
            found_now = described(posixpath.dirname(file.full_path), file_system.info(file.full_path))
            now = (found_now.size, found_now.stamp)
    except FileNotFoundError as error:
        raise _removed(where) from error
    if now != (file.size, file.stamp):
        raise ChannelError(f"{where} was changed while it was read; run again once it is complete", transient=True)


def _removed(where: str) -> ChannelError:
    return ChannelError(f"{where} was removed while it was read; run again", transient=True)
