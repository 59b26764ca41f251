-- Journeys consist of what customers do; what we send counts by their reaction. A journey ends with silence, or when a
-- buyer looks around again. Use and service belong to the journey before them, however long ago.
with steps as (
    select
        touchpoints.touchpoint_key,
        steps.step_rank,
        steps.is_before_purchase
    from {{ ref('dim_touchpoint') }} as touchpoints
    inner join {{ ref('journey_steps') }} as steps on touchpoints.journey_step = steps.journey_step
    where touchpoints.direction = 'inbound'
),

acts as (
    select
        bridge.interaction_key,
        bridge.customer_key,
        bridge.product_line,
        bridge.channel_key,
        bridge.happened_at,
        bridge.purchase_amount,
        steps.step_rank,
        steps.is_before_purchase
    from {{ ref('bridge_interaction_product_line') }} as bridge
    inner join steps on bridge.touchpoint_key = steps.touchpoint_key
    where bridge.customer_key > 0 and bridge.happened_at < {{ as_of() }}
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
