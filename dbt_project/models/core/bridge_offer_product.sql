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
),

-- One join per way of naming: a join on either would compare every offer with every product.
found as (
    select
        offers.offer_key,
        products.product_key,
        true as is_named_itself
    from named
    inner join {{ ref('dim_offer') }} as offers on named.offer_id = offers.offer_id
    inner join {{ ref('dim_product') }} as products on named.product_id = products.product_id
    where products.product_key > 0

    union all

    select
        offers.offer_key,
        products.product_key,
        false as is_named_itself
    from named
    inner join {{ ref('dim_offer') }} as offers on named.offer_id = offers.offer_id
    inner join {{ ref('dim_product') }} as products on named.product_line = products.product_line
    where named.product_id is null and products.product_key > 0
)

select
    offer_key,
    product_key,
    bool_or(is_named_itself) as is_named_itself
from found
group by offer_key, product_key
