{#- Everything that customers paid for, whatever the fact it stands in, as known at the as of. -#}
{% macro customer_payments() -%}
    select
        customer_key, ordered_at as paid_at, net_amount, discount_amount, margin_amount, currency, interaction_key,
        product_key, line_kind
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }} and customer_key > 0

    union all

    select
        customer_key, started_at as paid_at, net_amount, cast(null as decimal(18, 2)) as discount_amount,
        cast(null as decimal(18, 2)) as margin_amount, currency, interaction_key, -2 as product_key,
        'stay' as line_kind
    from {{ ref('fct_booking') }}
    where started_at < {{ as_of() }} and customer_key > 0
{%- endmacro %}


{#- What was bought of each product line, as known at the as of, and in which channel; once more as the line `any`: whatever
    it was, stays and what belongs to no known line included. -#}
{% macro line_purchases() -%}
    select customer_key, product_line, channel_key, happened_at as bought_at
    from {{ ref('bridge_interaction_product_line') }}
    where
        customer_key > 0
        and purchase_amount is not null
        and product_line <> 'unknown'
        and happened_at < {{ as_of() }}

    union all

    select customer_key, 'any' as product_line, channel_key, happened_at as bought_at
    from {{ ref('bridge_interaction_product_line') }}
    where customer_key > 0 and purchase_amount is not null and happened_at < {{ as_of() }}

    union all

    select customer_key, 'any' as product_line, booking_channel_key as channel_key, started_at as bought_at
    from {{ ref('fct_booking') }}
    where customer_key > 0 and started_at < {{ as_of() }}
{%- endmacro %}
