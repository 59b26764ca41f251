"""Writes what each campaign changed, from its random hold-out, and what all campaigns of a channel changed together.

An effect is the share of buyers among the treated minus that among the held out. dbt prepares both sides
(models/predictions/campaigns). Without a hold-out, and before the end of a campaign, there is no effect.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from orchestration.predictions.judging.pooled_effect import pooled_effect
from orchestration.predictions.judging.uplift import LEAST_PER_SIDE, CampaignEffect, campaign_effect

MEASURED, RUNNING, UNKNOWN = "measured", "running", "effect unknown"
ALL_CHANNELS = "all"

# Welch's interval, which an adjusted effect has, needs a reliable variance on both sides. With fewer buyers (or
# non-buyers) on a side the variance is mostly chance: it would be 0 for nine held-out people without a buyer. The usual
# rule for the normal approximation of shares (np and n(1-p) at least 10).
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


def prepare_campaign_effects(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables that the marts read, if they do not exist."""
    connection.execute(
        f"""
        create schema if not exists predictions;
        create table if not exists predictions.campaign_effect ({_COLUMNS});
        create table if not exists predictions.campaign_effect_pooled ({_POOLED_COLUMNS});
        """
    )


def write_campaign_effects(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """Replaces predictions.campaign_effect and predictions.campaign_effect_pooled in one transaction.

    Reads predictions.campaign_reach and predictions.campaign_group. as_of: naive UTC; campaigns that end later are
    `running`. Purchases in as many days before the campaign adjust the effect if enough people bought
    (LEAST_TO_ADJUST). Returns the number of measured campaigns.
    """
    prepare_campaign_effects(connection)
    campaigns = connection.execute(
        "select campaign_key, channel, begins_at, ends_at, offer_count, left_out_count"
        " from predictions.campaign_reach order by campaign_key"
    ).df()
    groups = connection.execute(
        "select campaign_key, is_treated, has_bought, purchases_before, people, mixed"
        " from predictions.campaign_group order by all"
    ).df()
    of_campaign = dict(tuple(groups.groupby("campaign_key")))
    no_people = groups.iloc[:0]
    rows = pd.DataFrame(
        [
            _row(campaign, of_campaign.get(campaign.campaign_key, no_people), as_of)
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
        # By name: a column of nulls has no type of its own.
        connection.execute(f"insert into predictions.{table} by name select {', '.join(_names(columns))} from written")
        connection.unregister("written")
    connection.execute("commit")
    return int((rows.state == MEASURED).sum())


def _names(columns: str) -> list[str]:
    return [column.split()[0] for column in columns.split(",")]


def _row(campaign: Any, groups: pd.DataFrame, as_of: datetime) -> dict[str, Any]:
    """The row of one campaign. groups: its people, as predictions.campaign_group has them."""
    sides = groups.groupby("is_treated").people.sum()
    treated, held_out = int(sides.get(True, 0)), int(sides.get(False, 0))
    counts = {
        "campaign_key": campaign.campaign_key,
        "treated_count": treated,
        "held_out_count": held_out,
        "left_out_count": campaign.left_out_count,
        "mixed_count": int(groups.mixed.sum()),
    }
    has_end = not pd.isna(campaign.ends_at)
    if not campaign.offer_count and not (has_end and campaign.ends_at > as_of):
        reason = "Effect unknown: the source lists no treated and no held-out people."
        return counts | {"state": UNKNOWN, "reason": reason}
    if not has_end and held_out < LEAST_PER_SIDE:
        return counts | {"state": UNKNOWN, "reason": _effect(groups).unknown}
    if not has_end:
        return counts | {"state": RUNNING, "reason": "It has no last day: the effect is measured once it has one."}
    if campaign.ends_at > as_of:
        last_day = campaign.ends_at - pd.Timedelta(days=1)
        reason = f"It runs until {last_day:%Y-%m-%d}: the effect is measured after that day."
        return counts | {"state": RUNNING, "reason": reason}
    found = _effect(groups)
    if found.unknown:
        return counts | {"state": UNKNOWN, "reason": found.unknown}
    return counts | {
        "treated_rate": found.treated_mean,
        "held_out_rate": found.held_out_mean,
        "effect": found.effect,
        "effect_low": found.low,
        "effect_high": found.high,
        "is_significant": found.significant,
        "method": found.method,
        "state": MEASURED,
    }


def _effect(groups: pd.DataFrame) -> CampaignEffect:
    """The effect on these people; adjusted by earlier purchases if enough people bought and did not."""
    cells = groups.groupby(["is_treated", "has_bought"]).people.sum()
    can_adjust = len(cells) == 4 and cells.min() >= LEAST_TO_ADJUST
    people = groups.people.to_numpy()
    treated, bought, before = (
        np.repeat(groups[column].to_numpy(dtype=np.float64), people)
        for column in ("is_treated", "has_bought", "purchases_before")
    )
    return campaign_effect(treated, bought, before if can_adjust else None)


def _pooled_rows(measured: pd.DataFrame) -> pd.DataFrame:
    """One row per channel, and one for all."""
    groups = [(ALL_CHANNELS, measured), *measured.groupby("channel")]
    return pd.DataFrame([_pooled_row(channel, found) for channel, found in groups], columns=_names(_POOLED_COLUMNS))


def _pooled_row(channel: str, measured: pd.DataFrame) -> dict[str, Any]:
    treated, held_out = measured.treated_count, measured.held_out_count
    counts = {
        "channel": channel,
        "campaign_count": len(measured),
        "treated_count": treated.sum(),
        "held_out_count": held_out.sum(),
    }
    if measured.empty:
        return counts | {"reason": "Effect unknown: no campaign that has ended has a hold-out."}
    buyers, without = (measured.treated_rate * treated).round(), (measured.held_out_rate * held_out).round()
    found = pooled_effect(treated, buyers, held_out, without)
    return counts | {
        "treated_rate": found.treated_rate,
        "held_out_rate": found.held_out_rate,
        "effect": found.effect,
        "effect_low": found.low,
        "effect_high": found.high,
        "is_significant": found.low > 0 or found.high < 0,
        "method": "Mantel-Haenszel",
    }
