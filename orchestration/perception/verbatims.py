"""The sentiment of every verbatim in the warehouse. Each distinct text is scored once and stored by its key."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.perception.lexicon import scorer_version
from orchestration.perception.sentiment import score_texts

_COLUMNS = "text_key bigint, polarity double, label varchar, language varchar, scorer_version varchar"


@dataclass(frozen=True)
class ScoredVerbatims:
    """texts: distinct texts in the table. scored: texts scored by this call. unknown: texts with label unknown."""

    texts: int
    scored: int
    unknown: int


def score_verbatims(
    connection: duckdb.DuckDBPyConnection, verbatims: str, *, schema: str = "perception", batch_rows: int = 50_000
) -> ScoredVerbatims:
    """Update `<schema>.text_sentiment` to the texts of a table: one row per text, without the text itself.

    verbatims: a table with text_key, verbatim and language. New texts are scored, and all texts once the scorer has
    changed; rows of texts that are gone are deleted. batch_rows: texts in memory at a time.
    The update is one transaction: a failed call leaves the table as it was.
    """
    table = f"{schema}.text_sentiment"
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"create table if not exists {table} ({_COLUMNS})")
    connection.begin()
    try:
        connection.execute(f"create or replace temp table _today as from {verbatims}")
        connection.execute(
            f"delete from {table} where scorer_version <> ? or text_key not in (select text_key from _today)",
            [scorer_version()],
        )
        connection.execute(f"""
            create or replace temp table _new as
            select row_number() over (order by text_key) - 1 as number, text_key, verbatim, language
            from _today anti join {table} using (text_key)
        """)
        scored = _value(connection, "select count(*) from _new")
        for first in range(0, scored, batch_rows):
            batch = connection.execute(
                "select text_key, verbatim, language from _new where number >= ? and number < ? order by number",
                [first, first + batch_rows],
            ).to_arrow_table()
            connection.register("_scores", _scored(batch))
            connection.execute(f"insert into {table} from _scores")
            connection.unregister("_scores")
        connection.execute("drop table _new")
        connection.execute("drop table _today")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return ScoredVerbatims(
        texts=_value(connection, f"select count(*) from {table}"),
        scored=scored,
        unknown=_value(connection, f"select count(*) from {table} where label = 'unknown'"),
    )


def _scored(batch: pa.Table) -> pa.Table:
    sentiments = score_texts(batch.column("verbatim").to_pylist(), batch.column("language").to_pylist())
    return pa.table(
        {
            "text_key": batch.column("text_key"),
            "polarity": pa.array([sentiment.polarity for sentiment in sentiments], pa.float64()),
            "label": pa.array([sentiment.label for sentiment in sentiments], pa.string()),
            "language": pa.array([sentiment.language for sentiment in sentiments], pa.string()),
            "scorer_version": pa.array([scorer_version()] * len(sentiments), pa.string()),
        }
    )


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
