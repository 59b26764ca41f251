with touchpoints as (
    select
        touchpoints.*,
        {{ earned_points('touchpoints.touchpoint', 'touchpoints.engagement_points') }} as earned_points
    from {{ ref('touchpoints') }} as touchpoints
)

select
    touchpoint_key,
    touchpoint,
    title,
    coalesce(channel, 'unknown') as channel,
    direction,
    journey_step,
    earned_points as engagement_points,
    is_response,
    is_purchase,
    latency_class
from touchpoints

union all

select
    -1 as touchpoint_key,
    'unknown' as touchpoint,
    'Unknown' as title,
    'unknown' as channel,
    'unknown' as direction,
    'unknown' as journey_step,
    0 as engagement_points,
    false as is_response,
    false as is_purchase,
    'unknown' as latency_class
