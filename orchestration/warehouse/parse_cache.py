"""Where dbt's parse of a project is kept for all homes of this user.

A parse costs 13 seconds of processor and depends on the project and the catalog only, so homes and test runs share it.
The folder belongs to the user: what lies in it becomes SQL. Where it cannot be used, every home parses for itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from orchestration.settings import DBT_PACKAGE
from orchestration.warehouse.dbt_variables import PACKAGE_NAME

# What dbt writes: the manifest as data, and the one from which it goes on without parsing.
PARSED_FILES = ("manifest.json", "partial_parse.msgpack")
_KEPT = 12  # newest parses: about 8 MB each; a firm has one or two catalogs
_WAIT_SECONDS = 600  # for another process that parses the same project: a busy machine takes minutes


class ParseCache:
    """The parses below `folder`, one folder each, named by the fingerprint of what was parsed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def of_user() -> ParseCache | None:
        """The cache of this user, or None where there can be none that only this user can write."""
        folder = user_cache_path("context360") / "parsed"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.stat()
        except OSError:
            return None
        is_ours = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
        return ParseCache(folder) if is_ours and os.access(folder, os.W_OK) else None

    def packages_of(self, package: Path) -> Path:
        """The folder in which the installed package is linked for dbt; paths below it stand in every parse."""
        return self.folder / f"packages-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"

    @contextmanager
    def turn(self, fingerprint: str) -> Iterator[None]:
        """Lets one process at a time parse a project; who waited finds the parse of the other."""
        lock = FileLock(self.folder / f"{fingerprint}.lock", timeout=_WAIT_SECONDS)
        try:
            lock.acquire()
        except (OSError, Timeout):
            yield  # parsing twice is slow, not wrong
            return
        try:
            yield
        finally:
            lock.release()

    def fetch(self, fingerprint: str, target: Path) -> bool:
        """Copies a parse into the folder `target`. Returns whether there is one."""
        entry = self.folder / fingerprint
        try:
            for name in PARSED_FILES:
                shutil.copyfile(entry / name, target / name)
            os.utime(entry)
        except OSError:
            return False
        return True

    def keep(self, fingerprint: str, parsed: Path) -> None:
        """Keeps the parse in the folder `parsed`, at once and whole, and removes the oldest ones."""
        fresh = self.folder / f".{fingerprint}.{os.getpid()}"
        try:
            fresh.mkdir(mode=0o700)
            for name in PARSED_FILES:
                shutil.copyfile(parsed / name, fresh / name)
            fresh.rename(self.folder / fingerprint)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)  # kept already by another process, or no space
        self._prune()

    def _prune(self) -> None:
        with suppress(OSError):
            entries = sorted(self.folder.glob("[0-9a-f]" * 64), key=lambda entry: entry.stat().st_mtime)
            for entry in entries[:-_KEPT]:
                shutil.rmtree(entry, ignore_errors=True)
                (self.folder / f"{entry.name}.lock").unlink(missing_ok=True)
            for packages in self.folder.glob("packages-*"):  # of installations that are gone
                links = list(packages.iterdir())  # none: another process is about to link
                if links and not any(link.exists() for link in links):
                    shutil.rmtree(packages, ignore_errors=True)


def link_package(packages: Path) -> None:
    """Makes the installed package visible to dbt as the only one below `packages`, whatever was linked there before."""
    packages.mkdir(parents=True, exist_ok=True)
    link = packages / PACKAGE_NAME
    if link.is_symlink() and link.readlink() == DBT_PACKAGE:
        return
    fresh = packages / f".{PACKAGE_NAME}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(DBT_PACKAGE, target_is_directory=True)
    fresh.replace(link)
