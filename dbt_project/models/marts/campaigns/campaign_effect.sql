select
    campaigns.campaign_key,
    campaigns.campaign_id,
    campaigns.title,
    campaigns.product_line,
    channels.channel,
    campaigns.starts_on,
    campaigns.ends_on,
    effects.treated_count,
    effects.held_out_count,
    effects.left_out_count,
    effects.mixed_count,
    effects.treated_rate,
    effects.held_out_rate,
    effects.effect,
    effects.effect_low,
    effects.effect_high,
    effects.is_significant,
    effects.method,
    effects.effect * effects.treated_count as extra_purchases,
    effects.state,
    effects.reason
from {{ source('campaigns', 'campaign_effect') }} as effects
inner join {{ ref('dim_campaign') }} as campaigns on effects.campaign_key = campaigns.campaign_key
left join {{ ref('dim_channel') }} as channels on campaigns.channel_key = channels.channel_key
