-- Journeys consist of what customers do; what we send counts by their reaction. A journey ends with silence, or when a
-- buyer looks around again. Use and service belong to the journey before them, however long ago. What is bought is a
-- purchase, also under a touchpoint of service, such as paid work; what is brought back is service, also under one of
-- purchases.
with acts_of_lines as (
    select
        bridge.*,
        case
            when bridge.purchase_amount is not null then 'purchase'
            when touchpoints.is_purchase and touchpoints.journey_step = 'purchase' then 'service'
            else touchpoints.journey_step
        end as journey_step
    from {{ ref('bridge_interaction_product_line') }} as bridge
    inner join {{ ref('dim_touchpoint') }} as touchpoints on bridge.touchpoint_key = touchpoints.touchpoint_key
    where bridge.customer_key > 0 and bridge.happened_at < {{ as_of() }} and touchpoints.direction = 'inbound'
),

acts as (
    select
        acts_of_lines.interaction_key,
        acts_of_lines.customer_key,
        acts_of_lines.product_line,
        acts_of_lines.channel_key,
        acts_of_lines.happened_at,
        acts_of_lines.purchase_amount,
        steps.step_rank,
        steps.is_before_purchase
    from acts_of_lines
    inner join {{ ref('journey_steps') }} as steps on acts_of_lines.journey_step = steps.journey_step
),

with_what_was_before as (
    select
        *,
        row_number() over (
            partition by customer_key, product_line order by happened_at, interaction_key
        ) as interaction_number,
        max(happened_at) over before as previous_at,
        max(case when is_before_purchase then happened_at end) over before as previous_look_at,
        max(case when purchase_amount is not null then happened_at end) over before as previous_purchase_at
    from acts
    window before as (
        partition by customer_key, product_line order by happened_at, interaction_key
        rows between unbounded preceding and 1 preceding
    )
),

begun as (
    select
        *,
        case
            when previous_at is null then 1
            when
                (is_before_purchase or previous_purchase_at is null)
                and happened_at > {{ dbt.dateadd('day', var('journey_silence_days'), 'previous_at') }}
                then 1
            when
                is_before_purchase
                and happened_at > {{ dbt.dateadd('hour', var('journey_purchase_hours'), 'previous_purchase_at') }}
                and previous_look_at <= {{ dbt.dateadd('hour', var('journey_purchase_hours'), 'previous_purchase_at') }}
                then 1
            else 0
        end as is_begin
    from with_what_was_before
)

select
    interaction_key,
    customer_key,
    product_line,
    cast(sum(is_begin) over (
        partition by customer_key, product_line order by happened_at, interaction_key
        rows between unbounded preceding and current row
    ) as int) as journey_number,
    cast(interaction_number as int) as interaction_number,
    cast(step_rank as int) as step_rank,
    channel_key,
    happened_at,
    purchase_amount
from begun
