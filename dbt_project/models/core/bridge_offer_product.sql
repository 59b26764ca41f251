-- What each offer is for: the product that it names, else every product of the line that it names.
select
    offers.offer_key,
    products.product_key
from {{ ref('dim_offer') }} as offers
inner join {{ ref('dim_product') }} as products
    on
        offers.product_key = products.product_key
        or (offers.product_key < 0 and offers.product_line = products.product_line)
where offers.offer_key > 0 and products.product_key > 0
