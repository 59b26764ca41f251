with per_channel as (
    select
        customer_key,
        product_line,
        step_rank,
        channel_key,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        count(*) as interaction_count
    from {{ ref('journey_interaction') }}
    group by customer_key, product_line, step_rank, channel_key
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_key, product_line, step_rank order by interaction_count desc, channel_key asc
        ) as channel_rank
    from per_channel
),

per_step as (
    select
        customer_key,
        product_line,
        step_rank,
        min(first_at) as first_at,
        max(last_at) as last_at,
        sum(interaction_count) as interaction_count,
        max(case when channel_rank = 1 then channel_key end) as main_channel_key
    from ranked
    group by customer_key, product_line, step_rank
)

select
    per_step.customer_key,
    per_step.product_line,
    steps.journey_step,
    cast(steps.step_rank as int) as step_rank,
    per_step.first_at,
    per_step.last_at,
    cast(per_step.interaction_count as int) as interaction_count,
    channels.channel as main_channel
from per_step
inner join {{ ref('journey_steps') }} as steps on per_step.step_rank = steps.step_rank
inner join {{ ref('dim_channel') }} as channels on per_step.main_channel_key = channels.channel_key
