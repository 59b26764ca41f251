"""Which rows are examples of a target, and what came out, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.predictions.scoring.targets import BUY, CHANNEL, RESPOND, Target, count_examples
from orchestration.predictions.scoring.training import ABSTAINS, train_models


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Customers 1, 2 and 3 at two moments; the second is too recent for outcomes within 90 days. 9 is not known yet."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema predictions;
            create table predictions.prediction_moment as
            from (values (timestamp '2025-01-01', true, true), (timestamp '2025-05-01', true, false))
                as moments(moment, is_for_30d, is_for_90d);
            create table predictions.training_customer_feature as
            select unnest([1, 2, 3]) as customer_key, moment from predictions.prediction_moment;
            create table predictions.prediction_purchase as
            from (values
                (1, timestamp '2025-01-01', 'bikes', 'store', true),
                (2, timestamp '2025-01-01', 'bikes', 'store', false),
                (3, timestamp '2025-01-01', 'bikes', 'web', false),
                (9, timestamp '2025-01-01', 'bikes', 'web', true),
                (1, timestamp '2025-01-01', 'parts', 'web', true),
                (1, timestamp '2025-05-01', 'bikes', 'web', true)
            ) as purchases(customer_key, moment, product_line, channel, is_within_30d);
            create table predictions.prediction_response as
            from (values
                (1, timestamp '2025-01-01', 'email', true), (2, timestamp '2025-01-01', 'email', false),
                (3, timestamp '2025-05-01', 'email', false), (1, timestamp '2025-05-01', 'call', true),
                (9, timestamp '2025-01-01', 'email', true)
            ) as responses(customer_key, moment, channel, has_responded);
        """)
        yield connection


@pytest.mark.parametrize(
    ("target", "counts"),
    [
        # Customer 1 at either moment, of three customers at two.
        (Target(BUY, "bikes", None, 30, 0.1), (6, 2)),
        # All three buy bikes within 90 days of the first moment; of the second it is too early to say.
        (Target(BUY, "bikes", None, 90, 0.1), (3, 3)),
        (Target(BUY, "parts", None, 90, 0.1), (3, 1)),
        # Of the three purchases of bikes after the first moment, two are in the store and one is on the web.
        (Target(CHANNEL, "bikes", "store", 90, 0.1), (3, 2)),
        (Target(CHANNEL, "bikes", "web", 90, 0.1), (3, 1)),
        # Approached by e-mail: 1, who answers, 2 and 3.
        (Target(RESPOND, None, "email", 30, 0.1), (3, 1)),
    ],
)
def test_examples_of_a_target_and_their_outcomes(
    target: Target, counts: tuple[int, int], warehouse: duckdb.DuckDBPyConnection
) -> None:
    assert count_examples(warehouse, target) == counts


@pytest.mark.parametrize(
    ("buyers", "reason"),
    [
        (57, "3 of 60 examples are negative; learning needs 50."),
        (3, "3 of 60 examples are positive; learning needs 50."),
    ],
)
def test_learning_needs_enough_of_either_outcome(buyers: int, reason: str, tmp_path: Path) -> None:
    """Where nearly everyone buys, those who do not are too few to learn from."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema predictions;
            create table predictions.prediction_moment as
            select timestamp '2025-01-01' as moment, true as is_for_30d, true as is_for_90d;
            create table predictions.training_customer_feature as
            select range as customer_key, timestamp '2025-01-01' as moment from range(60);
            create table predictions.prediction_purchase as
            select customer_key, moment, 'bikes' as product_line, 'store' as channel, true as is_within_30d
            from predictions.training_customer_feature where customer_key < $buyers;
            create table predictions.customer_purchase (
                customer_key bigint, purchased_at timestamp, amount decimal(18, 6), currency varchar
            );
            create table predictions.prediction_base_rate as
            select 'buy' as target, 'bikes' as product_line, null::varchar as channel, 30 as horizon_days,
                0.5 as base_rate;
            """.replace("$buyers", str(buyers))
        )
        _, training = train_models(connection, tmp_path, datetime(2025, 6, 1))
    assert (training.decision, training.reason) == (ABSTAINS, reason)
