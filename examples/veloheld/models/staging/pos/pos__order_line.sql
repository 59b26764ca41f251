{{ config(enabled=context360.adapter_is_on()) }}

select
    receipt_no as order_id,
    line_no as order_line_id,
    case line_code when 'r' then 'return' else 'purchase' end as line_kind,
    case line_code when 'w' then 'workshop_visit' when 'r' then 'store_return' else 'store_purchase' end as touchpoint,
    case when loyalty_number is not null then 'loyalty_number' end as identifier_kind,
    loyalty_number as identifier_value,
    sku as product_id,
    sold_at as ordered_at,
    quantity,
    gross_amount,
    discount_amount,
    net_amount,
    'EUR' as currency,
    store_id as location_id
from {{ ref('stg_pos__receipts') }}
