"""Linking changes only decides exactly as linking everything again with the same model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy
import pytest
import yaml
from identity.conftest import customers, warehouse
from identity.datasets import synthetic

from orchestration.identity import clusters
from orchestration.identity.explain import present_customer
from orchestration.identity.linking import link_records

# Small limits, so that few records cross them: shared values, placeholder dates and groups that are cut.
RULES = {
    "rules": [{"identifier": "contact_id", "sharing": "one_person", "reason": "one system's number in another"}],
    "most_records_per_value": {"limit": 5},
    "suspicious": {"records_per_customer": 4},
}
LEARNED = ("linkage_model", "term_frequency", "name_root", "common_block", "record_number")
NUMBERS = ("known_number", "customer_id_change", "assignment_history")
RESULTS = ("assignment", "link", "refused_link", "cluster", "ignored_identifier", *NUMBERS)


class History:
    """Days of a company: records come, change, go and return; people review; all drawn from a seed."""

    def __init__(self, seed: int, folder: Path, *, with_identifiers: bool) -> None:
        self.random = numpy.random.default_rng(seed)
        self.connection = warehouse()
        self.folder = folder
        self.identifiers = "identifiers" if with_identifiers else None
        (folder / "rules.yml").write_text(yaml.safe_dump(RULES))
        self.reviewed: dict[tuple[str, str], str] = {}
        synthetic(self.connection, 400, seed=seed, mean_records=2.5, errors=0.2)
        self.connection.execute("""
            create table everyone as select row_number() over (order by source_record_id) as place, * from records;
            create table absent as select place from everyone where place % 4 = 0;
            create table identifiers (source_system varchar, source_record_id varchar, identifier_kind varchar,
                identifier_value varchar);
        """)
        self.deliver()

    def some(self, most: int) -> str:
        places = self.random.integers(1, 400, size=self.random.integers(1, most + 1))
        return ", ".join(map(str, places))

    def deliver(self) -> None:
        self.connection.execute("""
            create or replace table records as
            select * exclude (place) from everyone where place not in (from absent)
        """)

    def next_day(self) -> None:
        run = self.connection.execute
        run(f"insert into absent select place from everyone where place in ({self.some(6)})")
        run(f"delete from absent where place in ({self.some(40)})")
        for column in ("given_name", "family_name", "birth_date", "email", "phone", "postal_code"):
            if self.random.random() < 0.6:
                other = self.random.integers(1, 400)
                run(f"""
                    update everyone set {column} = (select {column} from everyone where place = {other})
                    where place in ({self.some(3)})
                """)
        if self.random.random() < 0.6:
            run(f"update everyone set email = 'info@mail.example' where place in ({self.some(6)})")
        if self.random.random() < 0.4:
            run(
                f"update everyone set email = null where email = 'info@mail.example' and place % 2 = {self.some(1)} % 2"
            )
        if self.random.random() < 0.4:
            run(f"update everyone set birth_date = '1900-01-01' where place in ({self.some(12)})")
        for _ in range(4):
            kind = self.random.choice(["email", "contact_id", "phone_and_birth_date", "seen_in"])
            run(f"""
                insert into identifiers
                select source_system, source_record_id, '{kind}', 'Value {self.random.integers(1, 12)}' from everyone
                where place in ({self.some(3)})
            """)
        run(f"delete from identifiers where hash(source_record_id, identifier_value) % 9 = {self.random.integers(9)}")
        if self.reviewed and self.random.random() < 0.5:
            self.reviewed.pop(next(iter(self.reviewed)))
        for kind in ("same", "not_same"):
            pair = run(f"""
                select source_system || '/' || source_record_id from everyone where place in ({self.some(2)})
                union
                select unnest([l.source_system || '/' || l.source_record_id, l.other_source_system || '/' ||
                    l.other_source_record_id]) from (from identity.link order by all limit 1
                    offset {self.random.integers(50)}) as l where {self.random.random()} < 0.5
                order by 1 limit 2
            """).fetchall()
            if len(pair) == 2:
                self.reviewed[pair[0][0], pair[1][0]] = kind
        self.deliver()

    def link(self, connection: duckdb.DuckDBPyConnection, day: int, *, relearn: bool | None = False) -> None:
        decisions = self.folder / "decisions.yml"
        decisions.write_text(
            yaml.safe_dump(
                {
                    kind: [{"records": list(pair), "reason": "asked"} for pair, k in self.reviewed.items() if k == kind]
                    for kind in ("same", "not_same")
                }
            )
        )
        self.result = link_records(
            connection,
            "records",
            identifiers=self.identifiers,
            as_of=datetime(2026, 1, 1) + timedelta(days=day),
            rules_files=[self.folder / "rules.yml"],
            decisions=decisions,
            relearn=relearn,
        )

    def full_run(self, day: int) -> duckdb.DuckDBPyConnection:
        """Links everything again with the present model and numbers, in another warehouse."""
        other = warehouse()
        other.execute("create schema identity")
        for table in ("records", "identifiers", *(f"identity.{name}" for name in (*LEARNED, *NUMBERS))):
            other.register("copied", self.connection.execute(f"from {table}").to_arrow_table())
            other.execute(f"create table {table} as from copied")
            other.unregister("copied")
        self.link(other, day)
        return other


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clusters, "LARGEST_COMPONENT", 7)
    yield


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize(("seed", "with_identifiers"), [pytest.param(1, False, marks=pytest.mark.long), (2, True)])
def test_history_of_changes_equals_full_runs_with_the_same_model(
    seed: int, with_identifiers: bool, tmp_path: Path
) -> None:
    history = History(seed, tmp_path, with_identifiers=with_identifiers)
    history.link(history.connection, 0, relearn=None)
    published: set[int] = set()
    for day in range(1, 3):
        history.next_day()
        full = history.full_run(day)
        expected = history.result
        before = customers(history.connection)
        published |= set(before.values())
        history.link(history.connection, day)
        assert_largest_part_keeps_its_number(before, customers(history.connection))
        for table in RESULTS:
            found, wanted = (
                connection.execute(f"select * from identity.{table} order by all").fetchall()
                for connection in (history.connection, full)
            )
            assert found == wanted, f"{table} on day {day}"
        assert history.result == expected
    present = set(customers(history.connection).values())
    resolved = {number: present_customer(history.connection, number) for number in published}
    known = {
        number for (number,) in history.connection.execute("select customer_id from identity.known_number").fetchall()
    }
    assert set(resolved.values()) <= known and {n for n in published & present if resolved[n] != n} == set()


def assert_largest_part_keeps_its_number(before: dict[str, int], after: dict[str, int]) -> None:
    """The customer with most of a number's records, and most of its own records from that number, keeps the number."""
    stayed = before.keys() & after.keys()
    shared = Counter((before[record], after[record]) for record in stayed)
    for (old, new), records in shared.items():
        rivals = [n for (o, a), n in shared.items() if (o == old) != (a == new)]
        if records > max(rivals, default=0):
            assert new == old
