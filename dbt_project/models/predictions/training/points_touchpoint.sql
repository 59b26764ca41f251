-- Touchpoints that earn set points only: what the company sends, returns and complaints are no sign of engagement, even
-- if they predict purchases.
with newest as (
    select max(judged_at) as judged_at
    from {{ ref('points_moment') }}
),

exchanges as (
    select
        facts.touchpoint_key,
        count(*) as exchange_count
    from {{ ref('fct_interaction') }} as facts
    inner join newest on facts.happened_at < newest.judged_at
    where facts.customer_key > 0
    group by facts.touchpoint_key
)

select
    touchpoints.touchpoint_key,
    touchpoints.touchpoint,
    touchpoints.engagement_points as set_points,
    coalesce(exchanges.exchange_count, 0) as exchange_count,
    row_number() over (order by touchpoints.touchpoint) - 1 as place
from {{ ref('touchpoints') }} as touchpoints
left join exchanges on touchpoints.touchpoint_key = exchanges.touchpoint_key
where touchpoints.engagement_points > 0
