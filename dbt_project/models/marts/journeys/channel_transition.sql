-- A move from one contact to the next of the same journey: into another channel, or back into the same after a pause.
-- A contact whose channel is not stated shows no move to it or from it.
with contacts as (
    select
        product_line,
        channel_key,
        happened_at,
        lag(channel_key) over of_journey as previous_channel_key,
        lag(happened_at) over of_journey as previous_at
    from {{ ref('journey_interaction') }}
    window of_journey as (partition by customer_key, product_line, journey_number order by interaction_number)
),

moves as (
    select
        product_line,
        previous_channel_key as from_channel_key,
        channel_key as to_channel_key,
        {{ dbt.datediff('previous_at', 'happened_at', 'second') }} / 3600.0 as hours_between
    from contacts
    where
        previous_channel_key > 0
        and channel_key > 0
        and (
            previous_channel_key <> channel_key
            or happened_at > {{ dbt.dateadd('minute', var('contact_gap_minutes'), 'previous_at') }}
        )
),

counted as (
    select
        product_line,
        from_channel_key,
        to_channel_key,
        count(*) as transition_count,
        median(hours_between) as median_hours_between
    from moves
    group by product_line, from_channel_key, to_channel_key
)

select
    counted.product_line,
    from_channels.channel as from_channel,
    to_channels.channel as to_channel,
    counted.transition_count,
    cast(counted.transition_count as double)
    / sum(counted.transition_count) over (partition by counted.product_line, counted.from_channel_key)
        as share_of_from_channel,
    cast(counted.median_hours_between as double) as median_hours_between
from counted
inner join {{ ref('dim_channel') }} as from_channels on counted.from_channel_key = from_channels.channel_key
inner join {{ ref('dim_channel') }} as to_channels on counted.to_channel_key = to_channels.channel_key
