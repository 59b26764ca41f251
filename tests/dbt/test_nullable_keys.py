"""No model of the package compares a key that can be null so that its row silently falls out."""

from __future__ import annotations

import pytest
from check_sql import compiled_models
from empty_warehouse import empty_home
from nullable_keys import nullable_keys, undecided_comparisons

OFFERS = "with made as (select m.id, o.product_key from made_raw as m left join dim_offer as o on m.id = o.id)"
PURCHASES = "inner join purchases as p on made.id = p.id"


def test_no_model_compares_a_key_that_can_be_null() -> None:
    home, results = empty_home("contoso")
    queries = {file.stem: file.read_text() for file in compiled_models(home, results)}
    assert len(queries) > 100
    nullable = nullable_keys(queries)
    # A customer is looked up in vain and a response may answer nothing: without these nothing would be looked at.
    assert {"customer_key"} <= nullable["int_identified_customer"]
    assert {"session_key", "responds_to_interaction_key"} <= nullable["fct_interaction"]
    found = {model: undecided_comparisons(query, nullable) for model, query in queries.items()}
    assert {model: comparisons for model, comparisons in found.items() if comparisons} == {}


@pytest.mark.parametrize(
    ("condition", "is_found"),
    [
        ("made.product_key < 0 or made.product_key = p.product_key", True),  # issue 15, A.8
        ("made.product_key <> p.product_key", True),
        ("made.product_key = -2", True),
        ("not made.product_key = p.product_key", True),
        ("coalesce(made.product_key, -1) < 0", False),
        ("made.product_key is null or made.product_key < 0", False),
        ("made.product_key > 0", False),
        ("made.product_key = p.product_key", False),
    ],
)
def test_lint_finds_a_key_of_a_left_join_that_a_null_makes_undecided(condition: str, is_found: bool) -> None:
    query = f"{OFFERS} select made.id from made {PURCHASES} where {condition}"
    assert bool(undecided_comparisons(query, {})) == is_found


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("select a.x_key < 0 as b from t as a", False),
        ("select a.x_key < 0 as b from u as a left join t as c on a.i = c.i", False),
        ("select c.x_key < 0 as b from u as a left join t as c on a.i = c.i", True),
        ("select c.x_key < 0 as b from u as a inner join t as c on a.i = c.i", False),
        ("select a.y_key < 0 as b from t as a", True),  # the model t hands on a y_key that can be null
        ("select a.y_key < 0 as b from t as a where a.y_key is not null", False),
        ("with s as (select y_key from t union all select x_key from t) select y_key < 0 as b from s", True),
    ],
)
def test_lint_follows_keys_through_joins_and_models(query: str, is_found: bool) -> None:
    t = "select coalesce(w.x_key, -1) as x_key, w.x_key as y_key from v left join w on v.i = w.i"
    assert bool(undecided_comparisons(query, nullable_keys({"t": t}))) == is_found
