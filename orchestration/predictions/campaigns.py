"""What each campaign has changed, from its random hold-out, and what all of a channel have changed together.

An effect is the share of buyers among those who were approached less that among those who were deliberately not.
Compared are people whom the firm knew when the campaign began: who becomes known by buying would stand on the side of
the approached alone. Where nobody was held out nothing is told, and before the end neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from orchestration.predictions.uplift import LEAST_PER_SIDE, CampaignEffect, campaign_effect

Array = NDArray[np.float64]

MEASURED, RUNNING, UNKNOWN = "measured", "running", "effect unknown"
ALL_CHANNELS = "all"

# Welch's interval, which an adjusted effect has, trusts the spread on both sides. With fewer who bought (or did not) on
# one of them that spread is mostly chance: of nine held-out people of whom none bought it would be nought. By the usual
# rule for shares as normal figures (np and n(1-p) at least 10).
LEAST_TO_ADJUST = 10

_COLUMNS = """
    campaign_key bigint, treated_count bigint, held_out_count bigint, left_out_count bigint, mixed_count bigint,
    treated_rate double, held_out_rate double, effect double, effect_low double, effect_high double,
    is_significant boolean, method varchar, state varchar, reason varchar
"""
_POOLED_COLUMNS = """
    channel varchar, campaign_count bigint, treated_count bigint, held_out_count bigint, treated_rate double,
    held_out_rate double, effect double, effect_low double, effect_high double, is_significant boolean,
    method varchar, reason varchar
"""

# What is known of each campaign. Both sides are judged over the same days: from the first approach to the last day on
# which the offer or the campaign was valid.
_PEOPLE = """
    create or replace temp table campaign_period as
    with offered as (
        select
            made.campaign_key,
            min(made.made_at) as first_made_at,
            cast(min(offers.valid_from) as timestamp) as valid_from,
            cast(max(offers.valid_to) as timestamp) as valid_to,
            count(*) as offer_count
        from core.fct_offer_made as made
        left join core.dim_offer as offers on made.offer_key = offers.offer_key
        group by made.campaign_key
    )
    select
        campaigns.campaign_key,
        channels.channel,
        coalesce(offered.offer_count, 0) as offer_count,
        coalesce(offered.first_made_at, offered.valid_from, cast(campaigns.starts_on as timestamp)) as begins_at,
        greatest(offered.valid_to, cast(campaigns.ends_on + 1 as timestamp)) as ends_at
    from core.dim_campaign as campaigns
    left join offered on campaigns.campaign_key = offered.campaign_key
    left join core.dim_channel as channels on campaigns.channel_key = channels.channel_key
    where campaigns.campaign_key > 0;

    create or replace temp table campaign_person as
    select
        made.campaign_key,
        made.customer_key,
        -- Who got the offer on one of two records has got it: what they buy may follow from it.
        bool_or(not made.is_holdout) as is_treated,
        count(distinct made.is_holdout) > 1 as is_mixed,
        coalesce(bool_or(made.bought_at >= periods.begins_at and made.bought_at < periods.ends_at), false) as has_bought
    from core.fct_offer_made as made
    inner join campaign_period as periods on made.campaign_key = periods.campaign_key
    inner join core.dim_customer as customers on made.customer_key = customers.customer_key
    where
        made.customer_key > 0
        -- A customer without a date has always been known.
        and (customers.first_known_at is null or customers.first_known_at < periods.begins_at)
    group by made.campaign_key, made.customer_key;
"""

# Rows that can be told apart by nothing that matters are one row with a count.
_ALIKE = """
    with earlier as (
        select people.campaign_key, people.customer_key, count(distinct lines.interaction_key) as purchases
        from campaign_person as people
        inner join campaign_period as periods on people.campaign_key = periods.campaign_key
        inner join core.fct_order_line as lines
            on
                people.customer_key = lines.customer_key
                and lines.ordered_at < periods.begins_at
                and lines.ordered_at >= periods.begins_at - (periods.ends_at - periods.begins_at)
        where lines.line_kind = 'purchase'
        group by people.campaign_key, people.customer_key
    )
    select
        people.campaign_key,
        people.is_treated,
        people.has_bought,
        coalesce(earlier.purchases, 0) as purchases_before,
        count(*) as people,
        count(*) filter (people.is_mixed) as mixed
    from campaign_person as people
    left join earlier
        on people.campaign_key = earlier.campaign_key and people.customer_key = earlier.customer_key
    group by all
    order by all
"""

_CAMPAIGNS = """
    select
        periods.campaign_key,
        periods.channel,
        periods.begins_at,
        periods.ends_at,
        periods.offer_count,
        -- Offers to people whose purchases cannot be seen from the first day on: unknown ones, and known only later.
        count(made.offer_made_key) filter (people.customer_key is null) as left_out_count
    from campaign_period as periods
    left join core.fct_offer_made as made on periods.campaign_key = made.campaign_key
    left join campaign_person as people
        on made.campaign_key = people.campaign_key and made.customer_key = people.customer_key
    group by all
    order by periods.campaign_key
"""


def prepare_campaign_effects(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables that the marts read, where they are not there yet."""
    connection.execute(
        f"""
        create schema if not exists predictions;
        create table if not exists predictions.campaign_effect ({_COLUMNS});
        create table if not exists predictions.campaign_effect_pooled ({_POOLED_COLUMNS});
        """
    )


def write_campaign_effects(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """Computes predictions.campaign_effect and predictions.campaign_effect_pooled from the star.

    as_of: naive UTC; campaigns that end later are `running`. Purchases in as long a time before the campaign take off
    what would have been bought anyway, where enough people bought (LEAST_TO_ADJUST). Both tables are replaced in one
    transaction. Returns the number of campaigns that were measured.
    """
    prepare_campaign_effects(connection)
    connection.execute(_PEOPLE)
    campaigns = connection.execute(_CAMPAIGNS).df()
    alike = connection.execute(_ALIKE).df()
    connection.execute("drop table campaign_person; drop table campaign_period;")
    of_campaign = dict(tuple(alike.groupby("campaign_key")))
    nobody = alike.iloc[:0]
    rows = pd.DataFrame(
        [
            _row(campaign, of_campaign.get(campaign.campaign_key, nobody), as_of)
            for campaign in campaigns.itertuples(index=False)
        ],
        columns=_names(_COLUMNS),
    )
    pooled = _pooled_rows(rows[rows.state == MEASURED].merge(campaigns[["campaign_key", "channel"]]))
    connection.execute("begin")
    for table, columns, frame in (
        ("campaign_effect", _COLUMNS, rows),
        ("campaign_effect_pooled", _POOLED_COLUMNS, pooled),
    ):
        connection.register("written", frame)
        connection.execute(f"delete from predictions.{table}")
        # By name: a column of nothing but nulls has no type of its own.
        connection.execute(f"insert into predictions.{table} by name select {', '.join(_names(columns))} from written")
        connection.unregister("written")
    connection.execute("commit")
    return int((rows.state == MEASURED).sum())


@dataclass(frozen=True)
class PooledEffect:
    """The common effect of several campaigns, with its interval; the rates are those that it is the difference of."""

    treated_rate: float
    held_out_rate: float
    effect: float
    low: float
    high: float


def pooled_effect(
    treated: ArrayLike,
    treated_buyers: ArrayLike,
    held_out: ArrayLike,
    held_out_buyers: ArrayLike,
    *,
    confidence: float = 0.95,
) -> PooledEffect:
    """The common effect of several campaigns, from their counts of people and buyers on each side.

    A campaign is compared only within itself: Mantel and Haenszel's difference of shares (Greenland and Robins 1985,
    Biometrics 41:55) weighs each by treated * held out / all, so that a campaign without a single buyer counts as what
    it is (by inverse variance it would count infinitely). The interval is Newcombe's of two weighted shares (Yan and Su
    2010, Statistics in Biopharmaceutical Research 2:329), each with Wilson's for its effective number of people, the
    inverse of the sum of weight^2 / people. Intervals that rest on the variance of the difference are too short where
    few people were held out and none of them bought. ValueError where no campaign has people on both sides.
    """
    first, first_buyers, second, second_buyers = (
        np.asarray(counts, dtype=np.float64) for counts in (treated, treated_buyers, held_out, held_out_buyers)
    )
    both = (first > 0) & (second > 0)
    if not both.any():
        raise ValueError("No campaign has people on both sides.")
    weight = (first * second)[both] / (first + second)[both]
    weight /= weight.sum()
    rates, lows, highs = zip(
        *(
            _weighted_share(weight, people[both], buyers[both], confidence)
            for people, buyers in ((first, first_buyers), (second, second_buyers))
        ),
        strict=True,
    )
    effect = rates[0] - rates[1]
    low = effect - float(np.hypot(rates[0] - lows[0], highs[1] - rates[1]))
    high = effect + float(np.hypot(highs[0] - rates[0], rates[1] - lows[1]))
    return PooledEffect(rates[0], rates[1], effect, low, high)


def _weighted_share(weight: Array, people: Array, buyers: Array, confidence: float) -> tuple[float, float, float]:
    """A weighted mean of shares, with Wilson's interval for its effective number of people."""
    share, effective = float((weight * buyers / people).sum()), float(1 / (weight**2 / people).sum())
    squared = float(ndtri((1 + confidence) / 2)) ** 2 / effective
    middle = (share + squared / 2) / (1 + squared)
    width = float(np.sqrt(squared * (share * (1 - share) + squared / 4))) / (1 + squared)
    return share, middle - width, middle + width


def _names(columns: str) -> list[str]:
    return [column.split()[0] for column in columns.split(",")]


def _row(campaign: Any, alike: pd.DataFrame, as_of: datetime) -> dict[str, Any]:
    """One campaign as it is told. alike: its people by what matters, with their counts."""
    sides = alike.groupby("is_treated").people.sum()
    treated, held_out = int(sides.get(True, 0)), int(sides.get(False, 0))
    told = {
        "campaign_key": campaign.campaign_key,
        "treated_count": treated,
        "held_out_count": held_out,
        "left_out_count": campaign.left_out_count,
        "mixed_count": int(alike.mixed.sum()),
    }
    has_end = not pd.isna(campaign.ends_at)
    if not campaign.offer_count and not (has_end and campaign.ends_at > as_of):
        return told | {"state": UNKNOWN, "reason": "Effect unknown: nobody is listed whom it approached or held out."}
    if not has_end and held_out < LEAST_PER_SIDE:
        return told | {"state": UNKNOWN, "reason": _effect(alike).unknown}
    if not has_end:
        return told | {"state": RUNNING, "reason": "It has no last day: its effect can be told once it has one."}
    if campaign.ends_at > as_of:
        reason = f"It runs until {campaign.ends_at - pd.Timedelta(days=1):%Y-%m-%d}: its effect is told afterwards."
        return told | {"state": RUNNING, "reason": reason}
    found = _effect(alike)
    if found.unknown:
        return told | {"state": UNKNOWN, "reason": found.unknown}
    return told | {
        "treated_rate": found.treated_mean,
        "held_out_rate": found.held_out_mean,
        "effect": found.effect,
        "effect_low": found.low,
        "effect_high": found.high,
        "is_significant": found.significant,
        "method": found.method,
        "state": MEASURED,
    }


def _effect(alike: pd.DataFrame) -> CampaignEffect:
    """The effect on these people; adjusted by what they bought before where enough of them bought and did not."""
    cells = alike.groupby(["is_treated", "has_bought"]).people.sum()
    can_adjust = len(cells) == 4 and cells.min() >= LEAST_TO_ADJUST
    people = alike.people.to_numpy()
    treated, bought, before = (
        np.repeat(alike[column].to_numpy(dtype=np.float64), people)
        for column in ("is_treated", "has_bought", "purchases_before")
    )
    return campaign_effect(treated, bought, before if can_adjust else None)


def _pooled_rows(measured: pd.DataFrame) -> pd.DataFrame:
    """One row per channel, and one for all."""
    groups = [(ALL_CHANNELS, measured), *measured.groupby("channel")]
    return pd.DataFrame([_pooled_row(channel, found) for channel, found in groups], columns=_names(_POOLED_COLUMNS))


def _pooled_row(channel: str, measured: pd.DataFrame) -> dict[str, Any]:
    treated, held_out = measured.treated_count, measured.held_out_count
    told = {
        "channel": channel,
        "campaign_count": len(measured),
        "treated_count": treated.sum(),
        "held_out_count": held_out.sum(),
    }
    if measured.empty:
        return told | {"reason": "Effect unknown: no campaign that has ended held anybody out."}
    buyers, without = (measured.treated_rate * treated).round(), (measured.held_out_rate * held_out).round()
    found = pooled_effect(treated, buyers, held_out, without)
    return told | {
        "treated_rate": found.treated_rate,
        "held_out_rate": found.held_out_rate,
        "effect": found.effect,
        "effect_low": found.low,
        "effect_high": found.high,
        "is_significant": found.low > 0 or found.high < 0,
        "method": "Mantel-Haenszel",
    }
