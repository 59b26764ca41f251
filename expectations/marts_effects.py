"""Rules for the marts about effects: campaign effects are consistent and complete, learned points keep their scale."""

from __future__ import annotations

from expectations.rules import Rule, Suite, between, is_zero, no_rows_where


def effect_suites() -> dict[str, list[Suite]]:
    """The suites of each mart about the effects of campaigns."""
    return {
        "marts.campaign_effect": [
            Suite(
                "marts",
                "marts.campaign_effect (coverage)",
                """
                select (select count(*) from core.dim_campaign where campaign_key > 0)
                    - (select count(*) from marts.campaign_effect) as missing_campaigns
                """,
                (is_zero("missing_campaigns", "Every campaign has a row, even if its effect is unknown."),),
            ),
            Suite(
                "marts",
                "marts.campaign_effect",
                "select * from marts.campaign_effect",
                (*_estimate_rules(), _effect_or_reason()),
                key_columns=("campaign_key",),
            ),
        ],
        "marts.campaign_effect_pooled": [
            Suite(
                "marts",
                "marts.campaign_effect_pooled",
                "select * from marts.campaign_effect_pooled",
                _estimate_rules(),
                key_columns=("channel",),
            ),
            Suite(
                "marts",
                "marts.campaign_effect_pooled (people)",
                """
                select coalesce(sum(treated_count + held_out_count), 0) - (
                    select coalesce(sum(treated_count + held_out_count), 0)
                    from marts.campaign_effect where state = 'measured'
                ) as missing_people
                from marts.campaign_effect_pooled where channel = 'all'
                """,
                (is_zero("missing_people", "The pooled effect includes all people of all measured campaigns."),),
            ),
        ],
    }


def _estimate_rules() -> tuple[Rule, ...]:
    """An effect, its interval and its shares are consistent."""
    return (
        no_rows_where(
            "method <> 'CUPED' and abs(effect - (treated_rate - held_out_rate)) > 1e-9",
            "The effect is the difference of the two shares, unless it is adjusted for purchases before the campaign.",
            name="the effect is a difference of shares",
        ),
        no_rows_where(
            "not (effect_low <= effect and effect <= effect_high)"
            " or is_significant <> (effect_low > 0 or effect_high < 0)",
            "An interval includes its estimate; it is significant if it excludes 0.",
            name="the interval holds the effect",
        ),
        *(between(column, 0, 1, "A share.") for column in ("treated_rate", "held_out_rate")),
    )


def _effect_or_reason() -> Rule:
    return no_rows_where(
        "(state = 'measured') <> (effect is not null) or (state = 'measured') <> (reason is null)"
        " or (state = 'measured' and held_out_count = 0)",
        "An effect needs a hold-out; a campaign without one has a reason instead.",
        name="an effect or a reason",
    )


def points_suites() -> dict[str, list[Suite]]:
    """The suites of each mart about engagement points: judgements are probabilities, learned points keep the scale."""
    return {
        "marts.engagement_points_judgement": [
            Suite(
                "marts",
                "marts.engagement_points_judgement",
                "select * from marts.engagement_points_judgement",
                (
                    *(
                        between(column, 0, 1, "A probability.")
                        for column in ("auc", "auc_low", "auc_high", "trend_p_value", "purchase_rate")
                    ),
                    no_rows_where(
                        "version = 'set' and auc_high < 0.5 and judged_at = (select max(judged_at) from {batch})",
                        "Points that rank buyers below others mean the opposite of their purpose.",
                        severity="warn",
                        name="the set points do not mislead",
                    ),
                ),
                key_columns=("version", "judged_at"),
            )
        ],
        "marts.learned_engagement_points": [
            Suite(
                "marts",
                "marts.learned_engagement_points",
                "select * from marts.learned_engagement_points",
                (between("learned_points", 0, None, "Points are never negative."),),
                key_columns=("version", "touchpoint"),
            ),
            _scale(),
        ],
    }


def _scale() -> Suite:
    return Suite(
        "marts",
        "marts.learned_engagement_points (scale)",
        """
        select version, sum(learned_points * exchange_count) / sum(set_points * exchange_count) as scale
        from marts.learned_engagement_points
        group by version
        having sum(set_points * exchange_count) > 0
        """,
        (
            # Measured in the examples on 2026-11-26: 0.98 to 1.00.
            between(
                "scale",
                0.8,
                1.25,
                "All exchanges together earn as many points as before, except for rounding; otherwise the bands change "
                "their meaning.",
            ),
        ),
        key_columns=("version",),
    )
