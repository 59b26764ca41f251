"""Which nights of the log of actions are decisions, and what is counted as their outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from predictions.action_world import EMPTY_WORLD, buy
from predictions.prediction_models import DECISIONS, PredictionModels

from orchestration.predictions.judging.action_log import keep_proposals, restore_action_log
from orchestration.predictions.judging.policy_values import judged_decisions, write_policy_values

NIGHT = datetime(2026, 1, 1)


@pytest.fixture
def log(tmp_path: Path):
    """The connection, and a function that logs one night's choices.

    A choice: customer, item, probability, is_proposed[, valid days].
    """
    connection = duckdb.connect()
    connection.execute(EMPTY_WORLD)

    def keep(night: datetime, *choices: tuple, kind: str = "interest") -> None:
        rows = ", ".join(
            f"({customer}, '{kind}', 'suggest', {'null' if item is None else repr(item)}, 'email', {probability},"
            f" {proposed}, {probability > 0.5}, 2, 10, 'EUR', 50,"
            f" timestamp '{night}' + interval {days[0] if days else 14} day)"
            for customer, item, probability, proposed, *days in choices
        )
        connection.execute(f"""
            create or replace table marts.action_choice as select * from (values {rows}) as v(
                customer_key, kind, action, item, channel, proposal_probability, is_proposed, is_greedy, choice_count,
                expected_value_amount, currency, score, valid_until
            )
        """)
        keep_proposals(connection, tmp_path, night)
        restore_action_log(connection, tmp_path)

    restore_action_log(connection, tmp_path)
    return connection, keep


@pytest.fixture
def judged(log, models: PredictionModels) -> Callable[[int], list[tuple[int, float]]]:
    """Customer and reward of every decision whose outcome is known so many days after the first night."""
    connection, _ = log

    def decisions(days: int) -> list[tuple[int, float]]:
        models.build(connection, DECISIONS, NIGHT + timedelta(days=days))
        found = judged_decisions(connection)[0]
        return list(zip(found["customer_key"].astype(int).tolist(), found["reward"].tolist(), strict=True))

    return decisions


def test_nothing_is_judged_before_anything_was_logged_or_is_over(log, judged) -> None:
    connection, keep = log
    assert judged(0) == []
    assert write_policy_values(connection) == 0
    assert connection.execute("from predictions.policy_value").fetchall() == []
    keep(NIGHT, (1, "plans", 0.95, True), (1, "lease", 0.05, False))
    assert judged(29) == []
    assert judged(30) == [(1, 0)]


def test_a_standing_proposal_is_one_decision_and_no_purchase_counts_twice(log, judged) -> None:
    connection, keep = log
    both = (1, "plans", 0.95, True), (1, "lease", 0.05, False)
    other = (1, "plans", 0.95, False), (1, "lease", 0.05, True)
    for day in range(0, 41):
        keep(NIGHT + timedelta(days=day), *(both if day < 30 else other))
    buy(connection, f"select 1, 'plans', timestamp '{NIGHT}' + interval 10 day, 100")
    buy(connection, f"select 1, 'lease', timestamp '{NIGHT}' + interval 35 day, 70")
    # Night 0 counts, night 30 is the next one: days 0 to 29 belong to the first, 30 to 59 to the second.
    assert judged(59) == [(1, 100)]
    assert judged(60) == [(1, 100), (1, 70)]


def test_a_longer_validity_holds_the_next_decision_back(log, judged) -> None:
    connection, keep = log
    for day in (0, 30, 44, 45):
        keep(NIGHT + timedelta(days=day), (1, "plans", 0.95, True, 45), (1, "lease", 0.05, False, 45))
    assert len(judged(200)) == 2


def test_only_what_could_have_been_drawn_otherwise_is_a_decision(log, judged) -> None:
    connection, keep = log
    keep(NIGHT, (1, "plans", 1.0, True), (2, "plans", 1.0, True), (2, "lease", 0.0, False))
    keep(NIGHT + timedelta(days=1), (3, "plans", 0.95, True), (3, "lease", 0.05, False))
    assert judged(100) == [(3, 0)]


def test_an_action_without_an_item_is_followed_by_everything_that_is_bought(log, judged) -> None:
    """A stay whose amount has no exchange rate brings nothing that can be added."""
    connection, keep = log
    keep(NIGHT, (1, None, 0.95, True), (1, "lease", 0.05, False))
    buy(connection, f"select 1, unnest(['plans', 'lease']), timestamp '{NIGHT}', 50")
    connection.execute(f"insert into core.fct_booking values (1, timestamp '{NIGHT}' + interval 1 day, 30)")
    connection.execute(f"insert into core.fct_booking values (1, timestamp '{NIGHT}' + interval 1 day, null)")
    assert judged(30) == [(1, 130)]


def test_numbers_that_were_merged_since_count_for_who_they_are_now_and_once(log, judged) -> None:
    connection, keep = log
    keep(
        NIGHT,
        (1, "plans", 0.95, True), (1, "lease", 0.05, False), (2, "plans", 0.95, False), (2, "lease", 0.05, True),
    )  # fmt: skip
    buy(connection, f"select 2, unnest(['plans', 'lease']), timestamp '{NIGHT}', unnest([50, 70])")
    assert judged(30) == [(1, 0), (2, 70)]
    connection.execute("insert into core.bridge_customer_number values (1, 2), (2, 2)")
    assert judged(30) == [(2, 50)]


def test_a_run_for_the_same_moment_replaces_what_it_logged(log, judged, tmp_path: Path) -> None:
    connection, keep = log
    keep(NIGHT, (1, "plans", 0.95, True), (1, "lease", 0.05, False))
    keep(NIGHT, (2, "plans", 0.95, True), (2, "lease", 0.05, False))
    assert judged(30) == [(2, 0)]
    assert [file.name for file in (tmp_path / "actions").iterdir()] == ["20260101T000000.parquet"]


def test_few_decisions_say_that_they_are_few(log, judged) -> None:
    connection, keep = log
    keep(NIGHT, (1, "plans", 0.95, True), (1, "lease", 0.05, False))
    assert len(judged(30)) == 1
    write_policy_values(connection)
    low, notes = connection.execute(
        "select low_amount, notes from predictions.policy_value where policy = 'at random' and method = 'ips'"
    ).fetchone()
    assert low is None
    assert "about 1 rows" in notes
