-- Interactions of known customers before the as of, with their touchpoints.
with facts as (
    select * from {{ ref('fct_interaction') }}
),

touchpoints as (
    select
        touchpoint_key,
        touchpoint,
        channel
    from {{ ref('dim_touchpoint') }}
)

select
    facts.customer_key,
    facts.interaction_key,
    facts.happened_at,
    facts.direction,
    facts.outcome,
    facts.took_place,
    facts.session_key,
    facts.sentiment_label,
    facts.device_key,
    facts.product_key,
    facts.detail,
    touchpoints.touchpoint,
    coalesce(channels.channel, touchpoints.channel) as channel,
    row_number() over (
        partition by facts.customer_key order by facts.happened_at desc, facts.interaction_key desc
    ) as newest_rank
from facts
inner join touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
left join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
where facts.happened_at < {{ as_of() }} and facts.customer_key > 0
