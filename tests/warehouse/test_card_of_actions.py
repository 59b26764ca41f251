"""What the card says of next best actions."""

from __future__ import annotations

import duckdb
from rich.console import Console

from orchestration.serving.card import _actions


def test_an_expected_value_is_told_as_what_people_do_and_nothing_where_no_model_speaks() -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema marts;
            create table marts.next_best_action as
            select 1 as customer_key, 'consent' as lawful_basis, 'EUR' as currency, * from (values
                (1, 'interest', 'Suggest', 'likely', 'app', 0.204::double, 41.06::decimal(18, 2)),
                (2, 'ease', 'Help', 'rare', 'app', 0.0014, 0.40),
                (3, 'reward', 'Reward', 'loyal', 'email', null, null)
            ) as v (action_rank, kind, title, evidence, channel, propensity, expected_value_amount)
        """)
        console = Console(width=200)
        with console.capture() as shown:
            console.print(_actions(connection, 1))
            console.print(_actions(connection, 2))
    lines = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert lines == [
        # 0.204 of 100 people are 20; 100 times 41.06 EUR.
        "interest Suggest: likely (by app, consent); of 100 like them 20 buy it within 90 days, 4,106 EUR in all",
        "ease Help: rare (by app, consent); of 1,000 like them 1 buys it within 90 days, 400 EUR in all",
        "reward Reward: loyal (by email, consent)",
        "none that they have agreed to",
    ]
