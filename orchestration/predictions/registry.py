"""Fitted models as files: a folder per model and version, with a manifest that a person can read. No server.

A model is a pickle, written by joblib: reading one runs what is in it. So the registry reads only files whose hash
stands in the manifest, and refuses others; whoever can write to the folder can still replace both, so it must be as
writable as the code itself, and a registry from elsewhere must not be opened. (skops reads without running code, but
only lists of types that it knows; ours change with every release.)
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import joblib

MANIFEST, CONTENT = "manifest.json", "model.joblib"
_LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Manifest:
    """What is known of a saved model. version counts from 1; content_sha256 is that of the file."""

    name: str
    version: int
    trained_as_of: str
    seed: int | None
    content_sha256: str
    python: str
    libraries: dict[str, str]
    figures: dict[str, Any] = field(default_factory=dict)


class RegistryError(Exception):
    """A model cannot be saved or read. The message says which one, and what to do."""


@runtime_checkable
class _HoldsRows(Protocol):
    """A model that also carries single rows of its input, and can be had without them."""

    def without_rows(self) -> object: ...


def save_model(
    folder: Path,
    name: str,
    model: object,
    *,
    trained_as_of: datetime,
    seed: int | None = None,
    figures: dict[str, Any] | None = None,
) -> Manifest:
    """Saves a model as the next version of its name; the same content as the newest version is not saved again.

    name: small letters, digits, - _ and dots. figures: what is to be told about it, as JSON can hold. All or nothing:
    the version appears by renaming a finished folder. A model that carries rows of customers is saved without them.
    """
    if not _NAME.fullmatch(name):
        raise RegistryError(f"{name!r} cannot be the name of a model: use small letters, digits, - _ and dots.")
    buffer = io.BytesIO()
    joblib.dump(model.without_rows() if isinstance(model, _HoldsRows) else model, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    existing = versions(folder, name)
    if existing:
        newest = manifest_of(folder, name, existing[-1])
        if (newest.content_sha256, newest.trained_as_of) == (digest, trained_as_of.isoformat()):
            return newest
    manifest = Manifest(
        name=name,
        version=(existing[-1] if existing else 0) + 1,
        trained_as_of=trained_as_of.isoformat(),
        seed=seed,
        content_sha256=digest,
        python=platform.python_version(),
        libraries={library: version(library) for library in _LIBRARIES},
        figures=figures or {},
    )
    unfinished = Path(tempfile.mkdtemp(prefix=".saving-", dir=place))
    try:
        _write(unfinished / CONTENT, buffer.getvalue())
        _write(unfinished / MANIFEST, json.dumps(asdict(manifest), indent=2, sort_keys=True).encode())
        unfinished.rename(place / f"{manifest.version:06d}")
    except (OSError, TypeError, ValueError) as error:
        raise RegistryError(f"{name} version {manifest.version} was not saved: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return manifest


def load_model(folder: Path, name: str, wanted: int | None = None) -> tuple[Any, Manifest]:
    """A model and its manifest: the given version, or the newest one.

    RegistryError where there is none, where its file is not the one that was saved, or where it was saved with another
    release of scikit-learn (train it again).
    """
    existing = versions(folder, name)
    if not existing or (wanted is not None and wanted not in existing):
        raise RegistryError(f"There is no model {name}{f' version {wanted}' if wanted else ''} in {folder}.")
    chosen = wanted if wanted is not None else existing[-1]
    manifest = manifest_of(folder, name, chosen)
    content = (folder / name / f"{chosen:06d}" / CONTENT).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.content_sha256:
        raise RegistryError(f"{name} version {chosen} is not the file that was saved: delete it and train again.")
    if not is_readable(manifest):
        here, there = version("scikit-learn"), manifest.libraries.get("scikit-learn")
        raise RegistryError(
            f"{name} version {chosen} was saved with scikit-learn {there}, here is {here}: train again."
        )
    return joblib.load(io.BytesIO(content)), manifest


def is_readable(manifest: Manifest) -> bool:
    """Whether this release of scikit-learn reads what that one has saved: only the same one surely does."""
    return manifest.libraries.get("scikit-learn") == version("scikit-learn")


def versions(folder: Path, name: str) -> list[int]:
    """The finished versions of a model, oldest first."""
    return sorted(int(entry.parent.name) for entry in (folder / name).glob(f"[0-9]*/{MANIFEST}"))


def manifest_of(folder: Path, name: str, wanted: int) -> Manifest:
    """The manifest of a version."""
    file = folder / name / f"{wanted:06d}" / MANIFEST
    try:
        return Manifest(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise RegistryError(f"{file} cannot be read: delete the folder and train again.") from error


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
