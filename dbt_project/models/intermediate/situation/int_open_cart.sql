-- The cart of each customer at the as of. It is abandoned where nothing was added for a while and no session is
-- running.
with cart_lines as (
    select
        lines.customer_key,
        cast(count(*) as int) as line_count,
        cast(sum(lines.list_amount) as decimal(18, 6)) as amount,
        case when min(lines.currency) = max(lines.currency) then min(lines.currency) end as currency,
        min(lines.added_at) as since,
        max(lines.added_at) as last_added_at
    from {{ ref('fct_cart_line') }} as lines
    left join {{ ref('int_last_order') }} as orders on lines.customer_key = orders.customer_key
    where lines.customer_key > 0 and {{ is_in_cart_at('lines', as_of(), 'orders.last_ordered_at') }}
    group by lines.customer_key
)

select
    cart_lines.customer_key,
    cart_lines.line_count,
    cart_lines.amount,
    cart_lines.currency,
    cart_lines.since,
    cart_lines.last_added_at,
    {{ dbt.datediff('cart_lines.last_added_at', as_of(), 'second') }} > {{ var('contact_gap_minutes') * 60 }}
    and not coalesce(sessions.is_running, false) as is_abandoned
from cart_lines
left join {{ ref('int_last_session') }} as sessions on cart_lines.customer_key = sessions.customer_key
