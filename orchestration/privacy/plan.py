"""What will go: the rows of landing that are some customers', and the values by which they can be found elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.removal import DataFile, data_files
from orchestration.channels.landing.row_owners import Owners, StreamRules, write_private
from orchestration.privacy.person import People
from orchestration.privacy.values import is_comparable, is_distinctive

if TYPE_CHECKING:
    import duckdb

PLAN_FILE = "plan.json"
_LEAST_NAME = 8  # letters of a full name that is looked for anywhere


@dataclass
class Plan:
    """An erasure that is decided. gone: landed rows (load id, source file, row). kept: documents that the books need.

    rows: stream -> rows that go; stripped: stream -> rows that stay without what identifies. words, cells: see Finder.
    records: what must be erased at the source.
    """

    erased_at: str
    people: People
    rules: dict[str, StreamRules]
    gone: list[tuple[str, str, int]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    stripped: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    cells: set[str] = field(default_factory=set)
    landed_rows: int = 0

    @property
    def moment(self) -> datetime:
        """When the people were erased (naive UTC)."""
        return datetime.fromisoformat(self.erased_at)

    def keep(self, folder: Path) -> None:
        """Writes the plan. From here on the erasure is decided, and is finished even if it is interrupted."""
        content = asdict(self) | {"words": sorted(self.words), "cells": sorted(self.cells)}
        content["people"] = {name: _listed(value) for name, value in vars(self.people).items()}
        write_private(folder / PLAN_FILE, json.dumps(content).encode())


def _listed(value: Any) -> Any:
    return value if isinstance(value, dict) else sorted(value)


def read_plan(folder: Path) -> Plan | None:
    """The plan of an erasure that was interrupted; None where there is none."""
    file = folder / PLAN_FILE
    if not file.is_file():
        return None
    read = json.loads(file.read_text(encoding="utf-8"))
    people = read["people"]
    read["people"] = People(
        set(people["keys"]),
        set(people["numbers"]),
        {(system, number) for system, number in people["records"]},
        {(kind, value) for kind, value in people["identifiers"]},
        people["tokens"],
        set(people["names"]),
    )
    read["rules"] = {
        label: StreamRules(
            tuple((named, value) for named, value in rules["tokens"]),
            rules["happened_at"],
            tuple(rules["blanked"]),
            rules["books_months"],
            tuple(rules["reads"]),
        )
        for label, rules in read["rules"].items()
    }
    read["gone"] = [(load, file, row) for load, file, row in read["gone"]]
    read["kept"] = [(system, number) for system, number in read["kept"]]
    return Plan(**read | {"words": set(read["words"]), "cells": set(read["cells"])})


def plan_erasure(
    connection: duckdb.DuckDBPyConnection,
    people: People,
    rules: Mapping[str, StreamRules],
    landing_url: str,
    personal: Collection[str],
    erased_at: datetime,
    warehouse_values: Iterable[str] = (),
) -> Plan:
    """Looks through landing, one file at a time.

    connection: a DuckDB connection with the functions of models. personal: names of columns with personal data.
    warehouse_values: what the warehouse shows of these people, as addresses in their standard form.
    """
    plan = Plan(erased_at.isoformat(), people, dict(rules))
    systems_with_books = {label.split("/")[0] for label, rule in rules.items() if rule.blanked}
    plan.kept = sorted(
        (system, value)
        for token in people.tokens
        if token.startswith("key|")
        for (_, system, key), value in [(token.split(chr(31))[0].split("|"), token.split(chr(31))[1])]
        if key == "order_id" and system in systems_with_books
    )
    owners = Owners.of_tokens(connection, list(people.tokens))
    connection.execute("create or replace temp table said (value varchar)")
    connection.execute("create or replace temp table said_by_others (value varchar)")
    look = _Look(connection, owners, plan)
    for label in rules:
        for file in data_files(StreamFolder(landing_url, *label.split("/"))):
            look.at(label, file, personal)
    identifiers = [value for kind, value in people.identifiers if not kind.endswith("_birth_date")]
    values = [*identifiers, *(number for _, number in people.records), *warehouse_values, *people.names]
    connection.execute(
        "insert into said select distinct lower(trim(v)) from (select unnest(?::varchar[]) as v)", [values]
    )
    for label in rules:
        for file in data_files(StreamFolder(landing_url, *label.split("/"))):
            look.at_others(label, file, personal)
    kept = [number.lower() for _, number in plan.kept]
    own = connection.execute(
        "select distinct value from said anti join said_by_others using (value)"
        " where value not in (select unnest(?::varchar[]))",
        [kept],
    )
    for (value,) in own.fetchall():
        if is_distinctive(value):
            plan.words.add(value)
        elif is_comparable(value):
            plan.cells.add(value)
    # A full name says whose it is unless another person has it, too.
    plan.words |= {name for name in people.names if " " in name and len(name) >= 8} - _names_of_others(
        connection, people
    )
    return plan


def _names_of_others(connection: duckdb.DuckDBPyConnection, people: People) -> set[str]:
    names = sorted(people.names)
    connection.execute("create or replace temp table name_of_them as select unnest(?::varchar[]) as value", [names])
    found = connection.execute("select value from name_of_them semi join said_by_others using (value)")
    return {value for (value,) in found.fetchall()}


class _Look:
    """A look through landing: first at the rows that go, then at what the other rows say."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, owners: Owners, plan: Plan) -> None:
        self._connection, self._owners, self._plan = connection, owners, plan
        self._found: dict[str, set[int]] = {}

    def at(self, label: str, file: DataFile, personal: Collection[str]) -> None:
        plan, rules = self._plan, self._plan.rules[label]
        plan.landed_rows += self._connection.execute(
            "select count(*) from read_parquet(?)", [str(file.path)]
        ).fetchall()[0][0]
        verdict = self._owners.verdict(file, rules, plan.moment)
        found = verdict.erased | set(verdict.blanked)
        if not found:
            return
        self._found[f"{label}/{file.part}/{file.name}"] = found
        plan.rows[label] = plan.rows.get(label, 0) + len(verdict.erased)
        plan.stripped[label] = plan.stripped.get(label, 0) + len(verdict.blanked)
        self._mark(found)
        there = self._columns(file)
        if {"_dlt_load_id", "_source_file", "_source_row"} <= there.keys():
            plan.gone += self._connection.execute(f"""
                select cast(_dlt_load_id as varchar), _source_file, _source_row
                from {_rows(file)} semi join found on file_row_number = row_position
            """).fetchall()
        if values := _values({*rules.reads, *personal} & there.keys()):
            self._connection.execute(f"""
                insert into said select distinct lower(trim(value)) from (
                    select unnest([{values}]) as value from {_rows(file)}
                    semi join found on file_row_number = row_position
                ) where value is not null
            """)

    def at_others(self, label: str, file: DataFile, personal: Collection[str]) -> None:
        values = _values({*self._plan.rules[label].reads, *personal} & self._columns(file).keys())
        if not values:
            return
        found = sorted(self._found.get(f"{label}/{file.part}/{file.name}", ()))
        self._mark(found)
        self._connection.execute(f"""
            insert into said_by_others select distinct lower(trim(value)) from (
                select unnest([{values}]) as value from {_rows(file)} anti join found on file_row_number = row_position
            ) where lower(trim(value)) in (from said)
        """)

    def _mark(self, positions: Collection[int]) -> None:
        self._connection.execute(
            "create or replace temp table found as select unnest(?::bigint[]) as row_position", [sorted(positions)]
        )

    def _columns(self, file: DataFile) -> dict[str, str]:
        described = self._connection.execute(f"describe select * from {_rows(file)}").fetchall()
        return {row[0]: row[1] for row in described}


def _rows(file: DataFile) -> str:
    path = str(file.path).replace("'", "''")
    return f"read_parquet('{path}', file_row_number = true)"


def _values(columns: Collection[str]) -> str:
    return ", ".join(f'cast("{column}" as varchar)' for column in sorted(columns))
