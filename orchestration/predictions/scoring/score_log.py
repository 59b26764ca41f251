"""Logs predictions: files that outlive the warehouse, one per moment and kind, and views over them.

Every score is kept with its as of and the version of the model, so that it can be compared with what happened. Another
run for the same moment replaces its file. Customer numbers are those of that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import readable_failures

TRAININGS, SCORES, VALUES, HELD_OUT, HELD_OUT_VALUES = "trainings", "scores", "values", "held_out", "held_out_values"

_TARGET = "target varchar, product_line varchar, channel varchar, horizon_days integer"
COLUMNS = {
    "trained_model": f"""model_name varchar, title varchar, {_TARGET}, trained_as_of timestamp, model_version integer,
        decision varchar, reason varchar, example_count bigint, positive_count bigint, base_rate double,
        learner varchar, calibration varchar, auc double, brier double, brier_skill double,
        expected_calibration_error double,
        top_decile_lift double, useful_features varchar, notes varchar""",
    "score_log": f"""as_of timestamp, origin varchar, customer_key bigint, model_name varchar, {_TARGET},
        probability float, base_rate float, basis varchar, model_version integer""",
    "value_log": """as_of timestamp, origin varchar, customer_key bigint, horizon_days integer,
        expected_purchases float, expected_value_amount float, probability_alive float, basis varchar,
        model_version integer""",
}
SCORE_COLUMNS = {
    "propensity_score": f"""customer_key bigint, model_name varchar, {_TARGET}, probability double, base_rate double,
        basis varchar, model_version integer, trained_as_of timestamp""",
    "value_score": """customer_key bigint, currency varchar, expected_purchases_30d double,
        expected_purchases_90d double, expected_purchases_12m double, probability_alive double,
        expected_spend_amount decimal(18, 2), expected_value_12m_amount decimal(18, 2), next_purchase_date date,
        basis varchar, model_version integer, trained_as_of timestamp""",
}
_FOLDERS = {
    "trained_model": (TRAININGS,),
    "score_log": (SCORES, HELD_OUT),
    "value_log": (VALUES, HELD_OUT_VALUES),
}


def file_of(folder: Path, kind: str, as_of: datetime) -> Path:
    """The file with the rows of a kind and moment."""
    return folder / kind / f"{as_of:%Y%m%dT%H%M%S}.parquet"


def keep_rows(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    """Writes the rows of a query to a file, all or none. Raises WarehouseError if it cannot be written."""
    with readable_failures(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".part")
        connection.execute(f"copy ({query}) to '{_quoted(fresh)}' (format parquet, compression zstd)")
        fresh.replace(file)


def keep_scores(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> int:
    """Writes marts.customer_propensity and predictions.value_score to files; returns the number of scores."""
    moment = f"timestamp '{as_of:%Y-%m-%d %H:%M:%S}'"
    keep_rows(
        connection,
        f"""
        select {moment} as as_of, 'scored' as origin, customer_key, model_name, target, product_line, channel,
            horizon_days, probability::float as probability, base_rate::float as base_rate, basis, model_version
        from marts.customer_propensity where probability is not null
        order by target, product_line, channel, horizon_days, customer_key
        """,
        file_of(folder, SCORES, as_of),
    )
    horizons = " union all ".join(
        f"select customer_key, {days} as horizon_days, expected_purchases_{name}::float as expected_purchases,"
        f" {value}::float as expected_value_amount, probability_alive::float as probability_alive, basis, model_version"
        f" from predictions.value_score where expected_purchases_{name} is not null"
        for days, name, value in ((90, "90d", "null"), (365, "12m", "expected_value_12m_amount"))
    )
    keep_rows(
        connection,
        f"select {moment} as as_of, 'scored' as origin, * from ({horizons}) order by horizon_days, customer_key",
        file_of(folder, VALUES, as_of),
    )
    found = connection.execute("select count(probability) from marts.customer_propensity").fetchone()
    assert found is not None
    return int(found[0])


def prepare_predictions(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables and views that the marts read; the views are empty."""
    connection.execute("create schema if not exists predictions")
    for name, columns in COLUMNS.items():
        _show(connection, name, columns, [])
    for name, columns in SCORE_COLUMNS.items():
        connection.execute(f"create table if not exists predictions.{name} ({columns})")


def files_until(files: Iterable[Path], known_until: datetime | None) -> list[Path]:
    """The files in order; only those up to a past moment (naive UTC), if one is given."""
    return sorted(file for file in files if known_until is None or file.stem <= f"{known_until:%Y%m%dT%H%M%S}")


def restore_logs(connection: duckdb.DuckDBPyConnection, folder: Path, known_until: datetime | None = None) -> None:
    """Creates the views predictions.trained_model, .score_log and .value_log over the files below `folder`.

    known_until: a past moment (naive UTC), after which nothing counts.
    """
    prepare_predictions(connection)
    for name, columns in COLUMNS.items():
        found = (file for kind in _FOLDERS[name] for file in (folder / kind).glob("*.parquet"))
        files = files_until(found, known_until)
        _show(connection, name, columns, files)


def _show(connection: duckdb.DuckDBPyConnection, name: str, columns: str, files: list[Path]) -> None:
    typed = [column.strip().rsplit(" ", 1) for column in columns.replace("\n", " ").split(",")]
    if files:
        listed = ", ".join(f"'{_quoted(file)}'" for file in files)
        chosen = ", ".join(f"{column.strip()}::{kind} as {column.strip()}" for column, kind in typed)
        source = f"select {chosen} from read_parquet([{listed}], union_by_name = true)"
    else:
        empty = ", ".join(f"cast(null as {kind}) as {column.strip()}" for column, kind in typed)
        source = f"select {empty} where false"
    connection.execute(f"create or replace view predictions.{name} as {source}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
