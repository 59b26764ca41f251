"""The linking's settings on Splink's Spark API: the same pairs of records get the same weights as on DuckDB."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import duckdb
from identity.datasets import synthetic
from pyspark.sql import SparkSession
from splink import Linker
from splink.backends.spark import SparkAPI

from orchestration.identity.comparisons import linkage_settings
from orchestration.identity.linking import link_records
from orchestration.identity.model import LinkageModel
from orchestration.identity.records import WITH_FREQUENCY

RECORDS = 2_000
_TOLERANCE = 0.001  # bits; weights are kept as single-precision numbers
_PRIOR = 0.0001
# The functions for similar texts are other programs on Spark: a pair at the edge of a level may fall on its other side.
_MOST_DIFFERING = 0.005


def compare_linking(spark: SparkSession, scratch: Path) -> list[str]:
    """Scores the pairs that DuckDB has judged on Spark, with what DuckDB has learned; returns what differs."""
    connection = duckdb.connect()
    synthetic(connection, RECORDS, seed=5)
    link_records(connection, "records")
    row = connection.execute("select model from identity.linkage_model").fetchone()
    assert row is not None
    model = LinkageModel.from_dict(json.loads(row[0]))
    tables = {
        "linked_record": "select columns(c -> not starts_with(c, 'tf_')) from identity.comparable_record",
        "linked_pair": "select '0' as match_key, record_number_l as join_key_l, record_number_r as join_key_r "
        "from identity.judged_pair",
    }
    # Spark does not take a column of frequencies beside Splink's own, as DuckDB does: it gets them as tables.
    tables |= {
        f"frequency_{column}": f"select distinct {column}, tf_{column} from identity.comparable_record "
        f"where {column} is not null"
        for column in WITH_FREQUENCY
    }
    linker_api = SparkAPI(spark_session=spark, break_lineage_method="persist")
    frames = {}
    for name, query in tables.items():
        connection.execute(f"copy ({query}) to '{scratch / name}.parquet' (format parquet)")
        frames[name] = linker_api.register(spark.read.parquet(f"{scratch / name}.parquet"), table_name=name)
    linker = Linker(frames["linked_record"], _settings(model), log_level=None, validate_settings=False)
    for column in WITH_FREQUENCY:
        linker.table_management.register_term_frequency_lookup(frames[f"frequency_{column}"], column)
    linker.table_management.register_blocked_pairs_for_predict(frames["linked_pair"])
    predicted = linker.inference.predict(warning_mode="never").as_spark_dataframe()
    names = model.comparisons
    found = {
        (row[0], row[1]): (row[2] - math.log2(_PRIOR / (1 - _PRIOR)), row[3:])
        for row in predicted.select(
            "record_number_l", "record_number_r", "match_weight", *(f"gamma_{name}" for name in names)
        ).collect()
    }
    pairs = connection.execute(
        "select record_number_l, record_number_r, weight, gammas from identity.judged_pair"
    ).fetchall()
    nothing = (math.inf, (None,) * len(names))
    differing: Counter[str] = Counter()
    worst = 0.0
    for left, right, weight, gammas in pairs:
        other, levels = found.get((left, right), nothing)
        if abs(other - weight) > _TOLERANCE:
            differing[", ".join(n for n, g, o in zip(names, gammas, levels, strict=True) if g != o) or "weights"] += 1
        else:
            worst = max(worst, abs(other - weight))
    same = len(pairs) - differing.total()
    print(f"{same:,} of {len(pairs):,} pairs of {RECORDS:,} records weigh the same on Spark, to {worst:.6f} bits")
    sentences = [f"linking: {count:,} pairs differ in {comparison}" for comparison, count in sorted(differing.items())]
    if differing.total() <= _MOST_DIFFERING * len(pairs):
        print(*sentences, sep="\n")
        return []
    return sentences


def _settings(model: LinkageModel) -> dict:
    """The settings as Spark reads them, with the probabilities that were learned."""
    settings = linkage_settings(model.columns, prior=_PRIOR).create_settings_dict("spark")
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level"):
                level["m_probability"] = model.probability(name, level["label_for_charts"])
                level["u_probability"] = model.probability(name, level["label_for_charts"], "u")
    return settings
