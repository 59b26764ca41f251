{#- One row per customer, moment and product line of their exchanges: what they had bought of it, viewed and were
    offered. -#}
{% macro line_features(moments, sampled=false, everybody=false) -%}
with known as (
    {{ known_customers(moments, sampled, everybody) }}
)

select
    known.customer_key,
    known.moment,
    bridge.product_line,
    cast(count(bridge.purchase_amount) as int) as line_purchase_count,
    cast({{ dbt.datediff(
        'max(case when bridge.purchase_amount is not null then bridge.happened_at end)', 'known.moment', 'day'
    ) }} as int) as line_recency_days,
    cast(coalesce(sum(bridge.purchase_amount), 0) as double) as line_value_amount,
    {{ last_by('channels.channel', 'case when bridge.purchase_amount is not null then bridge.happened_at end') }}
        as line_channel,
    {%- for days in [7, 30, 90] %}
    cast({{ counted_within("touchpoints.direction = 'inbound'", 'bridge.happened_at', days) }} as int) as line_count_{{ days }}d,
    {%- endfor %}
    cast(count(case when touchpoints.direction = 'inbound' then 1 end) as int) as line_count,
    cast({{ counted_within("touchpoints.journey_step = 'consideration' and touchpoints.direction = 'inbound'", 'bridge.happened_at', 30) }}
        as int) as line_consideration_count_30d,
    cast({{ counted_within("touchpoints.direction = 'outbound'", 'bridge.happened_at', 30) }} as int) as line_offer_count_30d
from {{ ref('bridge_interaction_product_line') }} as bridge
inner join known on bridge.customer_key = known.customer_key and bridge.happened_at < known.moment
inner join {{ ref('dim_touchpoint') }} as touchpoints on bridge.touchpoint_key = touchpoints.touchpoint_key
inner join {{ ref('dim_channel') }} as channels on bridge.channel_key = channels.channel_key
-- The line of a visit is known when it has ended, which may be after the moment.
where bridge.product_line <> 'unknown' and bridge.product_line_source <> 'session'
group by known.customer_key, known.moment, bridge.product_line
{%- endmacro %}
