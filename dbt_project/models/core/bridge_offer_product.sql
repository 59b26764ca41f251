-- What each offer is for: the products that it names, and every product of a product line that it names alone.
with named as (
    select
        offer_id,
        product_id,
        product_line
    from {{ ref('int_offer') }}

    union all

    select
        offer_id,
        product_id,
        product_line
    from {{ ref('int_offer_product') }}
)

-- One join per way of naming: a join on either would compare every offer with every product.
select
    offers.offer_key,
    products.product_key
from named
inner join {{ ref('dim_offer') }} as offers on named.offer_id = offers.offer_id
inner join {{ ref('dim_product') }} as products on named.product_id = products.product_id
where products.product_key > 0

union

select
    offers.offer_key,
    products.product_key
from named
inner join {{ ref('dim_offer') }} as offers on named.offer_id = offers.offer_id
inner join {{ ref('dim_product') }} as products on named.product_line = products.product_line
where named.product_id is null and products.product_key > 0
