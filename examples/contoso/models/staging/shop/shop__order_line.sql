{{ config(enabled=context360.adapter_is_on()) }}

-- A purchase is one amount for one product: quantity, discount and cost are unknown.
select
    purchase_id as order_id,
    '1' as order_line_id,
    'purchase' as line_kind,
    'online_purchase' as touchpoint,
    'contact_id' as identifier_kind,
    contact_id as identifier_value,
    product_id,
    cast(purchased_on as timestamp) as ordered_at,
    total_price_amount as net_amount,
    'USD' as currency
from {{ ref('stg_shop__online_purchases') }}
