{#- What they bought: the CTEs `payments` and `purchases`. Reads the CTE `known`. -#}
{% macro purchase_features() -%}
payments as (
    {{ customer_payments() }}
),

purchases as (
    select
        known.customer_key,
        known.moment,
        max(case when payments.is_purchase then payments.paid_at end) as last_purchase_at,
        max(case when payments.line_kind = 'purchase' then payments.paid_at end) as last_ordered_at,
        count(distinct case when payments.is_purchase then payments.interaction_key end) as purchase_count,
        cast(sum(case when payments.is_purchase then payments.reporting_net_amount end) as double)
        / nullif(count(distinct case
            when payments.is_purchase and payments.reporting_net_amount is not null then payments.interaction_key
        end), 0) as average_purchase_amount,
        {%- for days in [30, 90, 365] %}
        count(distinct case
            when payments.is_purchase and payments.paid_at >= {{ dbt.dateadd('day', -days, 'known.moment') }}
                then payments.interaction_key
        end) as purchase_count_{{ days }}d,
        {%- endfor %}
        count(distinct case when payments.is_purchase then payments.product_key end) as product_count,
        cast(sum(payments.reporting_net_amount) as double) as current_value_amount,
        cast(sum(case
            when payments.paid_at >= {{ dbt.dateadd('day', -365, 'known.moment') }} then payments.reporting_net_amount
        end) as double) as value_12m_amount,
        cast(sum(payments.reporting_discount_amount) as double) as discount_amount,
        count(case when payments.line_kind = 'return' then 1 end) as returned_count
    from payments
    inner join known on payments.customer_key = known.customer_key and payments.paid_at < known.moment
    group by known.customer_key, known.moment
)
{%- endmacro %}


{#- What they did and what they were sent: the CTE `interactions`. Reads the CTE `known`. -#}
{% macro exchange_features() -%}
{%- set channels = channel_names() -%}
{%- set steps = journey_step_names() -%}
interactions as (
    select
        known.customer_key,
        known.moment,
        max(case when facts.direction = 'inbound' then facts.happened_at end) as last_inbound_at,
        {%- for days in [7, 30, 90, 365] %}
        {{ counted_within("facts.direction = 'inbound'", 'facts.happened_at', days) }} as inbound_count_{{ days }}d,
        {%- endfor %}
        {%- for days in [30, 90] %}
        {{ counted_within("facts.direction = 'outbound'", 'facts.happened_at', days) }} as outbound_count_{{ days }}d,
        {%- endfor %}
        {{ counted_within("touchpoints.is_response", 'facts.happened_at', 365) }} as response_count_365d,
        {%- for channel in channels %}
        {{ counted_within("facts.direction = 'inbound' and touchpoints.channel = '" ~ channel ~ "'", 'facts.happened_at', 90) }}
            as {{ channel }}_count_90d,
        {%- endfor %}
        {%- for step in steps %}
        {{ counted_within("facts.direction = 'inbound' and touchpoints.journey_step = '" ~ step ~ "'", 'facts.happened_at', 30) }}
            as {{ step }}_step_count_30d,
        {%- endfor %}
        cast(sum(
            {{ decayed('facts.engagement_points', dbt.datediff('facts.happened_at', 'known.moment', 'day')) }}
        ) as double) as engagement_points,
        cast(avg(case
            when facts.direction = 'inbound' and facts.verbatim is not null then cast(facts.sentiment as decimal(9, 6))
        end) as double) as average_sentiment
    from {{ ref('fct_interaction') }} as facts
    inner join known on facts.customer_key = known.customer_key and facts.happened_at < known.moment
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    group by known.customer_key, known.moment
)
{%- endmacro %}
