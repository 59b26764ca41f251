"""The register: every customer number that was ever published, to which source record it belongs, and the model.

Everything else can be rebuilt from landing; numbers that other systems have stored cannot, and a newly learned model
may decide otherwise about a few records. Of the records' values, the register holds hashes and given names only. It is
outside of the warehouse and written just before a run publishes, so every published number is in it; the decisions of a
run that fails before are dropped. Each state is a folder of its own, and the file `current` names the valid one: a run
that dies in between leaves the whole state before.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.warehouse.build_record import Made, content_of, digest, digest_of_files, keep, read_record
from orchestration.warehouse.connection import readable_failures, table_exists

NUMBERS = ("known_number", "customer_id_change", "assignment_history")
# With it a rebuilt warehouse decides as the one before; a warehouse that has a model uses its own.
MODEL = ("linkage_model", "term_frequency", "name_root", "common_block", "record_number")
_CURRENT = "current"
_MOMENT = "as_of"  # beside the tables: the moment of the run that wrote them
_REWOUND = "rewound_register"  # in a warehouse whose numbers and links are those of a past moment
_RECORDED = "register of customer numbers"


def keep_register(
    connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity", as_of: datetime | None = None
) -> None:
    """Writes the present numbers to `folder`, all of them or none, where they or the moment have changed.

    as_of: the moment of the run that decided them (naive UTC). Raises WarehouseError if writing fails.
    """
    inputs = digest([as_of, *(content_of(connection, schema, table) for table in (*NUMBERS, *MODEL))])
    made = read_record(connection).get(_RECORDED)
    if made is not None and made == Made(inputs, _version(folder), made.run_id) and made.content:
        return
    with readable_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        before = [state for state in folder.glob("state-*") if state.is_dir()]
        number = max((int(state.name.removeprefix("state-")) for state in before), default=0) + 1
        fresh = folder / f"state-{number}"
        fresh.mkdir()
        for table in (*NUMBERS, *MODEL):
            connection.execute(f"copy (from {schema}.{table}) to '{_quoted(fresh / table)}.parquet' (format parquet)")
            _sync(fresh / f"{table}.parquet")
        if as_of is not None:
            (fresh / _MOMENT).write_text(as_of.isoformat(), encoding="utf-8")
            _sync(fresh / _MOMENT)
        _sync(fresh)
        pointer = folder / f"{_CURRENT}.new"
        pointer.write_text(fresh.name, encoding="utf-8")
        _sync(pointer)
        pointer.replace(folder / _CURRENT)
        _sync(folder)
        for state in before:
            shutil.rmtree(state)
        for table in NUMBERS:  # as an earlier version kept them
            (folder / f"{table}.parquet").unlink(missing_ok=True)
    keep(connection, {_RECORDED: Made(inputs, _version(folder), fresh.name)})


def is_kept(connection: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    """Whether the register in `folder` is the one that this warehouse wrote last; also where there is none yet."""
    made = read_record(connection).get(_RECORDED)
    return (made.content if made else "") == _version(folder)


def _version(folder: Path) -> str:
    """Of the register's files; empty without any."""
    pointer = folder / _CURRENT
    folder = folder / pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else folder
    files = list(folder.glob("*.parquet"))
    return digest_of_files(files) if files else ""


def register_moment(folder: Path) -> datetime | None:
    """The moment of the run that last wrote the register (naive UTC); None without a register.

    A register of an earlier version does not say it: there, the moment of its last change counts.
    """
    pointer = folder / _CURRENT
    if not pointer.is_file():
        return None
    state = folder / pointer.read_text(encoding="utf-8").strip()
    if (state / _MOMENT).is_file():
        return datetime.fromisoformat((state / _MOMENT).read_text(encoding="utf-8").strip())
    history = state / "assignment_history.parquet"
    if not history.is_file():
        return None
    found = duckdb.execute(
        "select max(greatest(valid_from, coalesce(valid_to, valid_from))) from read_parquet(?)", [str(history)]
    ).fetchone()
    return found[0] if found else None


def restore_register(
    connection: duckdb.DuckDBPyConnection, folder: Path, schema: str = "identity", known_until: datetime | None = None
) -> None:
    """Copies the register's numbers into the warehouse; without a register, the warehouse keeps its own.

    known_until: a past moment (naive UTC), whose numbers are wanted. The register itself stays as it is, and the next
    call without a past moment brings its numbers and its model back.

    Raises FileNotFoundError if a part of the register is missing: stored numbers must never be silently assigned to
    another person.
    """
    connection.execute(f"create schema if not exists {schema}")
    if table_exists(connection, schema, _REWOUND):
        _forget(connection, schema, (*MODEL, "last_call", _REWOUND))
    pointer = folder / _CURRENT
    if pointer.is_file():
        folder = folder / pointer.read_text(encoding="utf-8").strip()
    elif not any((folder / f"{table}.parquet").is_file() for table in NUMBERS):
        return
    missing = [table for table in NUMBERS if not (folder / f"{table}.parquet").is_file()]
    if missing:
        raise FileNotFoundError(
            f"The register of customer numbers in {folder} lacks {', '.join(missing)}: restore it from a backup, or "
            f"remove {pointer} to renumber all customers."
        )
    with connection.cursor() as cursor:
        cursor.begin()
        restored = list(NUMBERS)
        if not _has_model(cursor, schema) and all((folder / f"{table}.parquet").is_file() for table in MODEL):
            restored += MODEL
        for table in restored:
            file = _quoted(folder / f"{table}.parquet")
            cursor.execute(f"create or replace table {schema}.{table} as from read_parquet('{file}')")
        if known_until is not None:
            _rewind(cursor, schema, known_until)
        cursor.commit()


def _rewind(connection: duckdb.DuckDBPyConnection, schema: str, moment: datetime) -> None:
    """Makes the restored numbers those of the moment. What the last run remembers of its records is of no use then."""
    then = f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'"
    connection.execute(f"""
        -- No number that was ever given is given again, even if it was given later.
        insert into {schema}.known_number
        select null, null, max(number) from (
            select max(customer_id) as number from {schema}.known_number
            union all select max(customer_id) from {schema}.assignment_history
            union all select max(previous_customer_id) from {schema}.customer_id_change
        );
        delete from {schema}.assignment_history where valid_from > {then};
        update {schema}.assignment_history set valid_to = null where valid_to > {then};
        delete from {schema}.customer_id_change where changed_at > {then};
        update {schema}.known_number as known set customer_id = past.customer_id
        from {schema}.assignment_history as past
        where known.source_system = past.source_system and known.source_record_id = past.source_record_id
            and past.valid_to is null;
        create or replace table {schema}.{_REWOUND} as select {then} as known_until;
    """)
    _forget(connection, schema, ("last_call",))


def _forget(connection: duckdb.DuckDBPyConnection, schema: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        connection.execute(f"drop table if exists {schema}.{table}")


def _has_model(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and list_contains(?, table_name) "
        "and database_name = current_database()",
        [schema, [*MODEL]],
    ).fetchone()
    return found is not None and found[0] > 0


def _sync(path: Path) -> None:
    """Forces a file, or a folder's list of names, to disk: it must survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
