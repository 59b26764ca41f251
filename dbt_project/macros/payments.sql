{#- What customers paid before the as of, one row per order line (returns are negative) and booking. This macro and
    fct_interaction.is_purchase say what a purchase is: an order with a line of kind `purchase`, whatever the touchpoint
    and the price (a service plan at 0, paid work in the workshop), or a booking of a stay. A cart is none, and a return
    is none: it lowers the value. is_purchase: whether the row belongs to a purchase; purchases are counted by
    interaction_key. The reporting amounts are null where no exchange rate is known. -#}
{% macro customer_payments() -%}
    select
        customer_key,
        order_line_key as payment_key,
        interaction_key,
        returned_interaction_key,
        ordered_at as paid_at,
        line_kind,
        line_kind = 'purchase' as is_purchase,
        product_key,
        net_amount,
        currency,
        reporting_net_amount,
        {{ in_reporting_currency('discount_amount', 'reporting_rate') }} as reporting_discount_amount,
        {{ in_reporting_currency('margin_amount', 'reporting_rate') }} as reporting_margin_amount
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }} and customer_key > 0

    union all

    select
        customer_key,
        booking_key as payment_key,
        interaction_key,
        cast(null as bigint) as returned_interaction_key,
        started_at as paid_at,
        'booking' as line_kind,
        true as is_purchase,
        -2 as product_key,
        net_amount,
        currency,
        reporting_net_amount,
        cast(null as decimal(18, 6)) as reporting_discount_amount,
        cast(null as decimal(18, 6)) as reporting_margin_amount
    from {{ ref('fct_booking') }}
    where started_at < {{ as_of() }} and customer_key > 0
{%- endmacro %}


{#- Purchases per product line before the as of, with their channel, and each once more as the line `any`, which also holds
    bookings and what belongs to no known line. -#}
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
