select
    touchpoint_key,
    touchpoint,
    title,
    channel,
    direction,
    journey_step,
    {{ earned_points('touchpoint', 'engagement_points') }} as engagement_points,
    is_response,
    latency_class
from {{ ref('touchpoints') }}

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
    'unknown' as latency_class
