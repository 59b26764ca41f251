"""Runs queries on Spark for tests/texts/test_text_macros.py, in the environment of `make spark-trial`.

Arguments: a JSON file with a list of queries that yield one column, and the file for the list of their values, as the
case table writes them.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import SparkSession

from orchestration.warehouse.contact_details import e164


def main(queries: Path, found: Path) -> None:
    os.environ["PYSPARK_PYTHON"] = sys.executable  # its workers need the same packages
    with TemporaryDirectory() as scratch:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.sql.warehouse.dir", scratch)
            .config("spark.sql.catalogImplementation", "in-memory")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
        spark.sparkContext.setLogLevel("OFF")
        spark.udf.register("e164", e164)
        values = [[_plain(row[0]) for row in spark.sql(query).collect()] for query in json.loads(queries.read_text())]
        spark.stop()
    found.write_text(json.dumps(values))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, bool | None) else str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
