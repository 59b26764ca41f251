"""Keeps fitted models as files: a folder per model and version, with a readable manifest. Needs no server.

A model is a pickle written by joblib: reading it runs its content. The registry therefore reads only files whose hash
is in the manifest. An attacker who can write to the folder can replace both, so protect the folder like the code, and
never open a registry from elsewhere. (skops reads without running code, but only types that it knows; ours change with
every release.)
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
# Of the classes in a saved model. Raise it when a class moves or changes, so that older models are trained again.
MODEL_FORMAT = 2
_LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Manifest:
    """Describes a saved model. version counts from 1; content_sha256 is that of the file.

    model_format: MODEL_FORMAT of the release that saved it; manifests of version 0.1.0 have none and count as 1.
    """

    name: str
    version: int
    trained_as_of: str
    seed: int | None
    content_sha256: str
    python: str
    libraries: dict[str, str]
    figures: dict[str, Any] = field(default_factory=dict)
    model_format: int = 1


class RegistryError(Exception):
    """A model cannot be saved or read. The message has the model and the remedy."""


@runtime_checkable
class _HoldsRows(Protocol):
    """A model that has single rows of its input, and a copy without them."""

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
    """Saves a model as the next version of its name, unless it equals the newest version.

    name: lowercase letters, digits, - _ and dots. figures: measures, as JSON. All or nothing: the version appears by
    renaming a finished folder. Rows of customers are not saved. Raises RegistryError.
    """
    if not _NAME.fullmatch(name):
        raise RegistryError(f"{name!r} cannot be the name of a model: use lowercase letters, digits, - _ and dots.")
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
        model_format=MODEL_FORMAT,
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

    Raises RegistryError if there is none, if its file was changed, or if another release of context360 or scikit-learn
    saved it.
    """
    existing = versions(folder, name)
    if not existing or (wanted is not None and wanted not in existing):
        raise RegistryError(f"There is no model {name}{f' version {wanted}' if wanted else ''} in {folder}.")
    chosen = wanted if wanted is not None else existing[-1]
    manifest = manifest_of(folder, name, chosen)
    content = (folder / name / f"{chosen:06d}" / CONTENT).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.content_sha256:
        raise RegistryError(
            f"{name} version {chosen} is not the file that was saved: delete its folder and train again."
        )
    if manifest.model_format != MODEL_FORMAT:
        raise RegistryError(f"{name} version {chosen} was saved by another release of context360: train again.")
    if not is_readable(manifest):
        here, there = version("scikit-learn"), manifest.libraries.get("scikit-learn")
        raise RegistryError(
            f"{name} version {chosen} was saved with scikit-learn {there}, here is {here}: train again."
        )
    return joblib.load(io.BytesIO(content)), manifest


def is_readable(manifest: Manifest) -> bool:
    """Whether this installation reads the model: only the same format and release of scikit-learn are safe."""
    return manifest.model_format == MODEL_FORMAT and manifest.libraries.get("scikit-learn") == version("scikit-learn")


def versions(folder: Path, name: str) -> list[int]:
    """The finished versions of a model, oldest first."""
    return sorted(int(entry.parent.name) for entry in (folder / name).glob(f"[0-9]*/{MANIFEST}"))


def manifest_of(folder: Path, name: str, wanted: int) -> Manifest:
    """The manifest of a version. Raises RegistryError if it cannot be read."""
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
