-- The unit is the journey: a customer may buy in one and drop out of the next. A step may be skipped without being a
-- loss.
{%- set steps = journey_step_names() %}
with reached as (
    select
        journeys.product_line,
        journeys.customer_key,
        journeys.outcome,
        journeys.dropped_at_step,
        steps.step_rank,
        steps.journey_step,
        case steps.step_rank
            {%- for step in steps %}
                when {{ loop.index }} then journeys.{{ step }}_at
            {%- endfor %}
        end as reached_at,
        case steps.step_rank
            {%- for step in steps[:-1] %}
                when {{ loop.index + 1 }} then journeys.{{ step }}_at
            {%- endfor %}
        end as step_before_at,
        case steps.step_rank
            when 1 then coalesce(journeys.consideration_at, journeys.purchase_at)
            {%- for step in steps[2:] %}
                when {{ loop.index + 1 }} then journeys.{{ step }}_at
            {%- endfor %}
        end as next_step_at
    from {{ ref('journey') }} as journeys
    cross join {{ ref('journey_steps') }} as steps
),

counted as (
    select
        product_line,
        step_rank,
        journey_step,
        count(distinct case when reached_at is not null then customer_key end) as customer_count,
        count(reached_at) as journey_count,
        count(step_before_at) as journey_count_before,
        count(case when step_before_at is not null then reached_at end) as continued_count,
        count(case when reached_at is not null and outcome in ('purchased', 'dropped') then 1 end) as decided_count,
        count(case when reached_at is not null and outcome = 'purchased' then 1 end) as purchased_count,
        count(case when outcome = 'dropped' and dropped_at_step = journey_step then 1 end) as dropped_count,
        median(
            case when next_step_at >= reached_at then {{ dbt.datediff('reached_at', 'next_step_at', 'second') }} end
        ) as seconds_to_next_step
    from reached
    group by product_line, step_rank, journey_step
),

channels_used as (
    select
        product_line,
        step_rank,
        channel_key,
        count(*) as interaction_count,
        row_number() over (
            partition by product_line, step_rank order by count(*) desc, channel_key asc
        ) as channel_rank
    from {{ ref('journey_interaction') }}
    group by product_line, step_rank, channel_key
),

channel_shares as (
    select
        product_line,
        step_rank,
        max(case when channel_rank = 1 then channel_key end) as main_channel_key,
        cast(max(interaction_count) as double) / sum(interaction_count) as main_channel_share
    from channels_used
    group by product_line, step_rank
)

select
    counted.product_line,
    counted.journey_step,
    cast(counted.step_rank as int) as step_rank,
    counted.customer_count,
    counted.journey_count,
    cast(counted.continued_count as double) / nullif(counted.journey_count_before, 0) as share_of_step_before,
    case when counted.step_rank <= 3 then cast(counted.dropped_count as double) / nullif(counted.decided_count, 0) end
        as drop_off_rate,
    case when counted.step_rank <= 3 then cast(counted.purchased_count as double) / nullif(counted.decided_count, 0) end
        as conversion_rate,
    cast(counted.seconds_to_next_step / 86400.0 as double) as median_days_to_next_step,
    channels.channel as main_channel,
    channel_shares.main_channel_share
from counted
left join channel_shares
    on counted.product_line = channel_shares.product_line and counted.step_rank = channel_shares.step_rank
left join {{ ref('dim_channel') }} as channels on channel_shares.main_channel_key = channels.channel_key
