"""Rules of next best actions: a sound table passes, and each fault fails its own rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb
import pytest

from expectations.marts import marts_suites
from expectations.validation import validate

TABLES = ("marts.action_choice", "marts.next_best_action")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Customer 1 can get one of two product lines and a birthday wish, and consents to marketing mail, not to calls."""
    with duckdb.connect() as opened:
        opened.execute("""
            create schema marts;
            create table marts.action_choice as
            select 1 as customer_key, kind, action, item, 40::double as score, propensity,
                expected_value_amount, proposal_probability, is_proposed, is_greedy
            from (values
                ('interest', 'suggest', 'plans', 0.2::double, 40::decimal(18, 2), 0.95::double, false, true),
                ('interest', 'suggest', 'parts', 0.3, 15, 0.05, true, false),
                ('recognise', 'birthday', null, null, null, 1, true, true)
            ) as v (
                kind, action, item, propensity, expected_value_amount, proposal_probability, is_proposed, is_greedy
            );
            create table marts.next_best_action as
            select *, 'marketing' as purpose, 'email' as channel from marts.action_choice where is_proposed;
            create table marts.customer_consent as
            select 1 as customer_key, 'marketing' as purpose, channel, channel = 'email' as is_granted
            from (values ('email'), ('call')) as v (channel);
            create table marts.customer_contact as
            select customer_key, purpose, channel, true as may_contact from marts.customer_consent where is_granted;
        """)
        yield opened


def failed(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Column or name of each rule that fails; all of them are errors."""
    suites = marts_suites(datetime(2026, 1, 1))
    outcomes = [outcome for table in TABLES for outcome in validate(connection, suites[table], run_id="test")]
    assert len(outcomes) == 10
    assert {outcome.severity for outcome in outcomes} == {"error"}
    return {f"{outcome.table}: {outcome.column}" for outcome in outcomes if not outcome.success}


def test_sound_proposals_pass(connection) -> None:
    assert failed(connection) == set()


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        (
            "next_best_action set channel = 'call' where kind = 'interest'",
            {"next_best_action (consent): unlawful_actions"},
        ),
        (
            "next_best_action set channel = 'app' where kind = 'interest'",
            {"next_best_action (consent): unlawful_actions"},
        ),
        ("next_best_action set purpose = 'service'", {"next_best_action (consent): unlawful_actions"}),
        ("next_best_action set proposal_probability = 0", {"next_best_action: proposal_probability"}),
        ("next_best_action set proposal_probability = 1.1", {"next_best_action: proposal_probability"}),
        ("action_choice set proposal_probability = 0.1 where item = 'parts'", {"action_choice (choice): probability"}),
        (
            "action_choice set proposal_probability = if(item = 'parts', -0.1, 1.1) where kind = 'interest'",
            {"action_choice: proposal_probability"},
        ),
        ("action_choice set is_proposed = true", {"action_choice (choice): proposed"}),
        ("action_choice set is_greedy = false where item = 'plans'", {"action_choice (choice): best"}),
        ("action_choice set propensity = 1.2 where item = 'plans'", {"action_choice: propensity"}),
        ("action_choice set score = 101 where item = 'plans'", {"action_choice: score"}),
        ("action_choice set expected_value_amount = -1 where item = 'plans'", {"action_choice: expected_value_amount"}),
    ],
)
def test_fault_fails_its_own_rule(connection, fault: str, rules: set[str]) -> None:
    connection.execute(f"update marts.{fault}")
    assert failed(connection) == {f"marts.{rule}" for rule in rules}


def test_withdrawn_consent_fails_the_consent_rule(connection) -> None:
    connection.execute("update marts.customer_consent set is_granted = false")
    assert failed(connection) == {"marts.next_best_action (consent): unlawful_actions"}


def test_proposal_without_an_address_fails_its_rule(connection) -> None:
    connection.execute("update marts.customer_contact set may_contact = false")
    assert failed(connection) == {"marts.next_best_action (consent): unreachable_actions"}
