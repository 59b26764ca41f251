{{ config(enabled=adapter_is_on()) }}

select sku as product_id, title, product_line, category, price_amount, cost_amount, 'EUR' as currency
from {{ ref('stg_demo_shop__products') }}
