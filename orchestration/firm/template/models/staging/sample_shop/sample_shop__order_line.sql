{{ config(enabled=context360.adapter_is_on()) }}

select
    order_no as order_id,
    '1' as order_line_id,
    'purchase' as line_kind,
    'online_purchase' as touchpoint,
    'sample_shop_customer_no' as identifier_kind,
    customer_no as identifier_value,
    product as product_id,
    ordered_at,
    net_amount,
    'EUR' as currency
from {{ ref('stg_sample_shop__orders') }}
