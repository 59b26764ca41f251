"""Which actions were proposed and which could have been, and when: one file per moment, and a view that shows them all.

All choices are kept with the probability with which each was proposed: so any other way of choosing among them can be
judged later (action_value.py). Files outlive the warehouse and none is ever thrown away; a run that is made again for
the same moment replaces its file. Only what was published is logged: what nobody saw was not proposed. Numbers of
customers are those of that time.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.predictions.score_log import file_of, keep_rows
from orchestration.warehouse.connection import readable_failures

ACTIONS = "actions"

_COLUMNS = {
    "as_of": "timestamp", "customer_key": "bigint", "kind": "varchar", "action": "varchar", "item": "varchar",
    "channel": "varchar", "proposal_probability": "double", "is_proposed": "boolean", "is_greedy": "boolean",
    "choice_count": "integer", "expected_value_amount": "double", "currency": "varchar", "score": "double",
    "valid_until": "timestamp",
}  # fmt: skip


def keep_proposals(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> int:
    """Keeps all choices that marts.action_choice holds, all of them or none; returns how many are proposed.

    folder: of predictions. Raises WarehouseError where the file cannot be written.
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


def restore_action_log(connection: duckdb.DuckDBPyConnection, folder: Path | None) -> None:
    """Shows what has been kept below `folder` as the view predictions.action_log; empty where there is nothing."""
    empty = ", ".join(f"null::{kind} as {name}" for name, kind in _COLUMNS.items())
    query = f"select {empty} where false"
    files = sorted((folder / ACTIONS).glob("*.parquet")) if folder else []
    if files:
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        query += f" union all by name select {', '.join(_COLUMNS)} from read_parquet([{listed}], union_by_name = true)"
    with readable_failures(files[0] if files else Path(ACTIONS)):
        connection.execute("create schema if not exists predictions")
        connection.execute(f"create or replace view predictions.action_log as {query}")
