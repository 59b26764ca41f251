"""Creates the demo company, and advances it by days."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import yaml

VERSION = 1
MARK = "company.yaml"
LONGEST_DAYS = 1_600
MOST_CUSTOMERS = 10_000_000
_BYTES_PER_CUSTOMER_DAY = 18.0  # 14 measured, intermediate files included, and a quarter more
_BYTES_AT_LEAST = 30_000_000
Progress = Callable[[str, float], None]


class DemoError(Exception):
    """The demo company cannot be written; nothing has changed. The message says why in one sentence."""


@dataclass(frozen=True)
class CompanySummary:
    """The size of a demo company. `rows` counts the rows that this call delivered, per stream."""

    folder: Path
    customers: int
    days: int
    seed: int
    first_day: date
    last_day: date
    rows: dict[str, int]

    @property
    def as_of(self) -> datetime:
        """The end of the last day (UTC), for which `truth/` is true."""
        following = self.last_day + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=UTC)

    @property
    def interactions(self) -> int:
        """Rows that this call delivered."""
        return sum(self.rows.values())


def create(out: Path, *, customers: int, days: int, seed: int, progress: Progress | None = None) -> CompanySummary:
    """Writes a new demo company into `out` and replaces the one that is there.

    The same customers, days and seed give the same bytes on any machine. Raises DemoError, and changes nothing, if the
    company cannot be written.
    """
    out = Path(out).expanduser().absolute()
    _check_sizes(customers, days, seed)
    _check_folder(out)
    _check_space(out, customers, days)
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        rows = _write_days(partial, customers, seed, 0, days, progress)
        summary = _summary(out, customers, days, seed, rows)
        _write_mark(partial, summary)
        if out.exists():
            old = out.with_name(out.name + ".old")
            shutil.rmtree(old, ignore_errors=True)
            out.rename(old)
            partial.rename(out)
            shutil.rmtree(old)
        else:
            partial.rename(out)
    except OSError as error:
        raise DemoError(
            f"{out} cannot be written ({error.strerror or error}); nothing there has been changed."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def advance(out: Path, *, days: int, progress: Progress | None = None) -> CompanySummary:
    """Adds the following days as new deliveries; snapshots and `truth/` move to the new last day.

    An interrupted call leaves the old last day in place; the next call writes the same files again.
    """
    out = Path(out).expanduser().absolute()
    company = company_at(out)
    _check_sizes(company.customers, days, company.seed)
    _check_sizes(company.customers, company.days + days, company.seed)
    _check_space(out, company.customers, days)
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        rows = _write_days(partial, company.customers, company.seed, company.days, company.days + days, progress)
        for path in sorted(partial.rglob("*")):
            if path.is_file():
                target = out / path.relative_to(partial)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        summary = _summary(out, company.customers, company.days + days, company.seed, rows)
        _write_mark(partial, summary)
        (partial / MARK).replace(out / MARK)
    except OSError as error:
        raise DemoError(
            f"{out} cannot be written ({error.strerror or error}); call advance again once it can."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def company_at(out: Path) -> CompanySummary:
    """The demo company in a folder, with the `rows` of the last call that wrote. Raises DemoError if there is none."""
    path = Path(out) / MARK
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        if held["version"] != VERSION:
            raise DemoError(f"{out} was written by another version ({held['version']}): create it anew.")
        return CompanySummary(
            Path(out), held["customers"], held["days"], held["seed"], held["first_day"], held["last_day"], held["rows"]
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DemoError(f"{out} holds no demo company: create one there first.") from error


def _check_sizes(customers: int, days: int, seed: int) -> None:
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise DemoError(f"The number of customers must lie between 1 and {MOST_CUSTOMERS:,}, not at {customers:,}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise DemoError(f"The number of days must lie between 1 and {LONGEST_DAYS:,} altogether, not at {days:,}.")
    if not 0 <= seed < 2**63:
        raise DemoError(f"The seed must be a whole number from 0 on, not {seed}.")


def _check_folder(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise DemoError(f"{out} is a file: name a folder that does not exist yet, is empty, or holds a demo company.")
    if any(out.iterdir()) and not (out / MARK).is_file():
        raise DemoError(f"{out} holds something else than a demo company: name another folder, or empty it.")


def _check_space(out: Path, customers: int, days: int) -> None:
    needed = int(_BYTES_AT_LEAST + customers * days * _BYTES_PER_CUSTOMER_DAY)
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DemoError(
            f"{out} needs about {needed / 1e9:,.1f} GB and {free / 1e9:,.1f} GB are free: choose fewer customers or "
            "days, or another disk."
        )
    if not os.access(place, os.W_OK):
        raise DemoError(f"{place} cannot be written: correct its rights, or name another folder.")


def _summary(out: Path, customers: int, days: int, seed: int, rows: dict[str, int]) -> CompanySummary:
    from examples.veloheld.generator.parameters import load_parameters

    first = load_parameters().company.starts_on
    return CompanySummary(out, customers, days, seed, first, first + timedelta(days=days - 1), rows)


def _write_mark(folder: Path, summary: CompanySummary) -> None:
    held = asdict(summary)
    del held["folder"]
    held["rows"] = dict(sorted(held["rows"].items()))
    text = "# A demo company. This file marks the folder as one that `demo create` may replace.\n"
    (folder / MARK).write_text(text + yaml.safe_dump({"version": VERSION, **held}, sort_keys=False), encoding="utf-8")


def _write_days(
    out: Path, customers: int, seed: int, begin: int, end: int, progress: Progress | None
) -> dict[str, int]:
    """Writes the deliveries of the days from `begin` until before `end`, and the truth at their end."""
    from examples.veloheld.generator.files import write_files
    from examples.veloheld.generator.parameters import load_parameters

    size = load_parameters().company.chunk_customers
    sizes = [min(size, customers - first) for first in range(0, customers, size)]
    counts: dict[str, int] = {}
    jobs = [(str(out), seed, number, count, begin, end) for number, count in enumerate(sizes)]
    for done, found in enumerate(_results(jobs), start=1):
        for stream, count in found.items():
            counts[stream] = counts.get(stream, 0) + count
        if progress:
            progress(f"people {min(done * size, customers):,} of {customers:,}", 0.85 * done / len(sizes))
    write_files(out, begin, end, progress)
    shutil.rmtree(out / ".spool")
    if progress:
        progress("done", 1.0)
    return counts


def _results(jobs: list[tuple[str, int, int, int, int, int]]) -> Iterator[dict[str, int]]:
    from examples.veloheld.generator.write_chunk import write_chunk

    workers = min(len(jobs), os.cpu_count() or 1, 4)
    if workers < 2:
        for job in jobs:
            yield write_chunk(*job)
        return
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: list[Future[dict[str, int]]] = [pool.submit(write_chunk, *job) for job in jobs]
        for future in waiting:
            yield future.result()
