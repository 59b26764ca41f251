with customers as (
    select customer_key
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

exchanges as (
    select
        facts.customer_key,
        facts.happened_at,
        facts.touchpoint_key,
        touchpoints.channel,
        cast(facts.engagement_points as double) as points,
        {{ decayed('facts.engagement_points', dbt.datediff('facts.happened_at', as_of(), 'day')) }} as points_now
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0 and facts.engagement_points > 0
),

per_touchpoint as (
    select
        exchanges.customer_key,
        touchpoints.title as touchpoint,
        sum(exchanges.points_now) as points_now,
        row_number() over (
            partition by exchanges.customer_key order by sum(exchanges.points_now) desc, touchpoints.title
        ) as points_rank
    from exchanges
    inner join {{ ref('dim_touchpoint') }} as touchpoints on exchanges.touchpoint_key = touchpoints.touchpoint_key
    group by exchanges.customer_key, touchpoints.title
),

points as (
    select
        customer_key,
        cast(count(*) as int) as exchange_count,
        cast(sum(points) as bigint) as points_total,
        sum(points_now) as points_now,
        -- The same sum as of 90 days ago, which shows the direction.
        sum(
            case
                when happened_at < {{ dbt.dateadd('day', -90, as_of()) }}
                    then
                        {{ decayed('points', dbt.datediff('happened_at', dbt.dateadd('day', -90, as_of()), 'day')) }}
            end
        ) as points_90d_ago,
        max(happened_at) as last_exchange_at
    from exchanges
    group by customer_key
),

banded as (
    select
        points.customer_key,
        max(bands.band_rank) as band_rank
    from points
    inner join {{ ref('engagement_bands') }} as bands on points.points_now >= bands.least_points
    group by points.customer_key
)

select
    customers.customer_key,
    coalesce(points.exchange_count, 0) as exchange_count,
    {{ profiled('coalesce(points.points_total, 0)') }} as points_total,
    {{ profiled('cast(coalesce(points.points_now, 0) as double)') }} as points_now,
    {{ profiled('cast(coalesce(points.points_90d_ago, 0) as double)') }} as points_90d_ago,
    {{ profiled('bands.band') }} as engagement_band,
    {{ profiled('per_touchpoint.touchpoint') }} as main_touchpoint,
    points.last_exchange_at,
    {{ no_profile_reason() }} as no_profile_reason
from customers
left join points on customers.customer_key = points.customer_key
left join banded on customers.customer_key = banded.customer_key
left join per_touchpoint on customers.customer_key = per_touchpoint.customer_key and per_touchpoint.points_rank = 1
inner join {{ ref('engagement_bands') }} as bands on coalesce(banded.band_rank, 0) = bands.band_rank
{{ join_profiling_gate('customers.customer_key') }}
