"""What choosing actions brings: what was proposed held against what was bought, for the policy in use and for others.

A decision is a customer who had several things of one kind to be proposed, of which one was drawn. The same action
stands in the log of every night for as long as it is valid: those repeats are no decisions of their own. Of each
customer and kind the first night counts; the next one that counts comes when the proposal is out of date and the days
in which its outcome is looked at are over, so that no purchase is counted for two decisions. Which night counts never
depends on what was drawn that night, so inverse propensity weighting holds; what the value tells is the mean of
drawing once so and then going on as is done now.

Its outcome is what was bought of the proposed product line (of everything, where the action is about none), also what
would have been bought anyway.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import numpy as np
from numpy.typing import NDArray

from orchestration.predictions.action_log import restore_action_log
from orchestration.predictions.policy import LEAST_PROPENSITY, PolicyValue, evaluate_policy

# Chosen 2026-11: who takes something up on a proposal does so within weeks, and attribution looks as far back. More
# days would add purchases that have nothing to do with it, and keep the answer waiting.
OUTCOME_DAYS = 30

AS_PROPOSED, ALWAYS_THE_BEST, AT_RANDOM = "as proposed", "always the best", "at random"

Decisions = dict[str, NDArray[np.float64]]

# Everything that was bought, as far as the as of knows: what one line of an order brought, and stays.
_BOUGHT = """
    with order_currency as (
        select interaction_key, min(currency) as currency
        from core.fct_order_line
        where line_kind = 'purchase'
        group by interaction_key
        having count(distinct currency) = 1
    )
    select lines.customer_key, lines.product_line, lines.happened_at as bought_at, lines.purchase_amount as amount,
        order_currency.currency
    from core.bridge_interaction_product_line as lines
    inner join order_currency using (interaction_key)
    where lines.purchase_amount is not null and lines.customer_key > 0 and lines.happened_at < $as_of
    union all
    select customer_key, null, started_at, net_amount, currency
    from core.fct_booking
    where customer_key > 0 and started_at < $as_of
"""

# Of a customer who was two customers then, the decision for the lower number counts.
_DECISIONS = f"""
    with recursive choices as (
        select coalesce(numbers.customer_key, log.customer_key) as customer_key, log.customer_key as customer_number,
            log.kind, log.as_of, log.item, log.proposal_probability, log.is_proposed, log.is_greedy, log.valid_until,
            min(log.proposal_probability) over logged as least_probability, count(*) over logged as choice_count
        from predictions.action_log as log
        left join core.bridge_customer_number as numbers on log.customer_key = numbers.customer_number
        window logged as (partition by log.customer_key, log.kind, log.as_of)
    ),
    proposals as (
        select *, greatest(valid_until, as_of + interval {OUTCOME_DAYS} day) as over_at
        from choices
        where is_proposed and choice_count > 1 and least_probability >= {LEAST_PROPENSITY}
        qualify row_number() over (partition by customer_key, kind, as_of order by customer_number) = 1
    ),
    decided as (
        select customer_key, kind, min(as_of) as as_of, arg_min(over_at, as_of) as over_at
        from proposals
        group by customer_key, kind
        union all
        select next.customer_key, next.kind, min(next.as_of), arg_min(next.over_at, next.as_of)
        from decided
        inner join proposals as next
            on decided.customer_key = next.customer_key and decided.kind = next.kind and next.as_of >= decided.over_at
        group by next.customer_key, next.kind
    )
    select proposals.*
    from proposals
    inner join decided using (customer_key, kind, as_of)
    where as_of + interval {OUTCOME_DAYS} day <= $as_of
"""


def write_policy_values(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """Writes predictions.policy_value from predictions.action_log and what core knows; returns the judged decisions.

    The table is replaced in one transaction. It is empty where no decision is over yet.
    """
    decisions, currency = judged_decisions(connection, as_of)
    rows = [
        (policy, value.method, currency, value.rows, value.effective_rows, value.value,
         *(end if np.isfinite(end) else None for end in (value.low, value.high)), " ".join(value.notes) or None)
        for policy, values in policy_values(decisions).items()
        for value in values.values()
    ]  # fmt: skip
    connection.begin()
    prepare_policy_values(connection)
    connection.execute("delete from predictions.policy_value")
    if rows:
        connection.executemany("insert into predictions.policy_value values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    return len(decisions["reward"])


def judged_decisions(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[Decisions, str | None]:
    """The decisions whose outcome is known at as_of, one entry of each array per decision, and the currency.

    customer_key, reward (net amount), proposal_probability, is_greedy (1 or 0), choice_count. The currency is that of
    most purchases; what was paid in another one is left out, because amounts of two do not add up.
    """
    moment = {"as_of": as_of}
    usual = connection.execute(
        f"select currency from ({_BOUGHT}) where currency is not null group by 1 order by count(*) desc, 1 limit 1",
        moment,
    ).fetchone()
    currency = usual[0] if usual else None
    found = connection.execute(
        f"""
        with decision as materialized ({_DECISIONS}),
        -- First joined and then added: an outer join on such conditions holds every decision against every purchase.
        outcome as (
            select decision.customer_key, decision.kind, decision.as_of, sum(bought.amount) as reward
            from decision
            inner join ({_BOUGHT}) as bought on decision.customer_key = bought.customer_key
            where bought.bought_at >= decision.as_of
                and bought.bought_at < decision.as_of + interval {OUTCOME_DAYS} day
                and (decision.item is null or decision.item = bought.product_line)
                and bought.currency = $currency
            group by decision.customer_key, decision.kind, decision.as_of
        )
        select customer_key, coalesce(reward, 0)::double as reward, proposal_probability,
            is_greedy::double as is_greedy, choice_count
        from decision left join outcome using (customer_key, kind, as_of)
        order by customer_key, kind, as_of
        """,
        moment | {"currency": currency},
    ).fetchnumpy()
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}, currency


def policy_values(decisions: Decisions) -> dict[str, dict[str, PolicyValue]]:
    """Per policy and method, the mean reward of a decision; nothing where there is no decision."""
    logged = decisions["proposal_probability"]
    if not len(logged):
        return {}
    policies = {AS_PROPOSED: logged, ALWAYS_THE_BEST: decisions["is_greedy"], AT_RANDOM: 1 / decisions["choice_count"]}
    return {name: evaluate_policy(decisions["reward"], logged, chances) for name, chances in policies.items()}


def prepare_policy_values(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the table that the marts read, where it is not there yet."""
    connection.execute("create schema if not exists predictions")
    connection.execute(
        """
        create table if not exists predictions.policy_value (
            policy varchar, method varchar, currency varchar, decisions bigint, effective_decisions double,
            value_amount double, low_amount double, high_amount double, notes varchar
        )
        """
    )


def prepare_actions(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes what the marts and the judging read of actions, empty."""
    restore_action_log(connection, None)
    prepare_policy_values(connection)
