"""Rules of campaign effects and learned points: sound rows pass, and each fault fails its own rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from expectations.marts import marts_suites
from expectations.validation import validate

EFFECT = {
    "campaign_key": 1, "channel": "all", "treated_count": 100, "held_out_count": 10, "treated_rate": 0.3,
    "held_out_rate": 0.1, "effect": 0.2, "effect_low": 0.1, "effect_high": 0.3, "is_significant": True,
    "method": "Newcombe", "state": "measured", "reason": None,
}  # fmt: skip
POINTS = {"version": 1, "touchpoint": "look", "set_points": 2, "learned_points": 2, "exchange_count": 10}
JUDGED = {
    "version": "set", "judged_at": "2025-10-01", "auc": 0.7, "auc_low": 0.6, "auc_high": 0.8, "trend_p_value": 0.01,
    "purchase_rate": 0.1,
}  # fmt: skip


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create schema marts; create schema core")
        opened.execute("create table core.dim_campaign as select * from (values (1), (-1)) as t (campaign_key)")
        yield opened


def _failed(connection: duckdb.DuckDBPyConnection, table: str, row: dict[str, Any]) -> set[str]:
    for name, content in {"campaign_effect": EFFECT, "campaign_effect_pooled": EFFECT, table: row}.items():
        values = ", ".join(f"{_literal(value)} as {column}" for column, value in content.items())
        connection.execute(f"create or replace table marts.{name} as select {values}")
    outcomes = validate(connection, marts_suites(datetime(2026, 1, 1))[f"marts.{table}"], run_id="test")
    return {outcome.rule for outcome in outcomes if not outcome.success}


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize(
    ("table", "sound", "fault", "rule"),
    [
        ("campaign_effect", EFFECT, {"effect": 0.25}, "the effect is a difference of shares"),
        ("campaign_effect", EFFECT, {"effect_low": 0.25}, "the interval holds the effect"),
        ("campaign_effect", EFFECT, {"is_significant": False}, "the interval holds the effect"),
        ("campaign_effect", EFFECT, {"state": "running", "reason": "It runs."}, "an effect or a reason"),
        ("campaign_effect", EFFECT, {"held_out_count": 0}, "an effect or a reason"),
        ("campaign_effect_pooled", EFFECT, {"treated_count": 99}, "missing_people is zero"),
        ("learned_engagement_points", POINTS, {"learned_points": 3}, "scale must be between 0.8 and 1.25"),
        ("learned_engagement_points", POINTS, {"learned_points": -1}, "learned_points must be at least 0"),
        ("engagement_points_judgement", JUDGED, {"auc": 1.2}, "auc must be between 0 and 1"),
        (
            "engagement_points_judgement", JUDGED, {"auc_low": 0.3, "auc": 0.4, "auc_high": 0.45},
            "the set points do not mislead",
        ),
    ],
)  # fmt: skip
def test_fault_fails_its_own_rule(
    connection, table: str, sound: dict[str, Any], fault: dict[str, Any], rule: str
) -> None:
    assert _failed(connection, table, sound) == set()
    assert rule in _failed(connection, table, sound | fault)


def test_adjustment_for_earlier_purchases_is_no_fault(connection) -> None:
    assert _failed(connection, "campaign_effect", EFFECT | {"method": "CUPED", "effect": 0.15}) == set()


def test_missing_campaign_fails_the_coverage_rule(connection) -> None:
    connection.execute("insert into core.dim_campaign values (2)")
    assert _failed(connection, "campaign_effect", EFFECT) == {"missing_campaigns is zero"}


def test_people_of_campaigns_without_an_effect_are_not_pooled(connection) -> None:
    """Campaign 1 is measured on 110 people and the pooled effect has these 110; campaign 2, with 500, still runs."""
    connection.execute("insert into core.dim_campaign values (2)")
    _failed(connection, "campaign_effect", EFFECT)
    connection.execute("alter table marts.campaign_effect alter column reason type varchar")
    connection.execute("""
        insert into marts.campaign_effect by name
        select 2 as campaign_key, 400 as treated_count, 100 as held_out_count, 'running' as state, 'It runs.' as reason
    """)
    suites = marts_suites(datetime(2026, 1, 1))
    for table in ("marts.campaign_effect", "marts.campaign_effect_pooled"):
        assert [found.rule for found in validate(connection, suites[table], run_id="test") if not found.success] == []
