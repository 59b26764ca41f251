"""Removal effects: the value of tracked touches, by a Markov chain over the paths of customers.

A path is a walk from a start over touches to one of two ends, a purchase or none. The counts of moves give the
probabilities of a first-order absorbing chain. The removal effect of a touch is the share of purchases that would be
lost if every walk that reaches it ended without one (Anderl, Becker, von Wangenheim and Schumann 2016, "Mapping the
customer journey", International Journal of Research in Marketing 33(3)). The lost purchases are those that pass the
touch:

    effect(s) = P(the walk ever reaches s) * P(purchase | at s) / P(purchase)

With the fundamental matrix N = (I - Q)^-1 the first factor is N[start, s] / N[s, s] (Kemeny and Snell 1960, "Finite
Markov Chains"), so that one inversion serves all touches. Existing libraries read one row per path into memory, or need
a compiler. The effect is an association, not a proof that the touch causes purchases.

The moves are counted in dbt (`touch_transition`). The SQL here numbers the touches for the matrix and writes the
effects back.
"""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

START = 0  # the first state; touches follow


def removal_effects(
    from_state: NDArray[np.int64],
    to_state: NDArray[np.int64],
    count: NDArray[np.int64],
    touches: int,
) -> NDArray[np.float64]:
    """The removal effect of each touch, 0 to 1; all 0 if no walk ends in a purchase.

    from_state: 0 for the start, 1 to `touches` for touches. to_state: 1 to `touches` for touches, `touches` + 1 for a
    purchase, `touches` + 2 for the end without one. count: how often to_state followed from_state, at least 1.
    """
    moves = np.zeros((touches + 1, touches + 3))
    np.add.at(moves, (from_state, to_state), count)
    moves /= np.maximum(moves.sum(axis=1, keepdims=True), 1)
    visits = np.linalg.inv(np.eye(touches + 1) - moves[:, : touches + 1])
    buys = visits @ moves[:, touches + 1]
    if buys[START] <= 0:
        return np.zeros(touches)
    reaches = visits[START] / np.diag(visits)
    return (reaches * buys / buys[START])[1:]


def prepare_removal_effects(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table that the marts read, if it is missing."""
    connection.execute("create schema if not exists attribution")
    connection.execute(
        "create table if not exists attribution.removal_effect"
        " (product_line varchar, touch_kind varchar, touch_value varchar, removal_effect double)"
    )


def write_removal_effects(connection: duckdb.DuckDBPyConnection, transitions: str = "marts.touch_transition") -> int:
    """Compute attribution.removal_effect from the counted transitions, one chain per product line.

    transitions: a table with product_line, from_kind, from_value, to_kind, to_value and transition_count.
    Returns the number of touches. The table is replaced in one transaction.
    """
    prepare_removal_effects(connection)
    _number_touches(connection, transitions)
    lines = connection.execute("select product_line, count(*) from touch_state group by product_line").fetchall()
    for product_line, touches in lines:
        moves = _moves(connection, transitions, product_line, touches)
        effects = removal_effects(moves["from_state"], moves["to_state"], moves["transition_count"], touches)
        connection.register("effects_of_line", {"state": np.arange(1, touches + 1), "removal_effect": effects})
        connection.execute(
            "insert into touch_effect select ?, state, removal_effect from effects_of_line", [product_line]
        )
        connection.unregister("effects_of_line")
    connection.execute(
        """
        begin;
        delete from attribution.removal_effect;
        insert into attribution.removal_effect
        select product_line, touch_kind, touch_value, removal_effect
        from touch_state inner join touch_effect using (product_line, state);
        commit;
        drop table touch_state;
        drop table touch_effect;
        """
    )
    return int(connection.execute("select count(*) from attribution.removal_effect").fetchone()[0])  # type: ignore[index]


def _number_touches(connection: duckdb.DuckDBPyConnection, transitions: str) -> None:
    """Create the temp tables touch_state, which numbers the touches of a product line from 1, and touch_effect."""
    connection.execute(
        f"""
        create or replace temp table touch_state as
        select
            product_line,
            kind as touch_kind,
            name as touch_value,
            row_number() over (partition by product_line order by kind, name) as state
        from (
            select product_line, from_kind as kind, from_value as name from {transitions} where from_kind <> 'start'
            union
            select product_line, to_kind, to_value from {transitions} where to_kind not in ('purchased', 'lost')
        );
        create or replace temp table touch_effect (product_line varchar, state bigint, removal_effect double);
        """
    )


def _moves(
    connection: duckdb.DuckDBPyConnection, transitions: str, product_line: str, touches: int
) -> dict[str, NDArray[np.int64]]:
    """The transitions of a product line as numbered states: from_state, to_state, transition_count."""
    return connection.execute(
        f"""
        select
            coalesce(before.state, {START}) as from_state,
            coalesce(after.state, case moves.to_kind when 'purchased' then {touches + 1} else {touches + 2} end)
                as to_state,
            moves.transition_count
        from {transitions} as moves
        left join touch_state as before
            on moves.product_line = before.product_line
                and moves.from_kind = before.touch_kind and moves.from_value = before.touch_value
        left join touch_state as after
            on moves.product_line = after.product_line
                and moves.to_kind = after.touch_kind and moves.to_value = after.touch_value
        where moves.product_line = ?
        """,
        [product_line],
    ).fetchnumpy()
