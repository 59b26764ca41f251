"""The same models on Apache Spark: builds core and marts from an installation's landing and compares every table.

Run by `make spark-trial`, in an environment of its own (PySpark and Great Expectations do not live together). Needs
Java 17 and an installation that has published (CONTEXT360_HOME). Identity's decision is taken from there; that Splink
on Spark weighs pairs of records as it does on DuckDB is shown on invented ones.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession
from spark_linking import compare_linking
from splink.backends.spark import similarity_jar_location

from orchestration.project import open_project
from orchestration.settings import DBT_PACKAGE, Settings, settings_from
from orchestration.warehouse.contact_details import e164
from orchestration.warehouse.parse_cache import link_package

# What the models read that no model made, from what was published.
WRITTEN_BY_PYTHON = {
    "identity.assignment": "select source_system, source_record_id, customer_key as customer_id, match_probability"
    " from core.bridge_source_record",
    "quality.stream_status": "from quality.stream_status",
    "attribution.removal_effect": "select product_line, touch_kind, touch_value, removal_effect"
    " from marts.touch_attribution where removal_effect is not null",
}
# The same for what is not published: from the working warehouse.
KEPT_BY_PYTHON = (
    "perception.text_sentiment",
    "perception.customer_influence",
    "predictions.action_log",
    "predictions.campaign_effect",
    "predictions.campaign_effect_pooled",
    "predictions.learned_points",
    "predictions.points_judgement",
)


def main() -> int:
    settings = settings_from()
    if not settings.serving_path.exists():
        print(f"There is nothing to compare with at {settings.serving_path}: run `make run` first.")
        return 2
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect(str(settings.serving_path), read_only=True) as ours:
        spark = start_spark(Path(scratch))
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as working:
            for table in KEPT_BY_PYTHON:
                working.execute(f"copy (from {table}) to '{Path(scratch) / table}.parquet' (format parquet)")
        for table, query in WRITTEN_BY_PYTHON.items():
            ours.execute(f"copy ({query}) to '{Path(scratch) / table}.parquet' (format parquet)")
        for table in [*WRITTEN_BY_PYTHON, *KEPT_BY_PYTHON]:
            file = Path(scratch) / f"{table}.parquet"
            spark.sql(f"create database if not exists {table.split('.')[0]}")
            spark.read.parquet(str(file)).write.saveAsTable(table)
        failures = build_on_spark(spark, settings, as_of_of(ours), Path(scratch))
        differences = [*compare(spark, ours), *compare_linking(spark, Path(scratch))]
        spark.stop()
    for line in [*failures, *differences]:
        print(line)
    return 1 if failures or differences else 0


def start_spark(scratch: Path) -> SparkSession:
    """A local Spark session; dbt takes the session that is there."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # its workers need the same packages
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.catalogImplementation", "in-memory")
        .config("spark.jars", similarity_jar_location())  # Splink's functions for similar texts
        .config("spark.sql.parquet.mergeSchema", "true")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def as_of_of(ours: duckdb.DuckDBPyConnection) -> str:
    row = ours.execute("select max(as_of) from marts.situational_context").fetchone()
    assert row is not None
    return f"{row[0]:%Y-%m-%d %H:%M:%S}"


def build_on_spark(spark: SparkSession, settings: Settings, as_of: str, scratch: Path) -> list[str]:
    """Builds and tests everything; returns what failed."""
    spark.udf.register("e164", e164)
    _, project = open_project(settings)
    link_package(scratch / "packages")
    os.environ["CONTEXT360_DBT_PACKAGES"] = str(scratch / "packages")
    of_the_run = {"as_of": as_of, "run_id": "spark", "landing_url": settings.landing_url}
    started = time.monotonic()
    outcome = dbtRunner().invoke(
        [
            "build", "--target", "spark", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious",
            "--project-dir", str(project.firm.path), "--profiles-dir", str(DBT_PACKAGE),
            "--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs"), "--log-level", "none",
            "--vars", json.dumps(project.variables | of_the_run),
        ]
    )  # fmt: skip
    if outcome.exception is not None:
        return [f"dbt: {outcome.exception}"]
    results = outcome.result.results
    failed = [result for result in results if str(result.status) not in ("success", "pass")]
    print(
        f"{len(results) - len(failed)} of {len(results)} models and tests on Spark, {time.monotonic() - started:.0f} s"
    )
    return [f"{result.node.name}: {result.status} {(result.message or '')[:300]}" for result in failed]


def compare(spark: SparkSession, ours: duckdb.DuckDBPyConnection) -> list[str]:
    """Rows, and per column the sum (numbers) or the number of different values (everything else), on both engines."""
    differences, columns_compared = [], 0
    tables = ours.execute(
        "select schema_name, table_name from duckdb_tables() where schema_name in ('core', 'marts') order by all"
    ).fetchall()
    for schema, table in tables:
        measures = ["count(*)"]
        for name, data_type in ours.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?"
            " order by column_index",
            [schema, table],
        ).fetchall():
            is_number = data_type.startswith(("BIGINT", "INTEGER", "DECIMAL"))
            # Keys are 63 bits long: their sum would overflow.
            measures.append(
                f"sum(cast({name} % 1000003 as decimal(38, 3)))" if is_number else f"count(distinct {name})"
            )
        query = f"select {', '.join(measures)} from {schema}.{table}"
        here = [_plain(value) for value in ours.execute(query).fetchone() or ()]
        there = [_plain(value) for value in spark.sql(query).first() or ()]
        columns_compared += len(measures)
        differences += [
            f"{schema}.{table}: {measure} is {mine} on DuckDB and {other} on Spark"
            for measure, mine, other in zip(measures, here, there, strict=True)
            if mine != other
        ]
    print(f"{len(tables)} tables, {columns_compared} measures compared, {len(differences)} differences")
    return differences


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


if __name__ == "__main__":
    sys.exit(main())
