"""What a SOURCE argument is: files and folders, a SQLAlchemy URL or an endpoint, as streams of the catalog."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from orchestration.channels.periods import period_of
from orchestration.onboarding.file_shapes import FileShape, UnreadableFile, first_line, shape_of
from orchestration.onboarding.found import FoundStream, FoundSystem, OnboardingError

# Parts of a file's name that differ from delivery to delivery: dates, times, counters.
_CHANGING = re.compile(r"\d[\d\-_.:T]*\d|\d+")
_HTTP = re.compile(r"https?://")
_DATABASE = re.compile(r"[a-z][a-z0-9+]*://")
_ENDINGS = re.compile(r"\.(csv|tsv|txt|json|jsonl|ndjson|parquet|gz|dat|data|tab)(?=\.|$)", re.IGNORECASE)


def system_of(sources: Sequence[str], folder: Path) -> FoundSystem:
    """The connector, its fields and the streams behind SOURCE arguments.

    folder: the firm's, to which paths are written relative. Raises OnboardingError if nothing can be read there.
    """
    if all(_HTTP.match(source) for source in sources):
        return _endpoints(sources)
    if len(sources) == 1 and _DATABASE.match(sources[0]):
        return _tables(sources[0])
    if any(_DATABASE.match(source) for source in sources):
        raise OnboardingError(
            "A system has one kind of source: name files and folders, one database URL, or endpoints of one API."
        )
    return _files(sources, folder)


def stream_name(text: str, is_numbered: bool = False) -> str:
    """`Customer-Loyalty_2026-01.csv` -> customer_loyalty. is_numbered: numbers differ from delivery to delivery."""
    text = _ENDINGS.sub("", text)
    text = _CHANGING.sub(" ", text) if is_numbered else text
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    name = "_".join(re.findall(r"[a-z0-9]+", text.lower()))
    name = re.sub(r"_+", "_", name).strip("_")
    return name if name[:1].isalpha() else f"stream_{name}".rstrip("_")


def _files(sources: Sequence[str], folder: Path) -> FoundSystem:
    found = sorted({file for source in sources for file in _files_of(source)})
    if not found:
        raise OnboardingError(f"There is no file at {', '.join(sources)}: correct the path.")
    location = Path(os.path.commonpath([file.parent for file in found]))
    groups: dict[tuple[str, bytes], list[Path]] = {}
    for file in found:
        relative = file.relative_to(location).as_posix()
        # Numbers in names are those of deliveries only where the files have one header.
        groups.setdefault((_CHANGING.sub("*", relative), first_line(file)), []).append(file)
    streams: list[FoundStream] = []
    left_out: list[str] = []
    everything = [file.relative_to(location).as_posix() for file in found]
    for (pattern, _), files in groups.items():
        try:
            shape = shape_of(files)
        except UnreadableFile as fault:
            left_out.append(f"{pattern}: {fault}")
            continue
        names = [file.relative_to(location).as_posix() for file in files]
        glob = _glob_of(names, everything)
        is_numbered = len(files) > 1 or period_of(names[0]) is not None
        name = _unused(stream_name(files[0].name, is_numbered), streams)
        streams.append(_file_stream(name, glob, names, shape))
    if not streams:
        raise OnboardingError("No file can be read: " + "; ".join(left_out))
    written = os.path.relpath(location, folder) if _is_near(location, folder) else str(location)
    return FoundSystem("files", {"location": written}, tuple(streams), tuple(left_out))


def _file_stream(name: str, glob: str, names: list[str], shape: FileShape) -> FoundStream:
    periods = tuple(sorted(period for file in names if (period := period_of(file))))
    count = f"{len(names):,} file" + ("s" if len(names) > 1 else "")
    evidence = {
        "path": f"matches {count}" + (f", {periods[0][0]} to {periods[-1][1]} in their names" if periods else "")
    }
    return FoundStream(name, {"path": glob, **shape.fields}, {**evidence, **shape.evidence}, periods)


def _files_of(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
    elif path.is_file():
        files = [path]
    else:
        anchor = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
        files = [file for file in anchor.glob(pattern) if file.is_file()]
    return [file.resolve() for file in files if not any(part.startswith(".") for part in file.parts[-2:])]


def _glob_of(names: list[str], everything: list[str]) -> str:
    """The narrowest pattern that finds these files, also tomorrow's, and none of the other files."""
    if len(names) == 1 and period_of(names[0]) is None:
        return names[0]
    loose, strict = _CHANGING.sub("*", names[0]), _CHANGING.sub("[0-9]*", names[0])
    return loose if _matches(loose, everything) == set(names) else strict


def _matches(pattern: str, names: Iterable[str]) -> set[str]:
    from fsspec.utils import glob_translate

    matches = re.compile(glob_translate(pattern)).match
    return {name for name in names if matches(name)}


def _is_near(location: Path, folder: Path) -> bool:
    """Whether a relative path says more than an absolute one: below the firm's folder, or beside it."""
    return len(Path(os.path.commonpath([location, folder])).parts) >= max(len(folder.parts) - 2, 2)


def _unused(name: str, streams: Sequence[FoundStream]) -> str:
    taken = {stream.name for stream in streams}
    return next(free for free in (name, *(f"{name}_{n}" for n in range(2, 1000))) if free not in taken)


def _tables(url: str) -> FoundSystem:
    import sqlalchemy as sa

    try:
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        tables = [*inspector.get_table_names(), *inspector.get_view_names()]
        keys = {table: inspector.get_pk_constraint(table)["constrained_columns"] for table in tables}
    except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
        raise OnboardingError(
            f"The database does not open ({type(error).__name__}): correct the URL, or install its driver."
        ) from error
    if not tables:
        raise OnboardingError("The database has no table: correct the URL.")
    streams: list[FoundStream] = []
    for table in tables:
        evidence = {"table": f"primary key {', '.join(keys[table])}"} if keys[table] else {}
        streams.append(FoundStream(_unused(stream_name(table), streams), {"table": table}, evidence))
    return FoundSystem("database", {"url": url}, tuple(streams))


def _endpoints(sources: Sequence[str]) -> FoundSystem:
    parts = [urlsplit(source) for source in sources]
    if len({(part.scheme, part.netloc) for part in parts}) > 1:
        raise OnboardingError("The endpoints are of several servers: add one system for each.")
    streams: list[FoundStream] = []
    for part in parts:
        name = _unused(stream_name(part.path.rsplit("/", 1)[-1] or part.netloc), streams)
        fields: dict[str, object] = {"path": part.path.lstrip("/")}
        if part.query:
            fields["params"] = dict(parse_qsl(part.query))
        streams.append(FoundStream(name, fields))
    return FoundSystem("rest_api", {"base_url": f"{parts[0].scheme}://{parts[0].netloc}/"}, tuple(streams))
