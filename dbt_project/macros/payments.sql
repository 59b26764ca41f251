{#- Everything that customers paid for before the as of: lines of orders (returns are negative) and bookings. -#}
{% macro customer_payments() -%}
    select
        customer_key, ordered_at as paid_at, net_amount, discount_amount, margin_amount, currency, interaction_key,
        product_key, line_kind
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }} and customer_key > 0

    union all

    select
        customer_key, started_at as paid_at, net_amount, cast(null as decimal(18, 6)) as discount_amount,
        cast(null as decimal(18, 6)) as margin_amount, currency, interaction_key, -2 as product_key,
        'booking' as line_kind
    from {{ ref('fct_booking') }}
    where started_at < {{ as_of() }} and customer_key > 0
{%- endmacro %}


{#- Purchases per product line before the as of, with their channel, and each once more as the line `any`, which also holds
    bookings and what belongs to no known line. A purchase is an interaction whose touchpoint `is_purchase` and that paid
    for something: bridge_interaction_product_line decides it. -#}
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
