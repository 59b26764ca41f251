"""The certificate of an erasure: what was searched, where, and what was found. It holds no value of anybody."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestration.channels.landing.row_owners import hash_key, write_private
from orchestration.privacy.home_files import files_below, hits_in
from orchestration.privacy.plan import Plan
from orchestration.privacy.values import Finder


@dataclass
class Place:
    """A part of the state folder. changed: rows, cells or files that went or changed. hits: values found after."""

    files: int = 0
    changed: int = 0
    hits: int = 0
    files_with_hits: list[str] = field(default_factory=list)


@dataclass
class Certificate:
    """The result of an erasure. places: part of the state folder -> what was done and found there.

    at_source: system -> number of records that must be erased there. record_hashes: their keyed hashes.
    """

    number: str
    erased_at: str
    people: int
    searched_values: int
    places: dict[str, Place]
    landing_rows: dict[str, int]
    kept_for_books: dict[str, int]
    books_reasons: dict[str, str]
    at_source: dict[str, int]
    record_hashes: list[str]
    not_searched: list[str]

    @property
    def hits(self) -> int:
        """Values found, anywhere."""
        return sum(place.hits for place in self.places.values())

    def write(self, folder: Path) -> Path:
        """Writes the certificate as JSON and as text; returns the path of the text."""
        write_private(folder / f"{self.number}.json", json.dumps(asdict(self) | {"hits": self.hits}, indent=1).encode())
        text = folder / f"{self.number}.txt"
        write_private(text, self.text().encode())
        return text

    def text(self) -> str:
        """The certificate as people read it."""
        lines = [
            f"Certificate of erasure {self.number}",
            "",
            f"On {self.erased_at} UTC, {self.people:,} customers were erased from this state folder.",
            f"Afterwards, all files were searched for {self.searched_values:,} values that identified them: as bytes",
            "in UTF-8 and UTF-16, decompressed, and in every column of every Parquet, DuckDB and SQLite file.",
            f"Found: {self.hits:,}.",
            "",
            f"{'place':<28}{'files':>8}{'changed':>10}{'found':>8}",
            *(
                f"{name:<28}{place.files:>8,}{place.changed:>10,}{place.hits:>8,}"
                for name, place in sorted(self.places.items())
            ),
            *(f"  still there: {file}" for place in self.places.values() for file in place.files_with_hits),
            "",
            "Rows of landing that went:",
            *(f"  {label:<40}{rows:>10,}" for label, rows in sorted(self.landing_rows.items()) if rows),
        ]
        if any(self.kept_for_books.values()):
            lines += [
                "",
                "Rows that the books need stay, without what identifies:",
                *(
                    f"  {label:<40}{rows:>10,}  {self.books_reasons.get(label, '')}"
                    for label, rows in sorted(self.kept_for_books.items())
                    if rows
                ),
            ]
        lines += [
            "",
            "Records to be erased at their source (the list with their numbers stands outside of this folder):",
            *(f"  {system:<40}{count:>10,}" for system, count in sorted(self.at_source.items())),
            *(["", "Not searched:", *(f"  {line}" for line in self.not_searched)] if self.not_searched else []),
        ]
        return "\n".join(lines) + "\n"


def place_of(file: Path, home: Path) -> str:
    """The part of the state folder in which a file lies."""
    return file.relative_to(home).parts[0]


def search(
    home: Path, finder: Finder, personal_columns: Collection[str], leave_out: tuple[Path, ...]
) -> dict[str, Place]:
    """Looks for values in every file of the state folder but those that are left out."""
    import duckdb

    places: dict[str, Place] = {}
    with duckdb.connect() as connection:
        for file in files_below(home, leave_out):
            place = places.setdefault(place_of(file, home), Place())
            place.files += 1
            hits = hits_in(file, finder, frozenset(personal_columns), connection)
            if hits:
                place.hits += hits
                place.files_with_hits.append(str(file.relative_to(home)))
    return places


def certificate_of(
    plan: Plan, places: dict[str, Place], folder: Path, reasons: dict[str, str], not_searched: list[str]
) -> Certificate:
    """The certificate of an erasure that was carried out. folder: of the privacy state, with the key of the hashes."""
    key = hash_key(folder)
    digests = [
        hmac.new(key, f"{system}|{number}".encode(), hashlib.sha256).hexdigest()
        for system, number in plan.people.records
    ]
    return Certificate(
        number=f"{plan.moment:%Y%m%dT%H%M%S}-{hashlib.sha256(repr(sorted(digests)).encode()).hexdigest()[:8]}",
        erased_at=plan.erased_at,
        people=len(plan.people.keys),
        searched_values=len(plan.words) + len(plan.cells),
        places=places,
        landing_rows=plan.rows,
        kept_for_books=plan.stripped,
        books_reasons=reasons,
        at_source=dict(Counter(system for system, _ in plan.people.records)),
        record_hashes=sorted(digests),
        not_searched=not_searched,
    )
