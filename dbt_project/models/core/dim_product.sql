with products as (
    {{ named_members('product') }}
),

sold as (
    select
        product_id,
        min(ordered_at) as first_sold_at,
        max(ordered_at) as last_sold_at,
        cast(count(distinct source_system) as int) as selling_system_count
    from {{ ref('int_order_line') }}
    where product_id is not null
    group by product_id
),

described as (
    select
        product_id,
        {{ described_as('title') }} as title,
        {{ described_as('product_line') }} as product_line,
        {{ described_as('category') }} as category,
        {{ described_as('price_amount') }} as price_amount,
        {{ described_as('cost_amount') }} as cost_amount,
        {{ described_as('currency') }} as currency
    from {{ ref('int_product') }}
    group by product_id
)

-- One product may be sold by several systems; they share one list of product numbers.
select
    products.member_key as product_key,
    products.member_id as product_id,
    described.title,
    described.product_line,
    described.category,
    described.price_amount,
    described.cost_amount,
    described.currency,
    sold.first_sold_at,
    sold.last_sold_at,
    coalesce(sold.selling_system_count, 0) as selling_system_count
from products
left join sold on products.member_id = sold.product_id
left join described on products.member_id = described.product_id
