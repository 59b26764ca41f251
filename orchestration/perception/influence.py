"""Influence: PageRank of all people in the graph of relations, listed for those who are customers.

PageRank (Brin & Page 1998) is the share of time that a random reader spends with each person. The reader moves along
relations, in proportion to their weights: from follower to followed, from author to mentioned person, from the referred
person to the referrer. With probability 1 - DAMPING the reader restarts at a random person. A follower with many
followers therefore counts for more than one with none.

The edges are made in dbt (`int_influence_edge`). The SQL here numbers the people for the matrix and writes the ranks
back, with two counts over the same edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy import sparse

DAMPING = 0.85  # the value of Brin & Page, and the usual one to compare with
TOLERANCE = 1e-10  # total change of all shares (which add up to 1) below which the ranks are final
MOST_ROUNDS = 300  # 0.85 to the power of 300 is far below the tolerance: only a bug reaches it
_DIGITS = 12  # equal ranks must be equal, whatever the order of summing


@dataclass(frozen=True)
class RankedInfluence:
    """table: where the ranks are. people: nodes of the graph. customers: those of them who are customers."""

    table: str
    people: int
    customers: int
    edges: int


def rank_influence(
    connection: duckdb.DuckDBPyConnection, edges_table: str, *, schema: str = "perception"
) -> RankedInfluence:
    """Write `<schema>.customer_influence`: one row per customer in the graph.

    edges_table: one row per person, other person and kind of relation, with person and other_person (any bigint that
    identifies them), customer_key and other_customer_key (null if not a customer), relation_kind, weight (above 0).
    `person` follows, mentions or was referred by `other_person`. Relations of a person with themselves are ignored.
    Columns written: customer_key; pagerank (0 to 1, all people add up to 1); influence_percentile (0 to 100: share of
    the other customers in the graph who rank lower); referral_count (people referred by the customer) and
    follower_count, both counting distinct people. The same edges give the same table; no edges give an empty one.
    """
    table = f"{schema}.customer_influence"
    connection.execute(f"create schema if not exists {schema}")
    people = _number_people(connection, edges_table)
    edges = connection.execute("""
        select one.number as source, other.number as target, sum(_edge.weight)::double as weight
        from _edge
        inner join _person as one using (person)
        inner join _person as other on _edge.other_person = other.person
        group by all order by all
    """).fetchnumpy()
    ranks = pagerank(np.asarray(edges["source"]), np.asarray(edges["target"]), np.asarray(edges["weight"]), people)
    _write(connection, table, ranks)
    customers = int(_value(connection, f"select count(*) from {table}"))
    edge_count = int(_value(connection, "select count(*) from _edge"))
    connection.execute("drop table _edge")
    connection.execute("drop table _person")
    return RankedInfluence(table, people, customers, edge_count)


def _number_people(connection: duckdb.DuckDBPyConnection, edges_table: str) -> int:
    """Create the temp tables _edge and _person, which numbers the people from 0. Returns how many there are."""
    connection.execute(f"""
        create or replace temp table _edge as
        select person, other_person, customer_key, other_customer_key, relation_kind, weight
        from {edges_table} where person <> other_person and weight > 0
    """)
    connection.execute("""
        create or replace temp table _person as
        select row_number() over (order by person) - 1 as number, person, max(customer_key) as customer_key
        from (
            select person, customer_key from _edge
            union all select other_person, other_customer_key from _edge
        )
        group by person
    """)
    return int(_value(connection, "select count(*) from _person"))


def _write(connection: duckdb.DuckDBPyConnection, table: str, ranks: np.ndarray[Any, Any]) -> None:
    """Write the customers' rows. ranks: PageRank by number of the person."""
    connection.register("_rank", pa.table({"number": np.arange(len(ranks)), "pagerank": np.round(ranks, _DIGITS)}))
    connection.execute(f"""
        create or replace table {table} as
        with received as (
            select
                other_person as person,
                count(distinct person) filter (where relation_kind = 'referred_by') as referral_count,
                count(distinct person) filter (where relation_kind = 'follows') as follower_count
            from _edge group by other_person
        )
        select
            _person.customer_key,
            _rank.pagerank,
            100 * percent_rank() over (order by _rank.pagerank) as influence_percentile,
            coalesce(received.referral_count, 0) as referral_count,
            coalesce(received.follower_count, 0) as follower_count
        from _person
        inner join _rank using (number)
        left join received using (person)
        where _person.customer_key is not null
        order by _person.customer_key
    """)
    connection.unregister("_rank")


def pagerank(
    source: np.ndarray[Any, Any], target: np.ndarray[Any, Any], weight: np.ndarray[Any, Any], people: int
) -> np.ndarray[Any, Any]:
    """The PageRank of people 0 to `people` - 1, which adds up to 1, by power iteration on a sparse matrix.

    source, target, weight: one entry per edge. A person without outgoing edges passes their rank to all people equally.
    """
    if not people:
        return np.zeros(0)
    given = np.bincount(source, weights=weight, minlength=people)
    share = weight / given[source]
    passed_on = sparse.csr_array((share, (target, source)), shape=(people, people))
    dangling = given == 0
    rank = np.full(people, 1 / people)
    for _ in range(MOST_ROUNDS):
        new = DAMPING * (passed_on @ rank + rank[dangling].sum() / people) + (1 - DAMPING) / people
        moved = np.abs(new - rank).sum()
        rank = new
        if moved < TOLERANCE:
            break
    return rank / rank.sum()


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
