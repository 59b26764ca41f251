"""What Great Expectations needs to run its SQL inside an open DuckDB connection of the caller.

GX 1.24 does not know DuckDB. Every adaptation is here, each with its reason; `expectations.validation` judges.

This module imports GX and SQLAlchemy (three seconds). Import it inside functions only.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb_engine
import sqlalchemy as sa
from great_expectations.core.batch import Batch
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import type_comparison
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metrics.table_column_types import ColumnTypes

if TYPE_CHECKING:
    import duckdb

# SQLAlchemy reads ":name" in raw SQL as a parameter; DuckDB's struct literals ({'a':1}) and slices ([1:n]) are not.
_LOOKS_LIKE_A_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")

# Types are compared as DESCRIBE spells them, in any case: 'DECIMAL(18,2)' equals 'decimal(18,2)'. Without this, GX
# looks for a SQLAlchemy class of that name and drops precision and scale.
type_comparison.CASE_INSENSITIVE_DIALECTS |= {"duckdb"}  # type: ignore[arg-type]


class _BorrowedConnection(duckdb_engine.ConnectionWrapper):
    """The caller's connection: GX only reads, and the caller controls its life and transactions.

    SQLAlchemy begins, rolls back and closes around each statement; on a connection with an open transaction the first
    fails and the second discards the caller's work.
    """

    def begin(self) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """GX's SQL engine on one borrowed DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Wrap `connection`; nothing is opened, and nothing will be closed."""
        engine = sa.create_engine(
            "duckdb://", creator=lambda: _BorrowedConnection(connection), poolclass=sa.pool.StaticPool
        )
        super().__init__(engine=engine)
        self.duckdb_connection = connection
        # GX picks its regular expression function by dialect module, and the only one that gives REGEXP_MATCHES, a
        # partial match as in all other databases, is Dremio's. PostgreSQL's "~" is a full match in DuckDB.
        self.dialect_module = SimpleNamespace(DremioDialect=True, name="duckdb")  # type: ignore[assignment]

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """The rows to be judged, always as a subquery: SQLAlchemy 2.1 no longer selects from a bare SELECT."""
        records = super().get_domain_records(domain_kwargs)
        return records.subquery() if isinstance(records, sa.Select) else records


class DuckDBColumnTypes(ColumnTypes):
    """Names and types of a query's columns from DESCRIBE: GX reflects tables only, and yields no types for a query."""

    metric_name = "table.column_types"

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(cls, execution_engine: DuckDBExecutionEngine, **_: Any) -> list[dict[str, str]]:
        data: Any = execution_engine.batch_manager.active_batch_data
        return [{"name": name, "type": type_} for name, type_ in data.column_types.items()]


def parameter_safe(query: str) -> str:
    """`query` as SQLAlchemy text: its colons are no parameters."""
    return _LOOKS_LIKE_A_PARAMETER.sub(r"\\:", query)


def query_batch(execution_engine: DuckDBExecutionEngine, query: str) -> Batch:
    """The rows of `query` as a GX batch. No temporary table: each metric wraps the query as a subquery."""
    data: Any = SqlAlchemyBatchData(execution_engine, query=parameter_safe(query), create_temp_table=False)
    described = execution_engine.duckdb_connection.execute(f"describe {query}").fetchall()
    data.column_types = {row[0]: row[1] for row in described}
    return Batch(data=data)


def column_types(batch: Batch) -> dict[str, str]:
    """Name and type of each column of a batch made by `query_batch`."""
    data: Any = batch.data
    types: dict[str, str] = data.column_types
    return types
