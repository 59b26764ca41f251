"""Influence: PageRank compared with a graph solved by hand and with networkx."""

from __future__ import annotations

import duckdb
import networkx
import numpy as np
import pytest

from orchestration.perception import rank_influence
from orchestration.perception.influence import pagerank

COLUMNS = (
    "person bigint, other_person bigint, customer_key bigint, other_customer_key bigint, relation_kind varchar,"
    " weight double"
)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute(f"create table edge ({COLUMNS})")
        yield connection


def _follow(connection: duckdb.DuckDBPyConnection, *pairs: tuple[int, int], kind: str = "follows") -> None:
    """Positive numbers are customers, negative ones are not."""
    for one, other in pairs:
        connection.execute(
            "insert into edge values ($1, $2, case when $1 > 0 then $1 end, case when $2 > 0 then $2 end, $3, 1)",
            [one, other, kind],
        )


def many_edges(count: int) -> str:
    """Makes the table `many`: `count` edges between up to 300,000 people, a third of them to people not known."""
    return f"""
        create table many as
        select a as person, b as other_person, a as customer_key, case when b % 3 > 0 then b end as other_customer_key,
            'follows' as relation_kind, 1 + a % 3 as weight
        from (select hash(i) % 300000 as a, (hash(i + 1000000) % 548 ** 2)::bigint as b from range({count}) as r(i))
    """


def test_four_people_rank_as_worked_out_by_hand() -> None:
    # 0 → 1, 0 → 2, 1 → 2, 2 → 0, 3 → 2; no edge leads to 3. With d = 0.85 and t = 0.15 / 4 = 0.0375:
    #   r3 = t;  r0 = t + d r2;  r1 = t + d r0 / 2;  r2 = t + d (r0 / 2 + r1 + r3)
    # Put into r2: r2 (1 - d²/2 - d³/2) = t (1 + d/2 + d + d²/2 + d) = t (1 + 5d/2 + d²/2), so with d = 0.85:
    r2 = 0.0375 * (1 + 2.125 + 0.36125) / (1 - 0.36125 - 0.3070625)
    r0 = 0.0375 + 0.85 * r2
    expected = [r0, 0.0375 + 0.425 * r0, r2, 0.0375]
    assert sum(expected) == pytest.approx(1)
    ranks = pagerank(np.array([0, 0, 1, 2, 3]), np.array([1, 2, 2, 0, 2]), np.ones(5), 4)
    assert ranks == pytest.approx(expected, abs=1e-9)


def test_weighted_graphs_with_dead_ends_rank_as_networkx_says() -> None:
    random = np.random.default_rng(20261122)
    for people, edges in ((30, 60), (200, 1_500), (500, 400)):
        pairs = {(int(a), int(b)) for a, b in random.integers(0, people, (edges, 2)) if a != b}
        source, target = (np.array(side) for side in zip(*sorted(pairs), strict=True))
        weight = random.uniform(0.5, 3, len(pairs))
        graph = networkx.DiGraph()
        graph.add_nodes_from(range(people))
        graph.add_weighted_edges_from(zip(source.tolist(), target.tolist(), weight.tolist(), strict=True))
        theirs = networkx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=500)
        ours = pagerank(source, target, weight, people)
        assert ours == pytest.approx([theirs[number] for number in range(people)], abs=1e-8)


def test_people_who_are_not_customers_pass_influence_on_but_are_not_listed(connection) -> None:
    _follow(connection, (-7, 1), (-8, -7), (-9, -7), (2, 3))
    result = rank_influence(connection, "edge")
    ranked = dict(connection.execute("select customer_key, pagerank from perception.customer_influence").fetchall())
    assert ranked.keys() == {1, 2, 3}
    # Both have one follower, but the follower of 1 has two followers, who are not customers.
    assert ranked[1] > ranked[3] > ranked[2]
    assert (result.people, result.customers, result.edges) == (6, 3, 4)


def test_percentiles_run_from_the_least_to_the_most_influential_customer(connection) -> None:
    # 4 has three followers; 1, 2 and 3 have none, and share the lowest rank.
    _follow(connection, (1, 4), (2, 4), (3, 4))
    rank_influence(connection, "edge")
    percentiles = connection.execute(
        "select customer_key, influence_percentile from perception.customer_influence order by 1"
    ).fetchall()
    assert percentiles == [(1, 0), (2, 0), (3, 0), (4, 100)]


def test_referrals_and_followers_count_distinct_other_people(connection) -> None:
    _follow(connection, (2, 1), (3, 1), (2, 1), (1, 1))
    _follow(connection, (4, 1), (-5, 1), (1, 1), kind="referred_by")
    _follow(connection, (6, 1), kind="mentions")
    rank_influence(connection, "edge")
    assert connection.execute(
        "select referral_count, follower_count from perception.customer_influence where customer_key = 1"
    ).fetchone() == (2, 2)


def test_no_relations_give_an_empty_table_and_a_second_call_replaces_the_first(connection) -> None:
    assert rank_influence(connection, "edge").customers == 0
    assert connection.execute("select count(*) from perception.customer_influence").fetchone() == (0,)
    _follow(connection, (1, 2))
    assert rank_influence(connection, "edge").customers == 2


def test_same_edges_in_any_order_give_the_same_table(connection) -> None:
    # Enough of them that the engine works in several chunks and threads.
    connection.execute(many_edges(300_000))
    rank_influence(connection, "many")
    first = connection.execute("select bit_xor(hash(t)) from perception.customer_influence as t").fetchone()
    connection.execute("create table shuffled as from many order by hash(person + 7 * other_person)")
    rank_influence(connection, "shuffled")
    assert connection.execute("select bit_xor(hash(t)) from perception.customer_influence as t").fetchone() == first
