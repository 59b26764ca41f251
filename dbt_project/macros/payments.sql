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
