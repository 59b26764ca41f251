select
    facts.interaction_key,
    facts.customer_key,
    customers.display_name,
    facts.happened_at,
    channels.title as channel,
    touchpoints.title as touchpoint,
    facts.direction,
    facts.detail,
    facts.amount,
    facts.currency,
    facts.source_system
from {{ ref('fct_interaction') }} as facts
inner join {{ ref('dim_customer') }} as customers on facts.customer_key = customers.customer_key
inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
