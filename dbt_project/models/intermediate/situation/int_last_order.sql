-- When each customer ordered last before the as of.
select
    customer_key,
    max(ordered_at) as last_ordered_at
from {{ ref('fct_order_line') }}
where ordered_at < {{ as_of() }} and line_kind = 'purchase' and customer_key > 0
group by customer_key
