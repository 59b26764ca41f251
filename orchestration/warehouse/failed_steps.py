"""What failed in the newest run beside the rules of Great Expectations: the table quality.failed_step.

A step that could not build its tables, such as a seed that dbt cannot load, and dbt tests that found something.
`context360 status` shows them. A failure, and the verdict at the end of a run, take out what earlier runs have left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.warehouse.connection import table_exists

if TYPE_CHECKING:
    import duckdb


def keep_failure(
    connection: duckdb.DuckDBPyConnection, step: str, sentence: str, *, run_id: str, severity: str = "error"
) -> None:
    """Writes what failed in a step of this run; failures of other runs are forgotten. severity: error or warn."""
    connection.execute("create schema if not exists quality")
    connection.execute("""
        create table if not exists quality.failed_step (
            step varchar, severity varchar, sentence varchar, run_id varchar
        );
        comment on table quality.failed_step is
            'One row per failure of a step or of a dbt test in the newest run.';
    """)
    connection.execute(
        "delete from quality.failed_step where run_id <> ? or (step = ? and sentence = ?)", [run_id, step, sentence]
    )
    connection.execute("insert into quality.failed_step values (?, ?, ?, ?)", [step, severity, sentence, run_id])


def forget_other_runs(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Takes out failures of earlier runs, also of steps that no longer exist."""
    if table_exists(connection, "quality", "failed_step"):
        connection.execute("delete from quality.failed_step where run_id <> ?", [run_id])


def failed_steps(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(step, severity, sentence) of each failure of the newest run, in the order in which they happened."""
    if not table_exists(connection, "quality", "failed_step"):
        return []
    return connection.execute("select step, severity, sentence from quality.failed_step order by rowid").fetchall()
