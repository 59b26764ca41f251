with interactions as (
    select * from {{ ref('int_interaction') }}
),

not_kept as (
    select
        source_system,
        appointment_id
    from {{ ref('int_appointment') }}
    where status in ('cancelled', 'missed')
)

select
    {{ integer_key(['interactions.source_system', 'interactions.source_interaction_id']) }} as interaction_key,
    coalesce(customers.customer_key, anonymous.customer_key, replies.customer_key, -1) as customer_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    case when interactions.product_id is null then -2 else {{ dimension_key(['interactions.product_id']) }} end
        as product_key,
    {{ member_key('interactions.campaign_id') }} as campaign_key,
    {{ member_key('interactions.offer_id') }} as offer_key,
    {{ member_key('interactions.content_id') }} as content_key,
    {{ member_key('interactions.device_id') }} as device_key,
    {{ member_key('interactions.location_id') }} as location_key,
    case
        when interactions.session_id is not null
            then {{ integer_key(['interactions.source_system', 'interactions.session_id']) }}
    end as session_key,
    case
        when interactions.responds_to_id is not null
            then {{ integer_key(['interactions.source_system', 'interactions.responds_to_id']) }}
    end as responds_to_interaction_key,
    interactions.outcome,
    interactions.duration_seconds,
    interactions.url,
    interactions.qr_code,
    interactions.coupon_code,
    interactions.utm_source,
    interactions.utm_medium,
    interactions.utm_campaign,
    interactions.verbatim,
    interactions.language,
    {{ profiled('sentiments.sentiment') }} as sentiment,
    {{ profiled('sentiments.sentiment_label') }} as sentiment_label,
    {{ date_key('interactions.happened_at') }} as happened_date_key,
    interactions.happened_at,
    coalesce(touchpoints.direction, 'unknown') as direction,
    {{ took_place('interactions') }} as took_place,
    case
        when {{ took_place('interactions') }}
            then coalesce({{ earned_points('touchpoints.touchpoint', 'touchpoints.engagement_points') }}, 0)
        else 0
    end as engagement_points,
    interactions.amount,
    interactions.currency,
    interactions.reporting_amount,
    interactions.is_purchase,
    interactions.is_purchase or coalesce(
        touchpoints.direction = 'inbound'
        and (touchpoints.is_response or touchpoints.is_trusted_act)
        and {{ took_place('interactions') }},
        false
    ) as is_exchange,
    interactions.detail,
    interactions.identifier_kind,
    case
        when customers.customer_key is not null then 'known'
        when anonymous.customer_key is null and replies.customer_key is not null then 'known by reply'
        when anonymous.attribution is not null then anonymous.attribution
        when interactions.identifier_value is null then 'no identifier'
        when customers.is_shared then 'identifier is shared'
        else 'identifier is unknown'
    end as attribution,
    case
        when customers.customer_key is null and replies.customer_key is null then anonymous.probable_customer_key
    end as probable_customer_key,
    case
        when customers.customer_key is null and replies.customer_key is null then anonymous.attribution_probability
    end as attribution_probability,
    interactions.source_system,
    interactions.source_interaction_id
from interactions
{{ join_customer('interactions') }}
left join {{ ref('int_anonymous_interaction') }} as anonymous
    on
        interactions.source_system = anonymous.source_system
        and interactions.source_interaction_id = anonymous.source_interaction_id
left join {{ ref('int_reply_customer') }} as replies
    on
        interactions.source_system = replies.source_system
        and interactions.source_interaction_id = replies.source_interaction_id
left join not_kept
    on
        interactions.source_system = not_kept.source_system
        -- In the key, not beside it: an engine compares all pairs for a condition on one side of an outer join.
        and case
            when interactions.touchpoint like '%appointment%'
                then coalesce(interactions.responds_to_id, interactions.source_interaction_id)
        end
        = not_kept.appointment_id
left join {{ ref('touchpoints') }} as touchpoints on interactions.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on coalesce(interactions.channel, touchpoints.channel) = channels.channel
left join {{ ref('int_text_sentiment') }} as sentiments
    on
        case
            when interactions.verbatim is not null then {{ text_key('interactions.verbatim', 'interactions.language') }}
        end
        = sentiments.text_key
{{ join_profiling_gate('coalesce(customers.customer_key, anonymous.customer_key, replies.customer_key, -1)') }}
