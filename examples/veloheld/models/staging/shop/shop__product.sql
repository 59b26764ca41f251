{{ config(enabled=context360.adapter_is_on()) }}

select
    sku as product_id,
    title,
    product_line,
    category,
    price_amount,
    cost_amount,
    'EUR' as currency
from {{ ref('stg_shop__products') }}
