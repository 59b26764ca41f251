select
    effects.channel,
    coalesce(channels.title, 'All channels') as title,
    effects.campaign_count,
    effects.treated_count,
    effects.held_out_count,
    effects.treated_rate,
    effects.held_out_rate,
    effects.effect,
    effects.effect_low,
    effects.effect_high,
    effects.is_significant,
    effects.method,
    effects.effect * effects.treated_count as extra_purchases,
    effects.reason
from {{ source('campaigns', 'campaign_effect_pooled') }} as effects
left join {{ ref('dim_channel') }} as channels on effects.channel = channels.channel
