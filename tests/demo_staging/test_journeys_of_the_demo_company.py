"""Journeys in the marts against the truth: topics of visits, and purchases that campaigns caused."""

from __future__ import annotations

from collections.abc import Callable

Ask = Callable[[str], list[tuple]]


def test_steps_of_a_visit_are_on_the_product_line_of_the_visit(ask: Ask) -> None:
    found = {
        source: (fitting, count)
        for source, fitting, count in ask("""
            select bridge.product_line_source, count(*) filter (bridge.product_line = visits.product_line), count(*)
            from core.bridge_interaction_product_line as bridge
            inner join core.fct_interaction as facts using (interaction_key)
            inner join intermediate.int_interaction as delivered using (source_system, source_interaction_id)
            inner join {truth:web_sessions} as visits using (session_id)
            where facts.source_system = 'web'
            group by 1
        """)
    }
    seen, of_products = found["product"]
    assert seen == of_products > 1_000
    # Visits that only read, and come to no product, may read about another line than the one they were made for.
    guessed, of_visits = found["session"]
    assert of_visits > 500
    assert guessed >= 0.85 * of_visits


def test_order_counts_for_each_of_its_product_lines_with_the_amount_paid(ask: Ask) -> None:
    assert ask("""
        select product_line, sum(purchase_amount)
        from core.bridge_interaction_product_line inner join core.fct_interaction using (interaction_key)
        where source_system = 'shop' and purchase_amount is not null
        group by 1 order by 1
    """) == ask("""
        select goods.product_line, sum(lines.net_amount)
        from intermediate.int_order_line as lines
        inner join intermediate.int_product as goods using (product_id)
        where lines.source_system = 'shop' and lines.line_kind = 'purchase'
        group by 1 order by 1
    """)


def test_shop_purchase_caused_by_a_campaign_has_a_touch_of_that_campaign(ask: Ask) -> None:
    ((caused, touched),) = ask("""
        select count(distinct truth.order_no), count(distinct truth.order_no) filter (paths.path_key is not null)
        from {truth:orders} as truth
        inner join core.fct_interaction as facts
            on facts.source_system = 'shop' and facts.source_interaction_id = truth.order_no
        left join marts.touch_path as paths
            on paths.purchase_interaction_key = facts.interaction_key
            and paths.touch_value like '%' || truth.campaign_id
        where truth.campaign_id is not null
    """)
    assert touched == caused > 5


def test_every_model_credits_every_purchase_once(ask: Ask) -> None:
    purchases, amount = ask("""
        select count(*), sum(purchase_amount)::double
        from core.bridge_interaction_product_line where purchase_amount is not null
    """)[0]
    credited = ask("""
        select attribution_model, round(sum(credited_purchases), 6), round(sum(credited_amount), 2)
        from marts.touch_attribution group by 1 order by 1
    """)
    assert credited == [
        (model, purchases, round(amount, 2)) for model in ("data_driven", "first", "last", "linear", "position")
    ]
