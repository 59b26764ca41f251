"""Sentiment and influence of many take seconds of processor. Run by `make benchmark` and `make test-all`."""

from __future__ import annotations

import time

import duckdb
import pytest
from perception.test_influence import many_edges
from perception.test_sentiment import LABELLED

from orchestration.perception import rank_influence
from orchestration.perception.sentiment import score_texts

pytestmark = pytest.mark.long


def test_a_hundred_thousand_different_texts_take_seconds() -> None:
    texts = [f"{row['text']} {number}" for number in range(75) for row in LABELLED]
    started = time.process_time()
    score_texts(texts, [row["language"] for _ in range(75) for row in LABELLED])
    assert (time.process_time() - started) * 100_000 / len(texts) < 30


def test_a_million_edges_take_seconds() -> None:
    with duckdb.connect() as connection:
        connection.execute(many_edges(1_000_000))
        started = time.monotonic()
        rank_influence(connection, "many")
        assert time.monotonic() - started < 30
