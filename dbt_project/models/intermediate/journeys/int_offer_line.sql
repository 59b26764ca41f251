select distinct
    offered.offer_key,
    products.product_line
from {{ ref('bridge_offer_product') }} as offered
inner join {{ ref('dim_product') }} as products on offered.product_key = products.product_key
where products.product_line is not null
