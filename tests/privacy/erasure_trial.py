"""Erases 50 people of a new demo company, and searches the whole state folder for them.

    python tests/privacy/erasure_trial.py SEED

The people are those that most systems know. The search (raw_search.py) knows none of context360's formats. All marts of
all other customers must be the same before and after. Last, everything is built anew from landing. Takes some minutes;
exits with 1 where a value is left, something of others has changed, or an erased person comes back.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from privacy.raw_search import places_with

PEOPLE, CUSTOMERS, DAYS = 50, 400, 200
_WHO = f"""
    select customer_key from core.dim_customer where customer_key > 0
    order by source_system_count desc, hash(customer_key) limit {PEOPLE}
"""


def main(seed: int) -> int:
    """Runs the trial; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="erasure-trial-") as folder:
        root = Path(folder)
        home, company = root / "home", root / "company"
        _command(root, "demo", "create", "--customers", CUSTOMERS, "--days", DAYS, "--seed", seed, "--out", company)
        options = ("--catalog", company / "catalog.yaml", "--home", home)
        _command(root, "run", *options)
        published = home / "serving" / "context360.duckdb"
        keys = [key for (key,) in _ask(published, _WHO)]
        values = _values(published, keys)
        before = _others(published, keys)
        (root / "leaving.txt").write_text("\n".join(f"C-{key}" for key in keys))
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN)
        _command(root, "erase", "--from-file", root / "leaving.txt", "--yes", *options)
        done = resource.getrusage(resource.RUSAGE_CHILDREN)
        cost = done.ru_utime + done.ru_stime - seconds.ru_utime - seconds.ru_stime
        found = places_with(values, home)
        changed = [table for table, content in _others(published, keys).items() if content != before[table]]
        _command(root, "run", *options, "--full-refresh", "--no-train")
        back = places_with(values, home)
        print(f"{len(keys)} people, {len(values)} values, {cost:.0f} s of processor for the erasure")
        for title, wrong in (("left", found), ("changed", changed), ("came back", back)):
            print(f"{title}: {wrong or 'nothing'}")
        return 1 if found or changed or back or not values else 0


def _command(folder: Path, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *map(str, arguments)], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    if done.returncode > 1:
        raise SystemExit(done.stdout)
    print(done.stdout[-1_500:])


def _ask(published: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(published), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _values(published: Path, keys: list[int]) -> list[str]:
    """Identifiers that no other customer uses. Digits alone may stand within any longer number."""
    theirs = f"customer_key in {tuple(keys)}"
    return [
        value
        for (value,) in _ask(
            published,
            f"""
            select identifier_value from core.bridge_customer_identifier
            where identifier_kind <> 'phone_and_birth_date' and regexp_matches(identifier_value, '[^0-9].{8}')
            group by identifier_value having bool_and({theirs}) and not bool_or(is_shared)
            """,
        )
    ]


def _others(published: Path, keys: list[int]) -> dict[str, tuple]:
    """Table of marts -> number and content of its rows about other customers."""
    tables = _ask(published, "select distinct table_name from duckdb_columns() where schema_name = 'marts'")
    with_customer = {
        table
        for (table,) in _ask(
            published,
            "select table_name from duckdb_columns() where schema_name = 'marts' and column_name = 'customer_key'",
        )
    }
    found = {}
    for (table,) in tables:
        where = f"where customer_key not in {tuple(keys)}" if table in with_customer else ""
        query = f"select count(*), coalesce(sum(hash(t)::hugeint), 0)::varchar from (from marts.{table} {where}) as t"
        (found[table],) = _ask(published, query)
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
