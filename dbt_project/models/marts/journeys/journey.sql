{%- set steps = journey_step_names() -%}
with journeys as (
    select
        customer_key,
        product_line,
        journey_number,
        min(happened_at) as began_at,
        max(happened_at) as ended_at,
        {%- for step in steps %}
            min(case when step_rank = {{ loop.index }} then happened_at end) as {{ step }}_at,
        {%- endfor %}
        -- The furthest step towards a purchase: use and service are no such steps.
        max(case when step_rank <= 3 then step_rank end) as furthest_rank,
        max(case when step_rank <= 3 then happened_at end) as last_look_at,
        min(case when step_rank <= 2 then happened_at end) as first_look_at,
        min(case when purchase_amount is not null then happened_at end) as purchased_at,
        sum(purchase_amount) as purchased_amount,
        count(*) as interaction_count,
        min_by(channel_key, interaction_number) as first_channel_key,
        coalesce(
            min_by(channel_key, case when purchase_amount is not null then interaction_number end),
            max_by(channel_key, case when step_rank <= 3 then interaction_number end),
            max_by(channel_key, interaction_number)
        ) as last_channel_key
    from {{ ref('journey_interaction') }}
    group by customer_key, product_line, journey_number
),

judged as (
    select
        *,
        case
            when purchased_at is not null then 'purchased'
            when furthest_rank is null then 'after purchase'
            when last_look_at >= {{ dbt.dateadd('day', -var('journey_silence_days'), as_of()) }} then 'open'
            else 'dropped'
        end as outcome
    from journeys
)

select
    judged.customer_key,
    judged.product_line,
    judged.journey_number,
    judged.began_at,
    judged.ended_at,
    {%- for step in steps %}
        judged.{{ step }}_at,
    {%- endfor %}
    judged.purchased_at,
    cast(judged.purchased_amount as decimal(18, 6)) as purchased_amount,
    -- Who is first seen at the check-out has looked around unseen: such a journey has no length.
    case
        when
            judged.first_look_at < {{ dbt.dateadd('minute', -var('contact_gap_minutes'), 'judged.purchase_at') }}
            then
                cast({{ dbt.datediff('judged.first_look_at', 'judged.purchased_at', 'second') }} / 86400.0 as double)
    end as days_to_purchase,
    judged.outcome,
    case when judged.outcome = 'dropped' then steps.journey_step end as dropped_at_step,
    cast(judged.interaction_count as int) as interaction_count,
    first_channels.channel as first_channel,
    last_channels.channel as last_channel
from judged
left join {{ ref('journey_steps') }} as steps on judged.furthest_rank = steps.step_rank
inner join {{ ref('dim_channel') }} as first_channels on judged.first_channel_key = first_channels.channel_key
inner join {{ ref('dim_channel') }} as last_channels on judged.last_channel_key = last_channels.channel_key
