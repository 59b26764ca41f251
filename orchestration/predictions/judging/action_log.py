"""Logs which actions were proposed and which could have been: one file per moment, and a view over all files.

Every choice is kept with the probability with which it was proposed, so that other ways of choosing can be judged later
(policy_values.py). Files outlive the warehouse and are never deleted; another run for the same moment replaces its
file. Only published proposals are logged, because readers saw no others. Customer numbers are those of that time.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.predictions.scoring.score_log import file_of, files_until, keep_rows
from orchestration.warehouse.connection import readable_failures

ACTIONS = "actions"

_COLUMNS = {
    "as_of": "timestamp", "customer_key": "bigint", "kind": "varchar", "action": "varchar", "item": "varchar",
    "channel": "varchar", "proposal_probability": "double", "is_proposed": "boolean", "is_greedy": "boolean",
    "choice_count": "integer", "expected_value_amount": "double", "currency": "varchar", "score": "double",
    "valid_until": "timestamp",
}  # fmt: skip


def keep_proposals(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> int:
    """Writes the choices of marts.action_choice to a file, all or none; returns how many are proposed.

    folder: of predictions. Raises WarehouseError if the file cannot be written.
    """
    taken = ", ".join(f"{name}::{kind} as {name}" for name, kind in _COLUMNS.items() if name != "as_of")
    keep_rows(
        connection,
        f"select timestamp '{as_of:%Y-%m-%d %H:%M:%S}' as as_of, {taken} from marts.action_choice"
        " order by customer_key, kind, action, item",
        file_of(folder, ACTIONS, as_of),
    )
    found = connection.execute("select count(*) from marts.action_choice where is_proposed").fetchone()
    assert found is not None
    return int(found[0])


def restore_action_log(
    connection: duckdb.DuckDBPyConnection, folder: Path | None, known_until: datetime | None = None
) -> None:
    """Creates the view predictions.action_log over the files below `folder`; empty without files.

    known_until: a past moment (naive UTC), after which nothing counts.
    """
    empty = ", ".join(f"null::{kind} as {name}" for name, kind in _COLUMNS.items())
    query = f"select {empty} where false"
    files = files_until((folder / ACTIONS).glob("*.parquet"), known_until) if folder else []
    if files:
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        query += f" union all by name select {', '.join(_COLUMNS)} from read_parquet([{listed}], union_by_name = true)"
    with readable_failures(files[0] if files else Path(ACTIONS)):
        connection.execute("create schema if not exists predictions")
        connection.execute(f"create or replace view predictions.action_log as {query}")
