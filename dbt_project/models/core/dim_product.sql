with sold as (
    select
        source_system,
        product_id,
        min(ordered_at) as first_sold_at,
        max(ordered_at) as last_sold_at
    from {{ ref('int_order_line') }}
    where product_id is not null
    group by source_system, product_id
)

-- One product may be sold by several systems; they share one list of product numbers.
select
    {{ integer_key(['product_id']) }} as product_key,
    product_id,
    min(first_sold_at) as first_sold_at,
    max(last_sold_at) as last_sold_at,
    cast(count(*) as int) as selling_system_count
from sold
group by product_id

union all

select
    -1 as product_key,
    'unknown' as product_id,
    cast(null as timestamp) as first_sold_at,
    cast(null as timestamp) as last_sold_at,
    0 as selling_system_count

union all

select
    -2 as product_key,
    'not applicable' as product_id,
    cast(null as timestamp) as first_sold_at,
    cast(null as timestamp) as last_sold_at,
    0 as selling_system_count
