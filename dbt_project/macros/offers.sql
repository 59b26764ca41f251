{#- Pairs of offers for something in common, of which the first has the higher discount: the CTE `pairs`, with the
    product that both are for (-2 where they have several in common, or a product line without a known product) and the
    number of common products. Per pair of offers, not per customer, which keeps it small. Offers that name neither
    products nor a product line are not compared. -#}
{% macro offer_pairs() -%}
offered as (
    select
        offers.offer_key,
        offers.discount_percent,
        products.product_key
    from {{ ref('dim_offer') }} as offers
    inner join {{ ref('bridge_offer_product') }} as products on offers.offer_key = products.offer_key
    where offers.discount_percent is not null
),

-- A product line may be named before a product of it is known.
offered_lines as (
    select
        offers.offer_key,
        offers.discount_percent,
        offers.product_line
    from {{ ref('dim_offer') }} as offers
    left join {{ ref('bridge_offer_product') }} as products on offers.offer_key = products.offer_key
    where offers.discount_percent is not null and offers.product_line is not null and products.offer_key is null
),

common_products as (
    select
        better.offer_key,
        worse.offer_key as other_offer_key,
        better.product_key
    from offered as better
    inner join offered as worse
        on better.product_key = worse.product_key and better.discount_percent > worse.discount_percent

    union all

    select
        better.offer_key,
        worse.offer_key as other_offer_key,
        cast(null as bigint) as product_key
    from offered_lines as better
    inner join offered_lines as worse
        on better.product_line = worse.product_line and better.discount_percent > worse.discount_percent
),

pairs as (
    select
        offer_key,
        other_offer_key,
        -- No product where they have several in common, or a product line without a known product.
        case when count(product_key) = 1 then max(product_key) else -2 end as product_key,
        count(product_key) as common_product_count
    from common_products
    group by offer_key, other_offer_key
)
{%- endmacro %}
