"""Writes what choosing actions brings: proposals against purchases, for the policy in use and for others.

dbt decides which nights of the log are decisions and what was bought after each (predictions.action_decision). The
value of a policy is the mean reward of a decision if one night is drawn by this policy and all others as today.
"""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from orchestration.predictions.judging.policy import PolicyValue, evaluate_policy

AS_PROPOSED, ALWAYS_THE_BEST, AT_RANDOM = "as proposed", "always the best", "at random"

Decisions = dict[str, NDArray[np.float64]]


def write_policy_values(connection: duckdb.DuckDBPyConnection) -> int:
    """Replaces predictions.policy_value in one transaction; returns the number of judged decisions.

    The table is empty if no decision has a known outcome yet.
    """
    decisions, currency = judged_decisions(connection)
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


def judged_decisions(connection: duckdb.DuckDBPyConnection) -> tuple[Decisions, str | None]:
    """The decisions of predictions.action_decision, one entry of each array per decision, and their currency.

    customer_key, reward (net amount), proposal_probability, is_greedy (1 or 0), choice_count.
    """
    found = connection.execute(
        """
        select customer_key, reward_amount as reward, proposal_probability, is_greedy::double as is_greedy, choice_count
        from predictions.action_decision
        order by customer_key, kind, as_of
        """
    ).fetchnumpy()
    currency = connection.execute("select min(currency) from predictions.action_decision").fetchone()
    assert currency is not None
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}, currency[0]


def policy_values(decisions: Decisions) -> dict[str, dict[str, PolicyValue]]:
    """Per policy and method, the mean reward of a decision; empty without decisions."""
    logged = decisions["proposal_probability"]
    if not len(logged):
        return {}
    policies = {AS_PROPOSED: logged, ALWAYS_THE_BEST: decisions["is_greedy"], AT_RANDOM: 1 / decisions["choice_count"]}
    return {name: evaluate_policy(decisions["reward"], logged, chances) for name, chances in policies.items()}


def prepare_policy_values(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the table that the marts read, if it does not exist."""
    connection.execute("create schema if not exists predictions")
    connection.execute(
        """
        create table if not exists predictions.policy_value (
            policy varchar, method varchar, currency varchar, decisions bigint, effective_decisions double,
            value_amount double, low_amount double, high_amount double, notes varchar
        )
        """
    )
