with cart_lines as (
    select * from {{ ref('int_cart_line') }}
),

-- Where the shop knows the browser only, the cart belongs to the one customer identified on it in this visit.
visitors as (
    select
        cart_lines.source_system,
        cart_lines.cart_id,
        cart_lines.cart_line_id,
        case when min(visits.customer_key) = max(visits.customer_key) then min(visits.customer_key) end as customer_key
    from cart_lines
    inner join {{ ref('fct_interaction') }} as visits
        on
            {{ member_key('cart_lines.device_id') }} = visits.device_key
            and visits.happened_at >= {{ dbt.dateadd('minute', -var('contact_gap_minutes'), 'cart_lines.added_at') }}
            and visits.happened_at <= {{ dbt.dateadd('minute', var('contact_gap_minutes'), 'cart_lines.added_at') }}
    where visits.customer_key > 0 and cart_lines.device_id is not null
    group by cart_lines.source_system, cart_lines.cart_id, cart_lines.cart_line_id
)

select
    {{ integer_key(['cart_lines.source_system', 'cart_lines.cart_id', 'cart_lines.cart_line_id']) }} as cart_line_key,
    {{ integer_key(['cart_lines.source_system', 'cart_lines.cart_id']) }} as cart_key,
    coalesce(customers.customer_key, visitors.customer_key, -1) as customer_key,
    {{ member_key('cart_lines.device_id') }} as device_key,
    coalesce(products.product_key, -1) as product_key,
    {{ date_key('cart_lines.added_at') }} as added_date_key,
    cart_lines.added_at,
    cart_lines.state,
    coalesce(cart_lines.state = 'open', false) as is_open,
    cart_lines.state_since,
    cart_lines.quantity,
    cast(cart_lines.quantity * products.price_amount as decimal(18, 6)) as list_amount,
    products.currency,
    cart_lines.source_system,
    cart_lines.cart_id as source_cart_id,
    cart_lines.cart_line_id as source_cart_line_id
from cart_lines
{{ join_customer('cart_lines') }}
left join {{ ref('dim_product') }} as products on cart_lines.product_id = products.product_id
left join visitors
    on
        cart_lines.source_system = visitors.source_system
        and cart_lines.cart_id = visitors.cart_id
        and cart_lines.cart_line_id = visitors.cart_line_id
