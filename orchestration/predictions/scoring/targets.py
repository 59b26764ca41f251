"""The targets of predictions, their names, and their examples in the warehouse.

dbt builds features as known at past moments, and outcomes (models/predictions). The queries here only join them, one
target at a time: as a model, the join of all targets would have millions of rows that one training reads once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import duckdb
import pandas as pd

BUY, RESPOND, CHANNEL = "buy", "respond", "channel"
ANY_LINE = "any"  # any purchase, including stays and products without a known line
MOST_EXAMPLES = 100_000  # per target: more barely change a model, and cost minutes and memory
_KEYS = ("customer_key", "moment")
# Two constants, so that scoring does not depend on the tables of training.
_TRAINING_FEATURES = {
    "customer": "predictions.training_customer_feature",
    "line": "predictions.training_line_feature",
    "channel": "predictions.training_channel_feature",
}
_SCORING_FEATURES = {
    "customer": "predictions.scoring_customer_feature",
    "line": "predictions.scoring_line_feature",
    "channel": "predictions.scoring_channel_feature",
}
# Counts for which a missing row means 0.
_LINE_COUNTS = (
    "line_purchase_count", "line_value_amount", "line_count_7d", "line_count_30d", "line_count_90d", "line_count",
    "line_consideration_count_30d", "line_offer_count_30d",
)  # fmt: skip
_CHANNEL_COUNTS = (
    "channel_approach_count_90d", "channel_response_count_90d", "channel_approach_count_365d",
    "channel_response_count_365d", "channel_purchase_count",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One behaviour to predict.

    target: buy (something of a product line, or anything, within the horizon), respond (to an approach in a channel, if
    there is one within the horizon) or channel (the next purchase of a line is in this channel, if there is one within
    the horizon). Fields that do not apply are None. base_rate: frequency over the newest moments, 0 to 1.
    """

    target: str
    product_line: str | None
    channel: str | None
    horizon_days: int
    base_rate: float

    @property
    def name(self) -> str:
        """Name of its model in the registry: lowercase letters, digits and dots."""
        parts = (self.target, self.product_line, self.channel, f"{self.horizon_days}d")
        return ".".join(_slug(part) for part in parts if part)

    @property
    def title(self) -> str:
        """Title for readers."""
        line, channel = ((part or "").replace("_", " ") for part in (self.product_line, self.channel))
        line = "anything" if self.product_line == ANY_LINE else line
        if self.target == BUY:
            return f"Buys {line} within {self.horizon_days} days"
        if self.target == RESPOND:
            return f"Answers by {channel}, if approached there within {self.horizon_days} days"
        return f"Buys {line} by {channel}, if at all"

    @property
    def key(self) -> tuple[str, str | None, str | None, int]:
        """Identifies the target."""
        return (self.target, self.product_line, self.channel, self.horizon_days)


def _slug(part: str) -> str:
    """A valid folder name; a hash keeps names apart that lose characters."""
    slug = re.sub(r"[^a-z0-9_]+", "_", part.lower()).strip("_")
    return slug if slug == part else f"{slug or 'x'}_{hashlib.sha256(part.encode()).hexdigest()[:6]}"


def targets(connection: duckdb.DuckDBPyConnection) -> list[Target]:
    """The targets of predictions.prediction_base_rate, in a fixed order."""
    rows = connection.execute(
        "select target, product_line, channel, horizon_days, base_rate"
        " from predictions.prediction_base_rate order by all"
    ).fetchall()
    return [Target(*row) for row in rows]


@dataclass(frozen=True)
class Examples:
    """The examples of one target: features, outcome, moment and customer of each row.

    Their index, row_id, is customer_key and moment in one text.
    """

    features: pd.DataFrame
    outcome: pd.Series
    moment: pd.Series
    customer_key: pd.Series


def count_examples(connection: duckdb.DuckDBPyConnection, target: Target) -> tuple[int, int]:
    """Number of examples and of positive ones, without reading them."""
    found = connection.execute(
        f"select count(*), coalesce(sum(outcome), 0)::bigint from ({_outcomes(target)})", _parameters(target)
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def examples(connection: duckdb.DuckDBPyConnection, target: Target, rows: int) -> Examples:
    """The examples of a target. rows: their number; above MOST_EXAMPLES, always the same part is read."""
    every = max(1, -(-rows // MOST_EXAMPLES))
    frame = connection.execute(
        f"""
        with outcomes as ({_outcomes(target)})
        select outcomes.outcome, {_columns(target)}
        from outcomes
        {_joins(target, "outcomes", _TRAINING_FEATURES)}
        where md5_number_lower(concat_ws('|', outcomes.customer_key, outcomes.moment)) % {every} = 0
        order by outcomes.moment, outcomes.customer_key
        """,
        _parameters(target),
    ).df()
    frame.index = pd.Index(frame["customer_key"].astype(str) + "|" + frame["moment"].astype(str), name="row_id")
    return Examples(
        features=frame.drop(columns=["outcome", *_KEYS]),
        outcome=frame["outcome"],
        moment=frame["moment"],
        customer_key=frame["customer_key"],
    )


def scoring_query(target: Target) -> tuple[str, dict[str, object]]:
    """SQL of all customers' features at the as of, ordered by customer_key, and its parameters."""
    query = f"""
        select {_columns(target)}
        from predictions.scoring_customer_feature as customers
        {_joins(target, "customers", _SCORING_FEATURES, general=False)}
        order by customers.customer_key
    """
    return query, _parameters(target)


def _parameters(target: Target) -> dict[str, object]:
    named = {"product_line": target.product_line, "channel": target.channel}
    return {name: value for name, value in named.items() if value is not None}


def _outcomes(target: Target) -> str:
    """SQL: customer_key, moment and outcome (1 or 0) of all examples."""
    if target.target == RESPOND:
        return """
            select responses.customer_key, responses.moment, responses.has_responded::integer as outcome
            from predictions.prediction_response as responses
            semi join predictions.training_customer_feature as known using (customer_key, moment)
            where responses.channel = $channel
        """
    if target.target == CHANNEL:
        return """
            select purchases.customer_key, purchases.moment, (purchases.channel = $channel)::integer as outcome
            from predictions.prediction_purchase as purchases
            semi join predictions.training_customer_feature as known using (customer_key, moment)
            inner join predictions.prediction_moment as moments using (moment)
            where purchases.product_line = $product_line and moments.is_for_90d
        """
    within = "purchases.customer_key is not null" if target.horizon_days == 90 else "purchases.is_within_30d"
    return f"""
        select known.customer_key, known.moment, coalesce({within}, false)::integer as outcome
        from predictions.training_customer_feature as known
        inner join predictions.prediction_moment as moments using (moment)
        left join predictions.prediction_purchase as purchases
            on known.customer_key = purchases.customer_key and known.moment = purchases.moment
            and purchases.product_line = $product_line
        where moments.is_for_{target.horizon_days}d
    """


def _columns(target: Target) -> str:
    # Of the target's own horizon: together, two horizons would share the information about the season.
    expected = f"forecasts.expected_purchases_{target.horizon_days}d as expected_purchases"
    parts = ["customers.*", expected, "forecasts.probability_alive"]
    if target.product_line:
        parts.append(
            f"lines.* exclude (customer_key, moment, product_line) replace ({_zero_if_missing('lines', _LINE_COUNTS)})"
        )
    if target.channel:
        parts.append(f"contacts.* exclude (customer_key, moment, channel)"
                     f" replace ({_zero_if_missing('contacts', _CHANNEL_COUNTS)})")  # fmt: skip
    return ", ".join(parts)


def _zero_if_missing(table: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"coalesce({table}.{column}, 0) as {column}" for column in columns)


def _joins(target: Target, rows: str, tables: dict[str, str], *, general: bool = True) -> str:
    """SQL that joins the features in these tables."""
    parts = []
    if general:
        parts.append(
            f"inner join {tables['customer']} as customers"
            f" on {rows}.customer_key = customers.customer_key and {rows}.moment = customers.moment"
        )
    same_row = "customers.customer_key = {0}.customer_key and customers.moment = {0}.moment"
    parts.append(f"left join moment_forecast as forecasts on {same_row.format('forecasts')}")
    if target.product_line:
        parts.append(f"left join {tables['line']} as lines on {same_row.format('lines')}"
                     " and lines.product_line = $product_line")  # fmt: skip
    if target.channel:
        parts.append(f"left join {tables['channel']} as contacts on {same_row.format('contacts')}"
                     " and contacts.channel = $channel")  # fmt: skip
    return "\n".join(parts)
