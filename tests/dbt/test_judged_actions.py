"""Proposals in a world whose truth is known: are choices drawn as stated, and does the log predict what another way of
choosing would have brought?

The choices are made by action_choice as dbt compiles it, go through the files of the log, and are judged from it. What
a customer buys follows from what was proposed to them, by chances that are written here and that no model knows.
"""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pytest
from empty_warehouse import ANY_MOMENT
from predictions.action_world import EMPTY_WORLD, buy
from predictions.prediction_models import DECISIONS, PredictionModels

from orchestration.predictions.judging.action_log import keep_proposals, restore_action_log
from orchestration.predictions.judging.policy_values import (
    ALWAYS_THE_BEST,
    AS_PROPOSED,
    AT_RANDOM,
    judged_decisions,
    policy_values,
    write_policy_values,
)
from orchestration.warehouse.dbt import DbtProject

WORLDS, CUSTOMERS, SEED = 40, 2_000, 11
HOURS_LATER, DAY_AFTER, JUDGED_AT = (ANY_MOMENT + timedelta(hours=hours) for hours in (17, 24, 31 * 24))
EXPLORED = 0.1  # variable action_exploration_share
# Of every two customers one has the choice of two lines, the other one of three. Amount of a purchase of the line,
# chance to buy it as the model says, and in truth where it is proposed.
LINES = {
    "two": {"plans": (100, 0.4, 0.6), "insurance": (150, 0.1, 0.2)},
    "three": {"plans": (100, 0.1, 0.5), "insurance": (150, 0.4, 0.3), "lease": (200, 0.06, 0.6)},
}
# The model prefers plans (40 to 15 EUR) and insurance (60 to 12 and 10): in truth 60 and 45 EUR.
TRUTH = {
    ALWAYS_THE_BEST: (60 + 45) / 2,
    AT_RANDOM: ((60 + 30) / 2 + (50 + 45 + 120) / 3) / 2,
}
TRUTH[AS_PROPOSED] = (1 - EXPLORED) * TRUTH[ALWAYS_THE_BEST] + EXPLORED * TRUTH[AT_RANDOM]


@pytest.fixture(scope="module")
def world(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """All worlds at once: customer n lives in world n % WORLDS. Logged, and 31 days later."""
    connection = duckdb.connect()
    connection.execute(EMPTY_WORLD)
    values = ", ".join(
        f"('{group}', '{line}', {amount}, {said}, {true})"
        for group, lines in LINES.items()
        for line, (amount, said, true) in lines.items()
    )
    connection.execute(f"""
        create temp table line as select * from (values {values}) as v(choices, product_line, amount, said, truth);
        create temp table customer as
        select n as customer_key, n % {WORLDS} as world, if(n // {WORLDS} % 2 = 0, 'two', 'three') as choices
        from range(1, {WORLDS * CUSTOMERS} + 1) as numbers(n);
        create table core.dim_customer as select customer_key, null::date as birth_date from customer;
        create table marts.relationship_context as
        select customer_key, null::timestamp as first_known_at, 100 as tenure_days, 0 as purchase_count_12m,
            0::decimal(18, 2) as current_value_amount, null::varchar as product_lines, 0 as product_line_count,
                'model' as value_basis, null::varchar as no_profile_reason
        from customer;
        create table marts.personal_context as
        select customer_key, 0 as open_complaint_count, null::varchar as nps_class, null::timestamp as nps_answered_at,
            0 as referral_count, false as is_ambassador
        from customer;
        create table marts.situational_context as
        select customer_key, null::varchar as need, null::varchar as need_evidence, null::varchar as need_action,
            null::timestamp as next_appointment_at, 0 as cart_line_count, null::timestamp as cart_last_added_at,
            false as is_cart_abandoned, null::varchar as open_complaint_kind, null::timestamp as open_complaint_since,
            null::timestamp as open_complaint_answered_at
        from customer;
        create table marts.customer_segment as
        select customer_key, 'new' as segment, 'New' as segment_title from customer;
        create table marts.customer_value as
        select customer_key, 'EUR' as currency, 0.5::double as value_percentile, 'model' as basis from customer;
        create table marts.customer_contact as
        select customer_key, 'marketing' as purpose, 'email' as channel, 'consent' as lawful_basis,
            null::timestamp as changed_at, true as may_contact
        from customer;
        create table marts.customer_stage as
        select 0::bigint as customer_key, '' as stage, '' as previous_stage, null::timestamp as valid_from,
            true as is_current where false;
        create table marts.customer_preference as
        select 0::bigint as customer_key, '' as preference_kind, '' as item, 0::double as affinity, 0 as affinity_rank,
            0 as exchange_count where false;
        create table marts.customer_propensity as
        select customer_key, 'buy' as target, product_line, null::varchar as channel, 90 as horizon_days,
            said::double as probability, 3::double as lift, 'model' as basis
        from customer inner join line using (choices);
        create table seeds.actions as
        select 'suggest_product_line' as action, 'interest' as kind, 'marketing' as purpose, 30 as base_score,
            true as is_held_during_complaint, true as is_profile, 0 as within_days, 0 as least_count,
            14 as valid_days, '' as title,
            '{{times}} times as likely' as evidence_1, '' as evidence_2, '' as evidence_3, '' as reason;
        create table seeds.segments as select 'new' as segment, false as is_loyal;
        create table seeds.relationship_stages as select '' as stage, 0 as stage_rank, false as is_won_back;
    """)
    # From the past, what a purchase of each line brings is known.
    buy(connection, "select distinct -1, product_line, timestamp '2024-01-01', amount from line")
    for name, moment in (("action_choice", ANY_MOMENT), ("hours_later", HOURS_LATER), ("day_after", DAY_AFTER)):
        connection.execute(f"create table marts.{name} as {project.query('action_choice', as_of=moment)}")
    folder = tmp_path_factory.mktemp("predictions")
    keep_proposals(connection, folder, ANY_MOMENT)
    restore_action_log(connection, folder)
    draws = np.random.default_rng(SEED).random(WORLDS * CUSTOMERS)
    connection.register("luck", {"customer_key": np.arange(1, WORLDS * CUSTOMERS + 1), "draw": draws})
    within = "timestamp '2026-01-01' + interval 29 day"
    buy(
        connection,
        f"""
        select customer_key, product_line, {within}, amount
        from marts.action_choice as choice
        inner join customer using (customer_key)
        inner join line on customer.choices = line.choices and choice.item = line.product_line
        inner join luck using (customer_key)
        where choice.is_proposed and luck.draw < line.truth
        -- What is not of the line, or not within 30 days, has not come of the proposal.
        union all select customer_key, 'bikes', {within}, 3000 from customer
        union all
        select customer_key, item, {within} + interval 1 day, 1000 from marts.action_choice
        union all
        select customer_key, item, timestamp '2025-12-31 23:59:59', 1000 from marts.action_choice
        """,
    )
    PredictionModels(project).build(connection, DECISIONS, JUDGED_AT)
    return connection


def test_of_ten_decisions_one_is_drawn_and_every_choice_is_as_likely_as_said(world) -> None:
    found = world.execute("""
        select choice_count, is_greedy, proposal_probability, count(*) as choices,
            count(*) filter (is_proposed) as proposed
        from marts.action_choice group by all order by all
    """).fetchall()
    said = {(count, greedy): probability for count, greedy, probability, _, _ in found}
    assert said == pytest.approx({(2, False): 0.05, (2, True): 0.95, (3, False): 0.1 / 3, (3, True): 0.9 + 0.1 / 3})
    for count, greedy, probability, choices, proposed in found:
        error = np.sqrt(choices * probability * (1 - probability))
        assert abs(proposed - choices * probability) < 4 * error, (count, greedy)
    assert world.execute("""
        select count(*) from (
            select customer_key from marts.action_choice group by customer_key
            having count(*) filter (is_proposed) <> 1 or abs(sum(proposal_probability) - 1) > 1e-9
        )
    """).fetchone() == (0,)


def test_the_draw_is_the_same_for_a_customer_and_day_and_another_one_on_another_day(world) -> None:
    first, hours_later, day_after = (
        set(
            world.execute(
                f"select customer_key, item from marts.{table} where is_proposed and not is_greedy"
            ).fetchall()
        )
        for table in ("action_choice", "hours_later", "day_after")
    )
    assert hours_later == first
    # Who was drawn is as likely as anybody else to be drawn the day after: one in 17.
    before, after = ({customer for customer, _ in drawn} for drawn in (first, day_after))
    assert 0.04 < len(before & after) / len(before) < 0.08


def test_ips_and_snips_tell_what_each_policy_brings_where_the_average_of_the_log_does_not(world) -> None:
    assert write_policy_values(world) == WORLDS * CUSTOMERS
    found = world.execute("from predictions.policy_value").fetchall()
    assert {(policy, method) for policy, method, *_ in found} == {
        (policy, method) for policy in TRUTH for method in ("ips", "snips")
    }
    for policy, method, currency, decisions, _, value, low, high, notes in found:
        assert low < TRUTH[policy] < high, (policy, method, value)
        assert (currency, decisions, notes) == ("EUR", WORLDS * CUSTOMERS, None)
    # Whoever takes the log's average for what drawing at random would bring is wrong by far more than chance.
    rewards = judged_decisions(world)[0]["reward"]
    error = rewards.std() / np.sqrt(len(rewards))
    assert abs(rewards.mean() - TRUTH[AT_RANDOM]) > 10 * error
    assert abs(rewards.mean() - TRUTH[AS_PROPOSED]) < 3 * error


def test_intervals_hold_the_truth_as_often_as_they_say(world) -> None:
    decisions, _ = judged_decisions(world)
    worlds = [decisions["customer_key"] % WORLDS == number for number in range(WORLDS)]
    judged = [policy_values({name: values[chosen] for name, values in decisions.items()}) for chosen in worlds]
    for policy, true in TRUTH.items():
        for method in ("ips", "snips"):
            values = [values[policy][method] for values in judged]
            covered = sum(value.low <= true <= value.high for value in values)
            assert covered >= 35, (policy, method)  # of 40 at 95 %: fewer happens once in a hundred times
            means = np.array([value.value for value in values])
            assert abs(means.mean() - true) < 3 * means.std() / np.sqrt(WORLDS), (policy, method)
