"""Effects of campaigns on small stars made by hand, against published figures and simulated campaigns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import numpy as np
import pytest
from predictions.prediction_models import CAMPAIGNS, PredictionModels

from orchestration.predictions.judging.campaign_effects import prepare_campaign_effects, write_campaign_effects
from orchestration.predictions.judging.pooled_effect import pooled_effect

AS_OF = datetime(2025, 12, 31)
# Campaign 1 runs from 1 to 14 March, by e-mail.
STAR = """
    attach ':memory:' as warehouse; use warehouse; create schema core;
    create table core.dim_channel as select * from (values (3, 'email'), (6, 'store')) as t (channel_key, channel);
    create table core.dim_campaign as
    select * from (values (1, 3, date '2025-03-01', date '2025-03-14', null::varchar))
    as t (campaign_key, channel_key, starts_on, ends_on, product_line);
    create table core.dim_offer as
    select * from (values (11, 1, date '2025-03-01', date '2025-03-15', true, true))
    as t (offer_key, campaign_key, valid_from, valid_to, names_products, is_described);
    create table core.dim_product as
    select * from (values (5, 'bikes'), (6, 'parts'), (-1, null)) as t (product_key, product_line);
    create table core.bridge_offer_product as select 11 as offer_key, 5 as product_key;
    create table core.dim_customer as
    select i as customer_key, timestamp '2024-01-01' as first_known_at from range(1, 2001) as t(i)
    union all select -1, null;
    create table core.fct_offer_made (
        offer_made_key bigint, campaign_key bigint, offer_key bigint, customer_key bigint, is_holdout boolean,
        made_at timestamp
    );
    create table core.fct_order_line (
        customer_key bigint, interaction_key bigint, line_kind varchar, ordered_at timestamp, product_key bigint
    );
"""
SENT, BOUGHT = "2025-03-01 09:00", "2025-03-05 12:00"


@pytest.fixture
def star() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(STAR)
        yield connection


def _offer(
    star: duckdb.DuckDBPyConnection,
    first: int,
    people: int,
    buyers: int,
    *,
    held_out: bool,
    campaign: int = 1,
    bought: str = BOUGHT,
) -> None:
    """The offer to this many people, from customer `first` on; the first of them buy its product."""
    star.execute(
        """
        insert into core.fct_offer_made
        select
            (select count(*) from core.fct_offer_made) + i, ?, ? + 10, ? + i, ?, case when not ? then ?::timestamp end
        from range(?) as t(i)
        """,
        [campaign, campaign, first, held_out, held_out, SENT, people],
    )  # fmt: skip
    _purchases(star, first, buyers, bought)


def _purchases(
    star: duckdb.DuckDBPyConnection, first: int, buyers: int, bought: str = BOUGHT, product: int = 5
) -> None:
    """As many customers, from `first` on, buy the product once."""
    star.execute(
        "insert into core.fct_order_line"
        " select ? + i, 10000 + ? + i, 'purchase', ?::timestamp, ? from range(?) as t(i)",
        [first, first, bought, product, buyers],
    )


@pytest.fixture
def effects(star: duckdb.DuckDBPyConnection, models: PredictionModels) -> Callable[..., dict[int, dict]]:
    """Builds the models as of a moment, measures, and returns the rows by campaign."""

    def measure(as_of: datetime = AS_OF) -> dict[int, dict]:
        models.build(star, CAMPAIGNS, as_of)
        return _effects(star, as_of)

    return measure


def _effects(star: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[int, dict]:
    write_campaign_effects(star, as_of)
    rows = star.execute("select * from predictions.campaign_effect").df().replace({np.nan: None})
    return {row["campaign_key"]: row for row in rows.to_dict("records")}


def _pooled(star: duckdb.DuckDBPyConnection) -> dict[str, dict]:
    rows = star.execute("select * from predictions.campaign_effect_pooled").df().replace({np.nan: None})
    return {row["channel"]: row for row in rows.to_dict("records")}


def test_a_campaign_has_the_interval_that_newcombe_published(star, effects) -> None:
    # Newcombe 1998, table II (a), method 10: 56 of 70 against 48 of 80.
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    effect = effects()[1]
    assert (effect["state"], effect["reason"], effect["method"]) == ("measured", None, "Newcombe")
    assert (effect["treated_count"], effect["held_out_count"], effect["left_out_count"]) == (70, 80, 0)
    assert (effect["treated_rate"], effect["held_out_rate"]) == pytest.approx((0.8, 0.6))
    assert (effect["effect"], effect["effect_low"], effect["effect_high"]) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=5e-5
    )
    assert effect["is_significant"]
    # One campaign alone is what all have in common.
    for channel in ("all", "email"):
        pooled = _pooled(star)[channel]
        assert (pooled["effect"], pooled["effect_low"], pooled["effect_high"]) == pytest.approx(
            (0.2, 0.0524, 0.3339), abs=5e-5
        )
    assert set(_pooled(star)) == {"all", "email"}


def test_without_a_hold_out_the_effect_is_unknown_and_says_so(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    effect = effects()[1]
    assert (effect["state"], effect["effect"], effect["treated_count"]) == ("effect unknown", None, 70)
    assert effect["reason"] == "Effect unknown: the hold-out has fewer than 2 people."
    assert _pooled(star)["all"]["reason"] == "Effect unknown: no campaign that has ended has a hold-out."


def test_campaign_without_listed_people_has_a_reason(star, effects) -> None:
    assert effects()[1]["reason"] == "Effect unknown: the source lists no treated and no held-out people."


def test_effect_is_not_measured_before_the_last_day_ends(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    running = effects(datetime(2025, 3, 14, 23, 59))[1]
    assert (running["state"], running["effect"]) == ("running", None)
    assert running["reason"] == "It runs until 2025-03-14: the effect is measured after that day."
    assert effects(datetime(2025, 3, 15))[1]["state"] == "measured"


def test_a_campaign_that_has_not_begun_is_not_running(star, effects) -> None:
    """A run as of the past: the first approach is of 1 March, 9:00."""
    _offer(star, 1, 70, 56, held_out=False)
    assert 1 not in effects(datetime(2025, 3, 1, 9))
    assert effects(datetime(2025, 3, 1, 9, 1))[1]["state"] != "measured"


def test_a_campaign_runs_as_long_as_its_offer_and_without_an_end_for_ever(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    star.execute("update core.dim_offer set valid_to = date '2026-02-01'")
    assert effects()[1]["reason"] == "It runs until 2026-01-31: the effect is measured after that day."
    star.execute("update core.dim_offer set valid_to = null; update core.dim_campaign set ends_on = null")
    assert effects()[1]["reason"] == "It has no last day: the effect is measured once it has one."


def test_who_is_unknown_or_known_only_later_stands_on_neither_side_and_is_counted(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    star.execute("insert into core.fct_offer_made select 900 + i, 1, 11, -1, false, ? from range(3) as t(i)",
                 [SENT])  # fmt: skip
    # Two who were unknown when it began, and became known by what they bought.
    _offer(star, 1001, 2, 2, held_out=False)
    star.execute("update core.dim_customer set first_known_at = ?::timestamp where customer_key > 1000", [BOUGHT])
    effect = effects()[1]
    assert (effect["treated_count"], effect["left_out_count"]) == (70, 5)
    assert effect["treated_rate"] == pytest.approx(0.8)


def test_a_person_with_two_records_counts_once_and_as_approached_where_one_of_them_was(star, effects) -> None:
    _offer(star, 1, 10, 2, held_out=False)
    _offer(star, 1, 4, 0, held_out=False)  # four of the ten once more
    _offer(star, 10, 6, 0, held_out=True)  # the tenth, too, and five others
    effect = effects()[1]
    assert (effect["treated_count"], effect["held_out_count"], effect["mixed_count"]) == (10, 5, 1)
    assert effect["treated_rate"] == pytest.approx(0.2)


@pytest.mark.parametrize("bought", ["2025-03-01 08:59", "2025-03-15 00:00"])
def test_purchases_before_the_first_approach_and_after_the_last_day_count_on_neither_side(
    star, effects, bought: str
) -> None:
    _offer(star, 1, 70, 56, held_out=False, bought=bought)
    _offer(star, 101, 80, 48, held_out=True, bought=bought)
    assert (effects()[1]["treated_rate"], effects()[1]["held_out_rate"]) == (0, 0)


def _arms_that_name_no_offer(star: duckdb.DuckDBPyConnection) -> None:
    """160 treated and 163 held-out customers, as a source lists them that names the campaign and no offer."""
    _offer(star, 1, 160, 143, held_out=False)
    _offer(star, 201, 163, 142, held_out=True)
    star.execute("delete from core.dim_offer; update core.fct_offer_made set offer_key = -1")


def test_offers_without_a_number_are_judged_by_any_purchase_of_both_arms(star, effects) -> None:
    # The counts of issue 15: 143 of 160 and 142 of 163 bought, which is no effect.
    _arms_that_name_no_offer(star)
    effect = effects()[1]
    assert (effect["treated_rate"], effect["held_out_rate"]) == pytest.approx((143 / 160, 142 / 163))
    assert not effect["is_significant"]


def test_campaign_whose_offers_name_nothing_is_judged_by_its_product_line(star, effects) -> None:
    _arms_that_name_no_offer(star)
    _purchases(star, 201, 163, product=6)
    star.execute("update core.dim_campaign set product_line = 'bikes'")
    assert effects()[1]["held_out_rate"] == pytest.approx(142 / 163)
    star.execute("update core.dim_campaign set product_line = 'parts'")
    assert (effects()[1]["treated_rate"], effects()[1]["held_out_rate"]) == (0, 1)
    star.execute("update core.dim_campaign set product_line = null")
    assert effects()[1]["held_out_rate"] == 1


@pytest.mark.parametrize("unnamed", ["is_holdout", "not is_holdout"])
def test_offers_of_one_arm_without_a_number_are_judged_by_the_offers_of_the_other(star, effects, unnamed: str) -> None:
    _offer(star, 1, 40, 20, held_out=False)
    _offer(star, 101, 40, 10, held_out=True)
    _purchases(star, 1, 40, product=6)
    _purchases(star, 101, 40, product=6)
    star.execute(f"update core.fct_offer_made set offer_key = -1 where {unnamed}")
    assert (effects()[1]["treated_rate"], effects()[1]["held_out_rate"]) == (0.5, 0.25)


def test_held_out_customer_who_buys_before_the_first_approach_and_again_after_it_is_a_buyer(star, effects) -> None:
    # The offer is valid from midnight on; the first mail goes out at nine.
    _offer(star, 1, 40, 20, held_out=False)
    _offer(star, 101, 40, 10, held_out=True, bought="2025-03-01 07:00")
    _purchases(star, 101, 10)
    assert effects()[1]["held_out_rate"] == 0.25


def _earlier_purchases(star: duckdb.DuckDBPyConnection) -> None:
    """Everybody who will buy has bought once in the fortnight before; one of them also long before that."""
    star.execute(
        """
        insert into core.fct_order_line
        select distinct customer_key, customer_key, 'purchase', timestamp '2025-02-20', 6 from core.fct_order_line
        union all select 1, 9999, 'purchase', timestamp '2024-12-01', 5
        """
    )


def test_purchases_before_take_off_what_would_have_been_bought_anyway(star, effects) -> None:
    # Buying follows from having bought before, and from nothing else: the difference of 0.2 was there before.
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    _earlier_purchases(star)
    effect = effects()[1]
    assert effect["method"] == "CUPED"
    assert (effect["effect"], effect["effect_low"], effect["effect_high"]) == pytest.approx((0, 0, 0), abs=1e-9)


def test_with_nine_buyers_on_a_side_nothing_is_taken_off(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 9, held_out=True)
    _earlier_purchases(star)
    assert effects()[1]["method"] == "Newcombe"


def test_writing_twice_replaces_and_preparing_leaves_what_is_there(star, effects) -> None:
    _offer(star, 1, 70, 56, held_out=False)
    _offer(star, 101, 80, 48, held_out=True)
    first = effects()
    prepare_campaign_effects(star)
    assert effects() == first
    assert star.execute("select count(*) from predictions.campaign_effect_pooled").fetchone() == (2,)


def test_campaigns_are_compared_within_themselves_and_weighed_by_how_much_they_tell() -> None:
    # Weights 10*10/20 = 5 and 30*10/40 = 7.5, that is 0.4 and 0.6: 0.4*0.5 + 0.6*0.3 = 0.38 against 0.4*0.2 + 0.6*0.1.
    found = pooled_effect([10, 30], [5, 9], [10, 10], [2, 1])
    assert (found.treated_rate, found.held_out_rate, found.effect) == pytest.approx((0.38, 0.14, 0.24))


def test_a_campaign_among_better_customers_does_not_pass_for_an_effect() -> None:
    # Neither changed anything; but the one with the larger hold-out had the customers who buy more.
    found = pooled_effect([1000, 1000], [100, 500], [1000, 100], [100, 50])
    assert found.effect == pytest.approx(0)


def test_campaign_with_an_empty_side_does_not_count() -> None:
    assert pooled_effect([10, 30], [5, 9], [10, 0], [2, 0]) == pooled_effect([10], [5], [10], [2])
    with pytest.raises(ValueError, match="people on both sides"):
        pooled_effect([10], [5], [0], [0])


@pytest.mark.parametrize("base", [0.0, 0.03])
def test_pooled_intervals_of_small_campaigns_hold_the_truth_as_often_as_they_say(base: float) -> None:
    """36 campaigns with a dozen held out each: of 800 intervals at 95 %, more than 21 misses too many is no luck."""
    rng = np.random.default_rng(1)
    held_out = np.maximum(rng.binomial(128, 0.1, (800, 36)), 2)
    treated = 128 - held_out
    rates = base * rng.gamma(2, 0.5, (800, 36))
    buyers, without = rng.binomial(treated, rates + 0.03), rng.binomial(held_out, rates)
    hits = sum(
        found.low <= 0.03 <= found.high
        for found in map(pooled_effect, treated, buyers, held_out, without)
    )  # fmt: skip
    assert hits >= 800 * 0.95 - 21
