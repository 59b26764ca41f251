with cart_lines as (
    select * from {{ ref('int_cart_line') }}
)

select
    {{ integer_key(['cart_lines.source_system', 'cart_lines.cart_id', 'cart_lines.cart_line_id']) }} as cart_line_key,
    {{ integer_key(['cart_lines.source_system', 'cart_lines.cart_id']) }} as cart_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ member_key('cart_lines.device_id') }} as device_key,
    coalesce(products.product_key, -1) as product_key,
    {{ date_key('cart_lines.added_at') }} as added_date_key,
    cart_lines.added_at,
    cart_lines.state,
    coalesce(cart_lines.state = 'open', false) as is_open,
    cart_lines.state_since,
    cart_lines.quantity,
    cast(cart_lines.quantity * products.price_amount as decimal(18, 2)) as list_amount,
    products.currency,
    cart_lines.source_system,
    cart_lines.cart_id as source_cart_id,
    cart_lines.cart_line_id as source_cart_line_id
from cart_lines
{{ join_customer('cart_lines') }}
left join {{ ref('dim_product') }} as products on cart_lines.product_id = products.product_id
