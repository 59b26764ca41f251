with sold as (
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
        max_by(title, source_system) as title,
        max_by(product_line, source_system) as product_line,
        max_by(category, source_system) as category,
        max_by(price_amount, source_system) as price_amount
    from {{ ref('int_product') }}
    group by product_id
)

-- One product may be sold by several systems; they share one list of product numbers.
select
    {{ integer_key(['coalesce(sold.product_id, described.product_id)']) }} as product_key,
    coalesce(sold.product_id, described.product_id) as product_id,
    described.title,
    described.product_line,
    described.category,
    described.price_amount,
    sold.first_sold_at,
    sold.last_sold_at,
    coalesce(sold.selling_system_count, 0) as selling_system_count
from sold
full outer join described on sold.product_id = described.product_id

union all

select
    unknown_members.product_key,
    unknown_members.product_id,
    described.title,
    described.product_line,
    described.category,
    described.price_amount,
    sold.first_sold_at,
    sold.last_sold_at,
    0 as selling_system_count
from (
    select -1 as product_key, 'unknown' as product_id
    union all
    select -2 as product_key, 'not applicable' as product_id
) as unknown_members
left join described on unknown_members.product_id = described.product_id
left join sold on unknown_members.product_id = sold.product_id
