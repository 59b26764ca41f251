"""Reviewed decisions: pairs of records that a person has declared the same, or not the same, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.identity.workspace import Workspace

RecordKey = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """Two records, whether they are the same person, and the given reason."""

    first: RecordKey
    second: RecordKey
    same: bool
    reason: str


def read_decisions(file: Path | None) -> list[Decision]:
    """Reads a decisions file: lists `same` and `not_same` of entries with `records` and `reason`.

    A record is written as system/id or as [system, id]; an entry with more than two records declares all of them the
    same, or all different. Raises ValueError if an entry is incomplete or two entries contradict each other.
    """
    if file is None:
        return []
    content = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
    unknown = sorted(set(content) - {"same", "not_same"})
    if unknown:
        raise ValueError(f"{Path(file).name} has {', '.join(map(str, unknown))}: use the lists same and not_same only.")
    decisions: dict[frozenset[RecordKey], Decision] = {}
    for kind in ("same", "not_same"):
        for entry in content.get(kind) or []:
            records = [_record_key(record) for record in entry.get("records") or []]
            reason = str(entry.get("reason") or "").strip()
            if len(set(records)) < 2 or not reason:
                raise ValueError(
                    f"Every entry of {kind} in {Path(file).name} needs two different records and a reason."
                )
            for place, first in enumerate(records):
                for second in records[place + 1 :]:
                    pair = frozenset((first, second))
                    if pair in decisions and decisions[pair].same != (kind == "same"):
                        raise ValueError(
                            f"{Path(file).name} declares two records the same and not the same: remove one entry."
                        )
                    decisions[pair] = Decision(first, second, kind == "same", reason)
    return list(decisions.values())


def _record_key(record: Any) -> RecordKey:
    parts = record.split("/", 1) if isinstance(record, str) else record
    if not isinstance(parts, list) or len(parts) != 2:
        raise ValueError("A record in the decisions file is not readable: write it as system/id or as [system, id].")
    return str(parts[0]), str(parts[1])


def write_decisions(work: Workspace, decisions: list[Decision]) -> None:
    """Writes `decision` (record_number_l, record_number_r, is_same, reason) for the records that exist."""
    work.run("""
        create or replace table {work}.given_decision (
            system_l varchar, id_l varchar, system_r varchar, id_r varchar, is_same boolean, reason varchar
        )
    """)
    if decisions:
        work.connection.executemany(
            f"insert into {work.scratch}.given_decision values (?, ?, ?, ?, ?, ?)",
            [[*d.first, *d.second, d.same, d.reason] for d in decisions],
        )
    work.run(f"""
        create or replace table {{work}}.decision as
        select
            least(l.record_number, r.record_number) as record_number_l,
            greatest(l.record_number, r.record_number) as record_number_r,
            given.is_same,
            given.reason
        from {{work}}.given_decision as given
        inner join {work.today} as l on given.system_l = l.source_system and given.id_l = l.source_record_id
        inner join {work.today} as r on given.system_r = r.source_system and given.id_r = r.source_record_id
    """)
    missing = len(decisions) - int(work.value("select count(*) from {work}.decision"))
    if missing:
        work.note(f"{missing:,} reviewed decision{'s' * (missing > 1)} name records that do not exist: not applied.")
